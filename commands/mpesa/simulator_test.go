package mpesa_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/mpesa/simulator"
	"github.com/benfex/kipay/domain/money"
)

// The client and the simulator share no code: what they agree on, two readers of the protocol agree on.

const patience = 20 * time.Second

type world struct {
	sim      *simulator.Simulator
	client   *mpesa.Client
	base     string // Daraja's address
	merchant *httptest.Server
	bodies   chan string // what the merchant's server was posted
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{sim: simulator.New(simulator.Options{Speed: 5000}), bodies: make(chan string, 100)}
	daraja := httptest.NewServer(w.sim.Handler())
	w.base = daraja.URL
	w.merchant = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.bodies <- string(raw)
		if strings.HasSuffix(r.URL.Path, "/validate") {
			_, _ = io.WriteString(rw, mpesa.ValidationAccept)
			return
		}
		_, _ = io.WriteString(rw, mpesa.AckBody)
	}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = w.sim.Close()
		daraja.Close()
		w.merchant.Close()
	})
	w.client = mpesa.New(mpesa.Options{SandboxURL: daraja.URL, Breaker: mpesa.BreakerOptions{Failures: 1000}})
	return w
}

func (w *world) body(t *testing.T) string {
	t.Helper()
	select {
	case b := <-w.bodies:
		return b
	case <-time.After(patience):
		t.Fatal("nothing is delivered")
		return ""
	}
}

func credentials() mpesa.Credentials {
	return mpesa.Credentials{
		Environment: mpesa.Sandbox, ConsumerKey: simulator.SandboxConsumerKey, ConsumerSecret: simulator.SandboxConsumerSecret,
		ShortCode: simulator.SandboxShortCode, Passkey: simulator.SandboxPasskey,
	}
}

func (w *world) push(phone string, cred mpesa.Credentials) (mpesa.PushAccepted, error) {
	return w.client.Push(context.Background(), "ch", cred, mpesa.PushRequest{
		Amount: money.Of(1500_00, money.KES), Phone: phone, CallbackURL: w.merchant.URL + "/cb/stk/abc", AccountReference: "ORDER-1", Description: "One order",
	})
}

