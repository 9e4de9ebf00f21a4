package commands

import (
	"context"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/receipt"
)

const (
	// pullSettles is how long a payment's own doors and the status query have before its absence here is news. Where pushes are
	// asked after for less, it is that.
	pullSettles = 5 * time.Minute
	// pullOverlap is how far a list reaches back into the one before it: Daraja doesn't say how soon a payment is listed.
	pullOverlap = time.Hour
)

// Puller asks Daraja for the payments of the channels that are to be pulled, and compares a list with the books when it shows money
// that they don't have. It remembers how far it came in memory only: the first time it asks for all that Daraja keeps. It is for
// one goroutine.
type Puller struct {
	w        *WriteSide
	channels map[channel.ID]*pullMemory
}

// pullMemory is what a Puller remembers of a channel.
type pullMemory struct {
	until time.Time            // how far the last list went
	told  map[string]time.Time // receipts that a comparison has dealt with as far as it could, and when they were paid
}

// NewPuller is a Puller that has not asked yet.
func (w *WriteSide) NewPuller() *Puller {
	return &Puller{w: w, channels: map[channel.ID]*pullMemory{}}
}

// Pull asks for the payments of every channel that is to be pulled, also of one that takes no new payments. What one channel's
// provider says is no other's business: it is logged. The error is only ever that the log can't be read.
func (p *Puller) Pull(ctx context.Context, by By) error {
	return p.w.EachMerchant(ctx, func(m merchant.State) error {
		for _, id := range m.Channels {
			ch, err := p.w.channels.get(ctx, p.w.log, channel.Stream(id))
			if err != nil {
				return err
			}
			if !ch.State.Pulls {
				delete(p.channels, id)
				continue
			}
			if err := p.pull(ctx, ch.State, by); err != nil && ctx.Err() == nil {
				p.w.Logger.Warn().Int64("channel", id).Err(err).Msg("the payments of a channel could not be pulled and compared; it is tried again")
			}
		}
		return ctx.Err()
	})
}

// pull asks for those of one channel.
func (p *Puller) pull(ctx context.Context, ch channel.State, by By) error {
	w, now := p.w, p.w.log.Now()
	memory := p.channels[ch.ID]
	if memory == nil {
		memory = &pullMemory{told: map[string]time.Time{}}
		p.channels[ch.ID] = memory
	}
	from := now.Add(-mpesa.PullWindow)
	if since := memory.until.Add(-pullOverlap); since.After(from) {
		from = since
	}
	period, err := pullPeriod(from, now.Add(-min(pullSettles, w.PushWindow)), now)
	if err != nil {
		return err
	}
	rows, err := w.pullList(ctx, ch, period, nil)
	if err != nil {
		return err
	}
	missed, err := w.missedOf(ctx, ch, rows, memory.told)
	if err != nil {
		return err
	}
	if len(missed) > 0 {
		by.Merchant = ch.Merchant
		f := StatementFile{Merchant: ch.Merchant, Mode: ch.Mode(), Channel: ch.ID}
		done, err := w.comparePulled(ctx, f, rows, period, by, nil)
		if err != nil {
			return err
		}
		w.Logger.Info().Int64("channel", ch.ID).Int64("import", done.ID).Int("missed", len(missed)).Int("open", done.Open).
			Msg("M-Pesa lists payments that the books did not have; they were compared")
	}
	memory.until = period.Until
	for number, at := range memory.told {
		if at.Before(from) {
			delete(memory.told, number)
		}
	}
	for _, r := range missed {
		memory.told[r.Receipt] = r.At
	}
	return nil
}

// missedOf are the payments of a list whose receipts nothing here knows of, and that are not among those told.
func (w *WriteSide) missedOf(ctx context.Context, ch channel.State, rows []statement.Pulled, told map[string]time.Time) ([]statement.Pulled, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	var missed []statement.Pulled
	for _, row := range rows {
		if _, known := told[row.Receipt]; known || !row.Payment || !receipt.Valid(row.Receipt) {
			continue
		}
		g.Go(func() error {
			r, err := fold[receipt.State](ctx, w.log, receipt.Stream(ch.ReceiptScope(), row.Receipt))
			if s := r.State; err == nil && s.Owner == "" && s.Suspense == nil && s.Released == nil && s.Trusted == nil {
				mu.Lock()
				defer mu.Unlock()
				missed = append(missed, row)
			}
			return err
		})
	}
	return missed, g.Wait()
}
