package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// TransactionFilter says which of a merchant's transactions are listed.
type TransactionFilter struct {
	MerchantID int64
	Mode       domain.Mode
	// Status is empty for all.
	Status transaction.Status
	// From and To are calendar days in Zone, both included, nil for no bound.
	From, To *Day
	Zone     *time.Location
	// Offset and Limit are counted from the newest.
	Offset, Limit uint64
}

// TransactionPage is a page of a list, newest first, and how many there are on all pages.
type TransactionPage struct {
	Rows  []Transaction
	Total uint64
}

const (
	// windowSlack is how many rows more than asked for are looked at, since some are older versions of others.
	windowSlack = 64
	// maxWidenings bounds how often the window is widened when too much of it was old versions.
	maxWidenings = 8
	widening     = 8
)

// Transactions lists a merchant's transactions. The totals come from counters, which also say on which days the page
// lies, so that a deep page reads its own days and not all that is newer.
func (r *Reader) Transactions(ctx context.Context, f TransactionFilter) (TransactionPage, error) {
	var page TransactionPage
	err := r.on(ctx, func(ctx context.Context, g Generation) error {
		page = TransactionPage{}
		days, err := r.countTransactions(ctx, g, f)
		if err != nil {
			return err
		}
		for _, d := range days {
			page.Total += d.count
		}
		if f.Offset >= page.Total || f.Limit == 0 {
			return nil
		}
		page.Rows, err = r.pageOfTransactions(ctx, g, f, locate(days, f), min(f.Limit, page.Total-f.Offset))
		return err
	})
	if err != nil {
		return TransactionPage{}, fmt.Errorf("list transactions: %w", err)
	}
	return page, nil
}

// dayCount is how many transactions a day has.
type dayCount struct {
	day   Day
	count uint64
}

// countTransactions are the days that have any, newest first.
func (r *Reader) countTransactions(ctx context.Context, g Generation, f TransactionFilter) ([]dayCount, error) {
	from, to := Day(0), DayOf(latest, time.UTC)
	if to > maxDay {
		to = maxDay
	}
	if f.From != nil {
		from = min(max(*f.From, 0), maxDay)
	}
	if f.To != nil {
		if *f.To < 0 {
			return nil, nil
		}
		to = min(*f.To, maxDay)
	}
	args := []any{
		clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("mode", string(f.Mode)), clickhouse.Named("from", dayText(from)),
		clickhouse.Named("to", dayText(to)), clickhouse.Named("status", string(f.Status)),
	}
	var days []dayCount
	err := r.each(ctx, g.in(countTransactionsSQL), args, func(rows driver.Rows) error {
		var day time.Time
		var n int64
		if err := rows.Scan(&day, &n); err != nil {
			return err
		}
		if n > 0 {
			days = append(days, dayCount{day: DayOf(day, time.UTC), count: uint64(n)})
		}
		return nil
	})
	return days, err
}

// maxDay is the last day that a Date holds.
const maxDay Day = 1<<16 - 1

const countTransactionsSQL = `
SELECT day, sum(latest) AS n FROM (
	SELECT day, status, argMax(value, version) AS latest FROM kipay.counters_gN
	WHERE merchant_id = {merchant:Int64} AND kind = 'transactions' AND mode = {mode:String}
		AND ({status:String} = '' OR status = {status:String}) AND day BETWEEN {from:Date} AND {to:Date}
	GROUP BY day, status
) GROUP BY day ORDER BY day DESC`

// window is where the page lies: from and until bound created_at (until excluded), offset counts from until.
type window struct {
	from, until time.Time
	offset      uint64
}

// locate finds the days of the page.
func locate(days []dayCount, f TransactionFilter) window {
	w := window{from: earliest, until: latest, offset: f.Offset}
	first := 0
	for first < len(days) && w.offset >= days[first].count {
		w.offset -= days[first].count
		first++
	}
	if first > 0 {
		w.until = DayStart(days[first].day+1, f.Zone)
	} else if f.To != nil {
		w.until = DayStart(*f.To+1, f.Zone)
	}
	needed := w.offset + f.Limit
	for i := first; i < len(days); i++ {
		w.from = DayStart(days[i].day, f.Zone)
		if days[i].count >= needed {
			break
		}
		needed -= days[i].count
	}
	return w
}

