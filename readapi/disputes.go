package readapi

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// listDisputes answers the caller's disputes, those that wait for the merchant first, by their deadline: reference, status,
// due_before, date_from, date_to, as_of, effective_at, page, limit.
func (a *api) listDisputes(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := disputeFilter(who, q, p)
	f.From, f.To = q.days()
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	if f.Zone, err = zoneOf(who); err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.DisputePage, error) { return a.Reader.Disputes(c.UserContext(), f) },
		func(m projections.Moment) (projections.DisputePage, error) {
			return a.past.Disputes(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.dispute(&page.Rows[i], a.Log.Now()) }))
}

// disputeFilter reads what a list of disputes and its diff have: reference, status, due_before.
func disputeFilter(who domain.Caller, q *query, p paging) projections.DisputeFilter {
	f := projections.DisputeFilter{MerchantID: who.MerchantID, Mode: who.Mode, Reference: q.reference("reference"), Offset: p.offset(), Limit: p.limit}
	switch f.Status = dispute.Status(q.text("status")); f.Status {
	case "", dispute.NeedsResponse, dispute.UnderReview, dispute.Won, dispute.Lost, dispute.Closed:
	default:
		q.Add("status", "must be needs_response, under_review, won, lost or closed")
	}
	if due := q.text("due_before"); due != "" {
		at, err := time.Parse(time.RFC3339, due)
		if err != nil {
			q.Add("due_before", "must be a time such as 2026-01-31T00:00:00Z")
		}
		f.DueBefore = at
	}
	return f
}

// dispute writes the members of a dispute.
func (e *encoder) dispute(d *projections.Dispute, now time.Time) {
	e.id(d.ID)
	e.textOrNull("transaction_reference", d.Reference)
	e.money("amount", d.Amount, d.Currency)
	e.text("currency", string(d.Currency))
	e.text("status", string(d.Status))
	e.textOrNull("category", d.Category)
	e.stampOrNull("due_at", d.DueAt)
	e.truth("overdue", d.Status == dispute.NeedsResponse && !d.DueAt.IsZero() && now.After(d.DueAt))
	e.stamp("created_at", d.CreatedAt)
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, d.ChannelID, 10)
	e.textOrNull("provider_reference", d.ProviderReference)
	e.textOrNull("answer", d.Answer)
	e.textOrNull("answer_status", d.AnswerStatus)
	e.count("reminders", uint64(d.Reminders))
	e.count("evidence_count", uint64(d.Evidence))
	e.textOrNull("resolution", d.Resolution)
	e.money("returned_amount", d.Returned, d.Currency)
	e.stampOrNull("resolved_at", d.ResolvedAt)
	e.textOrNull("needs_attention", d.NeedsAttention)
}

// oneDispute answers a dispute as the log has it now, with the evidence and the answers that were given. What is personal in
// them stands in the history alone.
func (a *api) oneDispute(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 || id > ids.Max {
		return domain.NotFoundf("dispute not found")
	}
	s, at, err := a.findDispute(c.UserContext(), who, id)
	if err != nil {
		return logAway(err)
	}
	if !s.Exists() {
		return domain.NotFoundf("dispute not found")
	}
	row := projections.DisputeOf(s, at)
	e := &encoder{b: []byte{'{'}}
	e.text("status", "success")
	e.object("dispute", func() {
		e.dispute(&row, a.Log.Now())
		e.array("evidence", len(s.Evidence), func(i int) { e.evidence(&s.Evidence[i]) })
		e.array("answers", len(s.Answers), func(i int) { e.disputeAnswer(&s.Answers[i], row.Currency) })
	})
	e.b = append(e.b, '}')
	a.answered(c, who, at)
	return send(c, e.b)
}

func (e *encoder) evidence(v *dispute.Evidence) {
	e.count("number", uint64(v.N))
	e.text("status", string(v.Outcome))
	e.stamp("created_at", v.At)
	e.textOrNull("delivery_date", v.DeliveryDate)
	e.textOrNull("file_sha256", v.FileSHA256)
	e.count("file_bytes", uint64(v.FileBytes))
	e.textOrNull("provider_id", v.ProviderID)
	e.textOrNull("failure_code", v.FailureCode)
	e.textOrNull("failure_reason", v.Reason)
}

func (e *encoder) disputeAnswer(v *dispute.Answered, c money.Currency) {
	e.text("resolution", string(v.Answer))
	e.text("status", string(v.Outcome))
	e.money("amount", v.Amount.Minor, c)
	e.stamp("created_at", v.At)
	e.textOrNull("failure_code", v.FailureCode)
	e.textOrNull("failure_reason", v.Reason)
}

// findDispute is the caller's dispute of that number, and where its last event stands; zero when there is none.
func (a *api) findDispute(ctx context.Context, who domain.Caller, id int64) (found dispute.State, at eventstore.Position, err error) {
	var m merchant.State
	err = a.Log.EachInStream(ctx, merchant.Stream(who.MerchantID), 0, func(e eventstore.Envelope) error {
		m = m.Evolve(e.Event)
		return nil
	})
	if err != nil {
		return found, 0, err
	}
	for _, ch := range m.Channels {
		s, position, err := a.foldDispute(ctx, ch, id, nil)
		if err != nil {
			return found, 0, err
		}
		if s.Exists() && s.Merchant == who.MerchantID && s.Mode == who.Mode && !found.Known() {
			found, at = s, position
		}
	}
	return found, at, nil
}

// foldDispute is a dispute as its events say; each, if any, is told of every event.
func (a *api) foldDispute(ctx context.Context, channel, id int64, each func(eventstore.Envelope)) (s dispute.State, at eventstore.Position, err error) {
	err = a.Log.EachInStream(ctx, dispute.Stream(channel, id), 0, func(e eventstore.Envelope) error {
		s, at = s.Evolve(e.Event), e.Position
		if each != nil {
			each(e)
		}
		return nil
	})
	return s, at, err
}
