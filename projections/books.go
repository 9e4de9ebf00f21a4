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
)

// booksTimeout bounds a question about a whole month of payments.
const booksTimeout = 2 * time.Minute

// patient is a reader with more time.
func (r *Reader) patient() *Reader {
	p := *r
	p.timeout = booksTimeout
	return &p
}

// ActiveReferences are the merchant's transactions to which anything happened from one time to before another, by our clock or, of
// money, by the provider's.
func (r *Reader) ActiveReferences(ctx context.Context, merchantID int64, mode domain.Mode, from, until time.Time) ([]string, error) {
	var out []string
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		sql := g.in(`SELECT DISTINCT reference FROM kipay.transaction_versions_gN
			WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
			AND (occurred_at >= {from:DateTime64(3,'UTC')} AND occurred_at < {until:DateTime64(3,'UTC')}
				OR paid_at >= {from:DateTime64(3,'UTC')} AND paid_at < {until:DateTime64(3,'UTC')})`)
		args := []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("mode", string(mode)),
			millisArg("from", within(from)), millisArg("until", within(until)),
		}
		return r.each(ctx, sql, args, func(rows driver.Rows) error {
			var reference string
			err := rows.Scan(&reference)
			out = append(out, reference)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list active transactions: %w", err)
	}
	return out, nil
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
		return r.each(ctx, sql, args, func(rows driver.Rows) error {
			var reference string
			err := rows.Scan(&reference)
			out = append(out, reference)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list active payouts: %w", err)
	}
	return out, nil
}
