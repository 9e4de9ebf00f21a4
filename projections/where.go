package projections

import (
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/domain"
)

// where is the conditions of a question about one merchant's rows.
type where struct {
	conditions []string
	args       []any
}

func newWhere(merchantID int64, mode domain.Mode) *where {
	w := newWhereOf(merchantID)
	w.add("mode = {mode:String}", clickhouse.Named("mode", string(mode)))
	return w
}

// newWhereOf is of the rows of both modes.
func newWhereOf(merchantID int64) *where {
	return &where{conditions: []string{"merchant_id = {merchant:Int64}"}, args: []any{clickhouse.Named("merchant", merchantID)}}
}

func (w *where) add(condition string, args ...any) {
	w.conditions, w.args = append(w.conditions, condition), append(w.args, args...)
}

func (w *where) sql() string { return strings.Join(w.conditions, " AND ") }

// paged are the arguments with those of LIMIT and OFFSET.
func (w *where) paged(limit, offset uint64) []any {
	return append(w.args[:len(w.args):len(w.args)], clickhouse.Named("limit", limit), clickhouse.Named("offset", offset))
}

// days bounds a column by calendar days in the zone, both included; nil is no bound.
func (w *where) days(column string, from, to *Day, zone *time.Location) {
	if from != nil {
		w.add(column+" >= {from:DateTime64(3,'UTC')}", millisArg("from", within(DayStart(*from, zone))))
	}
	if to != nil {
		w.add(column+" < {until:DateTime64(3,'UTC')}", millisArg("until", within(DayStart(*to+1, zone))))
	}
}
