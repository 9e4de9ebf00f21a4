package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

// Moment is where a list stands on two clocks.
type Moment struct {
	// AsOf is what was known: events at or before it.
	AsOf eventstore.Position
	// Until is what had happened by then, by the providers' clocks where those are known; nil for no bound.
	Until *time.Time
}

// Past answers lists as of a moment: of each thing the version that its last event before the moment left. What was known at
// AsOf is what tables would say that were built from the log up to there. Which things are in a list, and how many, is found
// in the tables of versions. What payments looked like is folded from the log, so that nothing personal has to be kept
// for it.
type Past struct {
	reader *Reader
	log    *eventstore.Log
}

// NewPast is one over the reader's tables and the log that they are made of.
func NewPast(reader *Reader, log *eventstore.Log) *Past { return &Past{reader: reader, log: log} }

// args are what the condition of a moment binds.
func (m Moment) args() []any {
	args := []any{clickhouse.Named("asof", uint64(m.AsOf))}
	if m.Until != nil {
		args = append(args, millisArg("by", within(*m.Until)))
	}
	return args
}

// where is the condition of a moment on versions whose columns have these names.
func (m Moment) where(position, effective string) string {
	sql := " AND " + position + " <= {asof:UInt64}"
	if m.Until != nil {
		sql += " AND " + effective + " <= {by:DateTime64(3,'UTC')}"
	}
	return sql
}

// newestVersionsSQL ends a question for versions, of which it leaves the newest of each thing.
const newestVersionsSQL = " ORDER BY created_at DESC, id DESC, version DESC LIMIT 1 BY created_at, id"

// Refunds lists a merchant's refunds as of the moment.
func (p *Past) Refunds(ctx context.Context, f RefundFilter, m Moment) (RefundPage, error) {
	w := f.where()
	from := " FROM (SELECT " + refundColumnsSQL + " FROM kipay.refund_versions_gN WHERE " + w.sql() + m.where("version", "effective_at") +
		newestVersionsSQL + ") WHERE " + refundStatusSQL
	return p.reader.refundPage(ctx, f, append(w.args, m.args()...), from)
}

// Customers lists a merchant's customers as of the moment: what they were called then is what they are found by.
func (p *Past) Customers(ctx context.Context, f CustomerFilter, m Moment) (CustomerPage, error) {
	within := "merchant_id = {merchant:Int64}" + m.where("version", "updated_at")
	count := "SELECT toInt64(uniqExact(created_at, id)) FROM kipay.customer_versions_gN WHERE " + within
	list := "SELECT " + customerColumnsSQL + " FROM kipay.customer_versions_gN WHERE " + within + newestVersionsSQL
	if f.Search = strings.ToLower(f.Search); f.Search != "" {
		// Of those that were ever found by it, those whose newest version is.
		from := " FROM (SELECT " + customerColumnsSQL + ", search FROM kipay.customer_versions_gN WHERE " + within +
			" AND (created_at, id) IN (SELECT created_at, id FROM kipay.customer_versions_gN WHERE " + within + " AND position(search, {search:String}) > 0)" +
			newestVersionsSQL + ") WHERE position(search, {search:String}) > 0"
		count, list = "SELECT toInt64(count())"+from, "SELECT "+customerColumnsSQL+from+" ORDER BY created_at DESC, id DESC"
	}
	args := append([]any{clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("search", f.Search)}, m.args()...)
	return p.reader.customerPage(ctx, tablesOnly, f, args, count, list+" LIMIT {limit:UInt64} OFFSET {offset:UInt64}")
}

// Channels lists a merchant's payment channels as of the moment. There are few, so they are all folded from the log.
func (p *Past) Channels(ctx context.Context, merchantID int64, activeOnly bool, m Moment) ([]Channel, error) {
	now, err := p.reader.Channels(ctx, merchantID, false)
	if err != nil {
		return nil, err
	}
	owner, _, err := foldAsOf[merchant.State](ctx, p.log, merchant.Stream(merchantID), m)
	if err != nil {
		return nil, err
	}
	then, err := eachInTurn(ctx, now, func(ctx context.Context, c Channel) (Channel, error) {
		s, at, err := foldAsOf[channel.State](ctx, p.log, channel.Stream(c.ID), m)
		if err != nil || !s.Exists() {
			return Channel{}, err
		}
		row := channelOf(s, at)
		row.Default = c.ID == owner.DefaultChannel
		return row, nil
	})
	return slices.DeleteFunc(then, func(c Channel) bool { return c.ID == 0 || (activeOnly && !c.Active) }), err
}

// foldAsOf is the state that the last event of the stream at or before the moment left, and the event's position.
func foldAsOf[S domain.State[S]](ctx context.Context, log *eventstore.Log, stream string, m Moment) (then S, at eventstore.Position, err error) {
	var s S
	err = log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		if e.Position > m.AsOf {
			return errFolded
		}
		s = s.Evolve(e.Event)
		if m.Until == nil || !e.Meta.OccurredAt.After(*m.Until) {
			then, at = s, e.Position
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFolded) {
		return then, 0, fmt.Errorf("fold %s as of position %d: %w", stream, m.AsOf, err)
	}
	return then, at, nil
}

// versionKey names a version of a payment in the log.
type versionKey struct {
	transactionKey
	position  eventstore.Position
	reference string
	revision  eventstore.Revision
}

func scanVersionKey(rows driver.Rows) (k versionKey, err error) {
	var position uint64
	err = rows.Scan(&k.at, &k.id, &position)
	k.position = eventstore.Position(position)
	return k, err
}
