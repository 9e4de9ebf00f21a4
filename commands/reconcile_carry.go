package commands

import (
	"context"
	"fmt"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// AcceptedDifference is a difference of another import that somebody has accepted as it is.
type AcceptedDifference struct {
	Item     int64
	Identity string
	Amount   int64 // minor units
}

// carryOver accepts what was accepted before, where statements overlap: the same line or entry, by the same amount. Every other decision is
// in the books, so that an overlapping statement has nothing left to decide.
func (c *comparison) carryOver(ctx context.Context, by By) error {
	imp := c.imp
	open := map[string]journal.Item{}
	for n := 1; n <= imp.Len(); n++ {
		if i, _ := imp.Item(n); i.State == reconciliation.Open && i.Action == "" && i.Decisions == 0 { // what was reopened here is a person's
			open[i.Identity] = i
		}
	}
	if len(open) == 0 || c.w.Books == nil {
		return nil
	}
	accepted, err := c.w.Books.Accepted(ctx, BooksQuery{Merchant: imp.Merchant, Mode: imp.Mode, Channel: imp.Channel}, imp.Source, imp.ID)
	if err != nil {
		return fmt.Errorf("look for what was accepted before: %w", err)
	}
	for _, a := range accepted {
		i, ok := open[a.Identity]
		if !ok || i.Amount.Minor != a.Amount {
			continue
		}
		c.known, err = handleFrom(ctx, c.w, journal.Stream(c.job.id), c.known, journal.Resolve{Resolved: journal.Resolved{
			ID: c.job.id, Subject: imp.Subject, Reason: domain.Personal(fmt.Sprintf("It was accepted before, as difference %d", a.Item)), At: c.w.log.Now(),
			Resolutions: []journal.Resolution{{N: i.N, Action: journal.Accept}},
		}}, by)
		if err != nil {
			return err
		}
		delete(open, a.Identity)
	}
	c.imp = c.known.State
	return nil
}
