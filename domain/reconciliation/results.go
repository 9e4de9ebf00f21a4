package reconciliation

import (
	"fmt"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// report turns what was found into results and adds them up.
func (m *Matcher) report(yield func(Result) error) (Totals, error) {
	r := reporter{m: m, yield: yield, totals: newTotals(m.scope.Currency)}
	for i := range m.lines {
		if err := r.line(int32(i)); err != nil {
			return Totals{}, fmt.Errorf("take the result of line %d: %w", m.lines[i].number, err)
		}
	}
	for i := range m.payments {
		p := &m.payments[i]
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			if err := r.book(a); err != nil {
				return Totals{}, fmt.Errorf("take a result of %s: %w", p.reference, err)
			}
		}
	}
	for i := range m.moves {
		for _, a := range m.moves[i].all() {
			if err := r.book(a); err != nil {
				return Totals{}, fmt.Errorf("take a result of %s: %w", m.moves[i].reference, err)
			}
		}
	}
	r.totals.Books = m.money(m.booked())
	r.totals.Difference = m.money(r.totals.Statement.Minor - r.totals.Books.Minor)
	if err := r.totals.Check(); err != nil {
		return r.totals, err
	}
	return r.totals, nil
}

// booked is what the books count in the period, by a sum of its own.
func (m *Matcher) booked() int64 {
	sum := int64(0)
	for i := range m.atoms {
		if m.atoms[i].inBooks {
			sum += m.atoms[i].counted()
		}
	}
	return sum
}

// counted is what the books count of an amount in the period.
func (a *atom) counted() int64 { return a.amount - a.other }

func (m *Matcher) money(minor int64) money.Money { return money.Of(minor, m.scope.Currency) }

type reporter struct {
	m      *Matcher
	yield  func(Result) error
	totals Totals
}

// give hands a result on. why is what its cause, state and explanation come from.
func (r *reporter) give(res Result, why reason) error {
	res.Cause = why.cause()
	if res.Cause != "" {
		res.State = why.state()
		res.Explanation = r.m.explain(&res, why)
		r.totals.addDifference(&res)
	}
	return r.yield(res)
}

// line gives the results of one line.
func (r *reporter) line(i int32) error {
	m, l := r.m, &r.m.lines[i]
	res := Result{
		Line: int(l.number), Key: l.key, Kind: l.kind, Receipt: l.receipt, Rule: l.rule,
		Stated: m.money(l.amount), Booked: m.money(0), Amount: m.money(0), At: timeOf(l.at),
	}
	m.name(&res, i)
	r.totals.addLine(&res)
	switch {
	case l.atom != none:
		return r.pair(res, l, &m.atoms[l.atom])
	case l.group != none:
		return r.group(res, l, &m.groups[l.group])
	case l.why == whyTransfer:
		// Own money between own accounts, which the books don't keep: no difference, but a step of the balance proof.
		r.totals.addTransfer(l)
		return r.give(res, whyTransfer)
	}
	res.Amount = res.Stated
	return r.give(res, l.why)
}

// name says which entry a line is about.
func (m *Matcher) name(res *Result, i int32) {
	l := &m.lines[i]
	switch {
	case l.why == whyAmbiguous:
		res.References = m.named[i]
	case l.move != none:
		r := &m.moves[l.move]
		res.Reference, res.Events, res.Entry, res.Members, res.Payment = r.reference, r.events, r.entry(), int(r.members), r.payment
		if l.isCharge() {
			res.Entry = EntryFee
		}
	case l.payment != none:
		p := &m.payments[l.payment]
		res.Reference, res.Events, res.Entry = p.reference, p.events, EntryPayment
		if l.isCharge() {
			res.Entry = EntryFee
		}
	}
}

// isCharge tells whether a line is what the provider took.
func (l *lineRec) isCharge() bool { return l.kind == KindCharge || l.kind == KindFee }

func (r *moveRec) entry() Entry {
	if r.kind == KindReversal {
		return EntryRefund
	}
	return EntryPayout
}

// pair gives the results of a line that is matched to one amount in the books.
func (r *reporter) pair(res Result, l *lineRec, a *atom) error {
	m := r.m
	switch {
	case a.inBooks:
		if a.other != 0 {
			rest := res
			rest.Amount = m.money(a.other)
			if err := r.give(rest, whyBookedOtherwise); err != nil {
				return err
			}
		}
		res.Booked = m.money(a.counted())
		res.Amount = m.money(l.amount - a.amount)
		why := m.deviation(l, a)
		if why == whyMatched && a.surplus {
			why = whyDuplicateBooked
		}
		return r.give(res, why)
	case a.booked == never:
		res.Amount = res.Stated
		return r.give(res, a.whyUnbooked(l))
	}
	// Booked in another period: that much is timing, and a deviation is one all the same.
	first := res
	first.Amount = m.money(a.amount)
	if err := r.give(first, whyBookedOtherwise); err != nil || l.amount == a.amount {
		return err
	}
	res.Amount = m.money(l.amount - a.amount)
	return r.give(res, m.deviation(l, a))
}

