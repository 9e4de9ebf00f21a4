package readapi

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/report"
)

// reportLineage answers what a figure of a report is made of, in the order of the log: a payment, a payout, a dispute, a difference or a posting each, its event, and
// its values, from which the figure follows. It takes the report's parameters, without format and group_by, and the values of the
// row's columns, `none` for an empty one: page, limit.
func (a *api) reportLineage(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	in := &query{c: c}
	p := in.page()
	q, err := a.reportQuestion(c, who, in, true)
	if err != nil {
		return err
	}
	facts, total, err := q.Lineage(c.UserContext(), a.Reader, p.offset(), p.limit)
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, q.AsOf)
	return send(c, listed(p, total, len(facts), func(e *encoder, i int) { e.fact(&facts[i], q.Report.Values) }))
}

// fact writes the members of what a figure is made of.
func (e *encoder) fact(f *report.Fact, values []report.Value) {
	var c money.Currency
	switch {
	case f.Difference != nil:
		c = f.Difference.Currency
		e.differenceFact(f.Difference)
	case f.Payment != nil:
		c = f.Payment.Currency
		e.paymentFact(f.Payment)
		e.historyOf(f.Payment.Reference, f.Payment.Position)
	case f.Payout != nil:
		c = f.Payout.Currency
		e.paymentFact(f.Payout)
		e.historyOf(f.Payout.Reference, f.Payout.Position)
	case f.Dispute != nil:
		d := f.Dispute
		c = d.Currency
		e.paymentFact(&d.PaymentFact)
		e.stampOrNull("due_at", d.DueAt)
		e.text("dispute", "/api/disputes/"+strconv.FormatInt(d.ID, 10))
		if d.Reference != "" { // without a payment its own events are all that there is
			e.historyOf(d.Reference, d.Position)
		} else {
			e.text("events", "/api/audit/events?stream="+dispute.Stream(d.Channel, d.ID)+"&as_of="+strconv.FormatUint(uint64(d.Position), 10))
		}
	default:
		c = f.Entry.Currency
		e.ledgerEntry(f.Entry)
		e.historyOf(f.Entry.Reference, f.Entry.Position)
	}
	e.object("values", func() {
		for i, v := range values {
			e.figure(report.Head{Name: v.Name, Type: v.Type, Scale: v.Scale}, f.Values[i], c)
		}
	})
}

// paymentFact writes the members that payments, payouts and disputes have.
func (e *encoder) paymentFact(p *report.PaymentFact) {
	e.id(p.ID)
	e.textOrNull("reference", p.Reference)
	e.text("status", p.Status)
	e.text("currency", string(p.Currency))
	e.money("amount", p.Amount, p.Currency)
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, p.Channel, 10)
	e.stamp("created_at", p.CreatedAt)
	e.position(p.Position)
	e.text("event_id", p.Event.ID)
	e.text("event_type", p.Event.Type)
}

// historyOf links to the history of the payment or payout, as it was known at the position. Money that waits for a person belongs to
// neither: of that it links to the event there.
func (e *encoder) historyOf(reference string, at eventstore.Position) {
	asOf := "as_of=" + strconv.FormatUint(uint64(at), 10)
	if _, ok := payout.ParseReference(reference); ok {
		e.text("history", "/api/payouts/"+reference+"/history?"+asOf)
	} else if _, ok := transaction.ParseReference(reference); ok {
		e.text("history", "/api/transactions/"+reference+"/history?"+asOf)
	} else {
		e.text("events", "/api/audit/events?after="+strconv.FormatUint(uint64(at-1), 10)+"&"+asOf)
	}
}

// differenceFact writes the members of a difference between a statement and the books.
func (e *encoder) differenceFact(d *report.DifferenceFact) {
	e.id(d.ID)
	e.key("import_id")
	e.b = strconv.AppendInt(e.b, d.Import, 10)
	e.text("cause", d.Cause)
	e.text("rule", d.Rule)
	e.text("state", d.State)
	e.count("line_number", uint64(d.LineNumber))
	e.textOrNull("reference", d.Reference)
	e.textOrNull("receipt", d.Receipt)
	e.text("currency", string(d.Currency))
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, d.Channel, 10)
	e.stamp("at", d.At)
	e.position(d.Position)
	e.text("event_id", d.Event.ID)
	e.text("event_type", d.Event.Type)
	e.key("event_ids")
	e.b = append(e.b, '[')
	for i, id := range d.EventIDs {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = appendText(e.b, id)
	}
	e.b = append(e.b, ']')
	e.text("differences", "/api/reconciliation/imports/"+strconv.FormatInt(d.Import, 10)+"/differences?cause="+d.Cause)
}
