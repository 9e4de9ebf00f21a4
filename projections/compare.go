package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// comparison is how one table is compared: all that is written into it, in buckets of its key.
type comparison struct {
	table *table
	// key are the columns that name a row, the sort key among them.
	key []string
	// version is the column with the position of the event that a row shows.
	version string
	// bucket is the SQL of the piece that a row is in: small pieces make a difference quick to find.
	bucket string
}

// comparisons are all tables, the small ones first.
func comparisons() []comparison {
	return []comparison{
		{newMerchantColumns().table, []string{"id"}, "version", "intDiv(id, 65536)"},
		{newChannelColumns().table, []string{"merchant_id", "id"}, "version", "intDiv(id, 65536)"},
		{newCustomerColumns().table, []string{"merchant_id", "created_at", "id"}, "version", "intDiv(id, 65536)"},
		{newCounterColumns().table, []string{"merchant_id", "kind", "mode", "status", "day"}, "version", "intDiv(merchant_id, 16)"},
		{newTransactionColumns().table, []string{"merchant_id", "mode", "created_at", "id", "reference"}, "version", "intDiv(id, 65536)"},
		{newRefundColumns().table, []string{"merchant_id", "mode", "created_at", "id"}, "version", "intDiv(id, 65536)"},
		{newImportColumns().table, []string{"merchant_id", "mode", "id"}, "version", "intDiv(id, 65536)"},
		{newDifferenceColumns().table, []string{"merchant_id", "mode", "import_id", "n"}, "version", "intDiv(n, 65536)"},
		{newResolutionColumns().table, []string{"merchant_id", "mode", "import_id", "n"}, "version", "intDiv(n, 65536)"},
		{newVersionColumns().table, []string{"merchant_id", "mode", "created_at", "id", "position", "reference"}, "position", "intDiv(position, 65536)"},
		{newCustomerVersionColumns().table, []string{"merchant_id", "created_at", "id", "version"}, "version", "intDiv(version, 65536)"},
		{newRefundVersionColumns().table, []string{"merchant_id", "mode", "created_at", "id", "version"}, "version", "intDiv(version, 65536)"},
		{newDisputeVersionColumns().table, []string{"merchant_id", "mode", "created_at", "channel_id", "id", "version"}, "version", "intDiv(version, 65536)"},
		{newDisputeColumns().table, []string{"merchant_id", "mode", "created_at", "channel_id", "id"}, "version", "intDiv(id, 65536)"},
		{newPayoutColumns().table, []string{"merchant_id", "mode", "created_at", "id"}, "version", "intDiv(id, 65536)"},
		{newPayoutVersionColumns().table, []string{"merchant_id", "mode", "created_at", "id", "version"}, "version", "intDiv(version, 65536)"},
		{newLedgerColumns().table, []string{"merchant_id", "mode", "position", "line"}, "position", "intDiv(position, 65536)"},
		{newEventColumns().table, []string{"position"}, "position", "intDiv(position, 65536)"},
	}
}

// checksums are taken for each bucket over every column of every row, with the newest version among the rows. One
// statement sees the table as it was after a whole batch.
func (c *comparison) checksums(ctx context.Context, conn driver.Conn, g Generation) (map[int64]checksum, eventstore.Position, error) {
	sql := g.in(fmt.Sprintf(`SELECT toInt64(%[1]s) AS bucket, count(), groupBitXor(cityHash64(%[2]s)), sum(cityHash64(%[2]s)),
		max(%[3]s) FROM kipay.%[4]s_gN FINAL GROUP BY bucket`,
		c.bucket, strings.Join(c.table.columnNames(), ", "), c.version, c.table.name))
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, 0, fmt.Errorf("checksums of %s%s: %w", c.table.name, g.suffix(), err)
	}
	defer func() { _ = rows.Close() }()
	sums := map[int64]checksum{}
	var newest uint64
	for rows.Next() {
		var bucket int64
		var s checksum
		var version uint64
		if err := rows.Scan(&bucket, &s.rows, &s.xor, &s.sum, &version); err != nil {
			return nil, 0, fmt.Errorf("checksums of %s%s: %w", c.table.name, g.suffix(), err)
		}
		sums[bucket] = s
		newest = max(newest, version)
	}
	return sums, eventstore.Position(newest), rows.Err()
}

type checksum struct{ rows, xor, sum uint64 }

// differing are the buckets whose checksums differ, in order.
func differing(a, b map[int64]checksum) []int64 {
	var out []int64
	for bucket, s := range a {
		if b[bucket] != s {
			out = append(out, bucket)
		}
	}
	for bucket := range b {
		if _, ok := a[bucket]; !ok {
			out = append(out, bucket)
		}
	}
	slices.Sort(out)
	return out
}

// hashedRow is a row by its name, the position that it shows, and the hash of all columns.
type hashedRow struct {
	name    []string
	version eventstore.Position
	hash    uint64
}

// rowsOf are the rows of a bucket, by name.
func (c *comparison) rowsOf(ctx context.Context, conn driver.Conn, g Generation, bucket int64) (map[string]hashedRow, error) {
	texts := make([]string, len(c.key))
	for i, k := range c.key {
		texts[i] = "toString(" + k + ")"
	}
	sql := g.in(fmt.Sprintf(`SELECT [%s], %s, cityHash64(%s) FROM kipay.%s_gN FINAL WHERE toInt64(%s) = {bucket:Int64}`,
		strings.Join(texts, ", "), c.version, strings.Join(c.table.columnNames(), ", "), c.table.name, c.bucket))
	rows, err := conn.Query(ctx, sql, clickhouse.Named("bucket", bucket))
	if err != nil {
		return nil, fmt.Errorf("rows of %s%s: %w", c.table.name, g.suffix(), err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]hashedRow{}
	for rows.Next() {
		var r hashedRow
		var version uint64
		if err := rows.Scan(&r.name, &version, &r.hash); err != nil {
			return nil, fmt.Errorf("rows of %s%s: %w", c.table.name, g.suffix(), err)
		}
		r.version = eventstore.Position(version)
		out[strings.Join(r.name, "\x00")] = r
	}
	return out, rows.Err()
}

// columnsOf are all columns of one row as text, nil when it is not there.
func (c *comparison) columnsOf(ctx context.Context, conn driver.Conn, g Generation, bucket int64, name []string) ([]string, error) {
	columns := c.table.columnNames()
	texts := make([]string, len(columns))
	for i, column := range columns {
		texts[i] = "toString(" + column + ")"
	}
	keys := make([]string, len(c.key))
	for i, k := range c.key {
		keys[i] = "toString(" + k + ")"
	}
	sql := g.in(fmt.Sprintf(`SELECT [%s] FROM kipay.%s_gN FINAL WHERE toInt64(%s) = {bucket:Int64} AND [%s] = {name:Array(String)}`,
		strings.Join(texts, ", "), c.table.name, c.bucket, strings.Join(keys, ", ")))
	rows, err := conn.Query(ctx, sql, clickhouse.Named("bucket", bucket), clickhouse.Named("name", name))
	if err != nil {
		return nil, fmt.Errorf("a row of %s%s: %w", c.table.name, g.suffix(), err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		if err := rows.Scan(&out); err != nil {
			return nil, fmt.Errorf("a row of %s%s: %w", c.table.name, g.suffix(), err)
		}
	}
	return out, rows.Err()
}

// nameText is the row's name for people: "merchant_id=1 mode=test …".
func (c *comparison) nameText(name []string) string {
	parts := make([]string, len(name))
	for i := range name {
		parts[i] = c.key[i] + "=" + name[i]
	}
	return strings.Join(parts, " ")
}
