package transaction

import (
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
)

// RefundStatus is what merchants see of a refund.
type RefundStatus string

// The statuses of a refund.
const (
	RefundPending RefundStatus = "pending"
	RefundDone    RefundStatus = "completed"
	RefundRefused RefundStatus = "failed"
)

// Refund is money that goes back, or went.
type Refund struct {
	RefundRequested
	Status     RefundStatus
	Accepted   bool
	Unknown    bool
	ProviderID string
	// Receipt is the provider's, of the refund; the payment's is in RefundRequested.
	RefundReceipt string
	Came          money.Money // what the provider says that went back; zero before
	RefundedAt    time.Time
	Failure       *Failure
	// Attention is why a person has to look, empty when nobody has to.
	Attention string
	// Door is through which it became known how it ended, empty before.
	Door Door
}

// Answered tells whether the provider's answer to the request is known, be it that it was lost.
func (r Refund) Answered() bool { return r.Accepted || r.Unknown || r.Status != RefundPending }

// Reversal is money that the provider took back without having been asked by us.
type Reversal struct {
	Receipt, Original string
	Amount            money.Money
	At                time.Time
}

// RefundOf is the refund of that number.
func (s State) RefundOf(id int64) (Refund, bool) {
	for _, r := range s.Refunds {
		if r.Refund == id {
			return r, true
		}
	}
	return Refund{}, false
}

// Refunded is what has gone back: refunds that are done, and what the provider took back.
func (s State) Refunded() money.Money {
	total := money.Of(0, s.Amount.Currency)
	for _, r := range s.Refunds {
		if r.Status == RefundDone {
			total = total.Add(r.Came)
		}
	}
	for _, r := range s.Reversals {
		total = total.Add(r.Amount)
	}
	return total
}

// Refundable is what can still be given back: what came, less what has gone back or is about to, by a refund or a dispute. It may be below zero, where
// the provider gave back what had failed, or took back what was refunded too.
func (s State) Refundable() money.Money {
	left := s.Received().Minor - s.Refunded().Minor
	for _, r := range s.Refunds {
		if r.Status == RefundPending {
			left -= r.Amount.Minor
		}
	}
	return money.Of(left-s.promisedToDisputes(), s.Amount.Currency)
}

// GivesBack tells whether money of it has gone back, or is about to.
func (s State) GivesBack() bool {
	return len(s.Reversals) > 0 || slices.ContainsFunc(s.Refunds, func(r Refund) bool { return r.Status != RefundRefused })
}

// surplusLeft is how much of what came beyond what was asked has not gone back, nor is about to.
func (s State) surplusLeft() int64 {
	left := s.Surplus.Minor
	for _, r := range s.Refunds {
		if r.Status != RefundRefused {
			left -= r.Surplus.Minor
		}
	}
	for _, r := range s.reversedSurplus {
		left -= r
	}
	return max(left, 0)
}

// outOfSurplus is how much of an amount that goes back comes out of the surplus: that is the payer's first.
func (s State) outOfSurplus(m money.Money) money.Money {
	return money.Of(min(m.Minor, s.surplusLeft()), m.Currency)
}

// SurplusOf is how much of a refund is of the surplus if it has gone back: of one that was taken for failed, what others have left of it.
func (s State) SurplusOf(r Refund) money.Money {
	if r.Status == RefundRefused {
		return money.Of(min(r.Surplus.Minor, s.surplusLeft()), r.Amount.Currency)
	}
	return r.Surplus
}

