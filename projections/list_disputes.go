package projections

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
)

// DisputeFilter says which of a merchant's disputes are listed.
type DisputeFilter struct {
	MerchantID int64
	Mode       domain.Mode
	// Reference is of the transaction; it and Status are empty for all.
	Reference string
	Status    dispute.Status
	// DueBefore leaves those that the merchant has to answer before then, zero for all.
	DueBefore time.Time
	// From and To are calendar days in Zone, both included, nil for no bound.
	From, To *Day
	Zone     *time.Location
	// Offset and Limit are counted from the most urgent.
	Offset, Limit uint64
}

// DisputePage is a page of disputes, and how many there are on all pages.
type DisputePage struct {
	Rows  []Dispute
	Total uint64
}

// Disputes lists a merchant's disputes: those that wait for the merchant by their deadline, then the others, newest first.
func (r *Reader) Disputes(ctx context.Context, f DisputeFilter) (DisputePage, error) {
	w := f.where()
	w.add(f.changing(w))
	from := " FROM kipay.disputes_gN FINAL WHERE " + w.sql()
	return r.disputePage(ctx, f, w.args, from)
}

// disputeColumnsSQL are what scan reads, urgencySQL the list's order.
const (
	disputeColumnsSQL = `created_at, channel_id, id, version, reference, provider_reference, currency, amount_minor, category, status, due_at,
	reminders, evidence, answer, answer_status, resolution, returned_minor, resolved_at, needs_attention`
	urgencySQL = `status != 'needs_response',
	if(status = 'needs_response', toUnixTimestamp64Milli(due_at), -toUnixTimestamp64Milli(created_at)), created_at DESC, id DESC, channel_id`
)

// where is the condition on what of a dispute never changes.
func (f *DisputeFilter) where() *where {
	w := newWhere(f.MerchantID, f.Mode)
	if f.Reference != "" {
		w.add("reference = {reference:String}", clickhouse.Named("reference", f.Reference))
	}
	w.days("created_at", f.From, f.To, f.Zone)
	return w
}

// changing is the condition on what of a dispute changes; w binds what it needs.
func (f *DisputeFilter) changing(w *where) string {
	sql := "1"
	if f.Status != "" {
		sql += " AND status = {status:String}"
		w.args = append(w.args, clickhouse.Named("status", string(f.Status)))
	}
	if !f.DueBefore.IsZero() {
		sql += " AND status = 'needs_response' AND due_at > toDateTime64(0, 3, 'UTC') AND due_at < {due:DateTime64(3,'UTC')}"
		w.args = append(w.args, millisArg("due", within(f.DueBefore)))
	}
	return sql
}

// disputePage is the page of what stands in from.
func (r *Reader) disputePage(ctx context.Context, f DisputeFilter, args []any, from string) (DisputePage, error) {
	rows, total, err := pageOf(ctx, r, listing[Dispute]{"disputes", disputeColumnsSQL, from, urgencySQL, args, f.Offset, f.Limit, f.scan})
	return DisputePage{rows, total}, err
}

// Disputes lists a merchant's disputes as of the moment.
func (p *Past) Disputes(ctx context.Context, f DisputeFilter, m Moment) (DisputePage, error) {
	w := f.where()
	from := " FROM (SELECT " + disputeColumnsSQL + " FROM kipay.dispute_versions_gN WHERE " + w.sql() + m.where("version", "effective_at") +
		" ORDER BY version DESC LIMIT 1 BY channel_id, id) WHERE " + f.changing(w)
	return p.reader.disputePage(ctx, f, append(w.args, m.args()...), from)
}

// scan reads a row of disputeColumnsSQL.
func (f *DisputeFilter) scan(rows driver.Rows) (Dispute, error) {
	d := Dispute{MerchantID: f.MerchantID, Mode: f.Mode}
	var version uint64
	var currency, status string
	err := rows.Scan(&d.CreatedAt, &d.ChannelID, &d.ID, &version, &d.Reference, &d.ProviderReference, &currency, &d.Amount, &d.Category,
		&status, &d.DueAt, &d.Reminders, &d.Evidence, &d.Answer, &d.AnswerStatus, &d.Resolution, &d.Returned, &d.ResolvedAt, &d.NeedsAttention)
	d.Version, d.Currency, d.Status = eventstore.Position(version), money.Currency(currency), dispute.Status(status)
	d.CreatedAt, d.DueAt, d.ResolvedAt = momentOf(d.CreatedAt), momentOf(d.DueAt), momentOf(d.ResolvedAt)
	return d, err
}
