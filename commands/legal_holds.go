package commands

import (
	"context"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/retention"
)

// holdPointer is where a hold's number points.
type holdPointer struct {
	Hash     string
	Merchant int64
}

// Evolve is the pointer after e.
func (p holdPointer) Evolve(e domain.Event) holdPointer {
	if e, ok := e.(customer.HoldNumbered); ok {
		p.Hash, p.Merchant = e.Hash, e.Merchant
	}
	return p
}

// numberHold points a number to a customer.
type numberHold struct{ customer.HoldNumbered }

// Decide points it once.
func (c numberHold) Decide(p holdPointer) ([]domain.Event, error) {
	if p.Hash != "" {
		return nil, nil
	}
	return []domain.Event{c.HoldNumbered}, nil
}

// StandingHold is a legal hold that stands.
type StandingHold struct {
	Hold       int64  `json:"hold"`
	CustomerID int64  `json:"customer_id"`
	MerchantID int64  `json:"merchant_id"`
	Reason     string `json:"reason"`
	PlacedAt   string `json:"placed_at"`
}

// PlaceHold keeps a customer from being erased, for the operator, and answers the hold's number. Errors: NotFound; Invalid on
// reason; Conflict when the customer is erased.
func (w *WriteSide) PlaceHold(ctx context.Context, id customer.ID, reason string) (int64, error) {
	known, err := w.customerOf(ctx, 0, id)
	if err != nil {
		return 0, err
	}
	cmd := customer.PlaceHold{Reason: reason, At: w.log.Now()}
	if _, err := cmd.Decide(known.State); err != nil { // before a number is drawn
		return 0, err
	}
	if cmd.Hold, err = w.draw(ctx, ids.Hold); err != nil {
		return 0, err
	}
	by := By{Actor: byOperator, Merchant: known.State.Merchant}
	if _, err := HandleNew[holdPointer](ctx, w, customer.HoldStream(cmd.Hold), numberHold{customer.HoldNumbered{
		Hold: cmd.Hold, Merchant: known.State.Merchant, Hash: known.State.Hash, At: cmd.At,
	}}, by); err != nil {
		return 0, err
	}
	return cmd.Hold, w.changeCustomer(ctx, known.State.Hash, cmd, by)
}

// ReleaseHold ends a hold, for the operator. An erasure that it kept from being carried out is, if nothing else does. Errors: NotFound.
func (w *WriteSide) ReleaseHold(ctx context.Context, number int64) error {
	p, err := fold[holdPointer](ctx, w.log, customer.HoldStream(number))
	if err != nil {
		return err
	}
	return w.changeCustomer(ctx, p.State.Hash, customer.ReleaseHold{Hold: number, At: w.log.Now()}, By{Actor: byOperator, Merchant: p.State.Merchant})
}

func (w *WriteSide) changeCustomer(ctx context.Context, hash string, cmd domain.Command[customer.State], by By) error {
	stream := customer.Stream(hash)
	out, err := Handle[customer.State](ctx, w, stream, cmd, by)
	w.customers.drop(stream, out.Revision)
	return err
}

// EachHold calls fn with every hold that stands, by number.
func (w *WriteSide) EachHold(ctx context.Context, fn func(StandingHold) error) error {
	blocks, err := fold[ids.State](ctx, w.log, ids.Stream(ids.Hold))
	if err != nil {
		return err
	}
	for number := int64(1); number <= blocks.State.Last; number++ {
		p, err := fold[holdPointer](ctx, w.log, customer.HoldStream(number))
		if err != nil {
			return err
		}
		if p.State.Hash == "" {
			continue
		}
		known, err := fold[customer.State](ctx, w.log, customer.Stream(p.State.Hash))
		if err != nil {
			return err
		}
		for _, h := range known.State.Holds {
			if h.Number != number {
				continue
			}
			if err := fn(StandingHold{number, known.State.ID, known.State.Merchant, h.Reason, stamp(h.At)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Retention are the rules by which data about payments is kept.
func (w *WriteSide) Retention(ctx context.Context) (retention.State, error) {
	out, err := fold[retention.State](ctx, w.log, retention.Stream)
	return out.State.Current(), err
}

// SetRetention sets the years of rules, for the operator. Errors: Invalid, naming the rule.
func (w *WriteSide) SetRetention(ctx context.Context, years map[string]int) (retention.State, error) {
	out, err := Handle[retention.State](ctx, w, retention.Stream, retention.Set{Years: years, At: w.log.Now()}, By{Actor: byOperator})
	return out.State.Current(), err
}
