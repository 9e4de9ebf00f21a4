package projectionstest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// PlantedInColumns are the columns of Kipay's tables, and views, in which any of the texts stands, as "table.column".
func PlantedInColumns(t testing.TB, conn driver.Conn, planted []string) []string {
	t.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, `SELECT database, table, name FROM system.columns WHERE startsWith(database, 'kipay') AND position(type, 'String') > 0 ORDER BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	tables := map[string][]string{}
	for rows.Next() {
		var database, table, column string
		if err := rows.Scan(&database, &table, &column); err != nil {
			t.Fatal(err)
		}
		tables[database+"."+table] = append(tables[database+"."+table], column)
	}
	var out []string
	looked := 0
	for table, columns := range tables {
		looked += len(columns)
		counts := make([]string, 0, len(columns))
		for _, column := range columns {
			conditions := make([]string, 0, len(planted))
			for _, p := range planted {
				conditions = append(conditions, fmt.Sprintf("position(toString(%s), '%s') > 0", column, strings.ReplaceAll(p, "'", "''")))
			}
			counts = append(counts, "countIf("+strings.Join(conditions, " OR ")+")")
		}
		found := make([]uint64, len(columns))
		into := make([]any, len(columns))
		for i := range found {
			into[i] = &found[i]
		}
		// One question a table: asked for each of hundreds of columns they take longer than all else that a test does.
		if err := conn.QueryRow(ctx, "SELECT "+strings.Join(counts, ", ")+" FROM "+table).Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, n := range found {
			if n > 0 {
				out = append(out, table+"."+columns[i])
			}
		}
	}
	if looked < 50 {
		t.Fatalf("only %d columns were looked at", looked)
	}
	return out
}

// PlantedInFiles are the files below the folder in which any of the texts stands. ClickHouse's tables must have been
// written without compression.
func PlantedInFiles(t testing.TB, dir string, planted []string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // ClickHouse removes files while we look
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // the same
		}
		for _, p := range planted {
			if bytes.Contains(raw, []byte(p)) {
				out = append(out, path)
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
