package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

// EventFilter says which of a merchant's events are meant. Empty fields are no condition.
type EventFilter struct {
	MerchantID int64
	// Mode leaves out what belongs to the other mode: see eventModes.
	Mode                             domain.Mode
	Stream, Type, Actor, Correlation string
	// From and To bound occurred_at, both included.
	From, To *time.Time
	// After is the position of the last event seen, AsOf that of the last one wanted.
	After, AsOf eventstore.Position
	Limit       uint64
}

// Events are a merchant's events as they stand in the log, oldest first, the first Limit after After.
func (r *Reader) Events(ctx context.Context, f EventFilter) ([]eventstore.Record, error) {
	conditions := []string{
		"merchant_id = {merchant:Int64}", "mode IN ('', {mode:String})", "position > {after:UInt64}", "position <= {asof:UInt64}",
	}
	args := []any{
		clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("mode", string(f.Mode)),
		clickhouse.Named("after", uint64(f.After)), clickhouse.Named("asof", uint64(f.AsOf)), clickhouse.Named("limit", f.Limit),
	}
	for _, c := range []struct{ column, name, value string }{
		{"stream", "stream", f.Stream}, {"type", "type", f.Type}, {"actor", "actor", f.Actor}, {"correlation_id", "correlation", f.Correlation},
	} {
		if c.value != "" {
			conditions = append(conditions, c.column+" = {"+c.name+":String}")
			args = append(args, clickhouse.Named(c.name, c.value))
		}
	}
	if f.From != nil {
		conditions, args = append(conditions, "occurred_at >= {from:DateTime64(3,'UTC')}"), append(args, millisArg("from", within(*f.From)))
	}
	if f.To != nil {
		conditions, args = append(conditions, "occurred_at <= {to:DateTime64(3,'UTC')}"), append(args, millisArg("to", within(*f.To)))
	}
	var out []eventstore.Record
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		// Rows are never changed: one that was written twice is the same twice, and stands side by side.
		sql := g.in("SELECT position, stream, revision, id, type, recorded_at, data, metadata FROM kipay.events_gN WHERE " +
			strings.Join(conditions, " AND ") + " ORDER BY position LIMIT 1 BY position LIMIT {limit:UInt64}")
		return r.each(ctx, sql, args, func(rows driver.Rows) error {
			var e eventstore.Record
			var position uint64
			var revision int64
			var data, metadata string
			err := rows.Scan(&position, &e.Stream, &revision, &e.ID, &e.Type, &e.RecordedAt, &data, &metadata)
			e.Position, e.Revision, e.RecordedAt = eventstore.Position(position), eventstore.Revision(revision), e.RecordedAt.UTC()
			e.Data, e.Metadata = []byte(data), []byte(metadata)
			out = append(out, e)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return out, nil
}
