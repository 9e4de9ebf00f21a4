package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/delivery/deliverytest"
)

// noon is 12:00 in Nairobi.
func noon() time.Time { return time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC) }

// patienceOfTests bounds every wait for an event.
const patienceOfTests = 20 * time.Second

// world is a simulator over a socket, a clock in the test's hand, and a merchant's server.
type world struct {
	t        *testing.T
	sim      *Simulator
	clock    *deliverytest.Clock
	daraja   *httptest.Server
	merchant *merchant
	token    string
}

// sharedKey is the key pair of all worlds: to make one takes longer than most tests.
var sharedKey = sync.OnceValue(func() *initiatorKey {
	return New(Options{Now: noon}).makeKey()
})

// merchant is a server that keeps what it gets and answers as told.
type merchant struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	reply  string
	header http.Header // of the last request
	during func()      // runs while a request is served
}

func newMerchant(t *testing.T) *merchant {
	m := &merchant{status: http.StatusOK, reply: `{"ResultCode":0,"ResultDesc":"Accepted"}`}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		status, reply, during := m.status, m.reply, m.during
		m.header = r.Header.Clone()
		m.mu.Unlock()
		if during != nil {
			during()
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *merchant) answers(status int, reply string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status, m.reply = status, reply
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: deliverytest.NewClock(noon()), merchant: newMerchant(t)}
	o := Options{Now: w.clock.Now, AfterFunc: w.clock.AfterFunc, Rand: rand.NewChaCha8([32]byte{7})}
	if change != nil {
		change(&o)
	}
	w.sim = New(o)
	w.sim.key = sharedKey
	w.daraja = httptest.NewServer(w.sim.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.sim.Run(ctx) }()
	t.Cleanup(func() {
		w.daraja.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := w.sim.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	w.token = w.login()
	return w
}

// answer is an HTTP answer with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("answer %d %q is no JSON object: %v", a.status, a.body, err)
	}
	return m
}

func (w *world) try(method, path string, header map[string]string, body string) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.daraja.URL+path, bytes.NewBufferString(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(got)}, err
}

