package readapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/projections"
)

// diffTransactions answers which transactions differ between two moments: status, and what diff reads.
func (a *api) diffTransactions(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, status := q.page(), q.status()
	f := projections.TransactionFilter{MerchantID: who.MerchantID, Mode: who.Mode, Status: status, Offset: p.offset(), Limit: p.limit}
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Transaction], error) {
		return a.past.TransactionChanges(c.UserContext(), f, b)
	}, (*encoder).transaction)
}

// diffRefunds answers which refunds differ between two moments: reference, status, and what diff reads.
func (a *api) diffRefunds(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := refundFilter(who, q, p)
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Refund], error) {
		return a.past.RefundChanges(c.UserContext(), f, b)
	}, (*encoder).refund)
}

// diffDisputes answers which disputes differ between two moments: reference, status, due_before, and what diff reads.
func (a *api) diffDisputes(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f, now := disputeFilter(who, q, p), a.Log.Now()
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Dispute], error) {
		return a.past.DisputeChanges(c.UserContext(), f, b)
	}, func(e *encoder, d *projections.Dispute) { e.dispute(d, now) })
}

// diffPayouts answers which payouts differ between two moments: status, bank_reference, receipt, and what diff reads.
func (a *api) diffPayouts(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := payoutFilter(who, q, p)
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Payout], error) {
		return a.past.PayoutChanges(c.UserContext(), f, b)
	}, (*encoder).payout)
}

// diffCustomers answers which customers differ between two moments: search, and what diff reads.
func (a *api) diffCustomers(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := projections.CustomerFilter{MerchantID: who.MerchantID, Search: q.search("search"), Offset: p.offset(), Limit: p.limit}
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Customer], error) {
		return a.past.CustomerChanges(c.UserContext(), f, b)
	}, (*encoder).customer)
}

// diffImports answers which imports of statements differ between two moments: source, status, and what diff reads.
func (a *api) diffImports(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := importFilter(who, q, p)
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.ImportRow], error) {
		return a.past.ImportChanges(c.UserContext(), f, b)
	}, (*encoder).statementImport)
}

// diffDifferences answers what of an import's differences differs between two moments: cause, state, and what diff reads.
func (a *api) diffDifferences(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	id, err := a.checkedImport(c, who)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f := differenceFilter(who, id, q, p)
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.DifferenceRow], error) {
		return a.past.DifferenceChanges(c.UserContext(), f, b)
	}, (*encoder).difference)
}

// diffChannels answers which payment channels differ between two moments: active_only, since, until, effective_at, page, limit. What
// happens to them belongs to no day's books, so there are no dates and no period.
func (a *api) diffChannels(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, activeOnly := q.page(), q.flag("active_only")
	for _, name := range []string{"period", "date_from", "date_to"} {
		if q.text(name) != "" {
			q.Add(name, "is not for payment channels: give since and until")
		}
	}
	return diff(a, who, q, p, func(b projections.Between) (projections.ChangePage[projections.Channel], error) {
		return a.past.ChannelChanges(c.UserContext(), who.MerchantID, activeOnly, b, p.offset(), p.limit)
	}, (*encoder).channel)
}

// moments are those that a diff is between.
type moments struct {
	since, until, effective moment
	month                   period.Month
	from, to                *projections.Day
}

// moments reads what a diff of a list is between: since and until, moments as as_of is, or period, a closed month, which means what
// came too late for it. effective_at leaves out what had not happened by then, and the dates leave what became known of these days.
func (q *query) moments() moments {
	m := moments{effective: q.moment("effective_at"), month: q.month("period")}
	m.since, m.until = q.span()
	m.from, m.to = q.days()
	if m.since.given == (m.month != 0) {
		q.Add("since", "is required, or period: one of them")
	}
	return m
}

// between finds the moments in the log. Errors: Unavailable; Invalid on period, until and effective_at.
func (a *api) between(c *fiber.Ctx, who domain.Caller, m moments) (b projections.Between, err error) {
	zone, err := zoneOf(who)
	if err != nil {
		return b, fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	if b.Since, b.Until, err = a.span(c, who, m.since, m.until, m.month); err != nil {
		return b, err
	}
	if b.By, err = a.happened(c, m.effective); err != nil {
		return b, err
	}
	if m.month != 0 {
		first, last := projections.DayOf(m.month.Start(time.UTC), time.UTC), projections.DayOf(m.month.Next().Start(time.UTC), time.UTC)-1
		if m.from == nil || *m.from < first {
			m.from = &first
		}
		if m.to == nil || *m.to > last {
			m.to = &last
		}
	}
	if m.from != nil {
		from := projections.DayStart(*m.from, zone)
		b.From = &from
	}
	if m.to != nil {
		if last := projections.DayStart(*m.to+1, zone).Add(-time.Millisecond); b.By == nil || last.Before(*b.By) {
			b.By = &last
		}
	}
	return b, nil
}

// diff answers what of a list differs between two moments, each row before and after, in the list's own words.
func diff[Row any](a *api, who domain.Caller, q *query, p paging, ask func(projections.Between) (projections.ChangePage[Row], error), write func(*encoder, *Row)) error {
	c, m := q.c, q.moments()
	if err := q.Err(); err != nil {
		return err
	}
	b, err := a.between(c, who, m)
	if err != nil {
		return err
	}
	page, err := ask(b)
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, b.Until)
	e := &encoder{b: listed(p, page.Total, len(page.Rows), func(e *encoder, i int) { change(e, &page.Rows[i], write) })}
	e.b = e.b[:len(e.b)-1] // more members follow
	e.count("since", uint64(b.Since))
	e.count("until", uint64(b.Until))
	e.b = append(e.b, '}')
	return send(c, e.b)
}

// change writes a row before and after, null where the list has none, and which of its members differ.
func change[Row any](e *encoder, c *projections.Change[Row], write func(*encoder, *Row)) {
	body := func(r *Row) []byte {
		if r == nil {
			return []byte("null")
		}
		e := &encoder{b: []byte{'{'}}
		write(e, r)
		return append(e.b, '}')
	}
	before, after := body(c.Before), body(c.After)
	var differ []string
	switch {
	case c.Before == nil:
		e.text("change", "added")
	case c.After == nil:
		e.text("change", "removed")
	default:
		e.text("change", "changed")
		differ = differing(before, after)
	}
	e.key("changed")
	e.b = append(e.b, '[')
	for i, name := range differ {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = appendText(e.b, name)
	}
	e.b = append(e.b, ']')
	e.key("before")
	e.b = append(e.b, before...)
	e.key("after")
	e.b = append(e.b, after...)
}

// differing are the members of two objects that are not the same in both, in the order of the second; what only the first has comes last.
func differing(before, after []byte) []string {
	was, names := membersOf(before)
	is, order := membersOf(after)
	var out []string
	for _, name := range order {
		if old, there := was[name]; !there || !bytes.Equal(old, is[name]) {
			out = append(out, name)
		}
	}
	for _, name := range names {
		if _, there := is[name]; !there {
			out = append(out, name)
		}
	}
	return out
}

// membersOf are the members of an object that was written here, and their names in order.
func membersOf(object []byte) (members map[string]json.RawMessage, names []string) {
	members = map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(object))
	check := func(err error) {
		if err != nil {
			panic("readapi: a row that was written is no object: " + err.Error())
		}
	}
	_, err := d.Token()
	check(err)
	for d.More() {
		name, err := d.Token()
		check(err)
		var value json.RawMessage
		check(d.Decode(&value))
		members[fmt.Sprint(name)] = value
		names = append(names, fmt.Sprint(name))
	}
	return members, names
}
