package projections

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed schema
var schema embed.FS

// ErrNewerSchema: the database was migrated by a newer Kipay than this one.
var ErrNewerSchema = errors.New("the ClickHouse schema is newer than this kipay")

// ErrOtherForm: tables of one server can't be used as those of a cluster, nor the other way round.
var ErrOtherForm = errors.New("the tables in ClickHouse's database kipay are those of a single server and a cluster was named, or the other way round; " +
	"drop the database, and it is built anew from the log")

// migration is one numbered file of schema/.
type migration struct {
	number   uint32
	name     string
	sql      string
	checksum string
}

// Migrate brings the database to the newest schema and makes the first generation of tables when there is none; cluster
// is where, empty for one server. It may run any number of times, and on several nodes at once: every statement says IF
// NOT EXISTS or OR REPLACE, and what is recorded twice counts once. Errors: ErrNewerSchema, and an error when a migration
// was changed after it was applied.
func Migrate(ctx context.Context, conn driver.Conn, cluster string) error {
	return migrate(ctx, database{conn, cluster})
}

func migrate(ctx context.Context, db database) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	f, err := db.form(ctx)
	if err != nil {
		return err
	}
	applied, err := appliedMigrations(ctx, db)
	if err != nil {
		return err
	}
	for number := range applied {
		if number > all[len(all)-1].number {
			return fmt.Errorf("%w: migration %d is applied, the newest here is %d", ErrNewerSchema, number, all[len(all)-1].number)
		}
	}
	for _, m := range all {
		if was, ok := applied[m.number]; ok {
			if was != m.checksum {
				return fmt.Errorf("migration %s was changed after it was applied", m.name)
			}
			continue
		}
		if err := db.define(ctx, f, m.sql); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if err := db.Exec(ctx, `INSERT INTO kipay.schema_migrations (number, name, checksum, applied_at)
			SELECT {number:UInt32}, {name:String}, {checksum:String}, {at:DateTime64(3,'UTC')}`,
			clickhouse.Named("number", m.number), clickhouse.Named("name", m.name), clickhouse.Named("checksum", m.checksum),
			clickhouse.DateNamed("at", time.Now(), clickhouse.MilliSeconds)); err != nil {
			return fmt.Errorf("record migration %s: %w", m.name, err)
		}
	}
	return ensureGeneration(ctx, db)
}

// appliedMigrations are those that are recorded, by number: none where the table that records them is not there.
func appliedMigrations(ctx context.Context, db database) (map[uint32]string, error) {
	var engine string
	if err := db.QueryRow(ctx, `SELECT max(engine) FROM system.tables WHERE database = 'kipay' AND name = 'schema_migrations'`).Scan(&engine); err != nil {
		return nil, fmt.Errorf("look for the migrations applied: %w", err)
	}
	switch {
	case engine == "":
		return nil, nil
	case db.cluster != "" && engine == "ReplacingMergeTree", db.cluster == "" && strings.HasPrefix(engine, "Replicated"):
		return nil, ErrOtherForm
	}
	rows, err := db.Query(ctx, `SELECT number, checksum FROM kipay.schema_migrations FINAL`)
	if err != nil {
		return nil, fmt.Errorf("read the migrations applied: %w", err)
	}
	defer func() { _ = rows.Close() }()
	applied := map[uint32]string{}
	for rows.Next() {
		var number uint32
		var checksum string
		if err := rows.Scan(&number, &checksum); err != nil {
			return nil, fmt.Errorf("read the migrations applied: %w", err)
		}
		applied[number] = checksum
	}
	return applied, rows.Err()
}

// migrations are the numbered files in order, without a gap.
func migrations() ([]migration, error) {
	names, err := fs.Glob(schema, "schema/[0-9]*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	out := make([]migration, 0, len(names))
	for i, path := range names {
		text, err := schema.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path, "schema/")
		digits, _, _ := strings.Cut(name, "_")
		number, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || number != uint64(i)+1 {
			return nil, fmt.Errorf("migration %s: its number must be %d", name, i+1)
		}
		sum := sha256.Sum256(text)
		out = append(out, migration{number: uint32(number), name: name, sql: string(text), checksum: hex.EncodeToString(sum[:])})
	}
	return out, nil
}
