package paystack

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/money"
)

const testChannel = ChannelKey("ch-1")

func testCredentials() Credentials {
	return Credentials{PublicKey: "pk_test_public1", SecretKey: "sk_test_0123456789"}
}

func testInitialize() InitializeRequest {
	return InitializeRequest{Email: "customer@email.com", Amount: money.Of(10000, money.KES), Reference: "pay-01J"}
}

type call struct {
	Method, URI, Authorization, ContentType string
	Body                                    map[string]any
}

// server is a scripted Paystack.
type server struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, n int) // n counts calls from 1

	mu    sync.Mutex
	calls []call
	waits []time.Duration
}

func newServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{Method: r.Method, URI: r.RequestURI, Authorization: r.Header.Get("Authorization"), ContentType: r.Header.Get("Content-Type")}
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &c.Body)
	s.mu.Lock()
	s.calls = append(s.calls, c)
	n := len(s.calls)
	s.mu.Unlock()
	s.answer(w, r, n)
}

func (s *server) seen() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

// client does not wait between attempts, but notes how long it would have.
func (s *server) client(change ...func(*Options)) *Client {
	o := Options{BaseURL: s.URL + "/", Sleep: func(ctx context.Context, d time.Duration) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waits = append(s.waits, d)
		return ctx.Err()
	}}
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

func wantError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := err.(*Error) //nolint:errorlint // the type itself is what is promised
	if !ok {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	return e
}
