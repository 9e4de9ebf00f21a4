package paystack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/paystack/simulator"
	"github.com/benfex/kipay/domain/money"
)

// shop is a merchant at the simulator: its client, its webhooks, and a clock that it moves.
type shop struct {
	t      *testing.T
	ctx    context.Context
	sim    *simulator.Simulator
	api    *httptest.Server
	client *paystack.Client
	cred   paystack.Credentials
	hooks  chan hook

	mu  sync.Mutex
	now time.Time
}

func (s *shop) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shop) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newShop(t *testing.T, change func(*simulator.Options)) *shop {
	t.Helper()
	s := &shop{
		t: t, ctx: t.Context(), hooks: make(chan hook, 100), now: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC),
		cred: paystack.Credentials{SecretKey: "sk_test_0123456789abcdef"},
	}
	merchant := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		select {
		case s.hooks <- hook{r.Header.Get(paystack.SignatureHeader), raw}:
		case <-r.Context().Done():
		}
	}))
	o := simulator.Options{Speed: 5000, Now: s.Now, WebhookURLFor: func(string) string { return merchant.URL }}
	if change != nil {
		change(&o)
	}
	s.sim = simulator.New(o)
	s.api = httptest.NewServer(s.sim.Handler())
	s.client = paystack.New(paystack.Options{
		BaseURL: s.api.URL, Now: s.Now,
		Sleep: func(ctx context.Context, d time.Duration) error { s.pass(d); return ctx.Err() },
	})
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.sim.Run(running) }()
	t.Cleanup(func() {
		s.api.Close()
		cancel()
		<-ended
		_ = s.sim.Close()
		merchant.Close()
	})
	return s
}

