package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// Checkpoints are stored every three seconds and wait for the archive. A list on a node that doesn't project can't wait so
// long for what its caller has just written, so where there may be such nodes a projector also tells, soon after each write,
// how far lists have come. Each projector tells it of its own rows after they are written, and starts from a checkpoint:
// whichever tells most is right, however many there are.

// progressEvery is how often it is told while events keep coming; after a lone event it is told at once.
const progressEvery = 100 * time.Millisecond

// progressInto is where it is told: lists of a generation show everything at or before a position.
const progressInto = "kipay.progress (generation, position, told_at)"

// progressSQL asks for the generation that serves, the layout of its tables, and how far its lists are known to have come.
const progressSQL = `WITH (SELECT (generation, layout) FROM kipay.generations WHERE state = 'serving' ORDER BY sequence DESC LIMIT 1) AS serving
SELECT toUInt32(ifNull(serving.1, 0)), toUInt32(ifNull(serving.2, 0)), max(position)
FROM (SELECT generation, position FROM kipay.checkpoints UNION ALL SELECT generation, position FROM kipay.progress)
WHERE generation = serving.1`

// readProgress is the generation that serves and how far its lists have come, at least. Errors: errNoGeneration, errOtherLayout.
func readProgress(ctx context.Context, conn driver.Conn) (Generation, eventstore.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var g, built uint32
	var at uint64
	if err := conn.QueryRow(ctx, progressSQL).Scan(&g, &built, &at); isUnknownTable(err) {
		return 0, 0, errNoGeneration
	} else if err != nil {
		return 0, 0, fmt.Errorf("read how far the lists are: %w", err)
	}
	switch {
	case g == 0:
		return 0, 0, errNoGeneration
	case built != layout:
		return 0, 0, fmt.Errorf("%w: layout %d, this one reads %d", errOtherLayout, built, layout)
	}
	return Generation(g), eventstore.Position(at), nil
}

// teller tells the progress of a loop. Used by its goroutine alone.
type teller struct {
	told, telling eventstore.Position
	busy          bool
	at            time.Time // when it was last told
	done          chan error
}

// tell begins to tell how far the lists are, where somebody may want to know and it is due, and answers when to look again
// if that is before wake.
func (f *follower) tell(ctx context.Context, now time.Time, wake time.Duration) time.Duration {
	t := &f.teller
	if f.p.buffered() || t.busy || f.lane.position <= t.told {
		return wake
	}
	if wait := t.at.Add(progressEvery).Sub(now); wait > 0 {
		return min(wake, wait)
	}
	t.telling, t.busy, t.at = f.lane.position, true, now
	g, at := f.lane.generation, t.telling
	go func() { t.done <- storePosition(ctx, f.p.conn, progressInto, g, at) }()
	return wake
}

// tellEnded takes in the end of it. What failed is told again soon.
func (f *follower) tellEnded(ctx context.Context, err error) {
	f.teller.busy = false
	if err == nil {
		f.teller.told = f.teller.telling
	} else if ctx.Err() == nil {
		f.p.retried(err)
	}
}
