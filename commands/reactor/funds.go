package reactor

import (
	"context"
	"errors"
	"sync"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/eventstore"
)

// countWorth is how many events that change nothing are read before a checkpoint is worth an event of its own: a request for
// a payout reads what stands behind the checkpoint.
const countWorth = 20_000

// purse is a channel's money in a currency.
type purse struct {
	channel  int64
	currency money.Currency
}

// fundsCounter adds up what payments change of what channels can pay out. What it has read and not written down is read again
// after a crash, and never counted twice: each count says through which position it goes.
type fundsCounter struct {
	source *source

	mu      sync.Mutex
	pending map[purse][]payout.Entry
	passed  int // events that were read since the last checkpoint
}

func newFundsCounter() *fundsCounter {
	return &fundsCounter{source: &source{name: commands.FundsReactor}, pending: map[purse][]payout.Entry{}}
}

// onPayment notes what an event changes.
func (r *Reactor) onPayment(ctx context.Context, rec eventstore.Record) error {
	changes, err := r.Write.ChangesIn(ctx, rec)
	if err != nil {
		return err
	}
	f := r.funds
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passed++
	for _, c := range changes {
		p := purse{c.Channel, c.Currency}
		f.pending[p] = append(f.pending[p], payout.Entry{Position: uint64(rec.Position), Standing: c.Standing, Owed: c.Owed})
	}
	return nil
}

// take is what has been read and not written down, and the position up to which nothing else was.
func (f *fundsCounter) take() (through eventstore.Position, pending map[purse][]payout.Entry, passed int) {
	f.source.mu.Lock()
	through = f.source.seen // before what is pending, which may be ahead of it
	f.source.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	pending, passed = f.pending, f.passed
	f.pending, f.passed = map[purse][]payout.Entry{}, 0
	return through, pending, passed
}

// giveBack puts back what could not be written down, before what was read since.
func (f *fundsCounter) giveBack(pending map[purse][]payout.Entry, passed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passed += passed
	for p, entries := range pending {
		f.pending[p] = append(entries, f.pending[p]...)
	}
}

// countFunds writes down what has been read, and how far. An idle install writes nothing.
func (r *Reactor) countFunds(ctx context.Context) error {
	through, pending, passed := r.funds.take()
	if len(pending) == 0 && passed < countWorth || through == 0 {
		r.funds.giveBack(pending, passed)
		return nil
	}
	var failure error
	for p, entries := range pending {
		if err := r.Write.CountFunds(ctx, p.channel, p.currency, entries, by(r.funds.source.name, "")); err != nil {
			failure = errors.Join(failure, err)
			continue
		}
		delete(pending, p)
	}
	if failure == nil {
		_, failure = commands.Handle[reaction.State](ctx, r.Write, reaction.Stream(r.funds.source.name), reaction.Checkpoint{Checkpointed: reaction.Checkpointed{
			Reactor: r.funds.source.name, Position: uint64(through), At: r.Log.Now(),
		}}, by(r.funds.source.name, ""))
	}
	if failure != nil {
		r.funds.giveBack(pending, passed)
	}
	return failure
}
