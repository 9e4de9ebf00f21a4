package commands

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/benfex/kipay/domain/ids"
)

// Sizes of the blocks that ids are drawn from: small while little happens, so that a restart skips little; larger when a
// block is used up within blockTurnover.
const (
	firstBlock    = 16
	largestBlock  = 8192
	blockTurnover = 2 * time.Second
)

// idDrawer draws ids of one kind.
type idDrawer struct {
	kind   ids.Kind
	mu     sync.Mutex
	next   int64
	last   int64
	size   int64
	filled time.Time
}

// draw answers the next id. Ids drawn and not used are skipped for ever.
func (w *WriteSide) draw(ctx context.Context, kind ids.Kind) (int64, error) {
	d := w.drawers[kind]
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next == 0 || d.next > d.last {
		now := w.log.Now()
		switch {
		case kind == ids.Merchant || kind == ids.Channel:
			d.size = 1 // made one by one, by people; nobody should wonder where number 2 is
		case d.size == 0:
			d.size = firstBlock
		case now.Sub(d.filled) < blockTurnover:
			d.size = min(d.size*4, largestBlock)
		default:
			d.size = max(d.size/2, firstBlock)
		}
		// The block is everybody's: a caller that goes away must not lose it for those who wait.
		out, err := Handle[ids.State](context.WithoutCancel(ctx), w, ids.Stream(kind), ids.Reserve{Kind: kind, Size: d.size, At: now}, By{Actor: "node"})
		if err != nil {
			return 0, fmt.Errorf("draw a %s id: %w", kind, err)
		}
		d.next, d.last, d.filled = out.State.From, out.State.Last, now
	}
	id := d.next
	d.next++
	return id, nil
}
