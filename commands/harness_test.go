package commands_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// daraja is a provider that takes every push and says of queries what it is told to. The strict simulator is for the tests
// of the whole; here the order of things is the matter.
type daraja struct {
	mu     sync.Mutex
	pushes []map[string]any
	result string        // of a query: a ResultCode, "" for no news
	hold   chan struct{} // a push is answered when this closes, if set
	cut    bool          // the connection breaks instead of an answer to a push
	// simulate is what happens when a customer's payment is simulated: what is answered, "" when the connection breaks.
	simulate  func(body map[string]any) string
	simulated int
	// registered says that the C2B URLs are registered already, as Daraja does in production.
	registered bool
}

func (d *daraja) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	w.Header().Set("Content-Type", "application/json")
	d.mu.Lock()
	hold, cut, simulate, registered := d.hold, d.cut, d.simulate, d.registered
	d.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/oauth"):
		_, _ = io.WriteString(w, `{"access_token":"t0k3n","expires_in":"3599"}`)
	case strings.HasPrefix(r.URL.Path, "/mpesa/stkpushquery"):
		d.mu.Lock()
		code := d.result
		d.mu.Unlock()
		if code == "" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"requestId":"1","errorCode":"500.001.1001","errorMessage":"The transaction is being processed"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"ResponseCode":"0","ResponseDescription":"ok","MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":%q,"ResultDesc":"d"}`, body["CheckoutRequestID"], code)
	case strings.HasSuffix(r.URL.Path, "/registerurl") && registered:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"requestId":"1","errorCode":"500.003.1001","errorMessage":"Urls are already registered."}`)
	case strings.HasSuffix(r.URL.Path, "/simulate"):
		d.mu.Lock()
		d.simulated++
		d.mu.Unlock()
		answer := simulate(body)
		if answer == "" {
			panic(http.ErrAbortHandler)
		}
		if strings.Contains(answer, "errorCode") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, answer)
	default:
		d.mu.Lock()
		d.pushes = append(d.pushes, body)
		n := len(d.pushes)
		d.mu.Unlock()
		if hold != nil {
			<-hold
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprintf(w, `{"MerchantRequestID":"m%d","CheckoutRequestID":"ws_CO_%d","ResponseCode":"0","ResponseDescription":"ok","CustomerMessage":"ok"}`, n, n)
	}
}

func (d *daraja) say(code string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.result = code
}

// be changes how it behaves.
func (d *daraja) be(how func(*daraja)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how(d)
}

func (d *daraja) simulateBy(simulate func(map[string]any) string) {
	d.be(func(d *daraja) { d.simulate = simulate })
}

func (d *daraja) ordered() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.simulated
}

func (d *daraja) pushed() []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]map[string]any(nil), d.pushes...)
}

// world is an install with one merchant and one M-Pesa channel, on a store in memory.
type world struct {
	t        *testing.T
	clock    *clock
	daraja   *daraja
	store    *embedded.Store
	log      *eventstore.Log
	ring     *eventstore.Keyring
	write    *commands.WriteSide
	app      *fiber.App
	merchant int64
	mode     domain.Mode // of the key that calls
	provider *httptest.Server
	cards    *cardProvider
	disputes *disputeProvider
	wait     sync.WaitGroup
	checkout string                        // CheckoutRequestID of the last push
	accepted []commands.AcceptedDifference // on other statements
}

