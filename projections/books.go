package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
)

// booksTimeout bounds a question about a whole month of payments.
const booksTimeout = 2 * time.Minute

// patient is a reader with more time.
func (r *Reader) patient() *Reader {
	p := *r
	p.timeout = booksTimeout
	return &p
}

// inOrder is for questions that group rows by what they are ordered by.
func inOrder() clickhouse.Settings { return clickhouse.Settings{"optimize_aggregation_in_order": 1} }

// Active is a transaction to which something happened.
type Active struct {
	Reference string
	// First is the position of the event that opened it, 0 when that is long ago, and Last that of the newest one that is projected.
	First, Last eventstore.Position
}

// ActiveTransactions are the merchant's transactions to which anything happened from one time to before another, by our clock or, of
// money, by the provider's.
func (r *Reader) ActiveTransactions(ctx context.Context, merchantID int64, mode domain.Mode, from, until time.Time) ([]Active, error) {
	var out []Active
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) (err error) {
		out, err = r.activeTransactions(ctx, g, newWhere(merchantID, mode), from, until)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list active transactions: %w", err)
	}
	return out, nil
}

func (r *Reader) activeTransactions(ctx context.Context, g Generation, w *where, from, until time.Time) ([]Active, error) {
	var out []Active
	at := map[int64]int{} // by the transaction's number
	var first, last time.Time
	// Rows lie in the order of what they are grouped by, so that the engine holds few of a month's millions at once.
	sql := g.in(`SELECT created_at, id, any(reference), minIf(position, revision = 0), max(position) FROM kipay.transaction_versions_gN WHERE ` + w.sql() + `
		AND (occurred_at >= {from:DateTime64(3,'UTC')} AND occurred_at < {until:DateTime64(3,'UTC')}
			OR paid_at >= {from:DateTime64(3,'UTC')} AND paid_at < {until:DateTime64(3,'UTC')})
		GROUP BY created_at, id`)
	args := append(w.args[:len(w.args):len(w.args)], millisArg("from", within(from)), millisArg("until", within(until)))
	if err := r.each(withSettings(ctx, inOrder), sql, args, func(rows driver.Rows) error {
		var opened time.Time
		var id int64
		var reference string
		var begin, end uint64
		if err := rows.Scan(&opened, &id, &reference, &begin, &end); err != nil {
			return err
		}
		if len(out) == 0 || opened.Before(first) {
			first = opened
		}
		if opened.After(last) {
			last = opened
		}
		at[id] = len(out)
		out = append(out, Active{reference, eventstore.Position(begin), eventstore.Position(end)})
		return nil
	}); err != nil || len(out) == 0 {
		return out, err
	}
	// The newest event may lie outside of the time.
	sql = g.in("SELECT id, max(position) FROM kipay.transaction_versions_gN WHERE " + w.sql() +
		" AND created_at >= {first:DateTime64(3,'UTC')} AND created_at <= {last:DateTime64(3,'UTC')} GROUP BY created_at, id")
	args = append(w.args[:len(w.args):len(w.args)], millisArg("first", first), millisArg("last", last))
	err := r.each(withSettings(ctx, inOrder), sql, args, func(rows driver.Rows) error {
		var id int64
		var end uint64
		err := rows.Scan(&id, &end)
		if n, ok := at[id]; ok {
			out[n].Last = eventstore.Position(end)
		}
		return err
	})
	return out, err
}

// ClearingBalance is what the entries that were recorded before a time leave on a channel's clearing account, in minor units.
func (r *Reader) ClearingBalance(ctx context.Context, merchantID int64, mode domain.Mode, channelID int64, currency money.Currency, until time.Time) (int64, error) {
	var minor int64
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		sql := g.in(`SELECT sum(debit_minor) - sum(credit_minor) FROM kipay.ledger_entries_gN FINAL
			WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND channel_id = {channel:Int64} AND account = {account:String}
			AND currency = {currency:String} AND recorded_at < {until:DateTime64(3,'UTC')}`)
		return r.conn.QueryRow(ctx, sql, clickhouse.Named("merchant", merchantID), clickhouse.Named("mode", string(mode)),
			clickhouse.Named("channel", channelID), clickhouse.Named("account", string(ledger.ProviderClearing)),
			clickhouse.Named("currency", string(currency)), millisArg("until", within(until))).Scan(&minor)
	})
	if err != nil {
		return 0, fmt.Errorf("balance of a clearing account: %w", err)
	}
	return minor, nil
}

// ActivePayouts are the merchant's payouts that were asked for, sent or paid from one time to before another; of one channel unless
// that is 0.
func (r *Reader) ActivePayouts(ctx context.Context, merchantID int64, mode domain.Mode, channelID int64, currency money.Currency, from, until time.Time) ([]string, error) {
	var out []string
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		sql := g.in(`SELECT reference FROM kipay.payouts_gN FINAL WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
			AND ({channel:Int64} = 0 OR channel_id = {channel:Int64}) AND currency = {currency:String}
			AND greatest(created_at, sent_at, paid_at) >= {from:DateTime64(3,'UTC')} AND created_at < {until:DateTime64(3,'UTC')}`)
		args := []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("mode", string(mode)), clickhouse.Named("channel", channelID),
			clickhouse.Named("currency", string(currency)), millisArg("from", within(from)), millisArg("until", within(until)),
		}
		return r.each(ctx, sql, args, into(&out))
	})
	if err != nil {
		return nil, fmt.Errorf("list active payouts: %w", err)
	}
	return out, nil
}

// StreamsRecorded are the streams of the merchant that have an event of one of the types, recorded from one time to before another.
func (r *Reader) StreamsRecorded(ctx context.Context, merchantID int64, types []string, from, until time.Time) ([]string, error) {
	var out []string
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		sql := g.in(`SELECT DISTINCT stream FROM kipay.events_gN WHERE merchant_id = {merchant:Int64} AND type IN {types:Array(String)}
			AND recorded_at >= {from:DateTime64(3,'UTC')} AND recorded_at < {until:DateTime64(3,'UTC')} ORDER BY stream`)
		return r.each(ctx, sql, []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("types", types), millisArg("from", within(from)), millisArg("until", within(until)),
		}, into(&out))
	})
	if err != nil {
		return nil, fmt.Errorf("list streams by what was recorded: %w", err)
	}
	return out, nil
}
