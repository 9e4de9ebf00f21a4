package projections

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// database is ClickHouse as this package uses it: one server, the embedded engine, or the servers of a cluster. Every
// statement that makes or drops a table or a view goes through define, which has it done on all of them.
type database struct {
	driver.Conn
	cluster string // empty for one server
}

// Settings are what the statements of this package rely on where ClickHouse is a server: the connection has to be
// opened with them. cluster is empty for a single one.
func Settings(cluster string) clickhouse.Settings {
	s := clickhouse.Settings{
		"async_insert": 0, // what was answered is in the table
	}
	if cluster == "" {
		return s
	}
	// ADR 10: rows are on most replicas before anything says that they are there, and a replica that lacks some refuses to
	// answer (isBehind).
	s["insert_quorum"] = "auto"
	s["insert_quorum_parallel"] = 0
	s["insert_quorum_timeout"] = 20_000 // milliseconds, less than Options.InsertTimeout
	s["select_sequential_consistency"] = 1
	// The replica that has just been written to is asked first.
	s["load_balancing"] = "in_order"
	// An insert is over when the shards have the rows, not when this server has promised to send them.
	s["distributed_foreground_insert"] = 1
	// All rows of a merchant are on one shard: the others aren't asked, and questions within questions stay there.
	s["optimize_skip_unused_shards"] = 1
	s["distributed_product_mode"] = "local"
	// A server that is away makes up for what it missed when it is back; nobody waits for it longer than this.
	s["distributed_ddl_task_timeout"] = 30
	s["distributed_ddl_output_mode"] = "null_status_on_timeout"
	return s
}

// form is how the schema's statements are written for where they are to run. The zero form leaves them as they are.
type form struct {
	cluster string
	sharded bool // the cluster has several shards
}

// form is that of new tables.
func (db database) form(ctx context.Context) (form, error) {
	if db.cluster == "" {
		return form{}, nil
	}
	var shards uint64
	if err := db.QueryRow(ctx, `SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {name:String}`,
		clickhouse.Named("name", db.cluster)).Scan(&shards); err != nil {
		return form{}, fmt.Errorf("ask for the shards of cluster %s: %w", db.cluster, err)
	}
	if shards == 0 {
		return form{}, fmt.Errorf("ClickHouse knows no cluster %q: name one of SELECT DISTINCT cluster FROM system.clusters", db.cluster)
	}
	return form{cluster: db.cluster, sharded: shards > 1}, nil
}

// define runs the statements of a script one by one, on every server. No statement of ours holds a semicolon at the end of a
// line but the one that ends it.
func (db database) define(ctx context.Context, f form, script string) error {
	for _, statement := range strings.Split(script, ";\n") {
		statements, err := f.render(strings.TrimSpace(statement))
		if err != nil {
			return err
		}
		for _, s := range statements {
			if err := db.Exec(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// change is the SQL that changes rows of a generation's table. Replicas pass it on to each other, shards don't.
func (f form) change(table, how string) string {
	if f.sharded {
		return "ALTER TABLE kipay." + shardPrefix + table + "_gN ON CLUSTER '" + f.cluster + "' " + how
	}
	return "ALTER TABLE kipay." + table + "_gN " + how
}

const (
	// shardPrefix begins the name of the table that has a shard's rows, behind the one with all.
	shardPrefix = "shard_"
	// keeperFolder is where the replicas of a table meet in Keeper.
	keeperFolder = "/clickhouse/tables/"
)

// The parts of the schema's statements that a cluster changes.
var (
	definition = regexp.MustCompile(`^(?:CREATE DATABASE IF NOT EXISTS kipay[a-z_]*|(?:CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP TABLE IF EXISTS) kipay[a-z_]*\.([a-z0-9_]+(?:_gN)?))`)
	mergeTree  = regexp.MustCompile(`(?m)^ENGINE = ReplacingMergeTree(?:\((\w+)\))?$`)
	comment    = regexp.MustCompile(`(?m)^COMMENT '.*'$`)
	ofOneSet   = regexp.MustCompile(`_g(?:N|[0-9]+)$`)
)

var errNoForm = errors.New("a statement of the schema has no form for a cluster")

// render is the statement as it is run here: none for an empty one, several where a table becomes two.
func (f form) render(statement string) ([]string, error) {
	if statement == "" {
		return nil, nil
	}
	if f.cluster == "" {
		return []string{statement}, nil
	}
	head := definition.FindStringSubmatchIndex(statement)
	if head == nil {
		return nil, fmt.Errorf("%w: %.60s", errNoForm, statement)
	}
	on := " ON CLUSTER '" + f.cluster + "'"
	begin, rest := statement[:head[1]], statement[head[1]:]
	if !strings.HasPrefix(begin, "CREATE TABLE") {
		// The joined table of a view is sent to the shards instead of being asked from each again.
		return []string{begin + on + strings.ReplaceAll(rest, "\nLEFT JOIN ", "\nGLOBAL LEFT JOIN ")}, nil
	}
	name := statement[head[2]:head[3]]
	if !ofOneSet.MatchString(name) {
		// What the projection notes of itself belongs to no merchant. All servers of the cluster are replicas of it, so that
		// each can be asked without the others; replicas of different shards may have the same name.
		rest, err := replicate(rest, keeperFolder+"kipay/"+name, "{shard}-{replica}")
		return []string{begin + on + rest}, err
	}
	rest, err := replicate(rest, keeperFolder+"{shard}/kipay/"+name, "{replica}")
	if err != nil || !f.sharded {
		return []string{begin + on + rest}, err
	}
	return []string{
		strings.TrimSuffix(begin, name) + shardPrefix + name + on + rest,
		fmt.Sprintf("%s%s AS kipay.%s\nENGINE = Distributed('%s', 'kipay', '%s', cityHash64(%s))\n%s",
			begin, on, shardPrefix+name, f.cluster, shardPrefix+name, shardKey(name), comment.FindString(statement)),
	}, nil
}

// shardKey is the column that says on which shard a row of the table is: the merchant's number, which no row of the same
// identity ever changes, so that all its versions meet.
func shardKey(table string) string {
	if ofOneSet.ReplaceAllString(table, "") == "merchants" {
		return "id"
	}
	return "merchant_id"
}

// replicate puts the replicated engine in place of the plain one.
func replicate(rest, path, replica string) (string, error) {
	m := mergeTree.FindStringSubmatchIndex(rest)
	if m == nil {
		return "", fmt.Errorf("%w: no engine that can be replicated:%.60s", errNoForm, rest)
	}
	version := ""
	if m[2] >= 0 {
		version = ", " + rest[m[2]:m[3]]
	}
	return rest[:m[0]] + fmt.Sprintf("ENGINE = ReplicatedReplacingMergeTree('%s', '%s'%s)", path, replica, version) + rest[m[1]:], nil
}
