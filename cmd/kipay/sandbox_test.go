package main_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	mpesasim "github.com/benfex/kipay/commands/mpesa/simulator"
)

// sandboxWith starts the simulators on their own, in a hurry, where KIPAY_SANDBOX_ADDR says.
func sandboxWith(t *testing.T, args ...string) *instance {
	t.Helper()
	addr := freeAddr()
	if i := slices.Index(args, "--addr"); i >= 0 {
		addr = "127.0.0.1" + args[i+1]
	}
	in := &instance{
		home: t.TempDir(), sim: "http://" + addr, args: append([]string{"sandbox", "--speed", "1000"}, args...),
		env: append(environment(), "KIPAY_SANDBOX_ADDR="+addr),
	}
	t.Cleanup(in.stop)
	in.start(t)
	eventually(t, 20*time.Second, "the sandbox answers", func() error { return send(context.Background(), http.MethodGet, in.sim+"/", "").err })
	return in
}

func TestATakenPortOfTheSandboxIsToldByWhatWouldMoveIt(t *testing.T) {
	t.Parallel()
	in := sandboxWith(t)
	addr := strings.TrimPrefix(in.sim, "http://")
	for setting, args := range map[string][]string{"KIPAY_SANDBOX_ADDR": {"sandbox"}, "--addr": {"sandbox", "--addr", addr}} {
		if out, code := in.verb(t, args...); code != 1 || !strings.Contains(out, "choose another address with "+setting) {
			t.Errorf("%v: exit code %d: %s", args, code, out)
		}
	}
}

func TestPaystacksWebhooksGoWhereTheOperatorOfTheSandboxSays(t *testing.T) {
	t.Parallel()
	took := make(chan string, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { took <- r.URL.Path }))
	t.Cleanup(shop.Close)
	in := sandboxWith(t, "--webhook-url", shop.URL+"/hook")
	opened := send(context.Background(), http.MethodPost, in.sim+"/paystack/transaction/initialize",
		`{"email":"a@example.com","amount":10000,"currency":"KES"}`, "Authorization", "Bearer sk_test_0123456789", "Content-Type", "application/json")
	page := opened.text("data.authorization_url")
	if !strings.HasPrefix(page, in.sim+"/paystack/checkout/") {
		t.Fatalf("initialize: %v", opened)
	}
	paid := send(context.Background(), http.MethodPost, page, "step=card&card_number=4084084084084081&expiry=12%2F40&cvv=408", "Content-Type", "application/x-www-form-urlencoded")
	if paid.status != http.StatusOK {
		t.Fatalf("pay: %v", paid)
	}
	select {
	case path := <-took:
		if path != "/hook" {
			t.Errorf("the webhook went to %s", path)
		}
	case <-time.After(20 * time.Second):
		t.Error("no webhook came")
	}
}

func TestWhatTheSandboxNamesCanBeOpenedAlsoWhenItListensEverywhere(t *testing.T) {
	t.Parallel()
	_, port, _ := strings.Cut(freeAddr(), ":")
	in := sandboxWith(t, "--addr", ":"+port)
	opened := send(context.Background(), http.MethodPost, in.sim+"/paystack/transaction/initialize",
		`{"email":"a@example.com","amount":10000,"currency":"KES"}`, "Authorization", "Bearer sk_test_0123456789", "Content-Type", "application/json")
	if page := opened.text("data.authorization_url"); !strings.HasPrefix(page, "http://127.0.0.1:"+port+"/paystack/checkout/") {
		t.Errorf("the page to pay on is %s", page)
	}
	eventually(t, 20*time.Second, "the warning", func() error {
		if warned := in.log(); !strings.Contains(warned, "anyone who reaches it") {
			return errors.New(warned)
		}
		return nil
	})
}

// darajaOf speaks to the M-Pesa simulator of a sandbox.
type darajaOf struct{ base, token string }

func newDaraja(t *testing.T, in *instance) darajaOf {
	t.Helper()
	d := darajaOf{base: in.sim + "/daraja"}
	basic := base64.StdEncoding.EncodeToString([]byte(mpesasim.SandboxConsumerKey + ":" + mpesasim.SandboxConsumerSecret))
	r := send(context.Background(), http.MethodGet, d.base+"/oauth/v1/generate?grant_type=client_credentials", "", "Authorization", "Basic "+basic)
	if d.token = r.text("access_token"); d.token == "" {
		t.Fatalf("login: %v", r)
	}
	return d
}

// pushTo asks for a payment that is called back at a URL, and answers how the delivery went.
func (d darajaOf) pushTo(t *testing.T, callback string) reply {
	t.Helper()
	at := time.Now().UTC().Add(3 * time.Hour).Format("20060102150405")
	password := base64.StdEncoding.EncodeToString([]byte(mpesasim.SandboxShortCode + mpesasim.SandboxPasskey + at))
	r := send(context.Background(), http.MethodPost, d.base+"/mpesa/stkpush/v1/processrequest", fmt.Sprintf(`{
		"BusinessShortCode":"%[1]s","Password":"%[2]s","Timestamp":"%[3]s","TransactionType":"CustomerPayBillOnline","Amount":"1",
		"PartyA":"%[4]s","PartyB":"%[1]s","PhoneNumber":"%[4]s","CallBackURL":"%[5]s","AccountReference":"A","TransactionDesc":"B"}`,
		mpesasim.SandboxShortCode, password, at, phone(), callback), "Authorization", "Bearer "+d.token, "Content-Type", "application/json")
	id := r.text("CheckoutRequestID")
	if id == "" {
		t.Fatalf("push: %v", r)
	}
	var found reply
	eventually(t, 20*time.Second, "the delivery to "+callback, func() error {
		found = send(context.Background(), http.MethodGet, d.base+"/__sim/deliveries", "")
		for i := range found.len("deliveries") {
			if found.text(fmt.Sprintf("deliveries.%d.checkout_request_id", i)) == id {
				found = reply{status: found.status, raw: fmt.Sprint(found.at(fmt.Sprintf("deliveries.%d", i)))}
				return nil
			}
		}
		return fmt.Errorf("only %v", found)
	})
	return found
}

func TestTheSandboxPostsNothingToACloudsMetadata(t *testing.T) {
	t.Parallel()
	d := newDaraja(t, sandboxWith(t))
	for _, url := range []string{"http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/x"} {
		if r := d.pushTo(t, url); !strings.Contains(r.raw, "posts nothing to") {
			t.Errorf("%s: %v", url, r.raw)
		}
	}
}

func TestTheSandboxPostsWhereItsOperatorLetsItOnly(t *testing.T) {
	t.Parallel()
	d := newDaraja(t, sandboxWith(t, "--callbacks-to", "10.0.0.0/8,::1"))
	if r := d.pushTo(t, "http://127.0.0.1:1/"); !strings.Contains(r.raw, "--callbacks-to") {
		t.Errorf("not on the list: %v", r.raw)
	}
	if r := d.pushTo(t, "http://[::1]:1/"); strings.Contains(r.raw, "--callbacks-to") {
		t.Errorf("on the list: %v", r.raw)
	}
}

func TestThePagesOfOthersCannotScriptTheSandboxUnderANameOfTheirs(t *testing.T) {
	t.Parallel()
	in := sandboxWith(t)
	for host, want := range map[string]int{"rebound.example:8090": http.StatusForbidden, "localhost:8090": http.StatusOK, "[::1]:8090": http.StatusOK} {
		for _, path := range []string{"/daraja/__sim/deliveries", "/paystack/__sim/deliveries"} {
			req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, in.sim+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := web.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", host, path, resp.StatusCode, want)
			}
		}
	}
}
