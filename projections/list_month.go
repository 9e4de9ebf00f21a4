package projections

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
)

const (
	// monthEventsPage and monthEntriesPage are how many are read at once: a month is much larger than the engine's memory.
	monthEventsPage  = 2000
	monthEntriesPage = 20_000
)

// MonthFilter says which of a merchant's events and entries make up a month.
type MonthFilter struct {
	MerchantID int64
	Mode       domain.Mode
	Month      period.Month
	// From is the month's first moment, Until the first after it.
	From, Until time.Time
	// AsOf is the position up to which the month's books go.
	AsOf eventstore.Position
	// LateAfter is where the month before was closed: what happened before From and came after it belongs here. 0 when it is open.
	LateAfter eventstore.Position
	// Streams are taken whole, up to AsOf.
	Streams []string
}

func (f *MonthFilter) args() []any {
	late := uint64(math.MaxUint64)
	if f.LateAfter != 0 {
		late = uint64(f.LateAfter)
	}
	return []any{
		clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("mode", string(f.Mode)), clickhouse.Named("month", uint32(f.Month)),
		clickhouse.Named("asof", uint64(f.AsOf)), clickhouse.Named("late", late), clickhouse.Named("streams", f.Streams),
		millisArg("from", within(f.From)), millisArg("until", within(f.Until)),
	}
}

// MonthEvents calls yield with each event of a month, in the order of the log, as it stands there: what happened in it, what made
// entries that are booked in it, the streams of the filter, and what came too late for a closed month before. The event at AsOf, by
// which the month was closed, is one too. RecordedAt is not told.
func (r *Reader) MonthEvents(ctx context.Context, f MonthFilter, yield func(*eventstore.Record) error) error {
	positions, err := r.monthPositions(ctx, f)
	for err == nil && len(positions) > 0 {
		page := positions[:min(len(positions), monthEventsPage)]
		positions = positions[len(page):]
		var records []eventstore.Record
		if records, err = r.eventsAt(ctx, f.MerchantID, page); err != nil {
			break
		}
		for i := range records {
			if err := yield(&records[i]); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return fmt.Errorf("read a month's events: %w", err)
	}
	return nil
}

// monthPositions are where the events of a month are: little, so that what they hold can be read piece by piece.
func (r *Reader) monthPositions(ctx context.Context, f MonthFilter) (positions []uint64, err error) {
	err = r.Ask(ctx, booksTimeout, func(eventstore.Position) (string, []any) {
		return `SELECT position FROM kipay.events_gN
			WHERE merchant_id = {merchant:Int64} AND position <= {asof:UInt64} AND (
				mode IN ('', {mode:String}) AND (
					occurred_at >= {from:DateTime64(3,'UTC')} AND occurred_at < {until:DateTime64(3,'UTC')}
					OR occurred_at < {from:DateTime64(3,'UTC')} AND position > {late:UInt64}
					OR stream IN {streams:Array(String)}
					OR position = {asof:UInt64} AND type = 'PeriodClosed')
				OR position GLOBAL IN (SELECT position FROM kipay.ledger_entries_gN
					WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND position <= {asof:UInt64} AND period = {month:UInt32}))
			ORDER BY position`, f.args()
	}, func(rows driver.Rows) error {
		var at uint64
		err := rows.Scan(&at)
		if n := len(positions); n == 0 || positions[n-1] != at { // a row that was written twice is the same twice
			positions = append(positions, at)
		}
		return err
	})
	return positions, err
}

// eventsAt are the merchant's events at the positions, which rise.
func (r *Reader) eventsAt(ctx context.Context, merchantID int64, positions []uint64) ([]eventstore.Record, error) {
	out := make([]eventstore.Record, 0, len(positions))
	err := r.Ask(ctx, booksTimeout, func(eventstore.Position) (string, []any) {
		args := []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("positions", positions), clickhouse.Named("first", positions[0]),
			clickhouse.Named("last", positions[len(positions)-1]),
		}
		return `SELECT position, stream, revision, id, type, data, metadata FROM kipay.events_gN
			WHERE merchant_id = {merchant:Int64} AND position >= {first:UInt64} AND position <= {last:UInt64} AND position IN {positions:Array(UInt64)}
			ORDER BY position LIMIT 1 BY position`, args
	}, func(rows driver.Rows) error {
		var e eventstore.Record
		var position uint64
		var revision int64
		var data, metadata string
		err := rows.Scan(&position, &e.Stream, &revision, &e.ID, &e.Type, &data, &metadata)
		e.Position, e.Revision, e.Data, e.Metadata = eventstore.Position(position), eventstore.Revision(revision), []byte(data), []byte(metadata)
		out = append(out, e)
		return err
	})
	if err == nil && len(out) != len(positions) {
		err = fmt.Errorf("%d of %d events are in the read models", len(out), len(positions))
	}
	return out, err
}

// MonthEntries calls yield with each posting that is booked in a month, in the order of the log.
func (r *Reader) MonthEntries(ctx context.Context, f MonthFilter, yield func(*LedgerEntry) error) error {
	last, after := int64(-1), eventstore.Position(0)
	for {
		rows := 0
		var page []LedgerEntry
		err := r.Ask(ctx, booksTimeout, func(eventstore.Position) (string, []any) {
			return "SELECT " + ledgerColumnsSQL + ` FROM kipay.ledger_entries_gN
				WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND position >= {after:UInt64} AND position <= {asof:UInt64}
					AND period = {month:UInt32}
				ORDER BY position, line LIMIT {page:UInt64}`,
				append(f.args(), clickhouse.Named("after", uint64(after)), clickhouse.Named("page", uint64(monthEntriesPage)))
		}, func(row driver.Rows) error {
			e, err := scanLedgerEntry(row.Scan)
			e.MerchantID, e.Mode = f.MerchantID, f.Mode
			if rows++; err == nil && e.ID() > last { // of the page before, or a row that was written twice
				last, after = e.ID(), e.Position
				page = append(page, e)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read a month's entries: %w", err)
		}
		for i := range page {
			if err := yield(&page[i]); err != nil {
				return err
			}
		}
		if rows < monthEntriesPage || len(page) == 0 {
			return nil
		}
	}
}

// MonthBalances sums each account's postings booked in all months through one, as of the filter's position.
func (r *Reader) MonthBalances(ctx context.Context, f MonthFilter, through period.Month) ([]LedgerBalance, error) {
	return r.patient().LedgerBalances(ctx, LedgerFilter{MerchantID: f.MerchantID, Mode: f.Mode, AsOf: f.AsOf, Through: through})
}

// MonthImports are the numbers of the imports of statements that touch a month, or that came in it and were not compared.
func (r *Reader) MonthImports(ctx context.Context, f MonthFilter) ([]int64, error) {
	var out []int64
	err := r.Ask(ctx, booksTimeout, func(eventstore.Position) (string, []any) {
		return `SELECT id FROM (SELECT id, status, created_at, period_from, period_until FROM kipay.reconciliation_imports_gN
				WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND version <= {asof:UInt64} ORDER BY version DESC LIMIT 1 BY id) WHERE (
				status = 'done' AND period_from < {until:DateTime64(3,'UTC')} AND period_until > {from:DateTime64(3,'UTC')}
				OR status != 'done' AND created_at >= {from:DateTime64(3,'UTC')} AND created_at < {until:DateTime64(3,'UTC')})
			ORDER BY id`, f.args()
	}, into(&out))
	if err != nil {
		return nil, fmt.Errorf("list a month's imports: %w", err)
	}
	return out, nil
}
