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

// Transactions lists a merchant's transactions as of the moment.
func (p *Past) Transactions(ctx context.Context, f TransactionFilter, m Moment) (TransactionPage, error) {
	var total uint64
	var keys []versionKey
	err := p.reader.on(ctx, tablesOnly, func(ctx context.Context, g Generation) (err error) {
		q := &transactionQuery{Reader: p.reader, TransactionFilter: f, generation: g}
		total, keys, err = q.versions(ctx, m)
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

// onDisk is for questions that gather all versions: what takes more bytes than that goes by way of the disk. inOneThread is for those
// that read as far as a page.
func onDisk() clickhouse.Settings {
	return clickhouse.Settings{"max_bytes_before_external_group_by": 256 << 20}
}

func inOneThread() clickhouse.Settings { return clickhouse.Settings{"max_threads": 1} }

func withSettings(ctx context.Context, settings func() clickhouse.Settings) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings()))
}

// versions are those that the page shows, newest payment first, and how many there are on all pages.
func (q *transactionQuery) versions(ctx context.Context, m Moment) (total uint64, keys []versionKey, err error) {
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error { return q.countVersions(withSettings(grouped, onDisk), m, &total) })
	group.Go(func() (err error) {
		keys, err = q.newestVersions(withSettings(grouped, inOneThread), m)
		return err
	})
	if err := group.Wait(); err != nil {
		return 0, nil, err
	}
	if want := min(q.Limit, total-min(total, q.Offset)); uint64(len(keys)) < want { // further down than newestVersions looks
		keys, err = q.deepVersions(withSettings(ctx, onDisk), m)
	}
	return total, keys, err
}

// gathered gathers the versions of a payment by its number, which no other has, and leaves those whose newest one is in the list.
// One flag for a version is what costs least.
func (q *transactionQuery) gathered() string {
	in := "listed"
	if q.Status != "" {
		in = "toUInt8(listed = 1 AND status = {status:String})"
	}
	return " GROUP BY id HAVING argMax(" + in + ", position) = 1"
}

func (q *transactionQuery) versionsFrom(m Moment) (string, []any) {
	return " FROM kipay.transaction_versions_gN WHERE " + transactionsWithinSQL + m.where("position", "effective_at"),
		append(q.args(q.window()), m.args()...)
}

func (q *transactionQuery) countVersions(ctx context.Context, m Moment, total *uint64) error {
	from, args := q.versionsFrom(m)
	return q.conn.QueryRow(ctx, q.generation.in("SELECT count() FROM (SELECT 1"+from+q.gathered()+")"), args...).Scan(total)
}

// maxVersionsRead bounds how many versions are read one by one for a page.
const maxVersionsRead = 1 << 15

// newestVersions reads versions in the order in which they lie, backwards, until the page is full: the first one of each payment
// counts. It is less than the page where that lies deeper than maxVersionsRead.
func (q *transactionQuery) newestVersions(ctx context.Context, m Moment) ([]versionKey, error) {
	from, args := q.versionsFrom(m)
	sql := q.generation.in("SELECT created_at, id, position, status, listed, reference, revision" + from +
		" ORDER BY created_at DESC, id DESC, position DESC LIMIT {size:UInt64}")
	for size := widening*min(q.Offset+q.Limit, maxVersionsRead) + slack; size <= maxVersionsRead; size *= widening {
		var last transactionKey
		var read, passed uint64
		var keys []versionKey
		err := q.each(ctx, sql, append(args[:len(args):len(args)], clickhouse.Named("size", size)), func(rows driver.Rows) error {
			var k versionKey
			var position uint64
			var status string
			var listed uint8
			var revision int64
			if err := rows.Scan(&k.at, &k.id, &position, &status, &listed, &k.reference, &revision); err != nil {
				return err
			}
			read++
			if k.transactionKey == last {
				return nil
			}
			last = k.transactionKey
			if listed == 0 || (q.Status != "" && status != string(q.Status)) {
				return nil
			}
			if passed++; passed > q.Offset && uint64(len(keys)) < q.Limit {
				k.position, k.revision = eventstore.Position(position), eventstore.Revision(revision)
				keys = append(keys, k)
			}
			return nil
		})
		if err != nil || uint64(len(keys)) >= q.Limit || read < size {
			return keys, err
		}
	}
	return nil, nil
}

// deepVersions finds the page among all of them.
func (q *transactionQuery) deepVersions(ctx context.Context, m Moment) ([]versionKey, error) {
	from, args := q.versionsFrom(m)
	var keys []versionKey
	err := q.each(ctx, q.generation.in("SELECT max(created_at) AS at, id, max(position)"+from+q.gathered()+
		" ORDER BY at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}"),
		append(args, clickhouse.Named("limit", q.Limit), clickhouse.Named("offset", q.Offset)), func(rows driver.Rows) error {
			k, err := scanVersionKey(rows)
			keys = append(keys, k)
			return err
		})
	if err != nil {
		return nil, err
	}
	return keys, q.name(ctx, keys)
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
