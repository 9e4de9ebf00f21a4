package commands

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
)

// approvePayout is a second person's yes to a payout, with a key that is for it.
func (w *WriteSide) approvePayout(c *fiber.Ctx) error {
	return w.decidePayout(c, "payouts/approve", []string{domain.ScopeApprove}, func(b *body) (decision, error) {
		return func(by By, _ payout.State) (domain.Command[payout.State], error) {
			return payout.Approve{By: by.Actor, At: w.log.Now()}, nil
		}, b.Err()
	})
}

// rejectPayout stops a payout before anything is sent: that harms nobody, so that either person may.
func (w *WriteSide) rejectPayout(c *fiber.Ctx) error {
	return w.decidePayout(c, "payouts/reject", []string{domain.ScopeWrite, domain.ScopeApprove}, func(b *body) (decision, error) {
		reason := b.text("reason", maxDescription)
		return func(by By, _ payout.State) (domain.Command[payout.State], error) {
			return payout.Reject{By: by.Actor, Reason: reason, At: w.log.Now()}, nil
		}, b.Err()
	})
}

// recordPayout says that a person made the transfer.
func (w *WriteSide) recordPayout(c *fiber.Ctx) error {
	return w.decidePayout(c, "payouts/record", []string{domain.ScopeWrite}, func(b *body) (decision, error) {
		bankReference, day := b.required("bank_reference", maxReference), b.required("value_date", maxReference)
		who, _ := domain.CallerFrom(c.UserContext())
		return func(by By, _ payout.State) (domain.Command[payout.State], error) {
			return w.recordAs(by, bankReference, day, who.TimeZone)
		}, b.Err()
	})
}

// recordAs is the command that records a transfer of a day, which begins when it does in the time zone. Errors: Invalid on
// value_date.
func (w *WriteSide) recordAs(by By, bankReference, day, zoneName string) (domain.Command[payout.State], error) {
	if zoneName == "" {
		zoneName = merchant.DefaultTimeZone
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return nil, err
	}
	date, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return nil, domain.Invalid("value_date", "must be a date such as 2025-04-30")
	}
	return payout.Record{By: by.Actor, BankReference: bankReference, ValueDate: date, Zone: zone, At: w.log.Now()}, nil
}

// decision is what a person says of a payout.
type decision func(by By, s payout.State) (domain.Command[payout.State], error)

