package projections

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/eventstore"
)

// layout is the version of the tables of a generation, and of what is written into them. It grows with every change
// that needs the tables built again.
const layout uint32 = 15

// ErrNewerLayout: the generation that serves was built by a newer Kipay than this one.
var ErrNewerLayout = errors.New("the ClickHouse tables were built by a newer kipay")

// errOtherLayout: a node that doesn't project can't read what serves; one that does is of another version.
var errOtherLayout = errors.New("the ClickHouse tables are those of another version of kipay")

// errNoGeneration: no generation serves yet.
var errNoGeneration = errors.New("no generation of tables serves; migrate first")

// Generation names one set of tables: those whose names end in _g and this number.
type Generation uint32

// in is the SQL with the generation's tables in place of names that end in _gN.
func (g Generation) in(sql string) string {
	if g&withNew != 0 {
		for _, name := range pendingTables {
			table := "kipay." + name + "_gN"
			sql = strings.ReplaceAll(sql, table, "(SELECT * FROM "+table+" UNION ALL SELECT * FROM kipay."+newPrefix+name+"_gN)")
		}
	}
	return strings.ReplaceAll(sql, "_gN", g.suffix())
}

// merged is a question that begins in both places by itself, each answer in the order given and no longer than the whole
// may be: that is planned and read in two thirds of the time.
func (g Generation) merged(sql, orderAndLimit string) string {
	if g&withNew == 0 {
		return g.in(sql + orderAndLimit)
	}
	alone, fresh := sql+orderAndLimit, sql+orderAndLimit
	for _, name := range pendingTables {
		fresh = strings.ReplaceAll(fresh, "kipay."+name+"_gN", "kipay."+newPrefix+name+"_gN")
	}
	return g.plain().in("SELECT * FROM (" + alone + " UNION ALL " + fresh + ")" + orderAndLimit)
}

func (g Generation) suffix() string { return "_g" + strconv.FormatUint(uint64(g.plain()), 10) }

// State of a generation, in kipay.generations.
const (
	generationBuilding = "building"
	generationServing  = "serving"
	generationDropped  = "dropped"
)

// ensureGeneration makes the first generation serve when none does.
func ensureGeneration(ctx context.Context, db database) error {
	_, built, err := servingGeneration(ctx, db)
	if errors.Is(err, errNoGeneration) {
		if err := createGeneration(ctx, db, 1); err != nil {
			return err
		}
		return serveGeneration(ctx, db, 1, 0)
	}
	if err != nil {
		return err
	}
	if built > layout {
		return fmt.Errorf("%w: layout %d, the newest here is %d", ErrNewerLayout, built, layout)
	}
	return nil
}

// servingGeneration is the generation that reads use, and its layout. Errors: errNoGeneration.
func servingGeneration(ctx context.Context, db database) (Generation, uint32, error) {
	rows, err := db.Query(ctx, `SELECT generation, layout FROM kipay.generations
		WHERE state = 'serving' ORDER BY sequence DESC LIMIT 1`)
	if err != nil {
		return 0, 0, fmt.Errorf("read the serving generation: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var g, built uint32
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return 0, 0, fmt.Errorf("read the serving generation: %w", err)
		}
		return 0, 0, errNoGeneration
	}
	if err := rows.Scan(&g, &built); err != nil {
		return 0, 0, fmt.Errorf("read the serving generation: %w", err)
	}
	return Generation(g), built, rows.Err()
}

// createGeneration makes the empty tables of a generation.
func createGeneration(ctx context.Context, db database, g Generation) error {
	if err := runFolder(ctx, db, "schema/generation", g); err != nil {
		return err
	}
	return noteGeneration(ctx, db, g, generationBuilding, 0)
}

// serveGeneration makes a generation the one that reads use.
func serveGeneration(ctx context.Context, db database, g Generation, at eventstore.Position) error {
	if err := showGeneration(ctx, db, g); err != nil {
		return err
	}
	return noteGeneration(ctx, db, g, generationServing, at)
}

// viewedTable is a generation's table in the text of a view.
var viewedTable = regexp.MustCompile(`_g([0-9]+)\b`)

