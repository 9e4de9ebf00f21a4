package commands

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
)

// dueList are the erasures that fall due in a month.
type dueList struct{ hashes []string }

// Evolve is the list after e.
func (l dueList) Evolve(e domain.Event) dueList {
	if e, ok := e.(customer.ErasureDue); ok {
		l.hashes = append(l.hashes[:len(l.hashes):len(l.hashes)], e.Hash)
	}
	return l
}

// addDue lists one.
type addDue struct{ customer.ErasureDue }

// Decide lists it once.
func (c addDue) Decide(l dueList) ([]domain.Event, error) {
	if slices.Contains(l.hashes, c.Hash) {
		return nil, nil
	}
	return []domain.Event{c.ErasureDue}, nil
}

// listDue lists the schedule that the command is about to write, so that none is written that nobody finds.
func (w *WriteSide) listDue(ctx context.Context, s customer.State, cmd customer.Erase, by By) error {
	events, err := cmd.Decide(s)
	if err != nil {
		return err
	}
	for _, e := range events {
		due, ok := e.(customer.ErasureScheduled)
		if !ok {
			continue
		}
		if _, err := Handle[dueList](ctx, w, customer.DueStream(due.Due), addDue{customer.ErasureDue{
			Merchant: due.Merchant, Hash: due.Hash, At: w.log.Now(),
		}}, by); err != nil {
			return err
		}
	}
	return nil
}

// How far back schedules are looked for that should have been carried out, and how far ahead when the rules have changed.
const (
	monthsBack  = 10 * 12
	monthsAhead = 60 * 12
)

// CarryOutDue carries out the scheduled erasures that are due, or where all is true looks at every schedule: the rules have changed.
// One against which something stands stays scheduled. It may be run at any time.
func (w *WriteSide) CarryOutDue(ctx context.Context, all bool, by By) error {
	now := w.log.Now()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := 0
	if all {
		last = monthsAhead
	}
	var failed error
	for month := -monthsBack; month <= last; month++ {
		list, err := fold[dueList](ctx, w.log, customer.DueStream(first.AddDate(0, month, 0)))
		if err != nil {
			return err
		}
		for _, hash := range list.State.hashes {
			failed = errors.Join(failed, w.carryOut(ctx, hash, all, by))
		}
	}
	return failed
}

// CarryOutErasure carries out a customer's scheduled erasure if nothing stands against it any more, due or not: a hold was released.
func (w *WriteSide) CarryOutErasure(ctx context.Context, hash string, by By) error {
	return w.carryOut(ctx, hash, true, by)
}

func (w *WriteSide) carryOut(ctx context.Context, hash string, early bool, by By) error {
	known, err := fold[customer.State](ctx, w.log, customer.Stream(hash))
	if err != nil {
		return err
	}
	s := known.State.Scheduled
	if s == nil || !early && w.log.Now().Before(s.Due) {
		return nil
	}
	by.Merchant = known.State.Merchant
	_, _, err = w.erase(ctx, known, EraseOrder{Reason: string(s.Reason), Schedule: true, Mode: s.Mode, carriesOut: true}, by)
	if domain.CodeOf(err) == domain.CodeForbidden { // a key for tests asked for it, and real money moved since
		_, err = Handle[customer.State](ctx, w, customer.Stream(hash), customer.CancelErasure{At: w.log.Now()}, by)
		w.customers.drop(customer.Stream(hash), known.Revision+1)
	}
	return err
}
