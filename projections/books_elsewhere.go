package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// ShownElsewhere are the receipts of payments that statements of the merchant's other channels have shown from one time to before
// another, by the provider's clock, and that don't belong to those channels' books. Statements are asked of the sources that are
// named. It is evidence of no payment: a receipt stands there with the channel whose statement shows it.
func (r *Reader) ShownElsewhere(ctx context.Context, merchantID int64, mode domain.Mode, channelID int64, sources []reconciliation.Source, from, until time.Time) ([]reconciliation.Elsewhere, error) {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = string(s)
	}
	var out []reconciliation.Elsewhere
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		args := []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("mode", string(mode)), clickhouse.Named("channel", channelID),
			clickhouse.Named("sources", names), clickhouse.Named("status", string(journal.Done)),
			millisArg("from", within(from)), millisArg("until", within(until)),
		}
		imports := []int64{}
		sql := g.in(`SELECT id FROM kipay.reconciliation_imports_gN FINAL WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
			AND channel_id NOT IN (0, {channel:Int64}) AND source IN {sources:Array(String)} AND status = {status:String}
			AND period_from < {until:DateTime64(3,'UTC')} AND period_until > {from:DateTime64(3,'UTC')}`)
		err := r.each(ctx, sql, args, into(&imports))
		if err != nil || len(imports) == 0 {
			return err
		}
		sql = g.in(`SELECT DISTINCT receipt, channel_id FROM kipay.reconciliation_differences_gN FINAL WHERE merchant_id = {merchant:Int64}
			AND mode = {mode:String} AND import_id IN {imports:Array(Int64)} AND line_number > 0 AND receipt != '' AND stated_minor > 0
			AND cause IN {causes:Array(String)} AND at >= {from:DateTime64(3,'UTC')} AND at < {until:DateTime64(3,'UTC')}`)
		args = append(args, clickhouse.Named("imports", imports), clickhouse.Named("causes", []string{string(reconciliation.WrongAccount), string(reconciliation.UnknownPayer)}))
		return r.each(ctx, sql, args, func(rows driver.Rows) error {
			var e reconciliation.Elsewhere
			err := rows.Scan(&e.Receipt, &e.Channel)
			out = append(out, e)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look at the statements of other channels: %w", err)
	}
	return out, nil
}

// AcceptedDifference is a difference that somebody has accepted as it is.
type AcceptedDifference struct {
	Item     int64
	Identity string
	Amount   int64 // minor units
}

// AcceptedDifferences are those that statements of the channel, of the source, have shown and that were accepted: of those that several
// show the newest's, unless that was decided otherwise. What the import named shows doesn't count.
func (r *Reader) AcceptedDifferences(ctx context.Context, merchantID int64, mode domain.Mode, channelID int64, source reconciliation.Source, but int64) ([]AcceptedDifference, error) {
	var out []AcceptedDifference
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		sql := g.in(`SELECT id, identity, amount_minor FROM (
				SELECT d.id AS id, d.identity AS identity, d.amount_minor AS amount_minor, d.version AS version, toString(r.action) AS action
				FROM (SELECT * FROM kipay.reconciliation_differences_gN FINAL WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
					AND channel_id = {channel:Int64} AND import_id != {but:Int64}) AS d
				INNER JOIN (SELECT id, differences FROM kipay.reconciliation_imports_gN FINAL WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
					AND channel_id = {channel:Int64} AND source = {source:String} AND status = 'done') AS i ON i.id = d.import_id
				LEFT JOIN (SELECT import_id, n, action FROM kipay.reconciliation_resolutions_gN WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
					ORDER BY version DESC LIMIT 1 BY import_id, n) AS r ON r.import_id = d.import_id AND r.n = d.n
				WHERE d.n <= i.differences
				ORDER BY version DESC LIMIT 1 BY identity)
			WHERE action = {accept:String} ORDER BY version, id`)
		return r.each(ctx, sql, []any{
			clickhouse.Named("merchant", merchantID), clickhouse.Named("mode", string(mode)), clickhouse.Named("channel", channelID),
			clickhouse.Named("source", string(source)), clickhouse.Named("but", but), clickhouse.Named("accept", string(journal.Accept)),
		}, func(rows driver.Rows) error {
			var a AcceptedDifference
			err := rows.Scan(&a.Item, &a.Identity, &a.Amount)
			out = append(out, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for accepted differences: %w", err)
	}
	return out, nil
}
