package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// maxFolds bounds how many streams are folded at once for one answer.
const maxFolds = 8

// inOrder has versions gathered in the order in which they lie, so that a question needs no memory to speak of, however many
// there are.
func inOrder(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"optimize_aggregation_in_order": 1}))
}

// Transactions lists a merchant's transactions as of the moment.
func (p *Past) Transactions(ctx context.Context, f TransactionFilter, m Moment) (TransactionPage, error) {
	var total uint64
	var keys []versionKey
	err := p.reader.on(ctx, tablesOnly, func(ctx context.Context, g Generation) (err error) {
		q := &transactionQuery{Reader: p.reader, TransactionFilter: f, generation: g}
		total, keys, err = q.versions(inOrder(ctx), m)
		return err
	})
	if err != nil {
		return TransactionPage{}, fmt.Errorf("list transactions as of position %d: %w", m.AsOf, err)
	}
	rows, err := p.fold(ctx, keys)
	return TransactionPage{Rows: rows, Total: total}, err
}

// window is where the list lies, by the days that are asked for.
func (q *transactionQuery) window() window {
	w := window{from: earliest, until: latest, offset: q.Offset}
	if q.From != nil {
		w.from = within(DayStart(*q.From, q.Zone))
	}
	if q.To != nil {
		w.until = within(DayStart(*q.To+1, q.Zone))
	}
	return w
}

// versions are those that the page shows, newest payment first, and how many there are on all pages.
func (q *transactionQuery) versions(ctx context.Context, m Moment) (total uint64, keys []versionKey, err error) {
	newest := " FROM kipay.transaction_versions_gN WHERE " + transactionsWithinSQL + m.where("position", "effective_at") +
		` GROUP BY merchant_id, mode, created_at, id
		HAVING argMax(listed, position) = 1 AND ({status:String} = '' OR argMax(status, position) = {status:String})`
	args := append(q.args(q.window()), m.args()...)
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error {
		return q.conn.QueryRow(grouped, q.generation.in("SELECT count() FROM (SELECT 1"+newest+")"), args...).Scan(&total)
	})
	group.Go(func() error {
		paged := append(args[:len(args):len(args)], clickhouse.Named("limit", q.Limit), clickhouse.Named("offset", q.Offset))
		return q.each(grouped, q.generation.in("SELECT created_at, id, max(position)"+newest+
			" ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}"), paged, func(rows driver.Rows) error {
			k, err := scanVersionKey(rows)
			keys = append(keys, k)
			return err
		})
	})
	if err := group.Wait(); err != nil {
		return 0, nil, err
	}
	return total, keys, q.name(ctx, keys)
}

// name fills in the streams and the revisions of the versions.
func (q *transactionQuery) name(ctx context.Context, keys []versionKey) error {
	if len(keys) == 0 {
		return nil
	}
	plain, positions := make([]transactionKey, len(keys)), make([]uint64, len(keys))
	byPosition := make(map[eventstore.Position]*versionKey, len(keys))
	for i := range keys {
		k := &keys[i]
		plain[i], positions[i], byPosition[k.position] = k.transactionKey, uint64(k.position), k
	}
	err := q.each(ctx, q.generation.in(`SELECT position, reference, revision FROM kipay.transaction_versions_gN
WHERE merchant_id = {merchant:Int64} AND mode = {mode:String}
	AND created_at IN {at:Array(DateTime64(3,'UTC'))} AND id IN {ids:Array(Int64)} AND position IN {positions:Array(UInt64)}`),
		append(q.keyArgs(plain), clickhouse.Named("positions", positions)), func(rows driver.Rows) error {
			var position uint64
			var reference string
			var revision int64
			err := rows.Scan(&position, &reference, &revision)
			if k := byPosition[eventstore.Position(position)]; k != nil {
				k.reference, k.revision = reference, eventstore.Revision(revision)
			}
			return err
		})
	return err
}

// fold are the transactions as the versions left them, in their order.
func (p *Past) fold(ctx context.Context, keys []versionKey) ([]Transaction, error) {
	return eachInTurn(ctx, keys, func(ctx context.Context, k versionKey) (Transaction, error) {
		s, err := foldUntil[transaction.State](ctx, p.log, transaction.Reference(k.reference).Stream(), k.revision+1)
		if err != nil {
			return Transaction{}, err
		}
		return TransactionOf(s, k.position, k.revision), nil
	})
}

// eachInTurn is what do makes of each, in their order, some at the same time.
func eachInTurn[From, To any](ctx context.Context, all []From, do func(context.Context, From) (To, error)) ([]To, error) {
	out := make([]To, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxFolds)
	for i := range all {
		group.Go(func() (err error) {
			out[i], err = do(ctx, all[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Clip(out), nil
}
