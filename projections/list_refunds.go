package projections

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// RefundFilter says which of a merchant's refunds are listed.
type RefundFilter struct {
	MerchantID int64
	Mode       domain.Mode
	// Reference is of the transaction; it and Status are empty for all.
	Reference string
	Status    transaction.RefundStatus
	// From and To are calendar days in Zone, both included, nil for no bound.
	From, To *Day
	Zone     *time.Location
	// Offset and Limit are counted from the newest.
	Offset, Limit uint64
}

// RefundPage is a page of refunds, newest first, and how many there are on all pages.
type RefundPage struct {
	Rows  []Refund
	Total uint64
}

// Refunds lists a merchant's refunds.
func (r *Reader) Refunds(ctx context.Context, f RefundFilter) (RefundPage, error) {
	w := f.where()
	w.add(refundStatusSQL)
	from := " FROM kipay.refunds_gN FINAL WHERE " + w.sql()
	return r.refundPage(ctx, f, w.args, from)
}

// refundColumnsSQL are what scanRefund reads, refundStatusSQL the condition on the status.
const (
	refundColumnsSQL = `created_at, id, version, refund_reference, reference, currency, amount_minor, status, method, channel_id, receipt,
	failure_code, failure_reason, refunded_at, outcome_unknown, needs_attention`
	refundStatusSQL = `({status:String} = '' OR status = {status:String})`
)

// where is the condition on what of a refund never changes; it binds what that on the status does, too.
func (f *RefundFilter) where() *where {
	w := newWhere(f.MerchantID, f.Mode)
	w.args = append(w.args, clickhouse.Named("status", string(f.Status)))
	if f.Reference != "" {
		w.add("reference = {reference:String}", clickhouse.Named("reference", f.Reference))
	}
	w.days("created_at", f.From, f.To, f.Zone)
	return w
}

// refundPage is the page of what stands in from.
func (r *Reader) refundPage(ctx context.Context, f RefundFilter, args []any, from string) (RefundPage, error) {
	rows, total, err := pageOf(ctx, r, listing[Refund]{
		"refunds", refundColumnsSQL, from, "created_at DESC, id DESC", args, f.Offset, f.Limit, f.scan,
	})
	return RefundPage{rows, total}, err
}

// scan reads a row of refundColumnsSQL.
func (f *RefundFilter) scan(rows driver.Rows) (Refund, error) {
	t := Refund{MerchantID: f.MerchantID, Mode: f.Mode}
	var version uint64
	var currency, status string
	var unknown uint8
	err := rows.Scan(&t.CreatedAt, &t.ID, &version, &t.Name, &t.Reference, &currency, &t.Amount, &status, &t.Method, &t.ChannelID,
		&t.Receipt, &t.FailureCode, &t.FailureReason, &t.RefundedAt, &unknown, &t.NeedsAttention)
	t.Version, t.Currency, t.Status = eventstore.Position(version), money.Currency(currency), transaction.RefundStatus(status)
	t.OutcomeUnknown = unknown == 1
	t.CreatedAt, t.RefundedAt = momentOf(t.CreatedAt), momentOf(t.RefundedAt)
	return t, err
}
