package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// Between are two moments at which a list is compared with itself: what was known at Since, and what at Until.
type Between struct {
	Since, Until eventstore.Position
	// By is what had happened by then, at either moment; nil for no bound.
	By *time.Time
	// From leaves only what became known between them and happened then or later; nil for all.
	From *time.Time
}

// before and after are the two moments as of which lists are compared.
func (b *Between) before() Moment { return Moment{AsOf: b.Since, Until: b.By} }
func (b *Between) after() Moment  { return Moment{AsOf: b.Until, Until: b.By} }

// Change is a row of a list at two moments, which differ. Before is nil where the list did not have it, After where it has it no
// more.
type Change[Row any] struct{ Before, After *Row }

// ChangePage is a page of changes, in the order of when things were made, newest first, and how many there are on all pages.
type ChangePage[Row any] struct {
	Rows  []Change[Row]
	Total uint64
}

// versioned is a table of versions, as it is compared between two moments.
type versioned struct {
	table string
	// keys name a thing, created_at among them; newest sorts them.
	keys, newest string
	// position is the column of the event's place in the log, effective that of when it happened.
	position, effective string
	// listed is SQL: whether the list has such a row. shown are the columns that the list shows, and that change.
	listed, shown string
}

// The tables of versions.
func transactionVersions() *versioned {
	return &versioned{
		table: "transaction_versions", keys: "created_at, id", newest: "created_at DESC, id DESC", position: "position", effective: "effective_at",
		listed: "listed = 1", shown: `status, currency, amount_minor, received_minor, refunded_minor, payment_method, paid_at, receipt, failure_code,
		failure_reason, needs_review, pushes, push_accepted`,
	}
}

func refundVersions() *versioned {
	return &versioned{
		table: "refund_versions", keys: "created_at, id", newest: "created_at DESC, id DESC", position: "version", effective: "effective_at", listed: "1",
		shown: "refund_reference, currency, amount_minor, status, method, channel_id, receipt, failure_code, failure_reason, refunded_at, " +
			"outcome_unknown, needs_attention",
	}
}

func disputeVersions() *versioned {
	return &versioned{
		table: "dispute_versions", keys: "created_at, channel_id, id", newest: "created_at DESC, channel_id DESC, id DESC", position: "version",
		effective: "effective_at", listed: "1", shown: `reference, provider_reference, currency, amount_minor, category, status, due_at, reminders, evidence,
		answer, answer_status, resolution, returned_minor, resolved_at, needs_attention`,
	}
}

func payoutVersions() *versioned {
	return &versioned{
		table: "payout_versions", keys: "created_at, id", newest: "created_at DESC, id DESC", position: "version", effective: "effective_at", listed: "1",
		shown: `reference, currency, amount_minor, status, method, channel_id, destination, destination_hint, needs_approval, requested_by, approved_by,
		rejected_by, sent_at, paid_at, receipt, charge_minor, bank_reference, value_date, failure_code, failure_reason, outcome_unknown, needs_attention`,
	}
}

func importVersions() *versioned {
	return &versioned{
		table: "reconciliation_imports", keys: "created_at, id", newest: "id DESC", position: "version", effective: importBecameSQL, listed: "1",
		shown: `status, finished_at, period_from, period_until, currency, lines, matched, statement_minor, booked_minor, difference_minor, explained_minor,
		unexplained_minor, differences, balance_ties, balance_proven, message`,
	}
}

func customerVersions() *versioned {
	return &versioned{
		table: "customer_versions", keys: "created_at, id", newest: "created_at DESC, id DESC", position: "version", effective: "updated_at",
		listed: "1", shown: "email, first_name, last_name, phone",
	}
}

// changedVersion are the last versions of a thing at two moments; no position is none.
type changedVersion struct {
	at            time.Time
	before, after eventstore.Position
}

// args are what the moments bind.
func (b *Between) args() []any {
	args := append(b.after().args(), clickhouse.Named("since", uint64(b.Since)))
	if b.From != nil {
		args = append(args, millisArg("happened", within(*b.From)))
	}
	return args
}

// from is the SQL of what differs: where is the condition on what never changes, in that on what does. A thing counts where it meets
// that at either moment.
func (b *Between) from(v *versioned, where, in string) string {
	became := b.after().where(v.position, v.effective)
	known := became + " AND " + v.position + " > {since:UInt64}"
	if b.From != nil {
		known += " AND " + v.effective + " >= {happened:DateTime64(3,'UTC')}"
	}
	before := func(sql string) string {
		return "argMaxIf(" + sql + ", " + v.position + ", " + v.position + " <= {since:UInt64})"
	}
	after := func(sql string) string { return "argMax(" + sql + ", " + v.position + ")" }
	// Numbers cost far less to carry along than what lists show: whether it is listed, whether it also meets the condition, and a hash of
	// 64 bits of what is shown.
	state, shown := "toUInt8("+v.listed+") + toUInt8("+v.listed+" AND ("+in+"))", "cityHash64("+v.shown+")"
	table := " FROM kipay." + v.table + "_gN WHERE " + where
	return " FROM (SELECT " + v.keys + ", maxIf(" + v.position + ", " + v.position + " <= {since:UInt64}) AS was_at, max(" + v.position + ") AS is_at, " +
		before(state) + " AS was, " + after(state) + " AS is, " + before(shown) + " AS was_shown, " + after(shown) + " AS is_shown" +
		table + became + " AND (" + v.keys + ") IN (SELECT " + v.keys + table + known + ") GROUP BY " + v.keys +
		") WHERE (was = 2 OR is = 2) AND ((was = 0) != (is = 0) OR was_shown != is_shown)"
}

