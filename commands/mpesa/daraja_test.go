package mpesa

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/money"
)

const (
	testPasskey = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919" // Safaricom's public sandbox passkey
	testPhone   = "254708374149"
	testChannel = ChannelKey("ch-1")
	acceptedRaw = `{"MerchantRequestID":"2654-4b64-97ff-b827b542881d3130","CheckoutRequestID":"ws_CO_1007202409152617172396192",` +
		`"ResponseCode":"0","ResponseDescription":"Success. Request accepted for processing","CustomerMessage":"Success. Request accepted for processing"}`
)

func testCredentials() Credentials {
	return Credentials{Environment: Sandbox, ConsumerKey: "consumer-key-1", ConsumerSecret: "consumer-secret-1", ShortCode: "174379", Passkey: testPasskey}
}

func testPush() PushRequest {
	return PushRequest{
		Amount: money.Of(100, money.KES), Phone: testPhone, CallbackURL: "https://pay.example.com/cb/stk/3q2-opaque-token",
		AccountReference: "INV0001", Description: "Order 1",
	}
}

// daraja is a scripted Daraja: tokens are handed out as T1, T2 …, and every other call goes to answer.
type daraja struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, n int) // n counts calls from 1
	token  func(w http.ResponseWriter, r *http.Request, n int) // nil: a good one

	mu     sync.Mutex
	tokens int
	calls  []call
}

type call struct {
	Method, Path, Authorization, ContentType string
	Body                                     map[string]any
}

func newDaraja(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *daraja {
	t.Helper()
	d := &daraja{answer: answer}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *daraja) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/oauth/v1/generate" {
		d.mu.Lock()
		d.tokens++
		n := d.tokens
		d.mu.Unlock()
		if d.token != nil {
			d.token(w, r, n)
			return
		}
		say(w, 200, fmt.Sprintf(`{"access_token":"T%d","expires_in":"3599"}`, n))
		return
	}
	c := call{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization"), ContentType: r.Header.Get("Content-Type")}
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &c.Body)
	d.mu.Lock()
	d.calls = append(d.calls, c)
	n := len(d.calls)
	d.mu.Unlock()
	d.answer(w, r, n)
}

func (d *daraja) seen() []call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]call(nil), d.calls...)
}

func (d *daraja) minted() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tokens
}

func (d *daraja) client(change ...func(*Options)) *Client {
	o := Options{SandboxURL: d.URL, ProductionURL: d.URL}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func always(status int, body string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { say(w, status, body) }
}

func errorBody(code, message string) string {
	return fmt.Sprintf(`{"requestId":"4788-4f18-9d5b-0c2f7b6e1a2f1","errorCode":%q,"errorMessage":%q}`, code, message)
}

func clockAt(t time.Time) func(*Options) {
	return func(o *Options) { o.Now = func() time.Time { return t } }
}

func wantError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := err.(*Error) //nolint:errorlint // the type itself is what is promised
	if !ok {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	return e
}
