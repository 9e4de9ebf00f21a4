package commands

import (
	"context"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
)

// pointer is where a customer's number points.
type pointer struct{ Hash string }

// Evolve is the pointer after e.
func (p pointer) Evolve(e domain.Event) pointer {
	if e, ok := e.(customer.IDAssigned); ok {
		p.Hash = e.Hash
	}
	return p
}

// assignID points a number to its customer.
type assignID struct{ customer.IDAssigned }

// Decide points it once.
func (c assignID) Decide(p pointer) ([]domain.Event, error) {
	if p.Hash != "" {
		return nil, nil
	}
	return []domain.Event{c.IDAssigned}, nil
}

// AssignCustomerID makes a customer findable by number. It may run twice.
func (w *WriteSide) AssignCustomerID(ctx context.Context, e customer.Created, by By) error {
	by.Merchant = e.Merchant
	_, err := HandleNew[pointer](ctx, w, customer.IDStream(e.ID), assignID{customer.IDAssigned{
		ID: e.ID, Merchant: e.Merchant, Hash: e.Hash, At: w.log.Now(),
	}}, by)
	return err
}