// deviation is why line and atom, matched, differ in their amount.
func (m *Matcher) deviation(l *lineRec, a *atom) reason {
	off := l.amount - a.amount
	if off < 0 {
		off = -off
	}
	unit := unitOf(m.scope.Currency)
	switch {
	case off == 0:
		return whyMatched
	case a.kind.isFee():
		return whyFeeDiffers
	case off < unit && (l.amount%unit == 0) != (a.amount%unit == 0):
		return whyRounding
	}
	return whyWrongAmount
}

func unitOf(c money.Currency) int64 {
	unit := int64(1)
	for range c.MinorDigits() {
		unit *= 10
	}
	return unit
}

// whyUnbooked is what a line says about an amount that the books know of and have not counted.
func (a *atom) whyUnbooked(l *lineRec) reason {
	switch {
	case a.surplus:
		return whyDuplicate
	case l.kind == KindReversal:
		return whyOwnReversal
	case a.kind == ofMove:
		return whyMoveMissing
	}
	return whyMissingCallback
}

// group gives the result of a line that pays out many amounts; those have results of their own.
func (r *reporter) group(res Result, l *lineRec, g *group) error {
	m := r.m
	res.Members = len(g.atoms)
	res.Booked = m.money(g.total)
	res.Amount = m.money(l.amount - g.total)
	off := max(l.amount-g.total, g.total-l.amount)
	switch {
	case off == 0:
		return r.give(res, whyMatched)
	case l.kind == KindCharge:
		return r.give(res, whyFeeDiffers)
	case off <= int64(len(g.atoms)):
		return r.give(res, whyRounding)
	}
	return r.give(res, whySettlementDiffers)
}

// book gives the result of an amount in the books that no line has given yet.
func (r *reporter) book(i int32) error {
	m, a := r.m, &r.m.atoms[i]
	inGroup := a.line != none && m.lines[a.line].group != none
	if a.line != none && !inGroup {
		return nil // told with its line
	}
	res := Result{Receipt: a.receipt, Rule: RuleUnmatched, Stated: m.money(0), Booked: m.money(0), Amount: m.money(0), At: timeOf(a.paid)}
	if a.kind.ofMove() {
		mv := &m.moves[a.owner]
		res.Reference, res.Events, res.Entry, res.Kind, res.Members = mv.reference, mv.events, mv.entry(), mv.kind, int(mv.members)
		if a.kind == ofMoveFee {
			res.Entry, res.Kind = EntryFee, KindCharge
		}
	} else {
		p := &m.payments[a.owner]
		res.Reference, res.Events, res.Entry, res.Kind = p.reference, p.events, EntryPayment, KindPayment
		if a.kind == ofFee {
			res.Entry, res.Kind = EntryFee, KindCharge
		}
	}
	if a.inBooks {
		res.Booked = m.money(a.counted())
	}
	switch {
	case inGroup:
		l := &m.lines[a.line]
		res.Line, res.Key, res.Rule, res.Stated = int(l.number), l.key, RuleSettlement, m.money(a.amount)
		if a.inBooks && a.other == 0 {
			return r.give(res, whyMatched)
		}
		res.Amount = m.money(a.amount - res.Booked.Minor)
		return r.give(res, whyBookedOtherwise)
	case a.inBooks:
		res.Amount = m.money(-a.counted())
		why := r.absence(a)
		if why == whyOnOtherStatement {
			res.Rule = RuleReceipt
		}
		return r.give(res, why)
	case a.kind == ofMove && a.here && a.booked == never && m.waitsFor(a):
		return r.give(res, r.absence(a)) // shown, though the books don't count it yet either
	}
	return nil
}

// absence is causeOfAbsence; a refund that is long under way is somebody's business.
func (r *reporter) absence(a *atom) reason {
	why := r.m.causeOfAbsence(a)
	if why == whyInTransit && a.paid != never && a.paid+r.m.scope.Transit.Milliseconds() < r.m.scope.Period.Until.UnixMilli() {
		return whyLongInTransit
	}
	return why
}

// waitsFor tells whether a move that is not booked is a refund that was sent before the period's end.
func (m *Matcher) waitsFor(a *atom) bool {
	r := &m.moves[a.owner]
	return r.kind == KindReversal && r.status != StatusFailed && r.sent != never && r.sent < m.scope.Period.Until.UnixMilli()
}

func timeOf(at int64) time.Time {
	if at == never {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}
