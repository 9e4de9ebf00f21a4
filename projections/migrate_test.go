package projections

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestMigrationsMayRunTwiceAndRefuseANewerSchema(t *testing.T) {
	conn := projectionstest.NewEngine(t).Conn
	for range 3 {
		if err := Migrate(t.Context(), conn, ""); err != nil {
			t.Fatal(err)
		}
	}
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	var applied, generations uint64
	row := conn.QueryRow(t.Context(), `SELECT (SELECT count() FROM kipay.schema_migrations), (SELECT count() FROM kipay.generations)`)
	if err := row.Scan(&applied, &generations); err != nil {
		t.Fatal(err)
	}
	if applied != uint64(len(all)) || generations != 2 {
		t.Errorf("%d migrations and %d lines of generations are recorded, want %d and 2", applied, generations, len(all))
	}
	exec(t, conn, `INSERT INTO kipay.schema_migrations (number, name, checksum, applied_at) VALUES (99, '0099_future.sql', '', now64(3))`)
	if err := Migrate(t.Context(), conn, ""); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema: %v", err)
	}
}

func TestEveryColumnOfTheTablesAndViewsIsExplained(t *testing.T) {
	conn := projectionstest.NewEngine(t).Conn
	if err := Migrate(t.Context(), conn, ""); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `SELECT table, name FROM system.columns WHERE database = 'kipay' AND comment = ''
		AND table NOT IN ('transaction_versions', 'events', 'counters', 'merchants')`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var table, name string
		if err := rows.Scan(&table, &name); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s.%s has no comment", table, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenFitsTheTables(t *testing.T) {
	conn := projectionstest.NewEngine(t).Conn
	if err := Migrate(t.Context(), conn, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range comparisons() {
		var names []string
		if err := conn.QueryRow(t.Context(), `SELECT groupArray(name) FROM (SELECT name FROM system.columns
			WHERE database = 'kipay' AND table = {table:String} ORDER BY position)`, namedText("table", c.table.name+"_g1")).Scan(&names); err != nil {
			t.Fatal(err)
		}
		// Inserts name no columns: every one has to be written, in the order of the schema.
		if diff := cmp.Diff(names, c.table.columnNames()); diff != "" {
			t.Errorf("columns of %s (-schema +written):\n%s", c.table.name, diff)
		}
	}
}