// pageOf is the SQL of a page of it: when a thing was made, and the places of its versions at both moments, 0 where it is not listed.
func (b *Between) pageOf(v *versioned, where, in string) string {
	return "SELECT created_at, if(was > 0, was_at, 0), if(is > 0, is_at, 0)" + b.from(v, where, in) + " ORDER BY " + v.newest +
		" LIMIT {limit:UInt64} OFFSET {offset:UInt64}"
}

// changed are the things of a page that differ, and how many there are.
func (r *Reader) changed(ctx context.Context, g Generation, v *versioned, w *where, in string, b Between, offset, limit uint64) (uint64, []changedVersion, error) {
	args := append(w.args[:len(w.args):len(w.args)], b.args()...)
	var total uint64
	var out []changedVersion
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.conn.QueryRow(grouped, g.in("SELECT count()"+b.from(v, w.sql(), in)), args...).Scan(&total)
	})
	group.Go(func() error {
		paged := append(args[:len(args):len(args)], clickhouse.Named("limit", limit), clickhouse.Named("offset", offset))
		return r.each(grouped, g.in(b.pageOf(v, w.sql(), in)), paged, func(rows driver.Rows) error {
			var c changedVersion
			var before, after uint64
			err := rows.Scan(&c.at, &before, &after)
			c.before, c.after = eventstore.Position(before), eventstore.Position(after)
			out = append(out, c)
			return err
		})
	})
	err := group.Wait()
	return total, out, err
}

// changesOf are the changes of a page, read from the table as scan reads columns; the event of a row is scan's second answer.
func changesOf[Row any](ctx context.Context, r *Reader, v *versioned, w *where, in string, b Between, offset, limit uint64,
	columns string, scan func(driver.Rows) (Row, eventstore.Position, error),
) (ChangePage[Row], error) {
	var page ChangePage[Row]
	// Between moments far apart nearly everything has changed.
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		total, changed, err := r.changed(withSettings(ctx, onDisk), g, v, w, in, b, offset, limit)
		page = ChangePage[Row]{Total: total}
		if err != nil || len(changed) == 0 {
			return err
		}
		var positions []uint64
		first, last := changed[0].at, changed[0].at
		for _, c := range changed {
			positions = append(positions, uint64(c.before), uint64(c.after))
			if c.at.Before(first) {
				first = c.at
			}
			if c.at.After(last) {
				last = c.at
			}
		}
		found := make(map[eventstore.Position]*Row, len(positions))
		sql := g.in("SELECT " + columns + " FROM kipay." + v.table + "_gN WHERE " + w.sql() +
			" AND created_at >= {first:DateTime64(3,'UTC')} AND created_at <= {last:DateTime64(3,'UTC')} AND " + v.position + " IN {positions:Array(UInt64)}")
		args := append(w.args[:len(w.args):len(w.args)], millisArg("first", first), millisArg("last", last), clickhouse.Named("positions", positions))
		if err := r.each(ctx, sql, args, func(rows driver.Rows) error {
			row, at, err := scan(rows)
			found[at] = &row
			return err
		}); err != nil {
			return err
		}
		for _, c := range changed {
			page.Rows = append(page.Rows, Change[Row]{found[c.before], found[c.after]})
		}
		return nil
	})
	if err != nil {
		return ChangePage[Row]{}, fmt.Errorf("compare %s between positions %d and %d: %w", v.table, b.Since, b.Until, err)
	}
	return page, nil
}

// TransactionChanges are what of a merchant's transactions differs between two moments. The filter's days are of when they were
// opened; its status is met at either moment.
func (p *Past) TransactionChanges(ctx context.Context, f TransactionFilter, b Between) (ChangePage[Transaction], error) {
	w := newWhere(f.MerchantID, f.Mode)
	w.days("created_at", f.From, f.To, f.Zone)
	in := "1"
	if f.Status != "" {
		in = "status = {status:String}"
		w.args = append(w.args, clickhouse.Named("status", string(f.Status)))
	}
	keys, err := changesOf(ctx, p.reader, transactionVersions(), w, in, b, f.Offset, f.Limit, "created_at, id, position, reference, revision",
		func(rows driver.Rows) (k versionKey, at eventstore.Position, err error) {
			var position uint64
			var revision int64
			err = rows.Scan(&k.at, &k.id, &position, &k.reference, &revision)
			k.position, k.revision = eventstore.Position(position), eventstore.Revision(revision)
			return k, k.position, err
		})
	if err != nil {
		return ChangePage[Transaction]{}, err
	}
	rows, err := eachInTurn(ctx, keys.Rows, p.foldChange)
	return ChangePage[Transaction]{Rows: rows, Total: keys.Total}, err
}

