package readapi

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

const originC2B = string(transaction.FromC2B)

// truth is the transaction that the path names, as it is now: from the projector's memory when it is completed there and
// no older than what the caller has seen, else folded from the log. Errors: NotFound, also when it belongs to another
// merchant or to the other mode, so that nobody learns whether a reference exists; Unavailable when the log is away.
func (a *api) truth(c *fiber.Ctx, who domain.Caller) (projections.Transaction, error) {
	none := projections.Transaction{}
	ref, ok := transaction.ParseReference(strings.Clone(c.Params("reference"))) // Fiber uses the memory again
	if !ok {
		return none, notFound()
	}
	least, err := a.floor(c, who)
	if err != nil {
		return none, err
	}
	t, ok := a.Projection.Completed(string(ref), least)
	if !ok {
		if t, err = foldTransaction(c.UserContext(), a.Log, ref); err != nil {
			return none, err
		}
	}
	if t.Reference == "" || t.MerchantID != who.MerchantID || (who.Mode != "" && t.Mode != who.Mode) {
		return none, notFound()
	}
	return t, nil
}

// foldTransaction is the transaction as its events say, zero when there are none.
func foldTransaction(ctx context.Context, log *eventstore.Log, ref transaction.Reference) (projections.Transaction, error) {
	var s transaction.State
	var at eventstore.Position
	var revision eventstore.Revision
	err := log.EachInStream(ctx, ref.Stream(), 0, func(e eventstore.Envelope) error {
		s, at, revision = s.Evolve(e.Event), e.Position, e.Revision
		return nil
	})
	switch {
	case err != nil:
		return projections.Transaction{}, logAway(err)
	case !s.Exists():
		return projections.Transaction{}, nil
	}
	return projections.TransactionOf(s, at, revision), nil
}

func notFound() error { return domain.NotFoundf("Transaction not found") }
