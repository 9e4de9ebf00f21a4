package transaction

import (
	"sort"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// Status is what merchants see.
type Status string

// The public statuses.
const (
	StatusPending   Status = "pending"
	StatusCompleted Status = "completed"
	StatusFailed    Status = "failed"
)

// Failure codes of our own; the providers' are in their tables.
const (
	FailureExpired   = "expired"
	FailureUnderpaid = "underpaid"
	FailureCurrency  = "currency_differs"
)

// Failure is why an attempt failed.
type Failure struct {
	Kind        Kind
	Code        string // the provider's
	FailureCode string
	Reason      string
	At          time.Time
}

// outranks orders failures so that the one that is shown does not depend on the order in which they came.
func (f Failure) outranks(o *Failure) bool {
	if o == nil {
		return true
	}
	if f.Kind != o.Kind {
		return f.Kind > o.Kind
	}
	return f.Code < o.Code
}

// Attempt is one try to get the money.
type Attempt struct {
	N                 int
	Channel           int64
	Method            Method
	Phone             string
	AccountReference  string
	RequestedAt       time.Time
	Window            time.Time
	Accepted          bool
	Unknown           bool
	MerchantRequestID string
	CheckoutRequestID string
	// Named is the CheckoutRequestID that counted evidence named first.
	Named             string
	ProviderReference string
	URL               string
	Failure           *Failure
	Refusal           *Failure // why no prompt went out, as the answer to the push said; Failure may be weightier since
	Confirmed         bool
	ConfirmedAt       time.Time
	// Charge is what the confirmed money was charged until a receipt names it.
	Charge fee.Charge
}

// Payment is money that came under a receipt.
type Payment struct {
	Attempt int
	Door    Door
	Receipt string
	Amount  money.Money
	// Surplus is how much more was over when it came.
	Surplus money.Money
	Method  Method
	PaidAt  time.Time
	// Terms say where the money is and all that it was charged.
	Terms
}

// Conflict is a contradiction that a person has to look at.
type Conflict struct {
	Kind    ConflictKind
	Receipt string
	Digest  string
}

// State is a transaction: what its events add up to. It holds sets of evidence, and the public status is derived from
// them, so that the same evidence gives the same state in whatever order it came.
type State struct {
	Initialized
	Attempts  []Attempt
	Payments  []Payment // by time of payment, then receipt
	Credited  money.Money
	Surplus   money.Money
	Conflicts []Conflict
	Refunds   []Refund
	Reversals []Reversal // by the provider, without having been asked by us
	Disputes  []Disputed
	HasClosed bool // TransactionExpired stands in the log
	// MergedInto is the transaction that this one became a part of.
	MergedInto Reference
	// CompletedAt is when the log first said completed.
	CompletedAt time.Time
	UpdatedAt   time.Time
	digests     []string
	saidFailed  bool
	// reversedSurplus is how much of each reversal came out of the surplus, in minor units.
	reversedSurplus []int64
}

// Exists tells whether the transaction was initialized.
func (s State) Exists() bool { return s.Reference != "" }

// Received is all the money that came or was confirmed, in the currency that was asked.
func (s State) Received() money.Money {
	total := money.Of(0, s.Amount.Currency)
	for _, p := range s.Payments {
		if p.Amount.Currency == s.Amount.Currency {
			total = total.Add(p.Amount)
		}
	}
	for _, a := range s.Attempts {
		if _, ok := s.unreceipted(a.N); ok {
			total = total.Add(s.Amount)
		}
	}
	return total
}

// HasReceiptFor tells whether a receipt names money that the attempt brought.
func (s State) HasReceiptFor(attempt int) bool {
	for _, p := range s.Payments {
		if p.Attempt == attempt {
			return true
		}
	}
	return false
}

// AwaitsReceipt tells whether money that the attempt brought is counted without a receipt that names it.
func (s State) AwaitsReceipt(attempt int) bool {
	_, ok := s.unreceipted(attempt)
	return ok
}

// unreceipted is the attempt, if it was confirmed and no receipt names its money yet.
func (s State) unreceipted(attempt int) (Attempt, bool) {
	a, ok := s.Attempt(attempt)
	return a, ok && a.Confirmed && !s.HasReceiptFor(attempt)
}

// sources is how many times the money seems to have come: receipts, and confirmed attempts without one.
func (s State) sources() int {
	n := len(s.Payments)
	for _, a := range s.Attempts {
		if _, ok := s.unreceipted(a.N); ok {
			n++
		}
	}
	return n
}

func (s State) confirmed() bool {
	for _, a := range s.Attempts {
		if a.Confirmed {
			return true
		}
	}
	return false
}

// Status is the public status, by the table in evidence.go.
func (s State) Status() Status {
	switch {
	case s.confirmed():
		return StatusCompleted
	case len(s.Payments) > 0:
		if r := s.Received(); r.IsPositive() && r.Minor >= s.Amount.Minor {
			return StatusCompleted
		}
		return StatusPending // money came, but not what was asked: never failed, not yet paid
	case s.HasClosed:
		return StatusFailed
	case s.Origin == FromPush && len(s.Attempts) > 0 && s.Attempts[0].Failure != nil:
		return StatusFailed
	}
	return StatusPending
}

// Failure says why it is failed, or why its last attempt failed while it is still pending; false when there is nothing to
// say.
func (s State) Failure() (code, reason string, ok bool) {
	if s.Status() == StatusCompleted {
		return "", "", false
	}
	if len(s.Payments) > 0 {
		if !s.Received().IsPositive() {
			return FailureCurrency, "The payment came in another currency than was asked", true
		}
		return FailureUnderpaid, "Received " + s.Received().Format() + " of " + s.Amount.Format(), true
	}
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		if f := s.Attempts[i].Failure; f != nil {
			return f.FailureCode, f.Reason, true
		}
		if !s.HasClosed {
			break // a newer attempt is under way
		}
	}
	if s.HasClosed {
		return FailureExpired, "The payment was not made in time", true
	}
	return "", "", false
}

