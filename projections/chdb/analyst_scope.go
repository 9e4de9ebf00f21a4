package chdb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/benfex/kipay/projections/chdb/confine"
)

// view is a table or view as far as a grant has to know it.
type view struct {
	Database, Name string
	HasMerchant    bool
}

// look asks the engine which databases there are, and what is in those of a grant. It is asked anew for each statement: a
// view that was made a moment ago must not be read without a filter.
func (a *analysts) look(ctx context.Context, grant Grant) (confine.Scope, []view, error) {
	quoted := make([]string, len(grant.Databases))
	for i, name := range grant.Databases {
		quoted[i] = quoteString(name)
	}
	scope := confine.Scope{Databases: grant.Databases, Tables: map[string]bool{}, Elsewhere: map[string]bool{}, Narrow: grant.MerchantID != 0}
	var views []view
	err := a.reading(ctx, func(conn *Conn) error {
		databases, err := words(conn, "SELECT name FROM system.databases")
		if err != nil {
			return fmt.Errorf("list databases: %w", err)
		}
		for _, name := range databases {
			scope.Elsewhere[name] = !slices.Contains(grant.Databases, name)
		}
		views, err = jsonRows[view](conn, "SELECT t.database AS Database, t.name AS Name, toBool(c.n > 0) AS HasMerchant FROM"+
			" (SELECT database, name FROM system.tables WHERE database IN ("+strings.Join(quoted, ", ")+")) AS t LEFT JOIN"+
			" (SELECT database, table, count() AS n FROM system.columns WHERE database IN ("+strings.Join(quoted, ", ")+") AND name = 'merchant_id' GROUP BY database, table) AS c"+
			" ON c.database = t.database AND c.table = t.name")
		if err != nil {
			return fmt.Errorf("list tables: %w", err)
		}
		return nil
	})
	if err != nil {
		return scope, nil, err
	}
	for _, v := range views {
		if plainName.MatchString(v.Name) {
			scope.Tables[v.Database+"."+v.Name] = true
		}
	}
	return scope, views, nil
}

// jsonRows reads a small result whose columns are named as the fields of T.
func jsonRows[T any](conn *Conn, sql string) ([]T, error) {
	result, err := conn.Query(sql, "JSONEachRow")
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var rows []T
	for line := range strings.Lines(string(result.Bytes())) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, fmt.Errorf("chdb: %w", err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// inOrder keep the engine from moving a statement's own conditions below or beside the filter that leaves one merchant's
// rows. With the engine's own plan they are evaluated for everybody's rows, and an error that one of them throws
// (throwIf(amount > 1000)) tells of them.
var inOrder = map[string]string{
	"query_plan_merge_filters":                    "0",
	"query_plan_filter_push_down":                 "0",
	"query_plan_merge_filter_into_join_condition": "0",
	"query_plan_optimize_prewhere":                "0",
	"optimize_move_to_prewhere":                   "0",
	"optimize_move_to_prewhere_if_final":          "0",
	"optimize_prewhere_after_pushdown":            "0",
	"enable_optimize_predicate_expression":        "0",
	"query_plan_lift_up_union":                    "0",
	"enable_join_runtime_filters":                 "0",
}

// limits are the settings of the session that a grant gives. They win over those of the request.
func limits(grant Grant, views []view) map[string]string {
	list := make([]string, len(grant.Databases))
	for i, name := range grant.Databases {
		list[i] = quoteString(name)
	}
	in := " IN (" + strings.Join(list, ", ") + ")"
	filters := map[string]string{"system.databases": "name" + in, "system.tables": "database" + in, "system.columns": "database" + in}
	settings := map[string]string{
		"max_execution_time": strconv.Itoa(int(math.Ceil(grant.MaxSeconds))),
		"max_rows_to_read":   strconv.FormatUint(grant.MaxRowsToRead, 10),
		"max_result_rows":    strconv.FormatUint(grant.MaxResultRows, 10),
		"max_result_bytes":   strconv.FormatUint(grant.MaxResultBytes, 10),
	}
	if grant.MerchantID != 0 {
		maps.Copy(settings, inOrder)
		for _, v := range views {
			filter := "0"
			if v.HasMerchant {
				filter = "merchant_id = " + strconv.FormatInt(grant.MerchantID, 10)
			}
			filters[v.Database+"."+v.Name] = filter
		}
	}
	pairs := make([]string, 0, len(filters))
	for _, table := range slices.Sorted(maps.Keys(filters)) {
		pairs = append(pairs, quoteString(table)+":"+quoteString(filters[table]))
	}
	settings["additional_table_filters"] = "{" + strings.Join(pairs, ",") + "}"
	return settings
}
