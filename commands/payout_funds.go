package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// FundsReactor is the name of the reactor that counts what payments add up to.
const FundsReactor = "funds"

// Bounds of counting at a request what the reactor has not counted yet.
const (
	countPatience = 5 * time.Second
	countChunk    = 1000
)

// errCounting is what a request hears that came while the count is far behind.
func errCounting(err error) error {
	return domain.Unavailable("What can be paid out is still being counted; try again", err)
}

// ChangesIn are what an event changes of what channels can pay out. Most change nothing, and most of those are told by their
// type.
func (w *WriteSide) ChangesIn(ctx context.Context, r eventstore.Record) ([]ledger.Change, error) {
	switch {
	case r.Type == "SuspenseReleased" || r.Type == "SuspenseRestored":
		return w.changesOfRelease(ctx, r)
	case !strings.HasPrefix(r.Stream, "transaction-") || movesNothing(r.Type):
		return nil, nil
	}
	var before transaction.State
	var changes []ledger.Change
	err := w.log.EachInStream(ctx, r.Stream, 0, func(e eventstore.Envelope) error {
		if e.Revision >= r.Revision {
			changes = ledger.Changes(ledger.OfTransaction(before, e.Event).Lines)
			return errEnough
		}
		before = before.Evolve(e.Event)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, asUnavailable(err)
	}
	return changes, nil
}

// changesOfRelease are what money changes that leaves suspense, or is back there: what is written off stays where it stands, and is nobody else's any more.
// What goes back, or to a transaction that enters it itself, changes nothing.
func (w *WriteSide) changesOfRelease(ctx context.Context, r eventstore.Record) ([]ledger.Change, error) {
	e, err := w.log.Decode(ctx, r)
	if err != nil {
		return nil, asUnavailable(err)
	}
	return slices.DeleteFunc(ledger.Changes(ledger.OfReceipt(e.Event).Lines), func(c ledger.Change) bool { return c.Standing == 0 && c.Owed == 0 }), nil
}

// errEnough ends the reading of a stream.
var errEnough = errors.New("enough")

// movesNothing tells the types of a payment's events that never make a posting, and are most of the log.
func movesNothing(eventType string) bool {
	switch eventType {
	case "TransactionInitialized", "StkPushRequested", "StkPushAccepted", "StkPushRejected", "CallbackReceived", "PaymentCompleted",
		"PaymentFailed", "TransactionExpired", "RefundAccepted", "RefundNoticeReceived":
		return true
	}
	return false
}

// CountFunds adds what events changed to the count of a channel, for the reactor. The entries are in the order of the log,
// without a gap since its checkpoint.
func (w *WriteSide) CountFunds(ctx context.Context, ch channel.ID, c money.Currency, entries []payout.Entry, by By) error {
	stream := payout.CountStream(ch, c)
	cmd := payout.CountUp{Channel: ch, Currency: c, Entries: entries, At: w.log.Now()}
	for range maxConflicts {
		known, err := w.lastCount(ctx, stream)
		if err != nil {
			return err
		}
		if _, again, err := decideAndAppend(ctx, w, stream, known, cmd, by); !again {
			return err
		}
	}
	return domain.Unavailable("Too many changes at once; try again", nil)
}

// lastCount is the newest count, which is all that has to be read of its stream.
func (w *WriteSide) lastCount(ctx context.Context, stream string) (Outcome[payout.Count], error) {
	out := Outcome[payout.Count]{Revision: eventstore.NoStream}
	records, err := w.log.Store().ReadStream(ctx, stream, eventstore.EndRevision, eventstore.Backward, 1)
	if errors.Is(err, eventstore.ErrStreamNotFound) {
		return out, nil
	}
	if err != nil {
		return out, asUnavailable(err)
	}
	for _, r := range records {
		e, err := w.log.Decode(ctx, r)
		if err != nil {
			return out, err
		}
		out.State, out.Revision, out.Position = out.State.Evolve(e.Event), e.Revision, e.Position
	}
	return out, nil
}

// countedNow is what a channel's payments add up to as of now: the newest count, and what the log says since. Errors:
// Unavailable when the reactor is too far behind for a request to wait.
func (w *WriteSide) countedNow(ctx context.Context, ch channel.State) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	// The checkpoint before the count: what the count lacks stands after any checkpoint that is older than it.
	at, err := fold[reaction.State](ctx, w.log, reaction.Stream(FundsReactor))
	if err != nil {
		return 0, err
	}
	known, err := w.lastCount(ctx, payout.CountStream(ch.ID, ch.Currency))
	if err != nil {
		return 0, err
	}
	head, err := w.log.Store().Head(ctx)
	if err != nil {
		return 0, asUnavailable(err)
	}
	count := known.State
	for from := eventstore.Position(max(at.State.Position, count.Through)); from < head; {
		records, err := w.log.Store().ReadAll(ctx, from, eventstore.Forward, countChunk)
		if err != nil {
			return 0, errCounting(err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			changes, err := w.ChangesIn(ctx, r)
			if err != nil {
				return 0, errCounting(err)
			}
			for _, c := range changes {
				if c.Channel == ch.ID && c.Currency == ch.Currency {
					count = count.With([]payout.Entry{{Position: uint64(r.Position), Standing: c.Standing, Owed: c.Owed}})
				}
			}
			from = r.Position
		}
	}
	return count.Of(ch.Funds), nil
}

// leftNow is what can be paid out of a channel: what its payments add up to, less what payouts have taken. Counting takes longer, so
// it comes first. Errors: Unavailable.
func (w *WriteSide) leftNow(ctx context.Context, ch channel.State) (int64, error) {
	counted, err := w.countedNow(ctx, ch)
	if err != nil {
		return 0, err
	}
	taken, err := fold[payout.Funds](ctx, w.log, payout.FundsStream(ch.ID, ch.Currency))
	return counted - taken.State.Taken(), err
}

// AccountPayout brings what a payout takes of its channel's money in line with what became of it. Two at once may have read it at
// different times, so that whoever wrote something looks again: the last to write has read the newest.
func (w *WriteSide) AccountPayout(ctx context.Context, ref payout.Reference, by By) error {
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	for err == nil && known.State.Exists() {
		var wrote bool
		if wrote, err = w.accountFor(ctx, known.State, by); err != nil || !wrote {
			return err
		}
		was := known.Revision
		if known, err = fold[payout.State](ctx, w.log, ref.Stream()); known.Revision == was {
			return err
		}
	}
	return err
}

func (w *WriteSide) accountFor(ctx context.Context, s payout.State, by By) (wrote bool, err error) {
	by.Merchant = s.Merchant
	out, err := Handle(ctx, w, payout.FundsStream(s.Channel, s.Amount.Currency), payout.Account{Channel: s.Channel, Payout: s, At: w.log.Now()}, by)
	return out.Wrote(), err
}

// SettleReservation gives up a payout that money was reserved for and that was never requested. done is false while the
// request may still be on its way.
func (w *WriteSide) SettleReservation(ctx context.Context, e payout.FundsReserved, by By) (done bool, err error) {
	if w.log.Now().Sub(e.At) < lostAfter {
		return false, nil
	}
	_, err = w.abandonPayout(ctx, e, by)
	return err == nil, err
}

// abandonPayout closes a payout's stream, so that it can't be requested any more, and then releases its money. What was requested already
// is left as it is.
func (w *WriteSide) abandonPayout(ctx context.Context, e payout.FundsReserved, by By) (Outcome[payout.State], error) {
	by.Merchant = e.Merchant
	out, err := Handle(ctx, w, e.Payout.Stream(), payout.Abandon{Reference: e.Payout, Merchant: e.Merchant, At: w.log.Now()}, by)
	if err != nil || out.State.Exists() {
		return out, err
	}
	s := out.State
	s.Reference, s.Merchant, s.Channel, s.Amount = e.Payout, e.Merchant, e.Channel, e.Amount
	_, err = w.accountFor(ctx, s, by)
	return out, err
}
