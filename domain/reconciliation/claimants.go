package reconciliation

import "sort"

// unnamedAccount is the account of pushes that have none: it names nobody (commands/mpesa sends it for an empty one).
const unnamedAccount = "PAYMENT"

// claimant is a payment that goes by an account, because it or one of its attempts was given it.
type claimant struct {
	payment     int32
	amount      int64 // what it waits for; if it waits for nothing, what was asked
	from, until int64
	phone       string
	refused     bool // the provider called this attempt failed
}

// goers are the claimants of one account in the channels that are compared, or in the others, by amount.
type goers struct {
	list    []claimant
	one     int32 // the only payment, none if there are several
	unasked bool  // nobody was asked for money under this account
}

type accountRec struct{ here, foreign goers }

// claimants lists who goes by each account that the lines name.
func (m *Matcher) claimants(lines []int32) map[string]*accountRec {
	index := make(map[string]*accountRec, len(lines))
	for _, i := range lines {
		if a := m.lines[i].account; a != unnamedAccount {
			index[a] = &accountRec{here: goers{one: none}, foreign: goers{one: none}}
		}
	}
	for i := range m.payments {
		m.indexPayment(index, int32(i))
	}
	for _, a := range index {
		m.closeList(&a.here)
		m.closeList(&a.foreign)
	}
	return index
}

func (m *Matcher) indexPayment(index map[string]*accountRec, i int32) {
	p := &m.payments[i]
	amount, _ := m.expects(p)
	own := normalAccount(p.reference)
	if p.attempts == 0 {
		c := claimant{payment: i, amount: amount, from: p.opened, until: never}
		m.goesBy(index, own, c)
		m.goesBy(index, p.merchantReference, c)
	}
	for _, a := range m.attempts[p.firstAttempt : p.firstAttempt+int32(p.attempts)] {
		c := claimant{payment: i, amount: amount, from: a.requested, until: a.window, phone: a.phone, refused: a.refused}
		m.goesBy(index, own, c)
		m.goesBy(index, p.merchantReference, c)
		m.goesBy(index, a.account, c)
	}
}

// goesBy notes a claimant under an account, whole and as M-Pesa is sent it.
func (m *Matcher) goesBy(index map[string]*accountRec, account string, c claimant) {
	m.noteClaimant(index, account, c)
	if len(account) > sentAccount {
		m.noteClaimant(index, cutAccount(account), c)
	}
}

func (m *Matcher) noteClaimant(index map[string]*accountRec, account string, c claimant) {
	a := index[account]
	if a == nil {
		return
	}
	g := &a.here
	if m.payments[c.payment].channel != m.scope.Channel {
		g = &a.foreign
	}
	if n := len(g.list); n == 0 || g.list[n-1] != c {
		g.list = append(g.list, c)
	}
}

func (m *Matcher) closeList(g *goers) {
	if len(g.list) == 0 {
		return
	}
	g.one, g.unasked = g.list[0].payment, true
	for _, c := range g.list {
		if c.payment != g.one {
			g.one = none
		}
		g.unasked = g.unasked && !m.payments[c.payment].asked
	}
	sort.Slice(g.list, func(i, j int) bool {
		a, b := &g.list[i], &g.list[j]
		switch {
		case a.amount != b.amount:
			return a.amount < b.amount
		case a.payment != b.payment:
			return a.payment < b.payment
		case a.from != b.from:
			return a.from < b.from
		}
		return a.phone < b.phone
	})
}

// ofAmount are the claimants that wait for, or were asked for, this amount.
func (g *goers) ofAmount(amount int64) []claimant {
	from := sort.Search(len(g.list), func(i int) bool { return g.list[i].amount >= amount })
	to := from + sort.Search(len(g.list)-from, func(i int) bool { return g.list[from+i].amount > amount })
	return g.list[from:to]
}

// fitting are the payments of the line's amount, each once, that wait for money (or, if not waits, that were asked for and
// have it) and that fit the line's time and phone. They share their account: a phone that both sides show must be the
// same, and where none is shown the line must lie in the attempt's window.
func (m *Matcher) fitting(l *lineRec, g *goers, waits bool) []claimant {
	list := g.ofAmount(l.amount)
	if len(list) > maxScan {
		return list[:2] // too many to tell apart
	}
	var out []claimant
	for _, c := range list {
		p := &m.payments[c.payment]
		if _, still := m.expects(p); still != waits || !waits && !p.asked || !m.inTime(l, &c) {
			continue
		}
		if k := len(out); k > 0 && out[k-1].payment == c.payment {
			out[k-1].refused = out[k-1].refused && c.refused
			continue
		}
		out = append(out, c)
	}
	return out
}

func (m *Matcher) inTime(l *lineRec, c *claimant) bool {
	late := m.scope.Slack
	if l.phone != "" && c.phone != "" {
		if !samePhone(l.phone, c.phone) {
			return false
		}
		late = m.scope.Late
	}
	return l.at >= c.from-m.scope.Skew.Milliseconds() && (c.until == never || l.at <= c.until+late.Milliseconds())
}

// notRefused leaves out the payments whose attempts the provider called failed.
func notRefused(list []claimant) []claimant {
	var out []claimant
	for _, c := range list {
		if !c.refused {
			out = append(out, c)
		}
	}
	return out
}

// expects is what a payment still waits for, and whether it waits at all: not completed, or completed by a word of the
// provider's that named no receipt. What waits for nothing expects what was asked.
func (m *Matcher) expects(p *paymentRec) (int64, bool) {
	if p.claimed != none {
		return p.amount, false
	}
	if a := m.unreceipted(p); a != none {
		return m.atoms[a].amount, true
	}
	if p.status == StatusCompleted {
		return p.amount, false
	}
	left := p.amount
	for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
		if m.atoms[a].kind == ofReceipt {
			left -= m.atoms[a].amount
		}
	}
	if left <= 0 {
		return p.amount, false
	}
	return left, true
}

// unreceipted is the money that the books know of p without knowing its receipt, as long as no line shows it. What came to another
// channel than the one where p is looked for no line can show.
func (m *Matcher) unreceipted(p *paymentRec) int32 {
	for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
		if t := &m.atoms[a]; t.kind == ofReceipt && t.receipt == "" && t.line == none && (t.here || p.channel != m.scope.Channel) {
			return a
		}
	}
	return none
}