// Receipt is the provider's receipt of the first payment, empty when none is known.
func (s State) Receipt() string {
	if len(s.Payments) == 0 {
		return ""
	}
	return s.Payments[0].Receipt
}

// Method is how the money came, empty until it did.
func (s State) Method() Method {
	if len(s.Payments) > 0 {
		return s.Payments[0].Method
	}
	for _, a := range s.Attempts {
		if a.Confirmed {
			return a.Method
		}
	}
	return ""
}

// PaidAt is when the money first came by the provider's clock, or when the provider first confirmed it; zero before.
func (s State) PaidAt() time.Time {
	if len(s.Payments) > 0 {
		return s.Payments[0].PaidAt
	}
	var at time.Time
	for _, a := range s.Attempts {
		if a.Confirmed && (at.IsZero() || a.ConfirmedAt.Before(at)) {
			at = a.ConfirmedAt
		}
	}
	return at
}

// Waiting is the attempt that may still be answered: asked for, neither paid nor failed.
func (s State) Waiting() (Attempt, bool) {
	if len(s.Attempts) == 0 {
		return Attempt{}, false
	}
	a := s.Attempts[len(s.Attempts)-1]
	return a, a.Failure == nil && !a.Confirmed && !s.HasReceiptFor(a.N)
}

// Attempt is the attempt of that number, from 1.
func (s State) Attempt(n int) (Attempt, bool) {
	if n < 1 || n > len(s.Attempts) {
		return Attempt{}, false
	}
	return s.Attempts[n-1], true
}

// Answered tells whether the provider's answer to the push is known, be it that it was lost.
func (a Attempt) Answered() bool { return a.Accepted || a.Unknown || a.Refusal != nil }