func TestAPaymentFromPushToCallbackToQuery(t *testing.T) {
	w := newWorld(t)
	for name, till := range map[string]string{"paybill": "", "till": simulator.SandboxTill} {
		cred := credentials()
		cred.TillNumber = till
		accepted, err := w.push("254712345678", cred)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cb, err := mpesa.DecodeSTKCallback([]byte(w.body(t)))
		if err != nil || cb.CheckoutRequestID != accepted.CheckoutRequestID || cb.MerchantRequestID != accepted.MerchantRequestID || cb.ResultCode != "0" ||
			!mpesa.IsReceipt(cb.Receipt) || cb.Amount == nil || *cb.Amount != money.Of(1500_00, money.KES) || cb.PaidAt == nil || cb.Phone != "254712345678" {
			t.Errorf("%s: %+v, %v", name, cb, err)
		}
		res, err := w.client.Query(context.Background(), "ch", cred, mpesa.QueryRequest{CheckoutRequestID: accepted.CheckoutRequestID})
		if err != nil || res.State != mpesa.Succeeded {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
}

func TestEveryResultOfTheSimulatorIsKnownByCallbackAndQuery(t *testing.T) {
	w := newWorld(t)
	for _, sc := range simulator.Scenarios() {
		code, ok := strings.CutPrefix(sc.Name, "result-")
		if !ok || sc.MSISDN == "" || code == "4999" {
			continue
		}
		accepted, err := w.push(sc.MSISDN, credentials())
		if err != nil {
			t.Fatalf("%s: %v", sc.Name, err)
		}
		cb, err := mpesa.DecodeSTKCallback([]byte(w.body(t)))
		if err != nil || !strings.EqualFold(strings.ReplaceAll(cb.ResultCode, "_", "-"), code) || cb.Receipt != "" || cb.Amount != nil {
			t.Errorf("%s: %+v, %v", sc.Name, cb, err)
		}
		outcome, known := mpesa.DescribeResult(cb.ResultCode)
		res, err := w.client.Query(context.Background(), "ch", credentials(), mpesa.QueryRequest{CheckoutRequestID: accepted.CheckoutRequestID})
		if !known || outcome.FailureCode == "" || err != nil || res.State != mpesa.Failed || res.Outcome != outcome {
			t.Errorf("%s: %+v, %v; callback %+v", sc.Name, res, err, outcome)
		}
	}
}

func TestEveryLostOrRefusedSubmitOfTheSimulatorIsOfTheRightKind(t *testing.T) {
	unknown := map[string]bool{
		"refused-internal": true, "html-500": true, "empty-500": true, "html-500-success": true, "cut-response-success": true, "response-lost-success": true,
		"response-lost-nothing": true, "response-lost-cancel": true, "response-lost-silent-success": true,
	}
	retryable := map[string]bool{
		"refused-locked": true, "refused-maintenance": true, "refused-busy": true, "refused-spike": true, "refused-quota": true, "refused-token": true, "refused-header": true,
	}
	w := newWorld(t)
	tried := 0
	for _, sc := range simulator.Scenarios() {
		refused := strings.HasPrefix(sc.Name, "refused-") || sc.Name == "not-zero"
		if sc.API == simulator.ForC2B || sc.MSISDN == "" || !refused && !unknown[sc.Name] {
			continue
		}
		tried++
		_, err := w.push(sc.MSISDN, credentials())
		var e *mpesa.Error
		want := mpesa.Rejected
		if unknown[sc.Name] {
			want = mpesa.Unknown
		}
		if !errors.As(err, &e) || e.Kind != want || e.Retryable != retryable[sc.Name] {
			t.Errorf("%s: %v (%v), want %v, retryable %v", sc.Name, err, e, want, retryable[sc.Name])
		}
	}
	if tried < 20 {
		t.Errorf("only %d scenarios were found", tried)
	}
	if _, err := w.push("254700040016", credentials()); err != nil {
		t.Errorf("a token that is refused once: %v", err)
	}
}

func TestOddQueriesOfTheSimulatorAreNoNews(t *testing.T) {
	w := newWorld(t)
	for _, phone := range []string{"254700014999", "254700050004"} { // 4999 for ever; HTTP 500 with HTML
		accepted, err := w.push(phone, credentials())
		if err != nil {
			t.Fatal(err)
		}
		res, err := w.client.Query(context.Background(), "ch", credentials(), mpesa.QueryRequest{CheckoutRequestID: accepted.CheckoutRequestID})
		if err != nil || res.State != mpesa.Pending {
			t.Errorf("%s: %+v, %v", phone, res, err)
		}
	}
	res, err := w.client.Query(context.Background(), "ch", credentials(), mpesa.QueryRequest{CheckoutRequestID: "ws_CO_never_was"})
	if err != nil || res.State != mpesa.Pending || res.ErrorCode != "500.001.1001" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestAC2BPaymentFromRegistrationToConfirmation(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.RegisterC2B(context.Background(), "ch", credentials(), mpesa.RegisterC2BRequest{
		ShortCode: "600996", ConfirmationURL: w.merchant.URL + "/cb/c2b/confirm", ValidationURL: w.merchant.URL + "/cb/c2b/validate",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.SimulateC2B(context.Background(), "ch", credentials(), mpesa.SimulateC2BRequest{
		ShortCode: "600996", Amount: money.Of(250_00, money.KES), Phone: "254712345678", BillRef: "inv 7",
	}); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"validation", "confirmation"} {
		c, err := mpesa.DecodeC2B([]byte(w.body(t)))
		if err != nil || c.Amount != money.Of(250_00, money.KES) || c.ShortCode != "600996" || c.BillRefNormalised != "INV7" || c.PaidAt == nil || !mpesa.IsReceipt(c.TransID) {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
}

func TestWrongKeysAgainstTheSimulator(t *testing.T) {
	w := newWorld(t)
	if err := w.client.Probe(context.Background(), credentials()); err != nil {
		t.Error(err)
	}
	cred := credentials()
	cred.ConsumerSecret = "wrong"
	var e *mpesa.Error
	if err := w.client.Probe(context.Background(), cred); !errors.As(err, &e) {
		t.Fatal(err)
	}
	if code, _ := e.Reason(); code != mpesa.FailureInvalidCredentials {
		t.Errorf("%v", e)
	}
	cred = credentials()
	cred.Passkey = "wrong"
	if _, err := w.push("254712345678", cred); !errors.As(err, &e) || e.Kind != mpesa.Rejected {
		t.Fatal(err)
	}
	if code, _ := e.Reason(); code != mpesa.FailureInvalidPasskey {
		t.Errorf("%v", e)
	}
}
