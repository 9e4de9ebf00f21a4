package readapi

import (
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections"
)

// listRefunds answers the caller's refunds, newest first: reference, status, date_from, date_to, as_of,
// effective_at, page, limit.
func (a *api) listRefunds(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := refundFilter(who, q, p)
	f.From, f.To = q.days()
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	if f.Zone, err = zoneOf(who); err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.RefundPage, error) { return a.Reader.Refunds(c.UserContext(), f) },
		func(m projections.Moment) (projections.RefundPage, error) {
			return a.past.Refunds(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.refund(&page.Rows[i]) }))
}

// refundFilter reads what a list of refunds and its diff have: reference, status.
func refundFilter(who domain.Caller, q *query, p paging) projections.RefundFilter {
	f := projections.RefundFilter{MerchantID: who.MerchantID, Mode: who.Mode, Reference: q.reference("reference"), Offset: p.offset(), Limit: p.limit}
	switch f.Status = transaction.RefundStatus(q.text("status")); f.Status {
	case "", transaction.RefundPending, transaction.RefundDone, transaction.RefundRefused:
	default:
		q.Add("status", "must be pending, completed or failed")
	}
	return f
}

// refund writes the members of a refund: the documented ones, then those added.
func (e *encoder) refund(r *projections.Refund) {
	e.id(r.ID)
	e.text("reference", r.Name)
	e.text("transaction_reference", r.Reference)
	e.money("amount", r.Amount, r.Currency)
	e.text("currency", string(r.Currency))
	e.text("status", string(r.Status))
	e.stamp("created_at", r.CreatedAt)
	e.text("method", r.Method)
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, r.ChannelID, 10)
	e.textOrNull("receipt", r.Receipt)
	e.stampOrNull("refunded_at", r.RefundedAt)
	e.textOrNull("failure_code", r.FailureCode)
	e.textOrNull("failure_reason", r.FailureReason)
	e.truth("outcome_unknown", r.OutcomeUnknown)
	e.textOrNull("needs_attention", r.NeedsAttention)
}
