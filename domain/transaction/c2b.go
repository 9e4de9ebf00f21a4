package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// ReceiveC2B opens a transaction for money that a customer sent without being asked, and counts it when the door it came
// through is one that only the provider knows.
type ReceiveC2B struct {
	Open     Initialized // Origin FromC2B, Amount what came
	Door     Door
	Digest   string
	Raw      string
	Receipt  string
	PaidAt   time.Time
	Trusted  bool
	Terms    fee.Terms // of the channel that the money came through
	Received time.Time
}

// Decide opens it, or confirms one that stands unconfirmed. A repetition decides nothing.
func (c ReceiveC2B) Decide(s State) ([]domain.Event, error) {
	d := decision{before: s, after: s}
	if !s.Exists() {
		d.add(c.Open)
	}
	s = d.after
	if !s.Has(c.Digest) && len(s.digests) < maxNotices {
		d.add(CallbackReceived{
			Reference: s.Reference, Subject: s.Subject, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.Received,
		})
	}
	p, known := s.payment(c.Receipt)
	switch {
	case !c.Trusted || s.MergedInto != "":
	case known:
		d.contradict(Weigh{Evidence: Evidence{Receipt: c.Receipt, Amount: c.Open.Amount, Digest: c.Digest}, At: c.Received}, p)
	default:
		s = s.asked(c.Open.Amount)
		next := s
		next.Payments = append(s.Payments[:len(s.Payments):len(s.Payments)], Payment{Receipt: c.Receipt, Amount: c.Open.Amount})
		credited, surplus := s.delta(next)
		d.add(PaymentReceived{
			Reference: s.Reference, Door: c.Door, Receipt: c.Receipt, Amount: c.Open.Amount, Credited: credited, Surplus: surplus,
			Method: MethodMpesaC2B, PaidAt: c.PaidAt, Subject: s.Subject, Digest: c.Digest, Terms: termsOf(c.Terms, c.Terms.Of(c.Open.Amount)), At: c.Received,
		})
	}
	d.conclude(c.Received)
	return d.events, nil
}

// Merge makes the transaction a part of the one that asked for its money.
type Merge struct {
	Into    Reference
	Receipt string
	// Counted says that the other has counted the money already, whatever became of it here.
	Counted bool
	At      time.Time
}

// Decide merges once, and takes back what was credited here: it is credited there. Errors: Conflict when it isn't a
// payment that stood alone, or holds money of another receipt, which would be hidden, or money of it goes back, which the
// other would give back again.
func (c Merge) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("transaction not found")
	}
	if s.MergedInto != "" {
		return nil, nil
	}
	if s.Origin != FromC2B || c.Into == "" || c.Into == s.Reference {
		return nil, domain.Conflictf("transaction %s can't become a part of %s", s.Reference, c.Into)
	}
	for _, p := range s.Payments {
		if p.Receipt != c.Receipt {
			return nil, domain.Conflictf("transaction %s holds receipt %s too", s.Reference, p.Receipt)
		}
	}
	if s.GivesBack() && !c.Counted {
		return nil, domain.Conflictf("transaction %s gives money back: it can't become a part of %s", s.Reference, c.Into)
	}
	cur := s.Amount.Currency
	var back Terms
	if len(s.Payments) > 0 {
		back = s.Payments[0].Terms
		back.Charge = back.Charge.Negative()
	}
	return []domain.Event{Merged{
		Reference: s.Reference, Into: c.Into, Receipt: c.Receipt,
		Credited: money.Of(-s.Credited.Minor, cur), Surplus: money.Of(-s.Surplus.Minor, cur), Terms: back, At: c.At,
	}}, nil
}
