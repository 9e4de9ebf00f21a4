package projections

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// CustomerFilter says which of a merchant's customers are listed.
type CustomerFilter struct {
	MerchantID int64
	// Search is any part of name, email or phone, in any case; empty for all.
	Search string
	// Offset and Limit are counted from the newest.
	Offset, Limit uint64
}

// CustomerPage is a page of a list, newest first, and how many there are on all pages.
type CustomerPage struct {
	Rows  []Customer
	Total uint64
}

// Customers lists a merchant's customers. Without a search the total comes from counters.
func (r *Reader) Customers(ctx context.Context, f CustomerFilter) (CustomerPage, error) {
	f.Search = strings.ToLower(f.Search)
	where := memoryToo // for the counters
	if f.Search != "" {
		where = tablesOnly
	}
	count, list := countCustomersSQL, listCustomersSQL
	if f.Search != "" {
		count, list = countCustomersFoundSQL, findCustomersSQL
	}
	args := []any{clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("search", f.Search)}
	return r.customerPage(ctx, where, f, args, count, list)
}

// customerPage counts, and reads the page of what list selects.
func (r *Reader) customerPage(ctx context.Context, where reach, f CustomerFilter, args []any, count, list string) (CustomerPage, error) {
	var page CustomerPage
	err := r.on(ctx, where, func(ctx context.Context, g Generation) error {
		page = CustomerPage{}
		var total int64
		if err := r.conn.QueryRow(ctx, g.in(count), args...).Scan(&total); err != nil {
			return err
		}
		page.Total = uint64(max(total, 0))
		if f.Offset >= page.Total || f.Limit == 0 {
			return nil
		}
		paged := append(args[:len(args):len(args)], clickhouse.Named("limit", f.Limit), clickhouse.Named("offset", f.Offset))
		return r.each(ctx, g.in(list), paged, func(rows driver.Rows) error {
			c, err := scanCustomer(rows)
			page.Rows = append(page.Rows, c)
			return err
		})
	})
	if err != nil {
		return CustomerPage{}, fmt.Errorf("list customers: %w", err)
	}
	return page, nil
}

const (
	countCustomersSQL = `SELECT sum(latest) FROM (
	SELECT day, argMax(value, version) AS latest FROM kipay.counters_gN
	WHERE merchant_id = {merchant:Int64} AND kind = 'customers' AND {search:String} = '' GROUP BY day)`

	countCustomersFoundSQL = `SELECT toInt64(count()) FROM kipay.customers_gN FINAL
WHERE merchant_id = {merchant:Int64} AND position(search, {search:String}) > 0`

	customerColumnsSQL = `merchant_id, created_at, id, version, hash, email, first_name, last_name, phone, updated_at`

	listCustomersSQL = `SELECT ` + customerColumnsSQL + ` FROM kipay.customers_gN
WHERE merchant_id = {merchant:Int64} AND {search:String} = ''
ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id LIMIT {limit:UInt64} OFFSET {offset:UInt64}`

	findCustomersSQL = `SELECT ` + customerColumnsSQL + ` FROM kipay.customers_gN FINAL
WHERE merchant_id = {merchant:Int64} AND position(search, {search:String}) > 0
ORDER BY created_at DESC, id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}`
)

// scanCustomer reads a row of customerColumnsSQL.
func scanCustomer(rows driver.Rows) (Customer, error) {
	var c Customer
	var version uint64
	err := rows.Scan(&c.MerchantID, &c.CreatedAt, &c.ID, &version, &c.Hash, &c.Email, &c.FirstName, &c.LastName, &c.Phone, &c.UpdatedAt)
	c.Version = eventstore.Position(version)
	c.CreatedAt, c.UpdatedAt = momentOf(c.CreatedAt), momentOf(c.UpdatedAt)
	return c, err
}