// evolveRefund is the state after an event about money that goes back.
func (s State) evolveRefund(e domain.Event) State {
	switch e := e.(type) {
	case RefundRequested:
		s.Refunds = append(s.Refunds[:len(s.Refunds):len(s.Refunds)], Refund{RefundRequested: e, Status: RefundPending, Came: money.Of(0, e.Amount.Currency)})
		s.UpdatedAt = e.At
	case RefundAccepted:
		s = s.changeRefund(e.Refund, e.At, func(r *Refund) { r.Accepted, r.ProviderID = true, e.ProviderID })
	case RefundOutcomeUnknown:
		s = s.changeRefund(e.Refund, e.At, func(r *Refund) { r.Unknown = true })
	case RefundCompleted:
		before := s
		s = s.changeRefund(e.Refund, e.At, func(r *Refund) {
			r.Surplus = before.SurplusOf(*r)
			r.Status, r.RefundReceipt, r.Came, r.RefundedAt, r.Failure, r.Attention = RefundDone, e.Receipt, e.Amount, e.RefundedAt, nil, ""
			r.Door = e.Door
		})
	case RefundFailed:
		s = s.changeRefund(e.Refund, e.At, func(r *Refund) {
			r.Status, r.Attention, r.Came = RefundRefused, "", money.Of(0, r.Amount.Currency)
			r.Door, r.RefundReceipt, r.RefundedAt = e.Door, "", time.Time{}
			r.Failure = &Failure{Code: e.Code, FailureCode: e.FailureCode, Reason: e.Reason, At: e.At}
		})
	case RefundNeedsAttention:
		s = s.changeRefund(e.Refund, e.At, func(r *Refund) { r.Attention = e.Why })
	case RefundNoticeReceived:
		s.digests = append(s.digests[:len(s.digests):len(s.digests)], e.Digest)
	case PaymentReversed:
		s.Reversals = append(s.Reversals[:len(s.Reversals):len(s.Reversals)], Reversal{e.Receipt, e.Original, e.Amount, e.ReversedAt})
		s.reversedSurplus = append(s.reversedSurplus[:len(s.reversedSurplus):len(s.reversedSurplus)], e.Surplus.Minor)
		s.UpdatedAt = e.At
		if id, ok := dispute.FromReceipt(e.Receipt); ok {
			s = s.promise(id, money.Money{}, e.At) // it is taken now
		}
	default:
		s = s.evolveDispute(e)
	}
	return s
}

func (s State) changeRefund(id int64, at time.Time, fn func(*Refund)) State {
	s.Refunds = slices.Clone(s.Refunds)
	for i := range s.Refunds {
		if s.Refunds[i].Refund == id {
			fn(&s.Refunds[i])
			s.UpdatedAt = at
		}
	}
	return s
}

// RequestRefund announces that money is given back. Amount is all that is left when it is zero.
type RequestRefund struct {
	Refund int64
	Name   string
	Amount money.Money
	Way    RefundWay
	// Receipt is that of the payment, and Phone who is paid where the way is a payout.
	Receipt string
	Phone   string
	Reason  string
	Terms   Terms
	At      time.Time
}

// Decide announces it once. Errors: NotFound; Conflict while the payment isn't completed or is a part of another; Invalid on
// amount when it is more than is left, so that two that arrive at once never give back more than was paid.
func (c RequestRefund) Decide(s State) ([]domain.Event, error) {
	if r, ok := s.RefundOf(c.Refund); ok {
		if c.Amount.Minor != 0 && r.Amount != c.Amount {
			return nil, domain.Conflictf("refund %d was requested with another amount", c.Refund)
		}
		return nil, nil
	}
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("transaction not found")
	case s.MergedInto != "":
		return nil, domain.Conflictf("This payment is a part of %s: refund that one", s.MergedInto)
	case s.Status() != StatusCompleted:
		return nil, domain.Conflictf("Only a completed payment can be refunded")
	}
	left := s.Refundable()
	if c.Amount.Minor == 0 {
		c.Amount = left
	}
	switch {
	case !left.IsPositive():
		return nil, domain.Invalid("amount", "is more than is left: nothing is left to refund")
	case c.Amount.Currency != s.Amount.Currency:
		return nil, domain.Invalid("amount", "must be in "+string(s.Amount.Currency))
	case !c.Amount.IsPositive():
		return nil, domain.Invalid("amount", "must be more than zero")
	case c.Amount.Minor > left.Minor:
		return nil, domain.Invalid("amount", "is more than is left: "+left.Format())
	}
	if err := s.checkWay(c.Receipt, c.Amount); err != nil {
		return nil, err
	}
	return []domain.Event{RefundRequested{
		Reference: s.Reference, Refund: c.Refund, Name: c.Name, Amount: c.Amount, Surplus: s.outOfSurplus(c.Amount), Way: c.Way,
		Receipt: c.Receipt, Subject: s.Subject, Phone: domain.Personal(c.Phone), Reason: domain.Personal(c.Reason), Terms: c.Terms, At: c.At,
	}}, nil
}

