package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// queryTimeout bounds the small queries of the projector.
const queryTimeout = 10 * time.Second

// readCheckpoint is how far the generation has come, zero when it has no checkpoint yet.
func readCheckpoint(ctx context.Context, conn driver.Conn, g Generation) (eventstore.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var position uint64
	err := conn.QueryRow(ctx, `SELECT max(position) FROM kipay.checkpoints WHERE generation = {generation:UInt32}`,
		clickhouse.Named("generation", uint32(g))).Scan(&position)
	if err != nil {
		return 0, fmt.Errorf("read the checkpoint of generation %d: %w", g, err)
	}
	return eventstore.Position(position), nil
}

// checkpointsInto is where a checkpoint is stored: everything at or before a position is in a generation's tables.
const checkpointsInto = "kipay.checkpoints (generation, position, stored_at)"

// storePosition stores a position of the generation, as of now, in a table with its columns.
func storePosition(ctx context.Context, conn driver.Conn, into string, g Generation, at eventstore.Position) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := conn.Exec(ctx, "INSERT INTO "+into+`
		SELECT {generation:UInt32}, {position:UInt64}, {at:DateTime64(3,'UTC')}`,
		clickhouse.Named("generation", uint32(g)), clickhouse.Named("position", uint64(at)),
		clickhouse.DateNamed("at", time.Now(), clickhouse.MilliSeconds)); err != nil {
		return fmt.Errorf("store how far generation %d is in %s: %w", g, into, err)
	}
	return nil
}

// storeCheckpoint makes durable what was inserted, where that is ours to do, and then says how far it reaches.
func (p *Projector) storeCheckpoint(ctx context.Context, g Generation, at eventstore.Position) error {
	if err := p.movePending(ctx, g); err != nil {
		return err
	}
	if p.options.Sync != nil {
		if err := p.options.Sync(ctx); err != nil {
			return fmt.Errorf("sync before a checkpoint: %w", err)
		}
	}
	return storePosition(ctx, p.conn, checkpointsInto, g, at)
}

// prepare makes the generation's tables ready to be written by this projector.
func (p *Projector) prepare(ctx context.Context, g Generation) error {
	switch {
	case p.options.Sync != nil:
		// The checkpoints sync what was inserted. Merges still sync what they write, because they remove what a checkpoint has
		// relied on.
		if err := p.set(ctx, g, "fsync_after_insert = 0, fsync_part_directory = 0"); err != nil {
			return err
		}
	case p.options.Cluster == "":
		// Replicated tables do so unasked.
		if err := p.set(ctx, g, "non_replicated_deduplication_window = "+tokensKept); err != nil {
			return err
		}
	}
	return p.makeMemory(ctx, g)
}

// tokensKept is how many blocks of a table ClickHouse knows again. A write is tried again before the next one of its table,
// by each projector.
const tokensKept = "100"

// set changes settings of the generation's tables.
func (p *Projector) set(ctx context.Context, g Generation, settings string) error {
	all, err := generationTables(ctx, p.conn)
	if err != nil {
		return err
	}
	for _, table := range all[g] {
		if besides(table) {
			continue
		}
		// The name comes from generationTables, which lets only names of this form through.
		if err := p.conn.Exec(ctx, "ALTER TABLE kipay."+table+" MODIFY SETTING "+settings); err != nil {
			return fmt.Errorf("set %s: %w", table, err)
		}
	}
	return nil
}
