package projections

import (
	"context"
	commandline "flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/projections/projectionstest"
)

// forms are where the schema may be run. The names are those of the golden files.
func forms() map[string]form {
	return map[string]form{
		"single":     {},
		"replicated": {cluster: "kipay"},
		"sharded":    {cluster: "kipay", sharded: true},
	}
}

// ddl are all statements of the schema in the form, those of the first generation among them.
func ddl(t testing.TB, f form) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"schema/[0-9]*.sql", "schema/generation/*.sql", "schema/views/*.sql"} {
		names, err := fs.Glob(schema, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := schema.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range strings.Split(Generation(1).in(string(text)), ";\n") {
				statements, err := f.render(strings.TrimSpace(statement))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				out = append(out, statements...)
			}
		}
	}
	return out
}

func TestTheSchemaOnOneServerOnReplicasAndOnShards(t *testing.T) {
	conn := projectionstest.NewEngine(t).Conn
	for name, f := range forms() {
		statements := ddl(t, f)
		golden(t, "ddl/"+name+".sql", strings.Join(statements, ";\n\n")+";\n")
		for _, s := range statements {
			// The engine's own parser reads each, and sees the cluster and the engine that are meant.
			var parsed string
			if err := conn.QueryRow(t.Context(), `SELECT formatQuery({s:String})`, clickhouse.Named("s", s)).Scan(&parsed); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, s)
			}
			if got := strings.Contains(parsed, "ON CLUSTER kipay"); got != (f.cluster != "") {
				t.Errorf("%s: on the cluster: %v\n%s", name, got, parsed)
			}
			if f.cluster != "" && regexp.MustCompile(`ENGINE = (\w+)`).FindString(parsed) == "ENGINE = ReplacingMergeTree" {
				t.Errorf("%s: a table that is not replicated:\n%s", name, parsed)
			}
		}
	}
}

func TestAStatementThatHasNoFormForAClusterIsRefused(t *testing.T) {
	f := form{cluster: "kipay"}
	for _, s := range []string{
		"ALTER TABLE kipay.transactions_g1 MODIFY SETTING index_granularity = 1",
		"CREATE TABLE IF NOT EXISTS kipay.other\n(\n    a Int64\n)\nENGINE = Memory",
	} {
		if got, err := f.render(s); err == nil {
			t.Errorf("%s became %q", s, got)
		}
	}
}

// update writes what tests see to their golden files.
var update = commandline.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-file +now; -update writes it):\n%s", path, diff)
	}
}

// TestNoTwoVersionsOfARowAreOnDifferentShards: a shard merges only what it has. Whatever a table shows of one thing has to
// lie on the same one.
func TestNoTwoVersionsOfARowAreOnDifferentShards(t *testing.T) {
	b := newBench(t)
	p := b.serverProjector(t)
	story(t, b.Install)
	run(t, p)
	caughtUp(t, p, b.Head(t))
	for _, c := range comparisons() {
		key := shardKey(c.table.name + "_gN")
		var split, rows uint64
		if err := b.engine.Conn.QueryRow(t.Context(), `SELECT countIf(shards > 1), count() FROM (
			SELECT uniqExact(cityHash64(`+key+`)) AS shards FROM kipay.`+c.table.name+`_g1 GROUP BY `+sortKey(t, b, c.table.name)+`)`).Scan(&split, &rows); err != nil {
			t.Fatal(err)
		}
		if split > 0 || rows == 0 {
			t.Errorf("%s: of %d rows %d would be on several shards", c.table.name, rows, split)
		}
	}
}

func sortKey(t testing.TB, b *bench, table string) (key string) {
	t.Helper()
	if err := b.engine.Conn.QueryRow(context.Background(), `SELECT sorting_key FROM system.tables WHERE database = 'kipay' AND name = {n:String}`,
		namedText("n", table+"_g1")).Scan(&key); err != nil {
		t.Fatal(err)
	}
	return key
}