func (w *world) do(method, path string, header map[string]string, body string) answer {
	w.t.Helper()
	a, err := w.try(method, path, header, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (w *world) login() string {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, w.daraja.URL+tokenPath, nil)
	req.SetBasicAuth(SandboxConsumerKey, SandboxConsumerSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.AccessToken == "" {
		w.t.Fatalf("login: %d %v", resp.StatusCode, err)
	}
	return got.AccessToken
}

const (
	tokenPath    = "/oauth/v1/generate?grant_type=client_credentials"
	pushPath     = "/mpesa/stkpush/v1/processrequest"
	queryPath    = "/mpesa/stkpushquery/v1/query"
	registerV1   = "/mpesa/c2b/v1/registerurl"
	registerV2   = "/mpesa/c2b/v2/registerurl"
	simulateV2   = "/mpesa/c2b/v2/simulate"
	reversalPath = "/mpesa/reversal/v1/request"
	b2cPath      = "/mpesa/b2c/v3/paymentrequest"
	statusPath   = "/mpesa/transactionstatus/v1/query"
	balancePath  = "/mpesa/accountbalance/v1/query"
	pullPath     = "/pulltransactions/v1/query"

	registerPullPath = "/pulltransactions/v1/register"

	ordinary     = "254722000001"
	simulateBill = "INVOICE8"
)

func (w *world) headers() map[string]string {
	return map[string]string{"Authorization": "Bearer " + w.token, "Content-Type": "application/json"}
}

// post sends a JSON object with the world's token.
func (w *world) post(path string, body map[string]any) answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, w.headers(), marshal(w.t, body))
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pushBody is a right push, for KES 5.
func (w *world) pushBody(msisdn string) map[string]any {
	ts := w.clock.Now().In(eat).Format(timestampLayout)
	return map[string]any{
		"BusinessShortCode": json.Number(SandboxShortCode), "Password": password(SandboxShortCode, SandboxPasskey, ts),
		"Timestamp": ts, "TransactionType": "CustomerPayBillOnline", "Amount": "5", "PartyA": msisdn,
		"PartyB": SandboxShortCode, "PhoneNumber": msisdn, "CallBackURL": w.merchant.URL + "/cb/0a1b2c",
		"AccountReference": "INV0001", "TransactionDesc": "Order 1",
	}
}

// push makes a push that has to be accepted and returns its CheckoutRequestID.
func (w *world) push(msisdn string) string {
	w.t.Helper()
	a := w.post(pushPath, w.pushBody(msisdn))
	if got := a.json(w.t); a.status != http.StatusOK || got["ResponseCode"] != "0" {
		w.t.Fatalf("push: %d %s", a.status, a.body)
	}
	id, _ := a.json(w.t)["CheckoutRequestID"].(string)
	return id
}

func (w *world) queryBody(id string) map[string]any {
	ts := w.clock.Now().In(eat).Format(timestampLayout)
	return map[string]any{
		"BusinessShortCode": SandboxShortCode, "Password": password(SandboxShortCode, SandboxPasskey, ts),
		"Timestamp": ts, "CheckoutRequestID": id,
	}
}

// asks is what the query says: a ResultCode, or "status errorCode".
func (w *world) asks(id string) string {
	w.t.Helper()
	a := w.post(queryPath, w.queryBody(id))
	if strings.HasPrefix(a.body, "<") {
		return "html"
	}
	got := a.json(w.t)
	if code, ok := got["ResultCode"].(string); ok {
		return code
	}
	code, _ := got["errorCode"].(string)
	message, _ := got["errorMessage"].(string)
	return http.StatusText(a.status) + " " + code + " " + message
}

// register registers the merchant's C2B URLs for a shortcode.
func (w *world) register(path, shortCode, responseType string) {
	w.t.Helper()
	a := w.post(path, map[string]any{
		"ShortCode": shortCode, "ResponseType": responseType,
		"ConfirmationURL": w.merchant.URL + "/c2b/confirm", "ValidationURL": w.merchant.URL + "/c2b/validate",
	})
	if a.status != http.StatusOK {
		w.t.Fatalf("register: %d %s", a.status, a.body)
	}
}

// delivered waits for the next delivery.
func (w *world) delivered() Delivery {
	w.t.Helper()
	select {
	case d := <-w.sim.Delivered():
		return d
	case <-time.After(patienceOfTests):
		w.t.Fatalf("nothing is delivered; %d scheduled", w.sim.Pending())
		return Delivery{}
	}
}

// nothing holds that no delivery is scheduled, however long one waits.
func (w *world) nothing() {
	w.t.Helper()
	w.settle()
	w.clock.Advance(24 * time.Hour)
	w.settle()
	select {
	case d := <-w.sim.Delivered():
		w.t.Fatalf("delivered: %+v", d)
	default:
	}
	if n := w.sim.Pending(); n != 0 {
		w.t.Fatalf("%d deliveries are scheduled", n)
	}
}

// settle waits until what is due has been delivered.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	if err := w.sim.Settle(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// callback reads an STK callback: its ResultCode as JSON text, and the metadata by name.
func callback(t *testing.T, d Delivery) (code string, items map[string]string) {
	t.Helper()
	var got struct {
		Body struct {
			STKCallback struct {
				MerchantRequestID, CheckoutRequestID, ResultDesc string
				ResultCode                                       json.RawMessage
				CallbackMetadata                                 *struct {
					Item []struct {
						Name  string
						Value json.RawMessage
					}
				}
			} `json:"stkCallback"`
		}
	}
	if err := json.Unmarshal([]byte(d.Body), &got); err != nil {
		t.Fatalf("callback %q: %v", d.Body, err)
	}
	cb := got.Body.STKCallback
	if cb.CheckoutRequestID != d.CheckoutRequestID || cb.MerchantRequestID == "" || cb.ResultDesc == "" {
		t.Fatalf("callback %q", d.Body)
	}
	if cb.CallbackMetadata == nil {
		return string(cb.ResultCode), nil
	}
	items = map[string]string{}
	for _, item := range cb.CallbackMetadata.Item {
		items[item.Name] = string(item.Value)
	}
	return string(cb.ResultCode), items
}