// pay is a payment by card, and what Verify says of it.
func (s *shop) pay(reference, card, cvv string, minor int64) paystack.Transaction {
	s.t.Helper()
	opened, err := s.client.Initialize(s.ctx, "ch", s.cred, paystack.InitializeRequest{
		Email: "customer@email.com", Amount: money.Of(minor, money.KES), Reference: reference, CallbackURL: "https://shop.example.com/return", Channels: []string{"card"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := browser.PostForm(opened.AuthorizationURL, url.Values{"step": {"card"}, "card_number": {card}, "expiry": {"12/49"}, "cvv": {cvv}})
	if err != nil {
		s.t.Fatal(err)
	}
	_ = page.Body.Close()
	tx, err := s.client.Verify(s.ctx, "ch", s.cred, reference)
	if err != nil || tx.State() != paystack.Succeeded {
		s.t.Fatalf("%+v, %v", tx, err)
	}
	return tx
}

// hears waits for the next webhook of a type; others are let pass.
func (s *shop) hears(kind string) paystack.Event {
	s.t.Helper()
	for {
		select {
		case h := <-s.hooks:
			if !paystack.VerifySignature(s.cred.SecretKey, h.body, h.signature) {
				s.t.Fatalf("the signature is refused: %s", h.body)
			}
			e, err := paystack.DecodeEvent(h.body)
			if err != nil || !s.cred.Belongs(e.Domain) {
				s.t.Fatalf("%+v, %v", e, err)
			}
			if e.Type == kind {
				return e
			}
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no %s came", kind)
		}
	}
}

func TestARefundFromRequestToWebhookToFetch(t *testing.T) {
	for _, c := range []struct {
		card, cvv, end string
		state          paystack.RefundState
		payment        paystack.State
	}{
		{"4084084084084081", "408", "refund.processed", paystack.RefundProcessed, paystack.Reversed},
		{"4084080000671803", "180", "refund.failed", paystack.RefundFailed, paystack.Succeeded},
		{"4084080000671902", "190", "refund.needs-attention", paystack.RefundNeedsAttention, paystack.ReversalPending},
	} {
		s := newShop(t, nil)
		tx := s.pay("KIPAY0001", c.card, c.cvv, 100_00)
		made, err := s.client.CreateRefund(s.ctx, "ch", s.cred, paystack.RefundRequest{Transaction: tx.Reference, Amount: tx.Amount, MerchantNote: "RF-1"})
		if err != nil || made.State() != paystack.RefundPending || made.Amount != tx.Amount || made.TransactionID != tx.ID || made.TransactionReference != tx.Reference || made.MerchantNote != "RF-1" {
			t.Fatalf("%+v, %v", made, err)
		}
		keys := map[string]bool{}
		for _, kind := range []string{"refund.pending", "refund.processing", c.end} {
			e := s.hears(kind)
			if e.Refund == nil || e.Refund.Amount != tx.Amount || !e.Refund.IsOf(tx.Reference) || keys[e.DedupeKey] {
				t.Errorf("%+v", e)
			}
			keys[e.DedupeKey] = true
		}
		got, err := s.client.FetchRefund(s.ctx, "ch", s.cred, made.ID)
		if err != nil || got.State() != c.state || got.TransactionID != tx.ID || got.MerchantNote != "RF-1" {
			t.Errorf("%+v, %v", got, err)
		}
		if now, err := s.client.Verify(s.ctx, "ch", s.cred, tx.Reference); err != nil || now.State() != c.payment || *now.Fees != *tx.Fees {
			t.Errorf("%+v, %v", now, err)
		}
		to := paystack.RefundAccount{Currency: money.KES, AccountNumber: "1234567890", BankID: "9"}
		retried, err := s.client.RetryRefundWithCustomerDetails(s.ctx, "ch", s.cred, made.ID, to)
		if (err == nil) != (c.state == paystack.RefundNeedsAttention) {
			t.Errorf("%s: %+v, %v", c.end, retried, err)
		}
		if err == nil {
			s.hears("refund.processed")
		}
	}
}

func TestALostRefundIsFoundByItsNoteAndNotSentAgain(t *testing.T) {
	s := newShop(t, nil)
	tx := s.pay("KIPAY0001", "4084084084084081", "408", 100_00)
	want := paystack.RefundRequest{Transaction: tx.ID, Amount: money.Of(40_00, money.KES), MerchantNote: "RF-1"}
	for _, fault := range []struct {
		fault simulator.Fault
		made  int
	}{{simulator.Internal, 0}, {simulator.Drop, 0}, {simulator.DropAfter, 1}} {
		if err := s.sim.Script(simulator.Next{On: "refund", Fault: fault.fault}); err != nil {
			t.Fatal(err)
		}
		_, err := s.client.CreateRefund(s.ctx, "ch", s.cred, want)
		var e *paystack.Error
		if !errors.As(err, &e) || e.Kind != paystack.Unknown || e.Retryable {
			t.Fatalf("%s: %v", fault.fault, err)
		}
		list, err := s.client.ListRefunds(s.ctx, "ch", s.cred, tx.ID)
		if err != nil || len(list) != fault.made {
			t.Fatalf("%s: %+v, %v", fault.fault, list, err)
		}
		if fault.made == 1 && (list[0].MerchantNote != "RF-1" || list[0].Amount != want.Amount || list[0].TransactionID != tx.ID) {
			t.Errorf("%+v", list[0])
		}
	}
}

func TestTheSimulatorRefusesARefundInWordsThatTheClientKnows(t *testing.T) {
	s := newShop(t, func(o *simulator.Options) { o.RefundCredit = -1 })
	tx := s.pay("KIPAY0001", "4084084084084081", "408", 100_00)
	s.pay("KIPAY0002", "4084084084084081", "408", 100_00)
	refuses := func(failure string, amount money.Money) {
		t.Helper()
		_, err := s.client.CreateRefund(s.ctx, "ch", s.cred, paystack.RefundRequest{Transaction: tx.Reference, Amount: amount})
		var e *paystack.Error
		if !errors.As(err, &e) || e.Kind == paystack.Unknown {
			t.Fatalf("%s: %v", failure, err)
		}
		if code, _ := e.Reason(); code != failure {
			t.Errorf("%v is %s, want %s", e, code, failure)
		}
	}
	refuses(paystack.FailureRefundTooHigh, money.Of(100_01, money.KES))
	refuses(paystack.FailureRefundCurrency, money.Of(100_00, money.USD))
	refuses(paystack.FailureRefundTooLow, money.Of(99, money.KES))
	if n := s.sim.SettleNow(); n != 1 { // and the balance is paid out
		t.Fatalf("%d settlements", n)
	}
	refuses(paystack.FailureRefundBalance, money.Of(100_00, money.KES))
	s.pay("KIPAY0003", "4084084084084081", "408", 1000_00)
	if _, err := s.client.CreateRefund(s.ctx, "ch", s.cred, paystack.RefundRequest{Transaction: tx.Reference}); err != nil {
		t.Fatal(err)
	}
	s.hears("refund.processed")
	refuses(paystack.FailureAlreadyReversed, money.Of(1_00, money.KES))
	tx.Reference = "never-was"
	refuses(paystack.FailureNotFound, money.Of(1_00, money.KES))
}

func TestASettlementIsReconciledByItsTransactions(t *testing.T) {
	s := newShop(t, nil)
	var want []string
	gross, fees := int64(0), int64(0)
	for i := range 7 {
		tx := s.pay(fmt.Sprintf("KIPAY%04d", i), "4084084084084081", "408", 100_00+int64(i))
		want = append(want, tx.Reference)
		gross += tx.Amount.Minor
		fees += tx.Fees.Minor
	}
	if _, err := s.client.CreateRefund(s.ctx, "ch", s.cred, paystack.RefundRequest{Transaction: want[0], Amount: money.Of(30_00, money.KES)}); err != nil {
		t.Fatal(err)
	}
	s.hears("refund.processed")
	s.pass(24 * time.Hour)
	n := 0
	for st, err := range s.client.Settlements(s.ctx, "ch", s.cred, paystack.SettlementQuery{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Status: "success"}) {
		n++
		if err != nil || !st.Paid() || st.TotalProcessed.Minor != gross || st.TotalFees.Minor != fees || st.Deductions.Minor != 30_00 ||
			st.EffectiveAmount.Minor != gross-fees-30_00 || st.TotalAmount.Minor != gross-fees || !s.cred.Belongs(st.Domain) || st.SettlementDate == nil {
			t.Fatalf("%+v, %v", st, err)
		}
		var got []string
		net := int64(0)
		for tx, err := range s.client.SettlementTransactions(s.ctx, "ch", s.cred, st.ID) {
			part, known := tx.Net()
			if err != nil || !known {
				t.Fatalf("%+v, %v", tx, err)
			}
			got, net = append(got, tx.Reference), net+part.Minor
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || net != st.TotalAmount.Minor {
			t.Errorf("%v, %d", got, net)
		}
		for _, numbered := range []bool{false, true} {
			got = nil
			for tx, err := range s.client.Transactions(s.ctx, "ch", s.cred, paystack.TransactionQuery{Settlement: st.ID, PerPage: 3, Numbered: numbered}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, tx.Reference)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("numbered %v: %v", numbered, got)
			}
		}
		for f, err := range s.client.Refunds(s.ctx, "ch", s.cred, paystack.RefundQuery{PerPage: 1}) {
			if err != nil || f.SettlementID != st.ID || !f.FullyDeducted || f.DeductedAmount.Minor != 30_00 {
				t.Errorf("%+v, %v", f, err)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d settlements", n)
	}
}

func TestAListIsReadInFullThroughARateLimitAndFaults(t *testing.T) {
	s := newShop(t, nil)
	for i := range 6 {
		s.pay(fmt.Sprintf("KIPAY%04d", i), "4084084084084081", "408", 100_00)
	}
	start := s.Now()
	if err := s.sim.SetFaults(simulator.Faults{RateLimit: 2}); err != nil {
		t.Fatal(err)
	}
	if err := s.sim.Script(simulator.Next{On: "list", Fault: simulator.HTML}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for tx, err := range s.client.Transactions(s.ctx, "ch", s.cred, paystack.TransactionQuery{PerPage: 1}) {
		if n++; err != nil || tx.Reference != fmt.Sprintf("KIPAY%04d", 6-n) {
			t.Fatalf("%+v, %v", tx, err)
		}
	}
	if waited := s.Now().Sub(start); n != 6 || waited < 2*time.Minute || waited > 3*time.Minute {
		t.Errorf("%d transactions after %v", n, waited)
	}
}

func TestADisputeFromComplaintToResolution(t *testing.T) {
	s := newShop(t, nil)
	tx := s.pay("KIPAY0001", "4084081000000126", "408", 100_00) // the card that disputes
	e := s.hears("charge.dispute.create")
	if e.Dispute == nil || e.Dispute.State() != paystack.DisputeAwaitingMerchant || e.Dispute.TransactionReference != tx.Reference || *e.Dispute.RefundAmount != tx.Amount || e.Dispute.DueAt == nil {
		t.Fatalf("%+v", e.Dispute)
	}
	id := e.Dispute.ID
	got, err := s.client.FetchDispute(s.ctx, "ch", s.cred, id)
	if err != nil || got.TransactionID != tx.ID || len(got.History) != 1 || len(got.Messages) != 1 || got.CardLast4 != "0126" {
		t.Errorf("%+v, %v", got, err)
	}
	evidence, err := s.client.AddEvidence(s.ctx, "ch", s.cred, id, paystack.Evidence{
		CustomerEmail: "ann@example.com", CustomerName: "Ann Otieno", CustomerPhone: "0700000000", ServiceDetails: "shoes",
	})
	if err != nil {
		t.Fatal(err)
	}
	up, err := s.client.DisputeUpload(s.ctx, "ch", s.cred, id, "receipt.pdf")
	if err != nil || !strings.HasPrefix(up.SignedURL, s.api.URL) {
		t.Fatalf("%+v, %v", up, err)
	}
	answer := paystack.Resolve{Resolution: paystack.AcceptDispute, Message: "our mistake", RefundAmount: tx.Amount, UploadedFilename: up.FileName, Evidence: evidence}
	if err := s.sim.Script(simulator.Next{On: "dispute", Fault: simulator.DropAfter}); err != nil {
		t.Fatal(err)
	}
	var failed *paystack.Error
	if _, err := s.client.ResolveDispute(s.ctx, "ch", s.cred, id, answer); !errors.As(err, &failed) || failed.Kind != paystack.Unknown || failed.Retryable {
		t.Fatalf("the answer was lost: %v", err)
	}
	got, err = s.client.FetchDispute(s.ctx, "ch", s.cred, id)
	if err != nil || got.State() != paystack.DisputeAccepted || got.EvidenceID != evidence || *got.RefundAmount != tx.Amount {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.client.ResolveDispute(s.ctx, "ch", s.cred, id, answer); !errors.As(err, &failed) || failed.Kind != paystack.Rejected {
		t.Errorf("a second answer: %v", err)
	}
	s.hears("refund.processed")
	list, err := s.client.ListRefunds(s.ctx, "ch", s.cred, tx.ID)
	if err != nil || len(list) != 1 || list[0].DisputeID != id || list[0].Amount != tx.Amount {
		t.Errorf("%+v, %v", list, err)
	}
	n := 0
	for d, err := range s.client.Disputes(s.ctx, "ch", s.cred, paystack.DisputeQuery{Transaction: tx.ID, Status: "resolved"}) {
		if n++; err != nil || d.ID != id {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if n != 1 {
		t.Errorf("%d disputes", n)
	}
}