func (r *Reader) pageOfTransactions(ctx context.Context, g Generation, f TransactionFilter, w window, expected uint64) ([]Transaction, error) {
	sql := listTransactionsSQL
	if f.Status != "" {
		sql = listTransactionsByStatusSQL
	}
	size := w.offset + f.Limit + windowSlack
	var out []Transaction
	for range maxWidenings {
		args := []any{
			clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("mode", string(f.Mode)), clickhouse.Named("status", string(f.Status)),
			millisArg("from", w.from), millisArg("until", w.until), clickhouse.Named("window", size),
			clickhouse.Named("limit", f.Limit), clickhouse.Named("offset", w.offset),
		}
		out = out[:0]
		err := r.each(ctx, g.in(sql), args, func(rows driver.Rows) error {
			t, err := scanTransaction(rows)
			if err == nil && t.Listed && (f.Status == "" || t.Status == f.Status) {
				out = append(out, t)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if uint64(len(out)) >= expected {
			break
		}
		size *= widening
	}
	return out, nil
}

// The columns of scanTransaction.
const transactionColumnsSQL = `merchant_id, mode, created_at, id, version, revision, reference, status, listed, currency,
	amount_minor, received_minor, credited_minor, surplus_minor, payment_method, provider, origin, channel_id, customer_id,
	email, first_name, last_name, phone, description, merchant_reference, pushes, phone_number, checkout_request_id, receipt,
	failure_code, failure_reason, paid_at, expires_at, completed_at, updated_at, needs_review, merged_into`

// The lists read the newest rows in the order of the sort key, which ends as soon as there are enough, and never merge
// whole tables (FINAL). Where versions of one transaction stand in several parts, the newest counts. By status, the
// transactions that ever had it are found first, and those that still have it are kept.
const (
	ofMerchantSQL = `merchant_id = {merchant:Int64} AND mode = {mode:String}
		AND created_at >= {from:DateTime64(3,'UTC')} AND created_at < {until:DateTime64(3,'UTC')}`

	listTransactionsSQL = `SELECT ` + transactionColumnsSQL + ` FROM kipay.transactions_gN
WHERE ` + ofMerchantSQL + ` AND (created_at, id) IN (
	SELECT created_at, id FROM (
		SELECT created_at, id, listed FROM kipay.transactions_gN WHERE ` + ofMerchantSQL + `
		ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id LIMIT {window:UInt64}
	) WHERE listed = 1 ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64})
ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id`

	listTransactionsByStatusSQL = `SELECT ` + transactionColumnsSQL + ` FROM kipay.transactions_gN
WHERE ` + ofMerchantSQL + ` AND (created_at, id) IN (
	SELECT created_at, id FROM (
		SELECT created_at, id, status, listed FROM kipay.transactions_gN WHERE ` + ofMerchantSQL + `
			AND (created_at, id) IN (
				SELECT created_at, id FROM kipay.transactions_gN WHERE ` + ofMerchantSQL + ` AND status = {status:String}
				ORDER BY created_at DESC, id DESC LIMIT {window:UInt64})
		ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id
	) WHERE listed = 1 AND status = {status:String}
	ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64})
ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id`
)

func scanTransaction(rows driver.Rows) (Transaction, error) {
	var t Transaction
	var mode, status, currency string
	var version uint64
	var revision int64
	var listed, review uint8
	err := rows.Scan(&t.MerchantID, &mode, &t.CreatedAt, &t.ID, &version, &revision, &t.Reference, &status, &listed, &currency,
		&t.Amount, &t.Received, &t.Credited, &t.Surplus, &t.PaymentMethod, &t.Provider, &t.Origin, &t.ChannelID, &t.CustomerID,
		&t.Email, &t.FirstName, &t.LastName, &t.Phone, &t.Description, &t.MerchantReference, &t.Pushes, &t.PhoneNumber,
		&t.CheckoutRequestID, &t.Receipt, &t.FailureCode, &t.FailureReason, &t.PaidAt, &t.ExpiresAt, &t.CompletedAt,
		&t.UpdatedAt, &review, &t.MergedInto)
	t.Mode, t.Status, t.Currency = domain.Mode(mode), transaction.Status(status), currencyOf(currency)
	t.Version, t.Revision = eventstore.Position(version), eventstore.Revision(revision)
	t.Listed, t.NeedsReview = listed == 1, review == 1
	for _, at := range []*time.Time{&t.CreatedAt, &t.PaidAt, &t.ExpiresAt, &t.CompletedAt, &t.UpdatedAt} {
		*at = momentOf(*at)
	}
	return t, err
}
