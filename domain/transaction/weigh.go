package transaction

import (
	"fmt"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// Evidence is what a provider said about an attempt, understood.
type Evidence struct {
	Door    Door
	Kind    Kind // FailedByQuery, FailedByNotice, ClockRanOut, ConfirmedPaid or ReceiptGiven; others decide nothing
	Attempt int
	Digest  string

	// For failures.
	Code        string
	FailureCode string
	Reason      string

	// For ReceiptGiven. The receipt must have been claimed for this transaction before.
	Receipt string
	Amount  money.Money
	Method  Method
	PaidAt  time.Time
	// Fee is what the provider says that it took for this payment, taxes included; nil when it doesn't say.
	Fee *money.Money

	// Terms are those of the channel that the money came through.
	Terms fee.Terms

	// Names of the request as the provider gave them, empty when it named none; compared to what the answer to the push
	// said, if that is known.
	CheckoutRequestID string
}

// Weigh lets a piece of evidence count. Repeating it decides nothing. No evidence is an error: what contradicts is kept
// as a conflict.
type Weigh struct {
	Evidence
	At time.Time
}

// Decide answers what the evidence changes, by the table in evidence.go.
func (c Weigh) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("transaction not found")
	}
	// Money that only a statement shows may have come without any attempt of ours.
	if c.Attempt < 1 && s.Origin != FromC2B && c.Door != DoorStatement || c.Attempt > len(s.Attempts) {
		return nil, domain.NotFoundf("transaction %s has no attempt %d", s.Reference, c.Attempt)
	}
	if a, ok := s.Attempt(c.Attempt); ok && c.CheckoutRequestID != "" && a.CheckoutRequestID != "" && c.CheckoutRequestID != a.CheckoutRequestID {
		return c.conflict(s, ConflictMismatch, c.Receipt, c.mismatch())
	}
	d := decision{before: s, after: s}
	switch c.Kind {
	case ReceiptGiven:
		if c.Receipt != "" && c.Amount.IsPositive() { // else it is no news: nothing that could be counted once
			c.receive(&d)
		}
	case ConfirmedPaid:
		c.confirm(&d)
	case FailedByQuery, FailedByNotice, ClockRanOut:
		c.fail(&d)
	case NoNews, UnconfirmedIn:
	}
	d.conclude(c.At)
	return d.events, nil
}

func (c Weigh) conflict(s State, kind ConflictKind, receipt, detail string) ([]domain.Event, error) {
	if s.hasConflict(kind, receipt) {
		return nil, nil
	}
	return []domain.Event{Conflicted{
		Reference: s.Reference, Attempt: c.Attempt, Kind: kind, Receipt: receipt, Detail: detail, Digest: c.Digest, At: c.At,
	}}, nil
}

// mismatch says what is known of a notice that names another request than ours: it doesn't count, so it must be seen.
func (c Weigh) mismatch() string {
	const detail = "the notice names another CheckoutRequestID than the answer to our push"
	if c.Kind == ReceiptGiven {
		return detail + "; it says that " + c.Amount.Format() + " came"
	}
	return detail
}

func (c Weigh) receive(d *decision) {
	s := d.before.asked(c.Amount)
	if p, ok := s.payment(c.Receipt); ok {
		d.contradict(c, p)
		c.reportFee(d)
		return
	}
	if s.MergedInto != "" {
		d.conflict(c, ConflictReceiptTaken, c.Receipt, fmt.Sprintf("%s came, but this is a part of %s", c.Amount.Format(), s.MergedInto))
		return
	}
	method := c.Method
	if a, ok := s.Attempt(c.Attempt); ok && a.Method == MethodMpesaSTK {
		method = a.Method // through whichever door the receipt came first
	}
	next := s
	next.Payments = append(s.Payments[:len(s.Payments):len(s.Payments)], Payment{Attempt: c.Attempt, Receipt: c.Receipt, Amount: c.Amount})
	credited, surplus := s.delta(next)
	charge := c.Terms.Of(c.Amount)
	switch a, ok := s.unreceipted(c.Attempt); {
	case ok && c.Amount == s.Amount: // it was charged by the rules of the time when it was confirmed
		charge = fee.Charge{}
	case ok:
		charge = charge.Add(a.Charge.Negative())
	}
	d.add(PaymentReceived{
		Reference: s.Reference, Attempt: c.Attempt, Door: c.Door, Receipt: c.Receipt, Amount: c.Amount,
		Credited: credited, Surplus: surplus, Method: method, PaidAt: c.PaidAt, Subject: s.Subject, Named: named(c.CheckoutRequestID), Digest: c.Digest,
		Terms: termsOf(c.Terms, charge), At: c.At,
	})
	c.reportFee(d)
	switch {
	case len(s.Payments) > 0:
		d.conflict(c, ConflictSecondReceipt, c.Receipt, fmt.Sprintf("a second receipt; the first is %s", s.Payments[0].Receipt))
	case d.after.sources() > 1:
		d.conflict(c, ConflictSecondReceipt, c.Receipt, "another attempt was confirmed as paid already")
	}
	switch {
	case c.Amount.Currency != s.Amount.Currency:
		d.conflict(c, ConflictCurrency, c.Receipt, fmt.Sprintf("%s came, %s was asked", c.Amount.Currency, s.Amount.Currency))
	case c.Amount.Minor != s.Amount.Minor:
		d.conflict(c, ConflictAmount, c.Receipt, fmt.Sprintf("%s came, %s was asked", c.Amount.Format(), s.Amount.Format()))
	}
}

