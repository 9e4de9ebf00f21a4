package reactor_test

import (
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
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/reactor"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// install is a store with a channel at a provider that answers status queries with one result.
type install struct {
	t      *testing.T
	mu     sync.Mutex
	at     time.Time
	result string
	asked  int
	pauses []time.Duration // between status queries
	// refunds are what Paystack lists of a payment, once it has refused so many times to.
	refunds string
	refused int
	store   *embedded.Store
	log     *eventstore.Log
	write   *commands.WriteSide
}

func (i *install) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.at
}

func (i *install) pass(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at = i.at.Add(d)
}

func (i *install) say(result string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.result = result
}

func (i *install) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasPrefix(r.URL.Path, "/oauth") {
		_, _ = io.WriteString(w, `{"access_token":"t","expires_in":"3599"}`)
		return
	}
	if r.URL.Path == "/refund" {
		i.list(w)
		return
	}
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	i.mu.Lock()
	i.asked++
	result := i.result
	i.mu.Unlock()
	_, _ = fmt.Fprintf(w, `{"ResponseCode":"0","ResponseDescription":"ok","MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":%q,"ResultDesc":"d"}`, body["CheckoutRequestID"], result)
}

func (i *install) list(w http.ResponseWriter) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refused--; i.refused >= 0 {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"status":false,"message":"Invalid key","code":"invalid_Key"}`)
		return
	}
	_, _ = io.WriteString(w, `{"status":true,"message":"ok","data":[`+i.refunds+`]}`)
}

func newInstall(t *testing.T, result string) *install {
	t.Helper()
	i := &install{t: t, at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), result: result}
	provider := httptest.NewServer(i)
	t.Cleanup(provider.Close)
	var err error
	if i.store, err = embedded.Open("/events", embedded.Options{FS: vfs.NewMem(), Now: i.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.store.Close() })
	masters, err := eventstore.ParseMasterKeys("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	ring := eventstore.NewKeyring(i.store, masters, rand.Reader)
	i.log = eventstore.NewLog(i.store, eventstore.NewCodec(ring, eventstore.Catalogue()), i.now, uuid.New)
	i.write, err = commands.New(t.Context(), commands.Options{
		Log: i.log, Ring: ring, Seen: eventstore.NewSeen(), Random: rand.Reader, Logger: zerolog.Nop(), PublicURL: "https://pay.example.com",
		Mpesa: mpesa.New(mpesa.Options{SandboxURL: provider.URL, Now: i.now}), Paystack: paystack.New(paystack.Options{BaseURL: provider.URL, Now: i.now}),
		CheckoutWindow: time.Hour, PushWindow: 15 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := i.write.CreateMerchant(t.Context(), commands.NewMerchant{Name: "Duka", Email: "owner@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.write.CreateChannelFor(t.Context(), id, []byte(`{"name":"c","provider":"mpesa","config":{"environment":"sandbox","consumer_key":"ck","consumer_secret":"cs","shortcode":"600100","passkey":"pk"}}`)); err != nil {
		t.Fatal(err)
	}
	return i
}

// opened writes the events of a transaction as a node wrote them before it crashed.
func (i *install) opened(ref transaction.Reference, origin transaction.Origin, more ...domain.Event) {
	i.t.Helper()
	events := append([]domain.Event{transaction.Initialized{
		ID: 1, Reference: ref, Merchant: 1, Mode: domain.ModeTest, Channel: 1, Provider: "mpesa", Origin: origin,
		Amount: money.Of(100000, money.KES), Subject: "payment-" + string(ref), At: i.now(), ExpiresAt: map[bool]time.Time{true: i.now().Add(time.Hour)}[origin == transaction.FromCheckout],
	}}, more...)
	if _, _, err := i.log.Append(i.t.Context(), ref.Stream(), eventstore.NoStream, eventstore.Metadata{Actor: "key:k", Merchant: 1}, events...); err != nil {
		i.t.Fatal(err)
	}
}

func (i *install) requested(ref transaction.Reference) transaction.StkPushRequested {
	return transaction.StkPushRequested{
		Reference: ref, Attempt: 1, Channel: 1, Subject: "payment-" + string(ref), Phone: "254712345678", AccountReference: "X",
		Window: i.now().Add(15 * time.Minute), At: i.now(),
	}
}

func (i *install) accepted(ref transaction.Reference) transaction.StkPushAccepted {
	return transaction.StkPushAccepted{Reference: ref, Attempt: 1, Subject: "payment-" + string(ref), MerchantRequestID: "m", Named: transaction.Named{CheckoutRequestID: domain.Personal("ws_CO_" + string(ref))}, At: i.now()}
}

// until runs so many reactors at once and waits for the transaction to be as wanted.
func (i *install) until(reactors int, ref transaction.Reference, wanted func(transaction.State) bool) transaction.State {
	i.t.Helper()
	ctx, stop := context.WithCancel(i.t.Context())
	var g sync.WaitGroup
	defer g.Wait()
	defer stop()
	for range reactors {
		r := reactor.New(reactor.Options{Write: i.write, Log: i.log, Logger: zerolog.Nop(), Backoff: i.pauses})
		g.Go(func() {
			if err := r.Run(ctx); err != nil {
				i.t.Error(err)
			}
		})
	}
	sub, err := i.store.Subscribe(ctx, 0)
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		out, err := commands.Fold[transaction.State](ctx, i.write, ref.Stream())
		if err != nil {
			i.t.Fatal(err)
		}
		if wanted(out.State) {
			return out.State
		}
		if _, err := sub.Next(limited); err != nil {
			i.t.Fatalf("it never came to it: %+v", out.State)
		}
	}
}

const ref = transaction.Reference("MPESA0000000000000001")

func completed(s transaction.State) bool { return s.Status() == transaction.StatusCompleted }
func failed(s transaction.State) bool    { return s.Status() == transaction.StatusFailed }

func TestPendingPushIsAskedAfterAcrossARestart(t *testing.T) {
	i := newInstall(t, "0")
	i.opened(ref, transaction.FromPush, i.requested(ref), i.accepted(ref))
	i.pass(21 * time.Second)
	s := i.until(1, ref, completed)
	if s.Receipt() != "" || s.Credited.Major() != 1000 {
		t.Errorf("%+v", s)
	}
}

func TestTwoReactorsAtOnceComeToOneOutcome(t *testing.T) {
	i := newInstall(t, "0")
	i.opened(ref, transaction.FromPush, i.requested(ref), i.accepted(ref))
	i.pass(21 * time.Second)
	i.until(3, ref, completed)
	confirmed := 0
	records, err := i.store.ReadStream(t.Context(), ref.Stream(), 0, eventstore.Forward, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == "PaymentConfirmed" {
			confirmed++
		}
	}
	if confirmed != 1 {
		t.Errorf("confirmed %d times", confirmed)
	}
}

func TestPushThatNobodyAnswersExpires(t *testing.T) {
	i := newInstall(t, "4999")
	i.opened(ref, transaction.FromPush, i.requested(ref), i.accepted(ref))
	i.pass(16 * time.Minute)
	if code, _, _ := i.until(1, ref, failed).Failure(); code != transaction.FailureExpired {
		t.Error(code)
	}
}

func TestPushWhoseNodeCrashedBeforeTheAnswerIsLostThenExpires(t *testing.T) {
	i := newInstall(t, "4999")
	i.opened(ref, transaction.FromPush, i.requested(ref))
	i.pass(16 * time.Minute)
	s := i.until(1, ref, failed)
	if a, _ := s.Attempt(1); !a.Unknown {
		t.Errorf("%+v", a)
	}
}

// A payer may try again two minutes after a prompt; that the first one was paid all the same, its callback lost and Daraja
// slow to know, must still be found, or it is paid twice and known once.
func TestPromptOfACheckoutIsAskedAfterBeyondTheTimeOfItsRetry(t *testing.T) {
	i := newInstall(t, "4999")
	i.pauses = []time.Duration{time.Millisecond}
	const checkout = transaction.Reference("KIPAY0000000000000002")
	requested := i.requested(checkout)
	requested.Window = i.now().Add(2 * time.Minute)
	i.opened(checkout, transaction.FromCheckout, requested, i.accepted(checkout))
	i.pass(2 * time.Minute)
	s := i.until(1, checkout, func(s transaction.State) bool {
		if s.Attempts[0].Failure != nil {
			i.say("0")
			i.pass(time.Second)
		}
		return completed(s)
	})
	if s.Credited.Major() != 1000 || s.Attempts[0].Failure == nil {
		t.Errorf("%+v", s)
	}
}

func TestCallbackThatWasRecordedBeforeACrashStillCounts(t *testing.T) {
	i := newInstall(t, "4999")
	i.opened(ref, transaction.FromPush, i.requested(ref), i.accepted(ref), transaction.CallbackReceived{
		Reference: ref, Attempt: 1, Subject: "payment-" + string(ref), Door: transaction.DoorStkCallback, Digest: "d", At: i.now(),
		Raw: domain.Personal(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_` + string(ref) + `","ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[` +
			`{"Name":"Amount","Value":1000},{"Name":"MpesaReceiptNumber","Value":"QGR7I8K2LM"},{"Name":"TransactionDate","Value":20261123120005}]}}}}`),
	})
	i.pass(4 * time.Second)
	if s := i.until(1, ref, completed); s.Receipt() != "QGR7I8K2LM" || len(s.Payments) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCheckoutThatNobodyPaysExpires(t *testing.T) {
	i := newInstall(t, "4999")
	const checkout = transaction.Reference("KIPAY0000000000000001")
	i.opened(checkout, transaction.FromCheckout)
	i.pass(time.Hour)
	if code, _, _ := i.until(2, checkout, failed).Failure(); code != transaction.FailureExpired {
		t.Error(code)
	}
}