// AcceptRefund notes that the provider took the request.
type AcceptRefund struct {
	Refund     int64
	ProviderID string
	Raw        string
	At         time.Time
}

// Decide notes it once. Errors: NotFound.
func (c AcceptRefund) Decide(s State) ([]domain.Event, error) {
	r, ok := s.RefundOf(c.Refund)
	switch {
	case !ok:
		return nil, domain.NotFoundf("refund not found")
	case r.Accepted:
		return nil, nil
	}
	return []domain.Event{RefundAccepted{
		Reference: s.Reference, Refund: c.Refund, Subject: s.Subject, ProviderID: c.ProviderID, Raw: domain.Personal(c.Raw), At: c.At,
	}}, nil
}

// LoseRefund notes that the answer to the request was lost.
type LoseRefund struct {
	Refund int64
	Detail string
	At     time.Time
}

// Decide notes it once, unless the answer is known. Errors: NotFound.
func (c LoseRefund) Decide(s State) ([]domain.Event, error) {
	r, ok := s.RefundOf(c.Refund)
	switch {
	case !ok:
		return nil, domain.NotFoundf("refund not found")
	case r.Answered():
		return nil, nil
	}
	return []domain.Event{RefundOutcomeUnknown{Reference: s.Reference, Refund: c.Refund, Detail: c.Detail, At: c.At}}, nil
}

// FlagRefund hands a refund to a person.
type FlagRefund struct {
	Refund int64
	Why    string
	At     time.Time
}

// Decide flags it unless it has failed or is flagged for the same. Errors: NotFound.
func (c FlagRefund) Decide(s State) ([]domain.Event, error) {
	r, ok := s.RefundOf(c.Refund)
	switch {
	case !ok:
		return nil, domain.NotFoundf("refund not found")
	case r.Status == RefundRefused || r.Attention == c.Why:
		return nil, nil
	}
	return []domain.Event{RefundNeedsAttention{Reference: s.Reference, Refund: c.Refund, Why: c.Why, At: c.At}}, nil
}

// WeighRefund lets what a provider said of a refund count. Repeating it decides nothing.
type WeighRefund struct {
	Refund int64
	Door   Door
	// Raw are the provider's words, with their digest; empty when they stand already.
	Raw, Digest string
	// Done says that the money has gone back, Refused that it has not. Neither is no news.
	Done, Refused             bool
	Receipt                   string
	Amount                    *money.Money // nil when the provider doesn't say: what was requested
	RefundedAt                time.Time
	Code, FailureCode, Reason string
	At                        time.Time
}

