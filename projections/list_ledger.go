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
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
)

// LedgerFilter says which of a merchant's postings are meant.
type LedgerFilter struct {
	MerchantID int64
	Mode       domain.Mode
	// AsOf is what was known: events at or before it.
	AsOf eventstore.Position
	// Until is what had happened by then, by effective_at; nil for all.
	Until *time.Time
	// From and To are calendar days in Zone on which it happened, both included, nil for no bound.
	From, To *Day
	Zone     *time.Location
	// Reference, Account and Channel are empty for all.
	Reference string
	Account   ledger.Account
	Channel   int64
	// Since leaves out what was known already: events at or before it.
	Since eventstore.Position
	// Period is the month in which it is booked, Through the last such month, LateFor the closed month that it comes too late
	// for; zero is no condition.
	Period, Through, LateFor period.Month
	// Offset and Limit are of lists, counted from the newest.
	Offset, Limit uint64
}

// LedgerPage is a page of postings, newest first, and how many there are on all pages.
type LedgerPage struct {
	Rows  []LedgerEntry
	Total uint64
}

// LedgerBalance is what the postings of an account add up to, in minor units.
type LedgerBalance struct {
	Account       ledger.Account
	Currency      money.Currency
	Debit, Credit int64
}

// where is the condition on the postings.
func (f *LedgerFilter) where() *where {
	w := newWhere(f.MerchantID, f.Mode)
	w.add("position <= {asof:UInt64}", clickhouse.Named("asof", uint64(f.AsOf)))
	if f.Until != nil {
		w.add("effective_at <= {by:DateTime64(3,'UTC')}", millisArg("by", within(*f.Until)))
	}
	w.days("effective_at", f.From, f.To, f.Zone)
	if f.Reference != "" {
		w.add("reference = {reference:String}", clickhouse.Named("reference", f.Reference))
	}
	if f.Account != "" {
		w.add("account = {account:String}", clickhouse.Named("account", string(f.Account)))
	}
	if f.Since != 0 {
		w.add("position > {since:UInt64}", clickhouse.Named("since", uint64(f.Since)))
	}
	if f.Period != 0 {
		w.add("period = {period:UInt32}", clickhouse.Named("period", uint32(f.Period)))
	}
	if f.Through != 0 {
		w.add("period <= {through:UInt32}", clickhouse.Named("through", uint32(f.Through)))
	}
	if f.LateFor != 0 {
		w.add("late_for = {late:UInt32}", clickhouse.Named("late", uint32(f.LateFor)))
	}
	if f.Channel != 0 {
		w.add("channel_id = {channel:Int64}", clickhouse.Named("channel", f.Channel))
	}
	return w
}

// LedgerEntries lists postings, the newest first.
func (r *Reader) LedgerEntries(ctx context.Context, f LedgerFilter) (LedgerPage, error) {
	w := f.where()
	var page LedgerPage
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		page = LedgerPage{}
		if err := r.conn.QueryRow(ctx, g.in("SELECT count() FROM kipay.ledger_entries_gN FINAL WHERE "+w.sql()), w.args...).Scan(&page.Total); err != nil {
			return err
		}
		if f.Offset >= page.Total {
			return nil
		}
		// Rows are never changed: one that was written twice is the same twice, and stands side by side.
		sql := g.in("SELECT " + ledgerColumnsSQL + " FROM kipay.ledger_entries_gN WHERE " + w.sql() +
			" ORDER BY position DESC, line DESC LIMIT 1 BY position, line LIMIT {limit:UInt64} OFFSET {offset:UInt64}")
		return r.each(ctx, sql, w.paged(f.Limit, f.Offset), func(rows driver.Rows) error {
			e, err := scanLedgerEntry(rows.Scan)
			e.MerchantID, e.Mode = f.MerchantID, f.Mode
			page.Rows = append(page.Rows, e)
			return err
		})
	})
	if err != nil {
		return LedgerPage{}, fmt.Errorf("list ledger entries: %w", err)
	}
	return page, nil
}

// LedgerBalances sums the postings of each account, in the order of the chart, then by currency. Accounts without postings
// are left out.
func (r *Reader) LedgerBalances(ctx context.Context, f LedgerFilter) ([]LedgerBalance, error) {
	w := f.where()
	found := map[ledger.Account][]LedgerBalance{}
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		clear(found)
		sql := g.in("SELECT account, currency, sum(debit_minor), sum(credit_minor) FROM kipay.ledger_entries_gN FINAL WHERE " + w.sql() +
			" GROUP BY account, currency ORDER BY account, currency")
		return r.each(ctx, sql, w.args, func(rows driver.Rows) error {
			var account, currency string
			var b LedgerBalance
			err := rows.Scan(&account, &currency, &b.Debit, &b.Credit)
			b.Account, b.Currency = ledger.Account(account), money.Currency(currency)
			found[b.Account] = append(found[b.Account], b)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sum the ledger: %w", err)
	}
	var out []LedgerBalance
	for _, line := range ledger.Chart() {
		out = append(out, found[line.Account]...)
	}
	return out, nil
}

// PositionAt is the position of the last event that had been recorded by then, 0 for none. Events that are not archived yet
// are not looked at.
func (r *Reader) PositionAt(ctx context.Context, at time.Time) (eventstore.Position, error) {
	var position uint64
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		return r.conn.QueryRow(ctx, g.in("SELECT max(position) FROM (SELECT position FROM kipay.events_gN WHERE recorded_at <= {at:DateTime64(3,'UTC')} ORDER BY position DESC LIMIT 1)"),
			millisArg("at", within(at))).Scan(&position)
	})
	if err != nil {
		return 0, fmt.Errorf("find the position at a time: %w", err)
	}
	return eventstore.Position(position), nil
}
