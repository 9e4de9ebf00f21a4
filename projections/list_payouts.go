package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
)

// PayoutFilter says which of a merchant's payouts are listed.
type PayoutFilter struct {
	MerchantID int64
	Mode       domain.Mode // empty for both
	// BankReference, Receipt and Status are empty for all.
	BankReference string
	Receipt       string
	Status        payout.Status
	// From and To are calendar days in Zone, both included, nil for no bound.
	From, To *Day
	Zone     *time.Location
	// Offset and Limit are counted from the newest.
	Offset, Limit uint64
}

// PayoutPage is a page of payouts, newest first, and how many there are on all pages.
type PayoutPage struct {
	Rows  []Payout
	Total uint64
}

// payoutColumnsSQL are what scan reads.
const payoutColumnsSQL = `mode, created_at, id, version, reference, currency, amount_minor, status, method, channel_id, destination, destination_hint,
	needs_approval, requested_by, approved_by, rejected_by, sent_at, paid_at, receipt, charge_minor, bank_reference, value_date,
	failure_code, failure_reason, outcome_unknown, needs_attention`

// where is the condition on what of a payout never changes.
func (f *PayoutFilter) where() *where {
	w := newWhereOf(f.MerchantID)
	if f.Mode != "" {
		w.add("mode = {mode:String}", clickhouse.Named("mode", string(f.Mode)))
	}
	w.days("created_at", f.From, f.To, f.Zone)
	return w
}

// changing is the condition on what of a payout changes; w binds what it needs.
func (f *PayoutFilter) changing(w *where) string {
	sql := "1"
	for _, c := range []struct{ condition, name, value string }{
		{"bank_reference = {bank_reference:String}", "bank_reference", f.BankReference},
		{"receipt = {receipt:String}", "receipt", f.Receipt},
		{"status = {status:String}", "status", string(f.Status)},
	} {
		if c.value != "" {
			sql += " AND " + c.condition
			w.args = append(w.args, clickhouse.Named(c.name, c.value))
		}
	}
	return sql
}

// Payouts lists a merchant's payouts.
func (r *Reader) Payouts(ctx context.Context, f PayoutFilter) (PayoutPage, error) {
	w := f.where()
	w.add(f.changing(w))
	return r.payoutPage(ctx, f, w.args, " FROM kipay.payouts_gN FINAL WHERE "+w.sql())
}

// Payouts lists a merchant's payouts as of the moment.
func (p *Past) Payouts(ctx context.Context, f PayoutFilter, m Moment) (PayoutPage, error) {
	w := f.where()
	from := " FROM (SELECT " + payoutColumnsSQL + " FROM kipay.payout_versions_gN WHERE " + w.sql() + m.where("version", "effective_at") +
		newestVersionsSQL + ") WHERE " + f.changing(w)
	return p.reader.payoutPage(ctx, f, append(w.args, m.args()...), from)
}

// payoutPage is the page of what stands in from.
func (r *Reader) payoutPage(ctx context.Context, f PayoutFilter, args []any, from string) (PayoutPage, error) {
	rows, total, err := pageOf(ctx, r, listing[Payout]{
		"payouts", payoutColumnsSQL, from, "created_at DESC, id DESC", args, f.Offset, f.Limit, f.scan,
	})
	return PayoutPage{rows, total}, err
}

// scan reads a row of payoutColumnsSQL.
func (f *PayoutFilter) scan(rows driver.Rows) (Payout, error) {
	p := Payout{MerchantID: f.MerchantID}
	var version uint64
	var mode, currency, status string
	var needsApproval, unknown uint8
	err := rows.Scan(&mode, &p.CreatedAt, &p.ID, &version, &p.Reference, &currency, &p.Amount, &status, &p.Method, &p.ChannelID, &p.Destination,
		&p.DestinationHint, &needsApproval, &p.RequestedBy, &p.ApprovedBy, &p.RejectedBy, &p.SentAt, &p.PaidAt, &p.Receipt, &p.Charge,
		&p.BankReference, &p.ValueDate, &p.FailureCode, &p.FailureReason, &unknown, &p.NeedsAttention)
	p.Mode, p.Version, p.Currency, p.Status = domain.Mode(mode), eventstore.Position(version), money.Currency(currency), payout.Status(status)
	p.NeedsApproval, p.OutcomeUnknown = needsApproval == 1, unknown == 1
	p.CreatedAt, p.SentAt, p.PaidAt = momentOf(p.CreatedAt), momentOf(p.SentAt), momentOf(p.PaidAt)
	return p, err
}

// PayoutCounts are how many payouts of the install wait for somebody.
type PayoutCounts struct {
	// AwaitingApproval wait for a second person, ToMake for a person to make the transfer.
	AwaitingApproval, ToMake uint64
	// Unknown are those whose outcome nobody knows, that can't be sent, or of which the provider says what can't be right.
	Unknown uint64
	// OldestSent is when the oldest one was sent of which nothing final is known; zero when there is none.
	OldestSent time.Time
}

// payoutCounts counts them in a generation.
func (r *Reader) payoutCounts(ctx context.Context, g Generation) (PayoutCounts, error) {
	var c PayoutCounts
	err := r.conn.QueryRow(ctx, g.in(`SELECT countIf(status = 'awaiting_approval'), countIf(status = 'approved' AND method = 'manual'),
		countIf(status = 'sent' AND outcome_unknown = 1 OR status IN ('sent', 'approved', 'completed') AND needs_attention != ''),
		minIf(sent_at, status = 'sent') FROM kipay.payouts_gN FINAL`)).Scan(&c.AwaitingApproval, &c.ToMake, &c.Unknown, &c.OldestSent)
	if err != nil {
		return c, fmt.Errorf("count payouts: %w", err)
	}
	c.OldestSent = momentOf(c.OldestSent)
	return c, nil
}
