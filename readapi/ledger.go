package readapi

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// ledgerAccounts answers the caller's chart of accounts, in each currency that it has or can take: as_of,
// effective_at.
func (a *api) ledgerAccounts(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	m, err := a.then(c, who, w)
	if err != nil {
		return err
	}
	channels, err := a.past.Channels(c.UserContext(), who.MerchantID, false, m)
	if err != nil {
		return away(c, err)
	}
	balances, err := a.Reader.LedgerBalances(c.UserContext(), projections.LedgerFilter{
		MerchantID: who.MerchantID, Mode: who.Mode, AsOf: m.AsOf, Until: m.Until,
	})
	if err != nil {
		return away(c, err)
	}
	home := string(money.KES)
	currencies := []string{}
	for i := range channels {
		currencies = append(currencies, channels[i].Currency)
	}
	for _, b := range balances {
		currencies = append(currencies, string(b.Currency))
	}
	currencies = slices.DeleteFunc(currencies, func(c string) bool { return c == home })
	slices.Sort(currencies)
	currencies = slices.Insert(slices.Compact(currencies), 0, home)
	chart := ledger.Chart()
	e := &encoder{b: make([]byte, 0, 64+160*len(chart)*len(currencies))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.array("data", len(chart)*len(currencies), func(i int) {
		line := chart[i%len(chart)]
		e.text("account", string(line.Account))
		e.text("type", string(line.Type))
		e.text("currency", currencies[i/len(chart)])
		e.text("description", line.Meaning)
	})
	e.position(m.AsOf)
	e.b = append(e.b, '}')
	a.answered(c, who, m.AsOf)
	return send(c, e.b)
}

// ledgerFilter reads what all questions about postings have: as_of, effective_at, dates, payment_channel_id, and the months in
// which they are booked: period, through_period.
func ledgerFilter(who domain.Caller, q *query) (f projections.LedgerFilter, asOf, effective moment, err error) {
	f = projections.LedgerFilter{MerchantID: who.MerchantID, Mode: who.Mode}
	asOf, effective = q.moment("as_of"), q.moment("effective_at")
	f.From, f.To = q.days()
	f.Channel = int64(q.number("payment_channel_id", 0, 1<<53))
	f.Period, f.Through = q.month("period"), q.month("through_period")
	if f.Zone, err = zoneOf(who); err != nil {
		err = fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	return f, asOf, effective, err
}

// ledgerBalances answers what each account's postings add up to: as_of, effective_at, date_from, date_to, payment_channel_id.
func (a *api) ledgerBalances(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	f, asOf, effective, err := ledgerFilter(who, q)
	if err != nil {
		return err
	}
	if err := q.Err(); err != nil {
		return err
	}
	if f.AsOf, err = a.known(c, who, asOf); err != nil {
		return err
	}
	if f.Until, err = a.happened(c, effective); err != nil {
		return err
	}
	balances, err := a.Reader.LedgerBalances(c.UserContext(), f)
	if err != nil {
		return away(c, err)
	}
	e := &encoder{b: make([]byte, 0, 128+160*len(balances))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.balances("data", balances)
	e.trial(balances)
	e.position(f.AsOf)
	e.b = append(e.b, '}')
	a.answered(c, who, f.AsOf)
	return send(c, e.b)
}

// balances writes a member with the accounts' balances.
func (e *encoder) balances(name string, balances []projections.LedgerBalance) {
	e.array(name, len(balances), func(i int) {
		b := &balances[i]
		e.text("account", string(b.Account))
		e.text("type", string(ledger.TypeOf(b.Account)))
		e.text("currency", string(b.Currency))
		e.money("debit", b.Debit, b.Currency)
		e.money("credit", b.Credit, b.Currency)
		e.money("balance", ledger.TypeOf(b.Account).Balance(b.Debit, b.Credit), b.Currency)
	})
}

// position tells up to which event the answer goes.
func (e *encoder) position(p eventstore.Position) { e.count("position", uint64(p)) }

// trial is the sum of all accounts, currency by currency: debits and credits are equal, or something is badly wrong.
func (e *encoder) trial(balances []projections.LedgerBalance) {
	var sums []projections.LedgerBalance
	for _, b := range balances {
		i := slices.IndexFunc(sums, func(s projections.LedgerBalance) bool { return s.Currency == b.Currency })
		if i < 0 {
			i, sums = len(sums), append(sums, projections.LedgerBalance{Currency: b.Currency})
		}
		sums[i].Debit += b.Debit
		sums[i].Credit += b.Credit
	}
	e.array("totals", len(sums), func(i int) {
		s := &sums[i]
		e.text("currency", string(s.Currency))
		e.money("debit", s.Debit, s.Currency)
		e.money("credit", s.Credit, s.Currency)
		e.money("difference", s.Debit-s.Credit, s.Currency)
	})
}

// ledgerEntries answers postings, newest first: reference, account, date_from, date_to, payment_channel_id, as_of, effective_at,
// page, limit.
func (a *api) ledgerEntries(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f, asOf, effective, err := ledgerFilter(who, q)
	if err != nil {
		return err
	}
	if f.Account = ledger.Account(q.text("account")); f.Account != "" && ledger.TypeOf(f.Account) == "" {
		q.Add("account", "is not in the chart of accounts: see /api/ledger/accounts")
	}
	f.Reference = q.booked("reference")
	if err := q.Err(); err != nil {
		return err
	}
	if f.AsOf, err = a.known(c, who, asOf); err != nil {
		return err
	}
	if f.Until, err = a.happened(c, effective); err != nil {
		return err
	}
	f.Offset, f.Limit = p.offset(), p.limit
	page, err := a.Reader.LedgerEntries(c.UserContext(), f)
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, f.AsOf)
	w := clocks{asOf: moment{given: true}} // its position is always told
	return send(c, w.listed(f.AsOf, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.ledgerEntry(&page.Rows[i]) }))
}

// ledgerEntry writes the members of a posting.
func (e *encoder) ledgerEntry(r *projections.LedgerEntry) {
	e.id(r.ID())
	e.text("event_id", r.EventID.String())
	e.text("event_type", r.EventType)
	e.position(r.Position)
	e.text("reference", r.Reference)
	e.text("account", string(r.Account))
	e.text("currency", string(r.Currency))
	e.money("debit", r.Debit, r.Currency)
	e.money("credit", r.Credit, r.Currency)
	e.key("payment_channel_id")
	e.b = strconv.AppendInt(e.b, r.Channel, 10)
	e.stamp("effective_at", r.EffectiveAt)
	e.stamp("recorded_at", r.RecordedAt)
	e.text("period", r.Period.String())
	e.textOrNull("late_for", r.LateFor.String())
}