func newWorld(t *testing.T, environment string) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}, daraja: &daraja{}}
	var err error
	if w.store, err = embedded.Open("/events", embedded.Options{FS: vfs.NewMem(), Now: w.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.cards, w.disputes = &cardProvider{}, &disputeProvider{}
	providers := http.NewServeMux()
	providers.Handle("/", w.daraja)
	providers.Handle("/transaction/", w.cards)
	for _, path := range []string{"/dispute", "/dispute/", "/refund"} {
		providers.Handle(path, w.disputes)
	}
	w.provider = httptest.NewServer(providers)
	t.Cleanup(w.provider.Close)
	t.Cleanup(w.wait.Wait)
	masters, err := eventstore.ParseMasterKeys("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	w.ring = eventstore.NewKeyring(w.store, masters, rand.Reader)
	w.log = eventstore.NewLog(w.store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New)
	w.write = w.node()
	id, _, err := w.write.CreateMerchant(t.Context(), commands.NewMerchant{Name: "Duka", Email: "owner@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	w.merchant = id
	if err := w.write.CreateChannelFor(t.Context(), id, []byte(`{"name":"c","provider":"mpesa","config":{"environment":"`+environment+
		`","consumer_key":"ck","consumer_secret":"cs","shortcode":"600100","passkey":"pk"}}`)); err != nil {
		t.Fatal(err)
	}
	w.mode = domain.ModeTest
	if environment == "production" {
		w.mode = domain.ModeLive
	}
	w.serve(w.write)
	return w
}

// serve has a node answer what is posted from now on.
func (w *world) serve(node *commands.WriteSide) {
	w.app = fiber.New(fiber.Config{Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		return c.Status(400 + int(domain.CodeOf(err))).SendString(err.Error())
	}})
	api := w.app.Group("/api", func(c *fiber.Ctx) error {
		c.SetUserContext(domain.WithCaller(c.UserContext(), domain.Caller{MerchantID: w.merchant, KeyID: "k", Mode: w.mode, TimeZone: "Africa/Nairobi"}))
		return c.Next()
	})
	node.RegisterAPI(api)
	node.RegisterDoors(w.app)
}

// node is another write side on the same store.
func (w *world) node() *commands.WriteSide {
	w.t.Helper()
	return w.nodeOn(w.log, 0)
}

// nodeOn is a node with another way to the log, which it makes sure of every now and then.
func (w *world) nodeOn(log *eventstore.Log, probe time.Duration) *commands.WriteSide {
	w.t.Helper()
	side, err := commands.New(w.t.Context(), commands.Options{
		Log: log, Probe: probe, Ring: w.ring, Seen: eventstore.NewSeen(), Random: rand.Reader, Logger: zerolog.Nop(), PublicURL: "https://pay.example.com",
		Mpesa:    mpesa.New(mpesa.Options{SandboxURL: w.provider.URL, ProductionURL: w.provider.URL, Now: w.clock.now}),
		Paystack: paystack.New(paystack.Options{BaseURL: w.provider.URL, Now: w.clock.now}), CheckoutWindow: time.Hour, PushWindow: 15 * time.Minute, C2BWait: 15 * time.Second,
		SimulateWait: time.Second,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return side
}

func (w *world) post(path, body string, headers ...string) (int, string) {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, bytes.NewReader([]byte(body)))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.app.Test(req, 30_000)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}

// postFor is post for so long: what was answered by then, else nothing.
func (w *world) postFor(limit time.Duration, path, body string, headers ...string) string {
	w.t.Helper()
	answered := make(chan string, 1)
	w.wait.Go(func() {
		status, answer := w.post(path, body, headers...)
		answered <- fmt.Sprint(status, answer)
	})
	select {
	case a := <-answered:
		return a
	case <-time.After(limit):
		return ""
	}
}

// push asks for 1000 under the account and answers the reference and the path of its result URL.
func (w *world) push(account string) (transaction.Reference, string) {
	w.t.Helper()
	status, body := w.post("/api/mpesa/stk-push", `{"amount":1000,"phone_number":"254712345678","reference":"`+account+`"}`)
	var a struct {
		Transaction struct{ Reference transaction.Reference }
	}
	if status != 200 || json.Unmarshal([]byte(body), &a) != nil {
		w.t.Fatalf("stk-push: %d %s", status, body)
	}
	pushes := w.daraja.pushed()
	url, _ := pushes[len(pushes)-1]["CallBackURL"].(string)
	w.checkout = fmt.Sprintf("ws_CO_%d", len(pushes))
	return a.Transaction.Reference, strings.TrimPrefix(url, "https://pay.example.com")
}

func (w *world) state(ref transaction.Reference) transaction.State {
	w.t.Helper()
	out, err := commands.Fold[transaction.State](context.Background(), w.write, ref.Stream())
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

// paid is the STK callback of a push of 1000.
func paid(checkout, receipt string) string {
	return `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"` + checkout + `","ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[` +
		`{"Name":"Amount","Value":1000.00},{"Name":"MpesaReceiptNumber","Value":"` + receipt + `"},{"Name":"Balance"},` +
		`{"Name":"TransactionDate","Value":20261123120005},{"Name":"PhoneNumber","Value":254712345678}]}}}}`
}

// confirmation is a C2B confirmation.
func confirmation(account, receipt, amount string) string {
	return `{"TransactionType":"Pay Bill","TransID":"` + receipt + `","TransTime":"20261123120005","TransAmount":"` + amount + `","BusinessShortCode":"600100",` +
		`"BillRefNumber":"` + account + `","InvoiceNumber":"","OrgAccountBalance":"1.00","ThirdPartyTransID":"","MSISDN":"2547 ***** 678","FirstName":"JOHN","MiddleName":"","LastName":""}`
}

// listed are the transactions that a list would show: opened, and not merged into another.
func (w *world) listed() map[transaction.Reference]transaction.State {
	w.t.Helper()
	out := map[transaction.Reference]transaction.State{}
	for from := eventstore.Position(0); ; {
		records, err := w.store.ReadAll(context.Background(), from, eventstore.Forward, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(records) == 0 {
			return out
		}
		for _, r := range records {
			from = r.Position
			if name, ok := strings.CutPrefix(r.Stream, "transaction-"); ok {
				if s := w.state(transaction.Reference(name)); s.MergedInto == "" {
					out[s.Reference] = s
				}
			}
		}
	}
}