// Paid tells whether the attempt is known to have brought money.
func (s State) Paid(attempt int) bool {
	a, ok := s.Attempt(attempt)
	return ok && (a.Confirmed || s.HasReceiptFor(attempt))
}

// Unsettled tells whether the provider is still to be asked after the attempt: nothing final is known, or less came than
// was asked.
func (s State) Unsettled(attempt int) bool {
	a, ok := s.Attempt(attempt)
	if !ok || a.Confirmed {
		return false
	}
	if s.HasReceiptFor(attempt) {
		return s.Status() == StatusPending
	}
	return a.Failure == nil || a.Failure.Kind <= ClockRanOut
}

// HasReceipt tells whether money under this receipt stands here.
func (s State) HasReceipt(receipt string) bool {
	_, ok := s.payment(receipt)
	return ok
}

func (s State) payment(receipt string) (Payment, bool) {
	for _, p := range s.Payments {
		if p.Receipt == receipt {
			return p, true
		}
	}
	return Payment{}, false
}

// Has tells whether evidence with this digest was recorded.
func (s State) Has(digest string) bool {
	for _, d := range s.digests {
		if d == digest {
			return true
		}
	}
	return false
}

func (s State) hasConflict(k ConflictKind, receipt string) bool {
	for _, c := range s.Conflicts {
		if c.Kind == k && c.Receipt == receipt {
			return true
		}
	}
	return false
}

// Evolve is the state after e. It copies what it changes: states are shared between goroutines.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Initialized:
		s.Initialized = e
		s.Credited, s.Surplus = money.Of(0, e.Amount.Currency), money.Of(0, e.Amount.Currency)
		s.UpdatedAt = e.At
	case StkPushRequested:
		s = s.add(Attempt{
			N: e.Attempt, Channel: e.Channel, Method: MethodMpesaSTK, Phone: string(e.Phone), AccountReference: string(e.AccountReference),
			RequestedAt: e.At, Window: e.Window,
		}, e.At)
	case CardCheckoutRequested:
		s = s.add(Attempt{N: e.Attempt, Channel: e.Channel, Method: MethodCard, ProviderReference: e.ProviderReference, RequestedAt: e.At, Window: s.ExpiresAt}, e.At)
	case StkPushAccepted:
		s = s.change(e.Attempt, e.At, func(a *Attempt) {
			a.Accepted, a.MerchantRequestID, a.CheckoutRequestID = true, e.MerchantRequestID, e.checkout()
		})
	case StkPushOutcomeUnknown:
		s = s.change(e.Attempt, e.At, func(a *Attempt) { a.Unknown = true })
	case StkPushRejected:
		f := Failure{Kind: FailedByNotice, Code: e.Code, FailureCode: e.FailureCode, Reason: e.Reason, At: e.At}
		s = s.fail(e.Attempt, f).change(e.Attempt, e.At, func(a *Attempt) { a.Refusal = &f })
	case CardCheckoutOpened:
		s = s.change(e.Attempt, e.At, func(a *Attempt) { a.Accepted, a.URL = true, string(e.URL) })
	case AttemptFailed:
		s = s.fail(e.Attempt, Failure{Kind: failureKind(e.Door), Code: e.Code, FailureCode: e.FailureCode, Reason: e.Reason, At: e.At})
		s = s.named(e.Attempt, e.checkout(), e.At)
	case CallbackReceived:
		s.digests = append(s.digests[:len(s.digests):len(s.digests)], e.Digest)
	case PaymentReceived:
		s = s.asked(e.Amount).named(e.Attempt, e.checkout(), e.At)
		p := Payment{Attempt: e.Attempt, Door: e.Door, Receipt: e.Receipt, Amount: e.Amount, Surplus: e.Surplus, Method: e.Method, PaidAt: e.PaidAt, Terms: e.Terms}
		if a, ok := s.unreceipted(e.Attempt); ok {
			if p.Charge.IsZero() {
				p.Charge.Version = a.Charge.Version
			}
			p.Charge = p.Charge.Add(a.Charge)
			s = s.change(e.Attempt, e.At, func(a *Attempt) { a.Charge = fee.Charge{} })
		}
		s.Payments = append(s.Payments[:len(s.Payments):len(s.Payments)], p)
		sort.Slice(s.Payments, func(i, j int) bool {
			a, b := s.Payments[i], s.Payments[j]
			if !a.PaidAt.Equal(b.PaidAt) {
				return a.PaidAt.Before(b.PaidAt)
			}
			return a.Receipt < b.Receipt
		})
		s.Credited, s.Surplus, s.UpdatedAt = s.Credited.Add(e.Credited), s.Surplus.Add(e.Surplus), e.At
	case PaymentConfirmed:
		s = s.change(e.Attempt, e.At, func(a *Attempt) { a.Confirmed, a.ConfirmedAt, a.Charge = true, e.At, e.Charge })
		s.Credited, s.Surplus = s.Credited.Add(e.Credited), s.Surplus.Add(e.Surplus)
	case ProviderFeeReported:
		s.Payments = append([]Payment(nil), s.Payments...)
		for i := range s.Payments {
			if s.Payments[i].Receipt == e.Receipt {
				s.Payments[i].Charge = s.Payments[i].Charge.Add(e.Charge)
			}
		}
	case Conflicted:
		s.Conflicts = append(s.Conflicts[:len(s.Conflicts):len(s.Conflicts)], Conflict{Kind: e.Kind, Receipt: e.Receipt, Digest: e.Digest})
		s.UpdatedAt = e.At
	case Completed:
		s.CompletedAt, s.UpdatedAt = e.At, e.At
	case Failed:
		s.saidFailed, s.UpdatedAt = true, e.At
	case Expired:
		s.HasClosed, s.UpdatedAt = true, e.At
	case Merged:
		s.MergedInto, s.UpdatedAt = e.Into, e.At
		s.Credited, s.Surplus = s.Credited.Add(e.Credited), s.Surplus.Add(e.Surplus)
	default:
		s = s.evolveRefund(e)
	}
	return s
}

