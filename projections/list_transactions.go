package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
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
	// shallow is the offset up to which the newest rows are read as they are, all columns at once. Further down the keys
	// of the page are found first.
	shallow = 200
	// slack is how many rows more than asked for are read, since some are older versions of others.
	slack = 32
	// maxWidenings bounds how often more is read because too much of it was old versions.
	maxWidenings = 8
	widening     = 8
)

// Transactions lists a merchant's transactions: what a list shows of them, not every column. The totals come from
// counters, which also say on which days a deep page lies, so that it reads its own days and not all that is newer.
func (r *Reader) Transactions(ctx context.Context, f TransactionFilter) (TransactionPage, error) {
	var page TransactionPage
	err := r.on(ctx, memoryToo, func(ctx context.Context, g Generation) (err error) {
		// The rows lie together and are read in order: a second thread costs more than it saves.
		ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1}))
		q := &transactionQuery{Reader: r, TransactionFilter: f, generation: g}
		if f.Offset <= shallow {
			page, err = q.shallowPage(ctx)
		} else {
			page, err = q.deepPage(ctx)
		}
		return err
	})
	if err != nil {
		return TransactionPage{}, fmt.Errorf("list transactions: %w", err)
	}
	return page, nil
}

// transactionQuery is one question on one generation.
type transactionQuery struct {
	*Reader
	TransactionFilter
	generation Generation
}

// shallowPage counts and reads at the same time.
func (q *transactionQuery) shallowPage(ctx context.Context) (TransactionPage, error) {
	var days []dayCount
	var rows []Transaction
	w := q.window()
	size := q.Offset + q.Limit + slack
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		days, err = q.count(grouped)
		return err
	})
	group.Go(func() (err error) {
		rows, err = q.newest(grouped, w, size)
		return err
	})
	if err := group.Wait(); err != nil {
		return TransactionPage{}, err
	}
	page := TransactionPage{Total: totalOf(days)}
	if uint64(len(rows)) < min(page.Total, q.Offset+q.Limit) {
		return q.within(ctx, days) // behind old versions of others; by keys they are found with less reading
	}
	page.Rows = cut(rows, q.Offset, q.Limit)
	if n := uint64(len(page.Rows)); n > 0 {
		page.Total = max(page.Total, q.Offset+n) // a row that came after they were counted
	}
	return page, nil
}

// newest reads the newest rows of the window, up to size of them, and keeps those that are the newest of their
// transaction and belong in the list.
func (q *transactionQuery) newest(ctx context.Context, w window, size uint64) ([]Transaction, error) {
	sql := newestTransactionsSQL
	if q.Status != "" {
		sql = newestTransactionsByStatusSQL
	}
	rows, err := q.read(ctx, size, q.generation.merged(sql, newestFirstSQL), append(q.args(w), clickhouse.Named("size", size))...)
	if err != nil || q.Status == "" {
		return rows, err
	}
	return q.still(ctx, rows)
}

// deepPage counts, finds the days of the page, then the keys of its rows, then the rows.
func (q *transactionQuery) deepPage(ctx context.Context) (TransactionPage, error) {
	days, err := q.count(ctx)
	if err != nil {
		return TransactionPage{}, err
	}
	return q.within(ctx, days)
}

// within reads the page from the days that it lies on.
func (q *transactionQuery) within(ctx context.Context, days []dayCount) (TransactionPage, error) {
	page := TransactionPage{Total: totalOf(days)}
	if q.Offset >= page.Total || q.Limit == 0 {
		return page, nil
	}
	w := locate(days, q.TransactionFilter)
	expected := min(q.Limit, page.Total-q.Offset)
	size := widening * (w.offset + q.Limit + slack)
	var keys []transactionKey
	for range maxWidenings {
		var err error
		if keys, err = q.keys(ctx, w, size); err != nil {
			return page, err
		}
		if uint64(len(keys)) >= expected {
			break
		}
		size *= widening
	}
	var err error
	if len(keys) > 0 {
		page.Rows, err = q.ofKeys(ctx, keys)
	}
	return page, err
}