func (c Weigh) confirm(d *decision) {
	s := d.before
	a, ok := s.Attempt(c.Attempt)
	if !ok || a.Confirmed {
		return
	}
	next := s.change(c.Attempt, c.At, func(a *Attempt) { a.Confirmed = true })
	credited, surplus := s.delta(next)
	var charge fee.Charge
	if !s.HasReceiptFor(c.Attempt) {
		charge = c.Terms.Of(s.Amount)
	}
	d.add(PaymentConfirmed{
		Reference: s.Reference, Attempt: c.Attempt, Door: c.Door, Credited: credited, Surplus: surplus,
		Method: a.Method, Digest: c.Digest, Terms: termsOf(c.Terms, charge), At: c.At,
	})
	if !s.HasReceiptFor(c.Attempt) && d.after.sources() > 1 {
		d.conflict(c, ConflictSecondReceipt, "", "another attempt was paid already")
	}
}

// reportFee keeps what the provider says that it took, where the ledger holds something else.
func (c Weigh) reportFee(d *decision) {
	p, ok := d.after.payment(c.Receipt)
	if !ok || c.Fee == nil || c.Fee.Currency != p.Amount.Currency || c.Fee.Minor < 0 {
		return
	}
	was := p.Charge.Provider + p.Charge.ProviderTax
	if c.Fee.Minor == was {
		return
	}
	terms := p.Terms
	// The provider names one sum. What the rules held as tax of it gives way.
	terms.Charge = fee.Charge{Currency: c.Fee.Currency, Provider: c.Fee.Minor - p.Charge.Provider, ProviderTax: -p.Charge.ProviderTax, Version: p.Charge.Version}
	d.add(ProviderFeeReported{
		Reference: d.before.Reference, Attempt: p.Attempt, Door: c.Door, Receipt: c.Receipt, Fee: *c.Fee,
		Was: money.Of(was, p.Amount.Currency), Digest: c.Digest, Terms: terms, At: c.At,
	})
}

// termsOf are the channel's terms as they stand in an event.
func termsOf(t fee.Terms, c fee.Charge) Terms {
	return Terms{Channel: t.Channel, Funds: t.Funds, Charge: c}
}

func (c Weigh) fail(d *decision) {
	a, ok := d.before.Attempt(c.Attempt)
	if !ok {
		return
	}
	f := Failure{Kind: failureKind(c.Door), Code: c.Code, FailureCode: c.FailureCode, Reason: c.Reason}
	if !f.outranks(a.Failure) {
		return
	}
	d.add(AttemptFailed{
		Reference: d.before.Reference, Attempt: c.Attempt, Door: c.Door, Code: c.Code, FailureCode: c.FailureCode,
		Reason: c.Reason, Subject: d.before.Subject, Named: named(c.CheckoutRequestID), Digest: c.Digest, At: c.At,
	})
}

// delta is what next adds to credited (never more than was asked in all) and to surplus.
func (s State) delta(next State) (credited, surplus money.Money) {
	c0, s0 := s.split()
	c1, s1 := next.split()
	cur := s.Amount.Currency
	return money.Of(c1-c0, cur), money.Of(s1-s0, cur)
}

func (s State) split() (credited, surplus int64) {
	if s.MergedInto != "" {
		return 0, 0
	}
	received := s.Received().Minor
	if received > s.Amount.Minor {
		return s.Amount.Minor, received - s.Amount.Minor
	}
	return received, 0
}

// decision collects events and the state that they lead to.
type decision struct {
	before, after State
	events        []domain.Event
}

func (d *decision) add(e domain.Event) {
	d.events = append(d.events, e)
	d.after = d.after.Evolve(e)
}

func (d *decision) conflict(c Weigh, kind ConflictKind, receipt, detail string) {
	if d.after.hasConflict(kind, receipt) {
		return
	}
	d.add(Conflicted{
		Reference: d.before.Reference, Attempt: c.Attempt, Kind: kind, Receipt: receipt, Detail: detail, Digest: c.Digest, At: c.At,
	})
}

// contradict keeps that a receipt which stands here already came again with another amount: the first one counts.
func (d *decision) contradict(c Weigh, p Payment) {
	switch {
	case c.Amount.Currency != p.Amount.Currency:
		d.conflict(c, ConflictCurrency, c.Receipt, fmt.Sprintf("the same receipt came with %s, and before with %s", c.Amount.Format(), p.Amount.Format()))
	case c.Amount.Minor != p.Amount.Minor:
		d.conflict(c, ConflictAmount, c.Receipt, fmt.Sprintf("the same receipt came with %s, and before with %s", c.Amount.Format(), p.Amount.Format()))
	}
}

// conclude says when the public status changed.
func (d *decision) conclude(at time.Time) {
	was, is := d.before.Status(), d.after.Status()
	if !d.before.Exists() {
		was = StatusPending
	}
	if was == is {
		return
	}
	s := d.after
	switch is {
	case StatusCompleted:
		d.add(Completed{Reference: s.Reference, Received: s.Received(), Method: s.Method(), Receipt: s.Receipt(), PaidAt: s.PaidAt(), At: at})
	case StatusFailed:
		code, reason, _ := s.Failure()
		d.add(Failed{Reference: s.Reference, FailureCode: code, Reason: reason, At: at})
	case StatusPending:
		// From failed to pending: too little money came after all. The events that say so stand already.
	}
}