// decidePayout carries out what a person says of a payout of the caller's, whose key has one of the scopes.
func (w *WriteSide) decidePayout(c *fiber.Ctx, route string, scopes []string, read func(b *body) (decision, error)) error {
	who, by, err := callerWith(c, scopes...)
	if err != nil {
		return err
	}
	ref, ok := payout.ParseReference(strings.Clone(c.Params("reference"))) // Fiber uses the memory again
	if !ok {
		return domain.NotFoundf("payout not found")
	}
	b := &body{}
	if len(c.Body()) > 0 {
		if b, err = readBody(c); err != nil {
			return err
		}
	}
	decide, err := read(b)
	if err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, route+" "+string(ref), b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, route, "", func(ctx context.Context, _ intent) (answer, error) {
		known, err := fold[payout.State](ctx, w.log, ref.Stream())
		if err != nil {
			return answer{}, err
		}
		if s := known.State; !s.Exists() || s.Merchant != who.MerchantID || s.Mode != who.Mode {
			return answer{}, domain.NotFoundf("payout not found")
		}
		cmd, err := decide(by, known.State)
		if err != nil {
			return answer{}, err
		}
		out, err := Handle(ctx, w, ref.Stream(), cmd, by)
		if err != nil {
			return answer{}, err
		}
		at = out.Position
		return answer{Status: fiber.StatusOK, Subject: out.State.SubjectName(), Body: answerPayout(out.State)}, nil
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// PayoutPolicy is what goes for a merchant's payouts; merchant 0 has the install's alone.
func (w *WriteSide) PayoutPolicy(ctx context.Context, id merchant.ID) (payout.Policy, error) {
	var p payout.Policy
	install, err := fold[payout.Limits](ctx, w.log, payout.PolicyStream(0))
	if err != nil {
		return p, err
	}
	p.Install = install.State
	if id != 0 {
		own, err := fold[payout.Limits](ctx, w.log, payout.PolicyStream(id))
		if err != nil {
			return p, err
		}
		p.Own = own.State
	}
	return p, nil
}

// SetPayoutPolicy sets above which amount a second person has to agree, for the operator: for one merchant, or with merchant
// 0 for all that have no limit of their own. Errors: NotFound; Invalid on limit.
func (w *WriteSide) SetPayoutPolicy(ctx context.Context, id merchant.ID, limit money.Money) error {
	if id != 0 {
		m, err := fold[merchant.State](ctx, w.log, merchant.Stream(id))
		if err != nil {
			return err
		}
		if !m.State.Exists() {
			return domain.NotFoundf("merchant %d not found", id)
		}
	}
	_, err := Handle(ctx, w, payout.PolicyStream(id), payout.SetPolicy{Merchant: id, Limit: limit, At: w.log.Now()}, By{Actor: byOperator, Merchant: id})
	return err
}

// PayoutSaid is what the operator says of a payout: one of the verbs approve, reject, record, settle and fail.
type PayoutSaid struct {
	Verb                     string
	Reason                   string    // of reject
	BankReference, ValueDate string    // of record
	Receipt, Evidence        string    // of settle; Evidence of fail too
	PaidAt                   time.Time // of settle; now where it is zero
}

// DecidePayout carries out what the operator says of a payout. Errors: NotFound, Conflict, Invalid.
func (w *WriteSide) DecidePayout(ctx context.Context, ref payout.Reference, said PayoutSaid) (payout.State, error) {
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil {
		return payout.State{}, err
	}
	if !known.State.Exists() {
		return payout.State{}, domain.NotFoundf("payout not found")
	}
	by, now := By{Actor: byOperator, Merchant: known.State.Merchant}, w.log.Now()
	var cmd domain.Command[payout.State]
	switch said.Verb {
	case "approve":
		cmd = payout.Approve{By: by.Actor, At: now}
	case "reject":
		cmd = payout.Reject{By: by.Actor, Reason: said.Reason, At: now}
	case "record":
		m, err := fold[merchant.State](ctx, w.log, merchant.Stream(known.State.Merchant))
		if err != nil {
			return payout.State{}, err
		}
		if cmd, err = w.recordAs(by, said.BankReference, said.ValueDate, m.State.TimeZone); err != nil {
			return payout.State{}, err
		}
	case "settle", "fail":
		if err := w.unusedReceipt(ctx, known.State, said.Receipt); err != nil {
			return payout.State{}, err
		}
		at := said.PaidAt.UTC()
		if said.PaidAt.IsZero() {
			at = now
		}
		cmd = payout.Settle{
			Paid: said.Verb == "settle", Receipt: said.Receipt, Evidence: said.Evidence,
			Digest: w.derive.hash("payout evidence", string(ref), said.Verb, said.Receipt, said.Evidence), PaidAt: at, At: now,
		}
	default:
		return payout.State{}, domain.Invalid("verb", "must be approve, reject, record, settle or fail")
	}
	out, err := Handle(ctx, w, ref.Stream(), cmd, by)
	return out.State, err
}

// unusedReceipt makes sure that no other payout of the merchant's has the receipt: a provider's receipt is of one payment. Errors: Invalid on
// receipt.
func (w *WriteSide) unusedReceipt(ctx context.Context, p payout.State, receipt string) error {
	if receipt == "" {
		return nil
	}
	return w.EachPayout(ctx, p.Merchant, func(other payout.State) error {
		if other.Reference != p.Reference && other.Status == payout.Paid && strings.EqualFold(other.Receipt, receipt) {
			return domain.Invalid("receipt", "is that of "+string(other.Reference))
		}
		return nil
	})
}

// EachPayout calls fn with every payout of a merchant, by channel and currency and oldest first, until fn fails. It is read from the
// log. Errors: NotFound.
func (w *WriteSide) EachPayout(ctx context.Context, id merchant.ID, fn func(payout.State) error) error {
	m, err := fold[merchant.State](ctx, w.log, merchant.Stream(id))
	if err != nil {
		return err
	}
	if !m.State.Exists() {
		return domain.NotFoundf("merchant %d not found", id)
	}
	for _, chID := range m.State.Channels {
		for _, c := range money.Currencies() {
			err = w.log.EachInStream(ctx, payout.FundsStream(chID, c), 0, func(e eventstore.Envelope) error {
				reserved, ok := e.Event.(payout.FundsReserved)
				if !ok {
					return nil
				}
				known, err := fold[payout.State](ctx, w.log, reserved.Payout.Stream())
				if err != nil || !known.State.Exists() {
					return err
				}
				return fn(known.State)
			})
			if err != nil {
				return asUnavailable(err)
			}
		}
	}
	return nil
}
