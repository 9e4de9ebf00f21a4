package transaction

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

const (
	ref     = Reference("KIPAY0123456789ABCDEF")
	subject = "customer-4f1c"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// at is so many minutes after the transaction was opened.
func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func kes(shillings int64) money.Money { return money.Of(shillings*100, money.KES) }

// spec is one given/when/then over the events of a transaction.
type spec struct {
	t             *testing.T
	before, after State
	events        []domain.Event
	err           error
}

func given(t *testing.T, events ...domain.Event) spec {
	t.Helper()
	s := spec{t: t}
	s.before = fold(State{}, events...)
	s.after = s.before
	return s
}

func fold(s State, events ...domain.Event) State {
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s
}

// when carries out a command, after those before it, and carries it out again: a repetition must decide nothing.
func (s spec) when(c domain.Command[State]) spec {
	s.t.Helper()
	s.before = s.after
	s.events, s.err = c.Decide(s.before)
	s.after = fold(s.before, s.events...)
	holds(s.t, s.before, s.after, s.events)
	if s.err != nil && len(s.events) > 0 {
		s.t.Errorf("%T decided %d events and failed with %v", c, len(s.events), s.err)
	}
	switch c.(type) {
	case Initialize, RequestPush, RequestCard: // what opens again is refused, or known by its idempotency key
	default:
		if again, err := c.Decide(s.after); s.err == nil && (len(again) > 0 || err != nil) {
			s.t.Errorf("%T again decided %+v, %v; want nothing", c, again, err)
		}
	}
	return s
}

func (s spec) then(want ...domain.Event) spec {
	s.t.Helper()
	if s.err != nil {
		s.t.Errorf("failed with %v", s.err)
	}
	if diff := cmp.Diff(want, s.events, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("events (-want +got):\n%s", diff)
	}
	return s
}

func (s spec) thenNothing() spec { s.t.Helper(); return s.then() }

func (s spec) thenError(code domain.Code, reason string) {
	s.t.Helper()
	if s.err == nil {
		s.t.Errorf("decided %+v; want an error", s.events)
		return
	}
	if got := domain.CodeOf(s.err); got != code {
		s.t.Errorf("failed with code %d (%v); want %d", got, s.err, code)
	}
	var e *domain.Error
	if !errors.As(s.err, &e) || e.Reason != reason {
		s.t.Errorf("failed with %#v; want reason %q", s.err, reason)
	}
}

// so states what merchants see afterwards.
func (s spec) so(status Status, failure string, credited, surplus int64) spec {
	s.t.Helper()
	code, _, _ := s.after.Failure()
	got := fmt.Sprintf("%s %q credited %d surplus %d", s.after.Status(), code, s.after.Credited.Minor/100, s.after.Surplus.Minor/100)
	if want := fmt.Sprintf("%s %q credited %d surplus %d", status, failure, credited, surplus); got != want {
		s.t.Errorf("is %s; want %s", got, want)
	}
	return s
}

// invariantT is a *testing.T or a *rapid.T.
type invariantT interface {
	Helper()
	Errorf(format string, args ...any)
}

// holds checks what is true of every step of every transaction.
func holds(t invariantT, before, after State, events []domain.Event) {
	t.Helper()
	if !after.Exists() {
		return
	}
	zero := money.Of(0, after.Amount.Currency)
	if after.MergedInto != "" {
		if after.Credited != zero || after.Surplus != zero {
			t.Errorf("merged, yet credited %s, surplus %s", after.Credited, after.Surplus)
		}
	} else if sum := after.Credited.Add(after.Surplus); sum != after.Received() {
		t.Errorf("credited %s + surplus %s is not received %s", after.Credited, after.Surplus, after.Received())
	}
	if after.Credited.Minor > after.Amount.Minor || after.Credited.Minor < 0 || after.Surplus.Minor < 0 {
		t.Errorf("credited %s, surplus %s of asked %s", after.Credited, after.Surplus, after.Amount)
	}
	seen := map[string]bool{}
	for _, p := range after.Payments {
		if seen[p.Receipt] || p.Receipt == "" {
			t.Errorf("receipt %q stands twice or is empty", p.Receipt)
		}
		seen[p.Receipt] = true
	}
	was, is := before.Status(), after.Status()
	if was == StatusCompleted && is != StatusCompleted {
		t.Errorf("completed became %s", is)
	}
	brought := false
	completed, failed := 0, 0
	for _, e := range events {
		switch e.(type) {
		case PaymentReceived, PaymentConfirmed:
			brought = true
		case Completed:
			completed++
		case Failed:
			failed++
		}
	}
	if was == StatusFailed && is != StatusFailed && !brought {
		t.Errorf("failed became %s without money", is)
	}
	if want := boolInt(was != is && is == StatusCompleted); completed != want {
		t.Errorf("%s to %s says completed %d times", was, is, completed)
	}
	if want := boolInt(was != is && is == StatusFailed); before.Exists() && failed != want {
		t.Errorf("%s to %s says failed %d times", was, is, failed)
	}
	if is == StatusCompleted && after.CompletedAt.IsZero() {
		t.Errorf("completed at no time")
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The stories that most rules start from.

func opened(origin Origin) Initialized {
	e := Initialized{
		ID: 7, Reference: ref, Merchant: 1, Mode: domain.ModeTest, Channel: 3, Provider: "mpesa", Origin: origin,
		Amount: kes(1000), Subject: subject, At: t0,
	}
	if origin == FromCheckout {
		e.ExpiresAt = at(60)
	}
	return e
}

// pushed is the attempt's prompt, ten minutes after the one before, with five minutes to answer.
func pushed(attempt int) StkPushRequested {
	when := at(10 * (attempt - 1))
	return StkPushRequested{
		Reference: ref, Attempt: attempt, Subject: subject, Phone: "254712345678", AccountReference: "ORDER1",
		Window: when.Add(5 * time.Minute), At: when,
	}
}

func accepted(attempt int) StkPushAccepted {
	return StkPushAccepted{
		Reference: ref, Attempt: attempt, Subject: subject, MerchantRequestID: fmt.Sprintf("mr-%d", attempt),
		Named: named(checkoutID(attempt)), Raw: "{}", At: at(10*(attempt-1) + 1),
	}
}

func checkoutID(attempt int) string { return fmt.Sprintf("ws_CO_%d", attempt) }

func lost(attempt int) StkPushOutcomeUnknown {
	return StkPushOutcomeUnknown{Reference: ref, Attempt: attempt, Detail: "timeout", At: at(10*(attempt-1) + 1)}
}

// push is a transaction of the API's stk-push whose prompt is on the phone.
func push(more ...domain.Event) []domain.Event {
	return append([]domain.Event{opened(FromPush), pushed(1), accepted(1)}, more...)
}

// checkout is a transaction of the checkout page whose first prompt is on the phone.
func checkout(more ...domain.Event) []domain.Event {
	return append([]domain.Event{opened(FromCheckout), pushed(1), accepted(1)}, more...)
}

// The evidence that providers bring.

func paid(receipt string, amount money.Money, minutes int) Weigh {
	return Weigh{At: at(minutes), Evidence: Evidence{
		Door: DoorStkCallback, Kind: ReceiptGiven, Attempt: 1, Digest: "d-" + receipt, Receipt: receipt, Amount: amount,
		Method: MethodMpesaSTK, PaidAt: t0.Add(2 * time.Minute),
	}}
}

func (c Weigh) through(door Door) Weigh { c.Door = door; return c }
func (c Weigh) naming(id string) Weigh  { c.CheckoutRequestID = id; return c }
func (c Weigh) of(attempt int) Weigh    { c.Attempt = attempt; return c }

func confirmed(minutes int) Weigh {
	return Weigh{At: at(minutes), Evidence: Evidence{Door: DoorStkQuery, Kind: ConfirmedPaid, Attempt: 1, Digest: "d-query-0"}}
}

func failing(kind Kind, code string, minutes int) Weigh {
	e := Evidence{Kind: kind, Attempt: 1, Digest: "d-" + code, Code: code, FailureCode: "failure_" + code, Reason: "reason " + code}
	switch kind {
	case ClockRanOut:
		e.Door = DoorClock
	case FailedByQuery:
		e.Door = DoorStkQuery
	default:
		e.Door = DoorStkCallback
	}
	return Weigh{Evidence: e, At: at(minutes)}
}

// The events that they lead to.

func (c Weigh) receivedEvent(credited, surplus money.Money) PaymentReceived {
	return PaymentReceived{
		Reference: ref, Attempt: c.Attempt, Door: c.Door, Receipt: c.Receipt, Amount: c.Amount, Credited: credited, Surplus: surplus,
		Method: c.Method, PaidAt: c.PaidAt, Subject: subject, Named: named(c.CheckoutRequestID), Digest: c.Digest, At: c.At,
	}
}

func (c Weigh) failedEvent() AttemptFailed {
	return AttemptFailed{
		Reference: ref, Attempt: c.Attempt, Door: c.Door, Code: c.Code, FailureCode: c.FailureCode, Reason: c.Reason,
		Subject: subject, Named: named(c.CheckoutRequestID), Digest: c.Digest, At: c.At,
	}
}

func (c Weigh) confirmedEvent(credited, surplus money.Money) PaymentConfirmed {
	return PaymentConfirmed{
		Reference: ref, Attempt: c.Attempt, Door: c.Door, Credited: credited, Surplus: surplus, Method: MethodMpesaSTK,
		Digest: c.Digest, At: c.At,
	}
}

func (c Weigh) completedEvent(received money.Money) Completed {
	return Completed{Reference: ref, Received: received, Method: MethodMpesaSTK, Receipt: c.Receipt, PaidAt: c.PaidAt, At: c.At}
}

func (c Weigh) failedForGood() Failed {
	return Failed{Reference: ref, FailureCode: c.FailureCode, Reason: c.Reason, At: c.At}
}

func (c Weigh) conflictEvent(kind ConflictKind, detail string) Conflicted {
	return Conflicted{
		Reference: ref, Attempt: c.Attempt, Kind: kind, Receipt: c.Receipt, Detail: detail, Digest: c.Digest, At: c.At,
	}
}
