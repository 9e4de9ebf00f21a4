package projections

import (
	"context"
	"fmt"
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
	return t, t.scan(rows)
}

// scan reads a row of refundColumnsSQL into the refund, after what stands before them.
func (t *Refund) scan(rows driver.Rows, before ...any) error {
	var version uint64
	var currency, status string
	var unknown uint8
	err := rows.Scan(append(before, &t.CreatedAt, &t.ID, &version, &t.Name, &t.Reference, &currency, &t.Amount, &status, &t.Method, &t.ChannelID,
		&t.Receipt, &t.FailureCode, &t.FailureReason, &t.RefundedAt, &unknown, &t.NeedsAttention)...)
	t.Version, t.Currency, t.Status = eventstore.Position(version), money.Currency(currency), transaction.RefundStatus(status)
	t.OutcomeUnknown = unknown == 1
	t.CreatedAt, t.RefundedAt = momentOf(t.CreatedAt), momentOf(t.RefundedAt)
	return err
}

// RefundsWanted says which refunds of the install are listed, of both modes.
type RefundsWanted struct {
	MerchantID int64  // 0 for all
	Name       string // our reference of the refund; empty for all
	Pending    bool   // only those that nothing final is known of
	Attention  bool   // only those that a person has to look at
}

// Wants tells whether a refund is one of them.
func (w RefundsWanted) Wants(r *Refund) bool {
	return (w.MerchantID == 0 || r.MerchantID == w.MerchantID) && (w.Name == "" || r.Name == w.Name) &&
		(!w.Pending || r.Status == transaction.RefundPending) && (!w.Attention || r.OutcomeUnknown || r.NeedsAttention != "")
}

// EachRefund calls fn with the refunds of the install that are wanted, oldest first, until it fails.
func (r *Reader) EachRefund(ctx context.Context, wanted RefundsWanted, fn func(Refund) error) error {
	w := &where{conditions: []string{"1"}}
	if wanted.MerchantID != 0 {
		w.add("merchant_id = {merchant:Int64}", clickhouse.Named("merchant", wanted.MerchantID))
	}
	if wanted.Name != "" {
		w.add("refund_reference = {name:String}", clickhouse.Named("name", wanted.Name))
	}
	if wanted.Pending {
		w.add("status = 'pending'")
	}
	if wanted.Attention {
		w.add("(outcome_unknown = 1 OR needs_attention != '')")
	}
	var found []Refund
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		found = nil
		sql := g.in("SELECT merchant_id, mode, " + refundColumnsSQL + " FROM kipay.refunds_gN FINAL WHERE " + w.sql() + " ORDER BY created_at, id")
		return r.each(ctx, sql, w.args, func(rows driver.Rows) error {
			var t Refund
			var mode string
			err := t.scan(rows, &t.MerchantID, &mode)
			t.Mode = domain.Mode(mode)
			found = append(found, t)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("list refunds: %w", err)
	}
	for i := range found {
		if err := fn(found[i]); err != nil {
			return err
		}
	}
	return nil
}