func (s State) add(a Attempt, at time.Time) State {
	s.Attempts = append(s.Attempts[:len(s.Attempts):len(s.Attempts)], a)
	s.UpdatedAt = at
	return s
}

func (s State) change(n int, at time.Time, fn func(*Attempt)) State {
	if n < 1 || n > len(s.Attempts) {
		return s
	}
	s.Attempts = append([]Attempt(nil), s.Attempts...)
	fn(&s.Attempts[n-1])
	s.UpdatedAt = at
	return s
}

func (s State) fail(n int, f Failure) State {
	return s.change(n, f.At, func(a *Attempt) {
		if f.outranks(a.Failure) {
			a.Failure = &f
		}
	})
}

func (s State) named(n int, checkoutRequestID string, at time.Time) State {
	if a, ok := s.Attempt(n); !ok || checkoutRequestID == "" || a.Named != "" {
		return s
	}
	return s.change(n, at, func(a *Attempt) { a.Named = checkoutRequestID })
}

// asked is s before its first money of the amount came. Of a payment that nobody asked for, what came is the amount: what
// an unconfirmed notice had claimed before counts for nothing.
func (s State) asked(came money.Money) State {
	if s.Origin == FromC2B && len(s.Payments) == 0 && s.MergedInto == "" {
		s.Amount = came
		s.Credited, s.Surplus = money.Of(0, came.Currency), money.Of(0, came.Currency)
	}
	return s
}

// failureKind is how heavy a failure at this door is.
func failureKind(d Door) Kind {
	switch d {
	case DoorClock:
		return ClockRanOut
	case DoorStkQuery:
		return FailedByQuery
	default:
		return FailedByNotice
	}
}
