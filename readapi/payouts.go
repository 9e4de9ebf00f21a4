package readapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// listPayouts answers the caller's payouts, newest first: status, bank_reference, receipt, date_from, date_to, as_of, effective_at,
// page, limit.
func (a *api) listPayouts(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := payoutFilter(who, q, p)
	f.From, f.To = q.days()
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	if f.Zone, err = zoneOf(who); err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.PayoutPage, error) { return a.Reader.Payouts(c.UserContext(), f) },
		func(m projections.Moment) (projections.PayoutPage, error) {
			return a.past.Payouts(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.payout(&page.Rows[i]) }))
}

// payoutFilter reads what a list of payouts and its diff have: status, bank_reference, receipt.
func payoutFilter(who domain.Caller, q *query, p paging) projections.PayoutFilter {
	f := projections.PayoutFilter{
		MerchantID: who.MerchantID, Mode: who.Mode, BankReference: q.search("bank_reference"), Receipt: q.search("receipt"), Offset: p.offset(), Limit: p.limit,
	}
	if f.Status = payout.Status(q.text("status")); f.Status != "" && !slices.Contains(payout.Statuses(), f.Status) {
		q.Add("status", "must be awaiting_approval, approved, sent, completed, failed or rejected")
	}
	return f
}

// payout writes the members of a payout.
func (e *encoder) payout(p *projections.Payout) {
	e.id(p.ID)
	e.text("reference", p.Reference)
	e.money("amount", p.Amount, p.Currency)
	e.text("currency", string(p.Currency))
	e.text("status", string(p.Status))
	e.stamp("created_at", p.CreatedAt)
	e.text("method", p.Method)
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, p.ChannelID, 10)
	e.text("destination", p.Destination)
	e.text("destination_hint", p.DestinationHint)
	e.truth("needs_approval", p.NeedsApproval)
	e.text("requested_by", p.RequestedBy)
	e.textOrNull("approved_by", p.ApprovedBy)
	e.textOrNull("rejected_by", p.RejectedBy)
	e.stampOrNull("sent_at", p.SentAt)
	e.stampOrNull("paid_at", p.PaidAt)
	e.textOrNull("receipt", p.Receipt)
	e.money("provider_charge", p.Charge, p.Currency)
	e.textOrNull("bank_reference", p.BankReference)
	e.textOrNull("value_date", p.ValueDate)
	e.textOrNull("failure_code", p.FailureCode)
	e.textOrNull("failure_reason", p.FailureReason)
	e.truth("outcome_unknown", p.OutcomeUnknown)
	e.textOrNull("needs_attention", p.NeedsAttention)
}

// payout answers a payout as it is now, with where it goes in full. It is read from the log alone.
func (a *api) payout(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	s, story, err := a.payoutOf(c, who)
	if err != nil {
		return err
	}
	newest := story[len(story)-1].Position
	row := projections.PayoutOf(s, newest)
	e := &encoder{b: make([]byte, 0, 1024)}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.object("payout", func() {
		e.payout(&row)
		e.text("number", string(s.Destination.Number))
		e.textOrNull("bank_name", string(s.Destination.Bank))
		e.textOrNull("account_name", string(s.Destination.Name))
		e.textOrNull("reason", string(s.Reason))
	})
	e.b = append(e.b, '}')
	a.answered(c, who, newest)
	return send(c, e.b)
}

// payoutHistory answers all that is known of a payout, oldest first: its own events, with the provider's words and the postings
// that they make, and those of the money that was set apart for it. as_of leaves out what was not known yet.
func (a *api) payoutHistory(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	asOf := q.moment("as_of")
	if err := q.Err(); err != nil {
		return err
	}
	s, story, err := a.payoutOf(c, who)
	if err != nil {
		return err
	}
	set, err := a.setApart(c.UserContext(), s)
	if err != nil {
		return logAway(err)
	}
	return a.tell(c, who, string(s.Reference), append(story, set...), asOf)
}

// payoutOf is the payout that the path names, with its events and their postings. Errors: NotFound.
func (a *api) payoutOf(c *fiber.Ctx, who domain.Caller) (payout.State, []told, error) {
	var s payout.State
	ref, ok := payout.ParseReference(strings.Clone(c.Params("reference"))) // Fiber uses the memory again
	if !ok {
		return s, nil, notFound()
	}
	var story []told
	err := a.Log.EachInStream(c.UserContext(), ref.Stream(), 0, func(e eventstore.Envelope) error {
		story = append(story, told{e, ledger.OfPayout(s, e.Event).Lines})
		s = s.Evolve(e.Event)
		return nil
	})
	if err != nil {
		return s, nil, logAway(err)
	}
	if !s.Exists() || s.Merchant != who.MerchantID || (who.Mode != "" && s.Mode != who.Mode) {
		return s, nil, notFound()
	}
	return s, story, nil
}

// setApart are the events of the money that was set apart for the payout.
func (a *api) setApart(ctx context.Context, s payout.State) ([]told, error) {
	var out []told
	err := a.Log.EachInStream(ctx, payout.FundsStream(s.Channel, s.Amount.Currency), 0, func(e eventstore.Envelope) error {
		of := payout.Reference("")
		switch e := e.Event.(type) {
		case payout.FundsReserved:
			of = e.Payout
		case payout.FundsReleased:
			of = e.Payout
		case payout.FundsPaid:
			of = e.Payout
		}
		if of == s.Reference {
			out = append(out, told{Envelope: e})
		}
		return nil
	})
	return out, err
}
