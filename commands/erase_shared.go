package commands

import (
	"bytes"
	"context"
	"slices"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/retention"
	"github.com/benfex/kipay/eventstore"
)

// othersAgainst is what stands against an erasure because another customer with the same phone must be kept, and a key that would be
// destroyed seals what is known of both: a payment from that phone, or a statement's line about it. Whoever keeps the one keeps that,
// too; else opening a second customer and erasing that would go round a hold. It is of the first such customer, held ones before others.
func (w *WriteSide) othersAgainst(ctx context.Context, s customer.State, all belongings, rules retention.State, cmd customer.Erase) ([]customer.Obstacle, error) {
	if len(all.trail.Phones) == 0 || len(all.payments) == 0 && len(all.lines) == 0 {
		return nil, nil
	}
	others, err := w.sharing(ctx, s, all.trail.Phones)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		its, err := w.findAllOf(ctx, other)
		if err != nil {
			return nil, err
		}
		if !all.overlap(its) {
			continue
		}
		var out []customer.Obstacle
		for _, h := range other.Holds {
			out = append(out, customer.Obstacle{Kind: customer.ObstacleHold, Hold: h.Number, Customer: other.ID})
		}
		for _, k := range rules.Until(its.last, cmd.At) {
			if !slices.ContainsFunc(cmd.Against, func(own customer.Obstacle) bool { return own.Rule == k.Name && !own.Until.Before(k.Until) }) {
				out = append(out, customer.Obstacle{Kind: customer.ObstacleRetention, Rule: k.Name, Years: k.Years, Until: k.Until, Customer: other.ID})
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

// sharing are the merchant's other customers who have, or had, one of the phones, and are not erased: held ones first.
func (w *WriteSide) sharing(ctx context.Context, s customer.State, phones []string) ([]customer.State, error) {
	hashes, err := w.customersWith(ctx, s.Merchant, phones)
	if err != nil {
		return nil, err
	}
	var out []customer.State
	for _, hash := range hashes {
		if hash == s.Hash {
			continue
		}
		known, err := fold[customer.State](ctx, w.log, customer.Stream(hash))
		if err != nil {
			return nil, err
		}
		if o := known.State; o.Exists() && !o.Erased && o.Started == nil {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b customer.State) int {
		if held := len(a.Holds) > 0; held != (len(b.Holds) > 0) {
			if held {
				return -1
			}
			return 1
		}
		return int(a.ID - b.ID)
	})
	return out, nil
}

// customersWith are the hashes of the customers with one of the phones: by the index, or where this node has none in the log.
func (w *WriteSide) customersWith(ctx context.Context, merchantID int64, phones []string) ([]string, error) {
	if w.Payments != nil {
		hashes, err := w.Payments.CustomersWith(ctx, merchantID, phones) // it knows all of now: the payments were looked up in it
		if err != nil {
			return nil, domain.Unavailable("Customers with the same phone can't be looked up right now; try again", err)
		}
		return hashes, nil
	}
	var out []string
	add := func(hash string, p customer.Person) {
		if slices.Contains(phones, string(p.Phone)) && !slices.Contains(out, hash) {
			out = append(out, hash)
		}
	}
	created, updated := customer.Created{}.EventType(), customer.Updated{}.EventType()
	ofMerchant := []byte(`"merchant_id":` + itoa(merchantID) + `,`)
	err := w.eachRecord(ctx, func(r *eventstore.Record) bool {
		return (r.Type == created || r.Type == updated) && bytes.Contains(r.Data, ofMerchant)
	}, func(env eventstore.Envelope) {
		switch e := env.Event.(type) {
		case customer.Created:
			add(e.Hash, e.Person)
		case customer.Updated:
			add(e.Hash, e.Person)
		}
	})
	return out, err
}
