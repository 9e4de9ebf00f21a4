package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/delivery/deliverytest"
)

const (
	key        = "sk_test_0123456789"
	goodCard   = "4084084084084081"
	returnPage = "https://shop.example.com/return"
)

// patienceOfTests bounds every wait for an event.
const patienceOfTests = 20 * time.Second

// start is the moment at which every test begins.
func start() time.Time { return time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC) }

// world is a simulator over a socket, a clock in the test's hand, and a merchant's server for webhooks.
type world struct {
	t        *testing.T
	sim      *Simulator
	clock    *deliverytest.Clock
	paystack *httptest.Server
	merchant *merchant
}

// merchant is a server that keeps the last request and answers as told.
type merchant struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header
	body   []byte
}

func newMerchant(t *testing.T) *merchant {
	m := &merchant{status: http.StatusOK}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.header, m.body = r.Header.Clone(), body
		w.WriteHeader(m.status)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *merchant) answers(status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: deliverytest.NewClock(start()), merchant: newMerchant(t)}
	o := Options{
		Now: w.clock.Now, AfterFunc: w.clock.AfterFunc, Rand: rand.NewChaCha8([32]byte{7}),
		WebhookURLFor: func(string) string { return w.merchant.URL + "/hook" },
	}
	if change != nil {
		change(&o)
	}
	w.sim = New(o)
	w.paystack = httptest.NewServer(w.sim.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.sim.Run(ctx) }()
	t.Cleanup(func() {
		w.paystack.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := w.sim.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return w
}

// response is an HTTP answer with its body read.
type response struct {
	status int
	header http.Header
	body   string
}

func (a response) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("answer %d %q is no JSON object: %v", a.status, a.body, err)
	}
	return m
}

func (a response) data(t *testing.T) map[string]any {
	t.Helper()
	data, ok := a.json(t)["data"].(map[string]any)
	if !ok || a.status != 200 || a.json(t)["status"] != true {
		t.Fatalf("answer %d %s", a.status, a.body)
	}
	return data
}

func (w *world) try(method, path string, header map[string]string, body string) (response, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.paystack.URL+path, bytes.NewBufferString(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(got)}, err
}

func (w *world) do(method, path string, header map[string]string, body string) response {
	w.t.Helper()
	a, err := w.try(method, path, header, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func headers(secret string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func initBody(reference string) map[string]any {
	return map[string]any{
		"email": "customer@email.com", "amount": 10000, "currency": "KES", "reference": reference,
		"callback_url": returnPage, "channels": []string{"card"}, "metadata": map[string]any{"order_id": 42},
	}
}

func (w *world) initialize(body map[string]any) response {
	w.t.Helper()
	return w.do("POST", "/transaction/initialize", headers(key), marshal(w.t, body))
}

// open starts a payment and returns the path of its page.
func (w *world) open(reference string) string {
	w.t.Helper()
	page, err := url.Parse(w.initialize(initBody(reference)).data(w.t)["authorization_url"].(string))
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Path
}

func (w *world) verify(reference string) response {
	w.t.Helper()
	return w.do("GET", "/transaction/verify/"+reference, headers(key), "")
}

// form sends one step of the page.
func (w *world) form(path string, pairs ...string) response {
	w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return w.do("POST", path, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, values.Encode())
}

// enter types a card of the table on the page.
func (w *world) enter(path, number string) response {
	w.t.Helper()
	return w.form(path, "step", "card", "card_number", number, "expiry", "12/30", "cvv", w.sim.cards[number].CVV)
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

func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	if err := w.sim.Settle(ctx); err != nil {
		w.t.Fatal(err)
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
