package projections

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// listing is a list of which a page is asked: the columns, and SQL from FROM on to what is counted too, and how it is ordered.
type listing[Row any] struct {
	what, columns, from, order string
	args                       []any
	offset, limit              uint64
	scan                       func(driver.Rows) (Row, error)
}

// pageOf counts the rows of a list, and reads those of the page.
func pageOf[Row any](ctx context.Context, r *Reader, l listing[Row]) (out []Row, total uint64, err error) {
	err = r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		out = nil
		if err := r.conn.QueryRow(ctx, g.in("SELECT count()"+l.from), l.args...).Scan(&total); err != nil {
			return err
		}
		sql := g.in("SELECT " + l.columns + l.from + " ORDER BY " + l.order + " LIMIT {limit:UInt64} OFFSET {offset:UInt64}")
		paged := append(l.args[:len(l.args):len(l.args)], clickhouse.Named("limit", l.limit), clickhouse.Named("offset", l.offset))
		return r.each(ctx, sql, paged, func(rows driver.Rows) error {
			row, err := l.scan(rows)
			out = append(out, row)
			return err
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", l.what, err)
	}
	return out, total, nil
}
