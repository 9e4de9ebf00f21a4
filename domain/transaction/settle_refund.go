package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// DoorOperator is a person who looked up what became of a refund.
const DoorOperator Door = "operator"

// What a person gives as evidence, and a provider's receipt, are at most so long.
const (
	maxEvidence      = 2000 // characters
	maxRefundReceipt = 64
)

// OutcomeUnknown tells whether the answer to the request was lost, and nothing is known since.
func (r Refund) OutcomeUnknown() bool { return r.Status == RefundPending && r.Unknown && !r.Accepted }

// WantsPerson tells whether a person has to find out what became of a refund, or has to look at it for another reason.
func (r Refund) WantsPerson() bool { return r.OutcomeUnknown() || r.Attention != "" }

// SettleRefund is a person's word for what became of a refund that nothing final is known of, or about which something can't be
// right, with the evidence for it.
type SettleRefund struct {
	Refund     int64
	Done       bool
	Receipt    string // the provider's of the refund, where the money has gone back
	Evidence   string // where it was seen: a statement's line, an answer of the provider's support
	Digest     string // of the evidence
	RefundedAt time.Time
	At         time.Time
}

// Decide lets it count as the provider's word would. Where it is so already and a person has to look, the evidence says that one
// has; where it is taken for done, a person may find that it is not. Errors: NotFound; Invalid on evidence, receipt and paid_at; Conflict when the provider was not
// asked yet, or still may answer, or what became of it is known to be something else.
func (c SettleRefund) Decide(s State) ([]domain.Event, error) {
	r, ok := s.RefundOf(c.Refund)
	if !ok {
		return nil, domain.NotFoundf("refund not found")
	}
	known := r.Status == RefundRefused && !c.Done ||
		r.Status == RefundDone && c.Done && (c.Receipt == "" || r.RefundReceipt == "" || c.Receipt == r.RefundReceipt)
	switch {
	case known && r.Attention == "":
		return nil, nil
	case known:
	case r.Status == RefundDone && (r.Attention == "" || c.Done):
		return nil, domain.Conflictf("This refund is completed, with receipt %s", receiptOrNone(r.RefundReceipt))
	case r.Status == RefundRefused && r.Door != DoorOperator:
		return nil, domain.Conflictf("The provider says that this refund failed: %s", r.Failure.Reason)
	case r.Status == RefundPending && !r.Answered():
		return nil, domain.Conflictf("This refund is about to be sent: nothing is known to have gone wrong")
	case r.Status == RefundPending && !r.WantsPerson():
		return nil, domain.Conflictf("The provider has taken this refund and may still say what became of it: you are told when it needs you")
	}
	if err := c.check(s, r, known); err != nil {
		return nil, err
	}
	var events []domain.Event
	if !s.Has(c.Digest) {
		events = append(events, RefundNoticeReceived{
			Reference: s.Reference, Refund: c.Refund, Subject: s.Subject, Door: DoorOperator, Digest: c.Digest, Raw: domain.Personal(c.Evidence), At: c.At,
		})
	}
	if known { // it was looked at, and is so
		return append(events, RefundNeedsAttention{Reference: s.Reference, Refund: c.Refund, At: c.At}), nil
	}
	w := WeighRefund{
		Refund: c.Refund, Door: DoorOperator, Digest: c.Digest, Done: c.Done, Refused: !c.Done, Receipt: c.Receipt, RefundedAt: c.RefundedAt, At: c.At,
	}
	if !c.Done {
		w.FailureCode, w.Reason = "settled_by_person", "A person found that the money has not gone back"
	}
	weighed, err := w.Decide(s)
	return append(events, weighed...), err
}

// check refuses what can't be evidence, and what would count money twice.
func (c SettleRefund) check(s State, r Refund, known bool) error {
	var p domain.Problems
	if n := len([]rune(c.Evidence)); n == 0 || n > maxEvidence {
		p.Add("evidence", "must have 1 to 2000 characters")
	}
	if c.Done && !known {
		if !isRefundReceipt(c.Receipt) {
			p.Add("receipt", "is required: the provider's receipt of the refund")
		}
		switch {
		case c.RefundedAt.After(c.At):
			p.Add("paid_at", "must not be in the future")
		case c.RefundedAt.Before(r.At.Truncate(time.Minute)):
			p.Add("paid_at", "must not be before the refund was asked for")
		}
	}
	if err := p.Err(); err != nil || !c.Done || known {
		return err
	}
	if taken, ok := s.countedAs(r, c.Receipt); ok {
		return domain.Conflictf("That money is counted already, with receipt %s: say that this refund failed, or it would count twice", taken)
	}
	if c.Receipt == r.RefundRequested.Receipt {
		return domain.Invalid("receipt", "is the payment's: give that of the refund")
	}
	return nil
}

func isRefundReceipt(s string) bool {
	if s == "" || len(s) > maxRefundReceipt {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// receiptOrNone is a receipt, or that the provider has not told it.
func receiptOrNone(receipt string) string {
	if receipt == "" {
		return "unknown"
	}
	return receipt
}

// countedAs is the receipt under which the money of a refund is counted already, as a reversal or another refund: its own, or
// where Daraja reverses the payment that of another time, since a payment is reversed once.
func (s State) countedAs(r Refund, receipt string) (string, bool) {
	p, ok := s.payment(r.RefundRequested.Receipt)
	whole := ok && r.Way == RefundByReversal && r.Amount == p.Amount
	for _, back := range s.Reversals {
		if receipt != "" && back.Receipt == receipt || whole && back.Original == p.Receipt && back.Amount == r.Amount {
			return back.Receipt, true
		}
	}
	for _, other := range s.Refunds {
		if other.Refund == r.Refund || other.Status != RefundDone {
			continue
		}
		again := whole && other.Way == r.Way && other.RefundRequested.Receipt == p.Receipt && other.Amount == r.Amount
		if receipt != "" && other.RefundReceipt == receipt || again {
			return receiptOrNone(other.RefundReceipt), true
		}
	}
	return "", false
}

// settledReversal is the refund whose end a person has given and that a reversal is.
func (s State) settledReversal(c RecordReversal) (Refund, bool) {
	for _, r := range s.Refunds {
		if r.Door == DoorOperator && r.Way == RefundByReversal && r.RefundRequested.Receipt == c.Original {
			return r, true
		}
	}
	return Refund{}, false
}

// isReversedAs tells whether a reversal is what the refund did, of which the provider has not told the receipt: a payment is reversed once.
func (r Refund) isReversedAs(c RecordReversal) bool {
	return r.Status == RefundDone && r.RefundReceipt == "" && r.Way == RefundByReversal && r.RefundRequested.Receipt == c.Original && r.Came == c.Amount
}

// isFoundElse tells whether the provider names another receipt of a refund than a person found. A person can't know Paystack's.
func (r Refund) isFoundElse(c WeighRefund) bool {
	return r.Status == RefundDone && r.Door == DoorOperator && c.Door != DoorOperator && r.Way != RefundByPaystack &&
		c.Receipt != "" && c.Receipt != r.RefundReceipt
}