// foldChange is a payment as two versions left it.
func (p *Past) foldChange(ctx context.Context, k Change[versionKey]) (c Change[Transaction], err error) {
	for of, to := range map[*versionKey]**Transaction{k.Before: &c.Before, k.After: &c.After} {
		if of == nil {
			continue
		}
		s, err := foldUntil[transaction.State](ctx, p.log, transaction.Reference(of.reference).Stream(), of.revision+1)
		if err != nil {
			return c, err
		}
		t := TransactionOf(s, of.position, of.revision)
		*to = &t
	}
	return c, nil
}

// RefundChanges are what of a merchant's refunds differs between two moments. The filter's days are of when they were asked for;
// its status is met at either moment.
func (p *Past) RefundChanges(ctx context.Context, f RefundFilter, b Between) (ChangePage[Refund], error) {
	return changesOf(ctx, p.reader, refundVersions(), f.where(), refundStatusSQL, b, f.Offset, f.Limit, refundColumnsSQL,
		func(rows driver.Rows) (Refund, eventstore.Position, error) {
			t, err := f.scan(rows)
			return t, t.Version, err
		})
}

// DisputeChanges are what of a merchant's disputes differs between two moments. The filter's days are of when the payer complained;
// its status and deadline are met at either moment.
func (p *Past) DisputeChanges(ctx context.Context, f DisputeFilter, b Between) (ChangePage[Dispute], error) {
	w := f.where()
	in := f.changing(w)
	return changesOf(ctx, p.reader, disputeVersions(), w, in, b, f.Offset, f.Limit, disputeColumnsSQL,
		func(rows driver.Rows) (Dispute, eventstore.Position, error) {
			d, err := f.scan(rows)
			return d, d.Version, err
		})
}

// PayoutChanges are what of a merchant's payouts differs between two moments. The filter's days are of when they were asked for; its
// status and references are met at either moment.
func (p *Past) PayoutChanges(ctx context.Context, f PayoutFilter, b Between) (ChangePage[Payout], error) {
	w := f.where()
	in := f.changing(w)
	return changesOf(ctx, p.reader, payoutVersions(), w, in, b, f.Offset, f.Limit, payoutColumnsSQL,
		func(rows driver.Rows) (Payout, eventstore.Position, error) {
			t, err := f.scan(rows)
			return t, t.Version, err
		})
}

// ImportChanges are what of a merchant's imports differs between two moments. The filter's status is met at either.
func (p *Past) ImportChanges(ctx context.Context, f ImportFilter, b Between) (ChangePage[ImportRow], error) {
	w := f.where()
	in := f.changing(w)
	return changesOf(ctx, p.reader, importVersions(), w, in, b, f.Offset, f.Limit, importColumnsSQL,
		func(rows driver.Rows) (ImportRow, eventstore.Position, error) {
			t, err := scanImport(rows)
			return t, t.Version, err
		})
}

// ChannelChanges are what of a merchant's payment channels differs between two moments, newest first. activeOnly leaves those that
// were active at either.
func (p *Past) ChannelChanges(ctx context.Context, merchantID int64, activeOnly bool, b Between, offset, limit uint64) (ChangePage[Channel], error) {
	before, err := p.Channels(ctx, merchantID, false, b.before())
	if err != nil {
		return ChangePage[Channel]{}, err
	}
	after, err := p.Channels(ctx, merchantID, false, b.after())
	if err != nil {
		return ChangePage[Channel]{}, err
	}
	was := make(map[int64]*Channel, len(before))
	for i := range before {
		was[before[i].ID] = &before[i]
	}
	var page ChangePage[Channel]
	for i := range after { // none ever goes
		c := Change[Channel]{was[after[i].ID], &after[i]}
		if activeOnly && !c.After.Active && (c.Before == nil || !c.Before.Active) {
			continue
		}
		if c.Before != nil {
			same := *c.Before
			if same.Version, same.CreatedAt = c.After.Version, c.After.CreatedAt; same == *c.After {
				continue
			}
		}
		if page.Total++; page.Total > offset && uint64(len(page.Rows)) < limit {
			page.Rows = append(page.Rows, c)
		}
	}
	return page, nil
}

// CustomerChanges are what of a merchant's customers differs between two moments. A search finds those whom it finds at either. Whoever
// was erased since has no name at either, and has not changed.
func (p *Past) CustomerChanges(ctx context.Context, f CustomerFilter, b Between) (ChangePage[Customer], error) {
	w := newWhereOf(f.MerchantID)
	in := "1"
	if f.Search != "" {
		in = "position(search, {search:String}) > 0"
		w.args = append(w.args, clickhouse.Named("search", strings.ToLower(f.Search)))
	}
	return changesOf(ctx, p.reader, customerVersions(), w, in, b, f.Offset, f.Limit, customerColumnsSQL,
		func(rows driver.Rows) (Customer, eventstore.Position, error) {
			c, err := scanCustomer(rows)
			return c, c.Version, err
		})
}
