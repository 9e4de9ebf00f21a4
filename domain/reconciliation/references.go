package reconciliation

import "sort"

// byReference is the second stage: the line names an account or a reference that is one of ours. The earliest line is the
// payment, a later one for the same is a duplicate.
func (m *Matcher) byReference() {
	if m.scope.Source == SourceBank {
		m.byWords()
		return
	}
	lines := m.linesWithAccount()
	if len(lines) == 0 {
		return
	}
	index := m.claimants(lines)
	for _, i := range lines {
		a := index[m.lines[i].account]
		switch {
		case a == nil:
		case len(a.here.list) > 0:
			m.decideByReference(i, &a.here)
		case len(a.foreign.list) > 0:
			m.decideForeign(i, &a.foreign)
		}
	}
}

// linesWithAccount are the undecided payments that name an account, earliest first.
func (m *Matcher) linesWithAccount() []int32 {
	var out []int32
	for i := range m.lines {
		if l := &m.lines[i]; l.undecided() && l.account != "" && l.isMoneyIn() {
			out = append(out, int32(i))
		}
	}
	sort.Slice(out, func(x, y int) bool {
		a, b := &m.lines[out[x]], &m.lines[out[y]]
		switch {
		case a.at != b.at:
			return a.at < b.at
		case a.receipt != b.receipt:
			return a.receipt < b.receipt
		}
		return out[x] < out[y]
	})
	return out
}

// isMoneyIn tells whether a line can be a customer's payment.
func (l *lineRec) isMoneyIn() bool {
	return l.amount > 0 && (l.kind == KindPayment || l.kind == KindOther)
}

// decideByReference says which of the payments that go by the line's account it pays. Of several, it must fit exactly one.
func (m *Matcher) decideByReference(i int32, g *goers) {
	l := &m.lines[i]
	l.rule = RuleReference
	if g.one != none {
		m.decideOne(i, g)
		return
	}
	waiting := m.fitting(l, g, true)
	if live := notRefused(waiting); len(live) > 0 {
		waiting = live
	}
	if len(waiting) == 1 {
		m.claim(i, waiting[0].payment, RuleReference)
		return
	}
	paid := m.fitting(l, g, false)
	switch {
	case len(waiting) > 1:
		m.ambiguous(i, waiting)
	case len(paid) == 1:
		l.payment, l.why = paid[0].payment, whyDuplicate
	case len(paid) > 1:
		m.ambiguous(i, paid)
	case g.unasked:
		l.why = whyKnownAccount
	default:
		m.ambiguous(i, g.list)
	}
}

// decideOne is decideByReference for an account that only one payment goes by: then not everything has to fit.
func (m *Matcher) decideOne(i int32, g *goers) {
	l, p := &m.lines[i], &m.payments[g.one]
	expected, waits := m.expects(p)
	sameAmount := l.amount == expected || !waits && l.amount == p.amount
	if !waits && !p.asked {
		l.why = whyKnownAccount
		return
	}
	if l.at < g.earliest()-m.scope.Skew.Milliseconds() || !m.meant(l, p, g, sameAmount) {
		m.ambiguous(i, g.list)
		return
	}
	if !waits {
		l.payment, l.why = g.one, whyDuplicate
		return
	}
	m.claim(i, g.one, RuleReference)
	if !sameAmount && l.why == whyMissingCallback {
		l.why = whyMissingOther
	}
}

func (g *goers) earliest() int64 {
	at := g.list[0].from
	for _, c := range g.list {
		at = min(at, c.from)
	}
	return at
}

// meant tells whether a line means the only payment that goes by its account: it names our own reference, which nobody
// types by chance; or it comes from the phone that was asked; or it is of the right amount, and no other phone was asked
// or it came in time.
func (m *Matcher) meant(l *lineRec, p *paymentRec, g *goers, sameAmount bool) bool {
	if own := normalAccount(p.reference); l.account == own || l.account == cutAccount(own) {
		return true
	}
	phones := l.phone != ""
	late := true
	for _, c := range g.list {
		if phones && c.phone != "" && samePhone(l.phone, c.phone) {
			return true
		}
		phones = phones && c.phone != ""
		late = late && c.until != never && l.at > c.until+m.scope.Late.Milliseconds()
	}
	return sameAmount && (!phones || !late)
}

// claim gives the line's money to a payment: to what the books count without a receipt, else as money that they missed.
func (m *Matcher) claim(i, payment int32, rule Rule) {
	l, p := &m.lines[i], &m.payments[payment]
	if a := m.unreceipted(p); a != none {
		m.match(i, a, rule)
		return
	}
	p.claimed = i
	l.rule, l.why, l.payment = rule, whyMissingCallback, payment
}

// ambiguous leaves the line unexplained and names the candidates.
func (m *Matcher) ambiguous(i int32, list []claimant) {
	m.lines[i].why = whyAmbiguous
	var names []string
	for _, c := range list {
		name := m.payments[c.payment].reference
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
		if len(names) == MaxNamed {
			break
		}
	}
	m.named[i] = names
}

// decideForeign is a line whose account only payments of other channels go by.
func (m *Matcher) decideForeign(i int32, g *goers) {
	l := &m.lines[i]
	l.rule = RuleReference
	if g.one != none {
		l.payment, l.why = g.one, whyForeignReference
		return
	}
	fits := m.fitting(l, g, true)
	if len(fits) == 0 {
		fits = m.fitting(l, g, false)
	}
	if len(fits) == 1 {
		l.payment, l.why = fits[0].payment, whyForeignReference
		return
	}
	m.ambiguous(i, g.list)
}
