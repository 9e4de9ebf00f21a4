package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// column is one column of rows that wait to be inserted.
type column interface {
	describe() clickhouse.ColumnNameAndType
	appendTo(driver.BatchColumn, chcolumn.Interface) error
	takeBack(chcolumn.Interface)
	reset()
}

// values is a column of a Go type. The type it is sent as may be simpler than the table's, where ClickHouse converts:
// String for LowCardinality(String), which it encodes faster than the driver.
type values[T any] struct {
	name, sentAs string
	v            []T
	// lent is the driver's column of the last write, whose memory the next one goes on with: the driver makes new
	// columns for each, and to let them grow from nothing cost more memory than all else together.
	lent chcolumn.String
	lend bool
}

func (c *values[T]) add(v T) { c.v = append(c.v, v) }

func (c *values[T]) describe() clickhouse.ColumnNameAndType {
	return clickhouse.ColumnNameAndType{Name: c.name, Type: c.sentAs}
}

// appendTo gives the values to a column of a new batch, by way of to; is is the same column, for its memory. That of a
// batch that fails is not used again: the driver may still be reading it.
func (c *values[T]) appendTo(to driver.BatchColumn, is chcolumn.Interface) error {
	if s, ok := is.(*chcolumn.String); ok && c.lend {
		*s = c.lent
		s.Reset()
		c.lent, c.lend = chcolumn.String{}, false
	}
	return to.Append(c.v)
}

// takeBack keeps the memory of a column that was sent.
func (c *values[T]) takeBack(is chcolumn.Interface) {
	if s, ok := is.(*chcolumn.String); ok {
		c.lent, c.lend = *s, true
	}
}

// maxKeptValues is the capacity up to which a column's memory is used again.
const maxKeptValues = 1 << 17

func (c *values[T]) reset() {
	if cap(c.v) > maxKeptValues {
		c.v, c.lent, c.lend = nil, chcolumn.String{}, false
		return
	}
	clear(c.v)
	c.v = c.v[:0]
}

// table is rows of one table, by columns, in the table's order.
type table struct {
	name    string
	columns []column
	types   []clickhouse.ColumnNameAndType
	// insert names no columns, which costs the embedded engine a third of an insert of one row: so they are all of the
	// table's, in its order. insertNamed names them, for servers: one of 18.16 understands nothing else.
	insert, insertNamed string
}

func newTable(name string, columns ...column) *table {
	t := &table{name: name, columns: columns}
	for _, c := range columns {
		t.types = append(t.types, c.describe())
	}
	t.insert = "INSERT INTO kipay." + name + "_gN"
	t.insertNamed = t.insert + " (" + strings.Join(t.columnNames(), ", ") + ")"
	return t
}

func (t *table) reset() {
	for _, c := range t.columns {
		c.reset()
	}
}

// columnNames are the names of the columns that are written.
func (t *table) columnNames() []string {
	names := make([]string, len(t.types))
	for i, c := range t.types {
		names[i] = c.Name
	}
	return names
}

// place is where rows are written: it puts the tables' own names in an INSERT. A Generation is one.
type place interface {
	in(sql string) string
	suffix() string
}

// manner is how rows are inserted.
type manner struct {
	// named is for servers: with the columns' names.
	named bool
	// of is the events that the rows were made of; ClickHouse drops the same ones sent again. Zero takes all.
	of span
}

// write inserts the rows as one block, so that they appear all or none.
func (t *table) write(ctx context.Context, conn driver.Conn, to place, how manner, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	options := []clickhouse.QueryOption{clickhouse.WithColumnNamesAndTypes(t.types)}
	if how.of != (span{}) {
		options = append(options, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": t.token(to, how.of)}))
	}
	insert := t.insert
	if how.named {
		insert = t.insertNamed
	}
	ctx = clickhouse.Context(ctx, options...)
	batch, err := conn.PrepareBatch(ctx, to.in(insert))
	if err != nil {
		return fmt.Errorf("insert into %s%s: %w", t.name, to.suffix(), err)
	}
	defer func() { _ = batch.Close() }()
	columns := batch.Columns()
	for i, c := range t.columns {
		if err := c.appendTo(batch.Column(i), columns[i]); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("insert into %s%s: column %s: %w", t.name, to.suffix(), t.types[i].Name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s%s: %w", t.name, to.suffix(), err)
	}
	for i, c := range t.columns {
		c.takeBack(columns[i])
	}
	return nil
}

// token names a block. What the log says between two positions makes the same rows of a table every time, but for counters
// that the table has already; so who finds the token there finds nothing missing.
func (t *table) token(to place, of span) string {
	return fmt.Sprintf("%s%s:%d-%d", t.name, to.suffix(), of.first, of.last)
}

// The types that columns are sent as.
const (
	sentInt64  = "Int64"
	sentUInt64 = "UInt64"
	sentUInt32 = "UInt32"
	sentUInt16 = "UInt16"
	sentUInt8  = "UInt8"
	sentString = "String"
	sentUUID   = "UUID"
	sentMillis = "DateTime64(3, 'UTC')"
	sentDay    = "Date"
)

// millis is a time as its column holds it: milliseconds since 1970, zero for no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// flag is a truth as its column holds it.
func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