// Decide keeps the words, and what they change: done is final to a provider, failed only until it says that it was done after
// all. Word that it was not done after word that it was, another amount than was promised, and more back than was paid are for
// a person. Errors: NotFound.
func (c WeighRefund) Decide(s State) ([]domain.Event, error) {
	r, ok := s.RefundOf(c.Refund)
	if !ok {
		return nil, domain.NotFoundf("refund not found")
	}
	if c.Raw != "" && s.Has(c.Digest) {
		return nil, nil // it has been weighed
	}
	var events []domain.Event
	if c.Raw != "" && len(s.digests) < maxNotices {
		events = append(events, RefundNoticeReceived{
			Reference: s.Reference, Refund: c.Refund, Subject: s.Subject, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.At,
		})
	}
	attention := func(why string) {
		if why != r.Attention {
			events = append(events, RefundNeedsAttention{Reference: s.Reference, Refund: c.Refund, Why: why, At: c.At})
		}
	}
	taken, counted := s.countedAs(r, c.Receipt)
	switch {
	case c.Done && r.Status != RefundDone && counted:
		attention("the provider says that it went back, and it is counted already, with receipt " + taken)
	case c.Done && r.Status != RefundDone:
		amount := r.Amount
		if c.Amount != nil && c.Amount.Currency == amount.Currency && c.Amount.IsPositive() {
			amount = *c.Amount
		}
		events = append(events, RefundCompleted{
			Reference: s.Reference, Refund: c.Refund, Door: c.Door, Receipt: c.Receipt, Amount: amount, RefundedAt: c.RefundedAt,
			Digest: c.Digest, Terms: r.Terms, At: c.At,
		})
		// What went back is counted as it is said, and a person hears of what can't be right.
		r.Attention = ""
		after := s.Evolve(events[len(events)-1])
		switch {
		case amount != r.Amount:
			attention("the provider says that " + amount.Format() + " went back, of the " + r.Amount.Format() + " that were promised")
		case after.Refunded().Minor > after.Received().Minor:
			attention("with this one " + after.Refunded().Format() + " went back, of " + after.Received().Format() + " that came")
		case r.Door == DoorOperator && c.Door != DoorOperator:
			attention("the provider says that it went back; a person had found that it did not")
		}
	case c.Done && r.isFoundElse(c):
		attention("the provider names the receipt " + c.Receipt + "; a person had found " + r.RefundReceipt)
	case c.Refused && r.Status == RefundDone && r.Door == DoorOperator && c.Door != DoorOperator:
		attention("the provider says that it did not go back; a person had found that it did: " + c.Reason)
	case c.Refused && r.Status == RefundDone && c.Door != DoorOperator:
		attention("the provider says that it went back, and that it did not: " + c.Reason)
	case c.Refused && r.Status != RefundRefused:
		events = append(events, RefundFailed{
			Reference: s.Reference, Refund: c.Refund, Door: c.Door, Code: c.Code, FailureCode: c.FailureCode, Reason: c.Reason,
			Digest: c.Digest, Terms: r.Terms, At: c.At,
		})
	}
	return events, nil
}

// NoteRefundNotice keeps a provider's word that there is news about money that goes back; what it is has to be asked.
type NoteRefundNotice struct {
	Door        Door
	Raw, Digest string
	At          time.Time
}

// Decide keeps it once. Errors: NotFound.
func (c NoteRefundNotice) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("transaction not found")
	case s.Has(c.Digest) || len(s.digests) >= maxNotices:
		return nil, nil
	}
	return []domain.Event{RefundNoticeReceived{
		Reference: s.Reference, Subject: s.Subject, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.At,
	}}, nil
}

// RecordReversal records that the provider took money back without having been asked by us.
type RecordReversal struct {
	Door              Door
	Receipt, Original string
	Amount            money.Money
	ReversedAt        time.Time
	Raw, Digest       string
	At                time.Time
}

// Decide records it once, under the provider's receipt of it, and under the payment that it takes back. Errors: NotFound.
func (c RecordReversal) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("transaction not found")
	}
	p, ok := s.payment(c.Original)
	if !ok || c.Receipt == "" || !c.Amount.IsPositive() || c.Amount.Currency != s.Amount.Currency {
		return nil, nil // nothing that could be counted once
	}
	for _, r := range s.Reversals {
		if r.Receipt == c.Receipt {
			return nil, nil
		}
	}
	for _, r := range s.Refunds {
		if r.RefundReceipt == c.Receipt || r.isReversedAs(c) {
			return nil, nil // it was ours
		}
	}
	if r, ok := s.settledReversal(c); ok { // and so was this
		return WeighRefund{
			Refund: r.Refund, Door: c.Door, Raw: c.Raw, Digest: c.Digest, Done: true, Receipt: c.Receipt, Amount: &c.Amount, RefundedAt: c.ReversedAt, At: c.At,
		}.Decide(s)
	}
	var events []domain.Event
	if c.Raw != "" && !s.Has(c.Digest) && len(s.digests) < maxNotices {
		events = append(events, RefundNoticeReceived{
			Reference: s.Reference, Subject: s.Subject, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.At,
		})
	}
	terms := p.Terms
	terms.Charge = Terms{}.Charge
	return append(events, PaymentReversed{
		Reference: s.Reference, Door: c.Door, Receipt: c.Receipt, Original: c.Original, Amount: c.Amount, Surplus: s.outOfSurplus(c.Amount),
		ReversedAt: c.ReversedAt, Digest: c.Digest, Terms: terms, At: c.At,
	}), nil
}
