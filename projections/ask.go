package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// Ask runs a question of any size over the tables, without what waits in memory, and calls row for each row of the answer.
// question is told the position up to which every row that events have changed is in its table; later rows may be there too,
// or not yet. Names of tables end in _gN. Errors: those of the driver, ErrNotServing, and row's own.
func (r *Reader) Ask(ctx context.Context, limit time.Duration, question func(whole eventstore.Position) (sql string, args []any), row func(driver.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	behind := pauses{}
	for {
		g := r.source.Generation()
		if g == 0 {
			return ErrNotServing
		}
		whole, err := readCheckpoint(ctx, r.conn, g)
		if err != nil {
			return err
		}
		sql, args := question(whole)
		began := false
		err = r.each(ctx, g.in(sql), args, func(rows driver.Rows) error {
			began = true
			return row(rows)
		})
		// A question that has given rows is not asked again.
		if !began && isUnknownTable(err) && r.source.Generation() != g {
			continue
		}
		if !began && isBehind(err) && behind.wait(ctx) == nil {
			continue
		}
		return withoutQuestion(err)
	}
}

// EventNames are the ids and types of the events at the positions, by position.
func (r *Reader) EventNames(ctx context.Context, positions []uint64) (map[uint64]EventName, error) {
	out := make(map[uint64]EventName, len(positions))
	if len(positions) == 0 {
		return out, nil
	}
	err := r.Ask(ctx, r.timeout, func(eventstore.Position) (string, []any) {
		return "SELECT position, toString(id), type FROM kipay.events_gN WHERE position IN {positions:Array(UInt64)}",
			[]any{clickhouse.Named("positions", positions)}
	}, func(rows driver.Rows) error {
		var at uint64
		var n EventName
		err := rows.Scan(&at, &n.ID, &n.Type)
		out[at] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("name events: %w", err)
	}
	return out, nil
}

// EventName is an event's id and type.
type EventName struct{ ID, Type string }

// RecordedAt is when the last event at or before the position was recorded, the zero time where there is none.
func (r *Reader) RecordedAt(ctx context.Context, at eventstore.Position) (time.Time, error) {
	var out time.Time
	err := r.Ask(ctx, r.timeout, func(eventstore.Position) (string, []any) {
		return "SELECT recorded_at FROM kipay.events_gN WHERE position <= {at:UInt64} ORDER BY position DESC LIMIT 1",
			[]any{clickhouse.Named("at", uint64(at))}
	}, func(rows driver.Rows) error { return rows.Scan(&out) })
	if err != nil {
		return time.Time{}, fmt.Errorf("find when position %d was recorded: %w", at, err)
	}
	return out.UTC(), nil
}