// ensureViews makes the views show the generation, where a swap to another one was broken off after it had changed them.
func ensureViews(ctx context.Context, db database, g Generation) error {
	names, err := fs.Glob(schema, "schema/views/*.sql")
	if err != nil {
		return err
	}
	rows, err := db.Query(ctx, `SELECT create_table_query FROM system.tables WHERE database IN ('kipay', '`+AnalyticsDatabase+`', '`+PersonalDatabase+`')
		AND engine = 'View' AND NOT startsWith(name, {new:String})`, clickhouse.Named("new", newPrefix))
	if err != nil {
		return fmt.Errorf("list views: %w", err)
	}
	defer func() { _ = rows.Close() }()
	right := 0
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("list views: %w", err)
		}
		tables := viewedTable.FindAllString(text, -1)
		if len(tables) > 0 && !slices.ContainsFunc(tables, func(t string) bool { return t != g.suffix() }) {
			right++
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list views: %w", err)
	}
	if right == len(names)+2*len(analystViews()) {
		return nil
	}
	return showGeneration(ctx, db, g)
}

func noteGeneration(ctx context.Context, db database, g Generation, state string, at eventstore.Position) error {
	now := time.Now()
	// A clock that was put back must not let an older line count as the newer one.
	if err := db.Exec(ctx, `INSERT INTO kipay.generations (sequence, generation, state, layout, position, at)
		SELECT greatest({sequence:UInt64}, (SELECT max(sequence) + 1 FROM kipay.generations)), {generation:UInt32}, {state:String}, {layout:UInt32}, {position:UInt64}, {at:DateTime64(3,'UTC')}`,
		clickhouse.Named("sequence", uint64(now.UnixNano())),
		clickhouse.Named("generation", uint32(g)), clickhouse.Named("state", state), clickhouse.Named("layout", layout),
		clickhouse.Named("position", uint64(at)), clickhouse.DateNamed("at", now, clickhouse.MilliSeconds)); err != nil {
		return fmt.Errorf("note generation %d as %s: %w", g, state, err)
	}
	return nil
}

func runFolder(ctx context.Context, db database, folder string, g Generation) error {
	names, err := fs.Glob(schema, folder+"/*.sql")
	if err != nil {
		return err
	}
	f, err := db.form(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := schema.ReadFile(name)
		if err != nil {
			return err
		}
		if err := db.define(ctx, f, g.in(string(text))); err != nil {
			return fmt.Errorf("generation %d: %s: %w", g, name, err)
		}
	}
	return nil
}

var generationTable = regexp.MustCompile(`^([a-z0-9_]+)_g([0-9]+)$`)

// generationTables are the tables in the database that belong to a generation.
func generationTables(ctx context.Context, db database) (map[Generation][]string, error) {
	rows, err := db.Query(ctx, `SELECT name FROM system.tables WHERE database = 'kipay'`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[Generation][]string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		m := generationTable.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		n, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			continue
		}
		out[Generation(n)] = append(out[Generation(n)], name)
	}
	return out, rows.Err()
}

// dropGeneration drops a generation's tables. Queries that run on them still end.
func dropGeneration(ctx context.Context, db database, g Generation) error {
	tables, err := generationTables(ctx, db)
	if err != nil {
		return err
	}
	if err := dropTables(ctx, db, tables[g]); err != nil {
		return err
	}
	return noteGeneration(ctx, db, g, generationDropped, 0)
}

// dropTables drops tables and views, in the order of their names: views of new rows come before what they show.
func dropTables(ctx context.Context, db database, names []string) error {
	sort.Strings(names)
	for _, name := range names {
		if err := db.define(ctx, form{cluster: db.cluster}, "DROP TABLE IF EXISTS kipay."+name+" SYNC"); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}

// freshGeneration drops what killed rebuilds left behind and makes the tables of the next generation.
func freshGeneration(ctx context.Context, db database) (Generation, error) {
	serving, _, err := servingGeneration(ctx, db)
	if err != nil {
		return 0, err
	}
	tables, err := generationTables(ctx, db)
	if err != nil {
		return 0, err
	}
	for g := range tables {
		if g != serving {
			if err := dropGeneration(ctx, db, g); err != nil {
				return 0, err
			}
		}
	}
	var newest uint32
	if err := db.QueryRow(ctx, `SELECT max(generation) FROM kipay.generations`).Scan(&newest); err != nil {
		return 0, fmt.Errorf("read the newest generation: %w", err)
	}
	next := Generation(newest + 1)
	return next, createGeneration(ctx, db, next)
}
