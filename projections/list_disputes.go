package projections

import (
	"context"
	"fmt"
	"strings"
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
	conditions := []string{"merchant_id = {merchant:Int64}", "mode = {mode:String}"}
	args := []any{clickhouse.Named("merchant", f.MerchantID), clickhouse.Named("mode", string(f.Mode))}
	add := func(condition string, arg any) {
		conditions, args = append(conditions, condition), append(args, arg)
	}
	if f.Reference != "" {
		add("reference = {reference:String}", clickhouse.Named("reference", f.Reference))
	}
	if f.Status != "" {
		add("status = {status:String}", clickhouse.Named("status", string(f.Status)))
	}
	if !f.DueBefore.IsZero() {
		add("status = 'needs_response' AND due_at > toDateTime64(0, 3, 'UTC') AND due_at < {due:DateTime64(3,'UTC')}", millisArg("due", within(f.DueBefore)))
	}
	if f.From != nil {
		add("created_at >= {from:DateTime64(3,'UTC')}", millisArg("from", within(DayStart(*f.From, f.Zone))))
	}
	if f.To != nil {
		add("created_at < {until:DateTime64(3,'UTC')}", millisArg("until", within(DayStart(*f.To+1, f.Zone))))
	}
	where := strings.Join(conditions, " AND ")
	var page DisputePage
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		page = DisputePage{}
		if err := r.conn.QueryRow(ctx, g.in("SELECT count() FROM kipay.disputes_gN FINAL WHERE "+where), args...).Scan(&page.Total); err != nil {
			return err
		}
		sql := g.in(`SELECT created_at, channel_id, id, version, reference, provider_reference, currency, amount_minor, category, status, due_at,
			reminders, evidence, answer, answer_status, resolution, returned_minor, resolved_at, needs_attention
			FROM kipay.disputes_gN FINAL WHERE ` + where + ` ORDER BY status != 'needs_response',
			if(status = 'needs_response', toUnixTimestamp64Milli(due_at), -toUnixTimestamp64Milli(created_at)), created_at DESC, id DESC, channel_id
			LIMIT {limit:UInt64} OFFSET {offset:UInt64}`)
		paged := append(args[:len(args):len(args)], clickhouse.Named("limit", f.Limit), clickhouse.Named("offset", f.Offset))
		return r.each(ctx, sql, paged, func(rows driver.Rows) error {
			d := Dispute{MerchantID: f.MerchantID, Mode: f.Mode}
			var version uint64
			var currency, status string
			err := rows.Scan(&d.CreatedAt, &d.ChannelID, &d.ID, &version, &d.Reference, &d.ProviderReference, &currency, &d.Amount, &d.Category,
				&status, &d.DueAt, &d.Reminders, &d.Evidence, &d.Answer, &d.AnswerStatus, &d.Resolution, &d.Returned, &d.ResolvedAt, &d.NeedsAttention)
			d.Version, d.Currency, d.Status = eventstore.Position(version), money.Currency(currency), dispute.Status(status)
			d.CreatedAt, d.DueAt, d.ResolvedAt = momentOf(d.CreatedAt), momentOf(d.DueAt), momentOf(d.ResolvedAt)
			page.Rows = append(page.Rows, d)
			return err
		})
	})
	if err != nil {
		return DisputePage{}, fmt.Errorf("list disputes: %w", err)
	}
	return page, nil
}
