package reconciliation

import (
	"fmt"
	"sort"
	"strings"
)

// arrangePayments sorts the payments by reference, drops those that were given again, tells their atoms whose they are,
// and marks what came when its payment was paid already.
func (m *Matcher) arrangePayments() error {
	less := func(i, j int) bool { return m.payments[i].reference < m.payments[j].reference }
	if !sort.SliceIsSorted(m.payments, less) {
		sort.Slice(m.payments, less)
	}
	kept := m.payments[:0]
	for i := range m.payments {
		p := m.payments[i]
		m.sortAtoms(&p)
		m.sortAttempts(&p)
		if n := len(kept); n > 0 && kept[n-1].reference == p.reference {
			if !m.same(&kept[n-1], &p) {
				return fmt.Errorf("reconciliation: payment %s was given twice, with different contents", p.reference)
			}
			for a := range p.atoms {
				m.atoms[p.firstAtom+int32(a)] = atom{owner: none, line: none, next: none}
			}
			continue
		}
		kept = append(kept, p)
	}
	m.payments = kept
	for i := range m.payments {
		p := &m.payments[i]
		var came int64
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			m.atoms[a].owner = int32(i)
			if m.atoms[a].kind == ofReceipt {
				m.atoms[a].surplus = p.asked && came > 0 && came >= p.amount && m.atoms[a].receipt != ""
				came += m.atoms[a].amount
			}
		}
	}
	return nil
}

func (m *Matcher) sortAtoms(p *paymentRec) {
	if p.atoms < 2 {
		return
	}
	part := m.atoms[p.firstAtom : p.firstAtom+int32(p.atoms)]
	sort.Slice(part, func(i, j int) bool {
		a, b := &part[i], &part[j]
		switch {
		case a.kind != b.kind:
			return a.kind < b.kind
		case a.paid != b.paid:
			return a.paid < b.paid
		case a.receipt != b.receipt:
			return a.receipt < b.receipt
		}
		return a.amount < b.amount
	})
}

func (m *Matcher) sortAttempts(p *paymentRec) {
	if p.attempts < 2 {
		return
	}
	part := m.attempts[p.firstAttempt : p.firstAttempt+int32(p.attempts)]
	sort.Slice(part, func(i, j int) bool {
		a, b := &part[i], &part[j]
		switch {
		case a.requested != b.requested:
			return a.requested < b.requested
		case a.account != b.account:
			return a.account < b.account
		}
		return a.phone < b.phone
	})
}

// same tells whether two payments of one reference say the same.
func (m *Matcher) same(p, q *paymentRec) bool {
	if p.merchantReference != q.merchantReference || p.settlement != q.settlement || p.channel != q.channel || p.amount != q.amount ||
		p.opened != q.opened || p.status != q.status || p.asked != q.asked || p.atoms != q.atoms || p.attempts != q.attempts ||
		strings.Join(p.events, " ") != strings.Join(q.events, " ") {
		return false
	}
	for i := range int32(p.atoms) {
		a, b := &m.atoms[p.firstAtom+i], &m.atoms[q.firstAtom+i]
		if a.kind != b.kind || a.receipt != b.receipt || a.amount != b.amount || a.paid != b.paid || a.booked != b.booked || a.here != b.here || a.other != b.other {
			return false
		}
	}
	for i := range int32(p.attempts) {
		if m.attempts[p.firstAttempt+i] != m.attempts[q.firstAttempt+i] {
			return false
		}
	}
	return true
}

// arrangeMoves does for refunds and payouts what arrangePayments does for payments.
func (m *Matcher) arrangeMoves() error {
	sort.Slice(m.moves, func(i, j int) bool { return m.moves[i].reference < m.moves[j].reference })
	kept := m.moves[:0]
	for i := range m.moves {
		r := m.moves[i]
		if n := len(kept); n > 0 && kept[n-1].reference == r.reference {
			if !m.sameMove(&kept[n-1], &r) {
				return fmt.Errorf("reconciliation: %s was given twice, with different contents", r.reference)
			}
			for _, a := range [...]int32{r.atom, r.fee} {
				if a != none {
					m.atoms[a] = atom{owner: none, line: none, next: none}
				}
			}
			continue
		}
		kept = append(kept, r)
	}
	m.moves = kept
	for i := range m.moves {
		for _, a := range m.moves[i].all() {
			m.atoms[a].owner = int32(i)
		}
	}
	return nil
}

// all are its atoms: what it moved, and its fee if there is one.
func (r *moveRec) all() []int32 {
	if r.fee == none {
		return []int32{r.atom}
	}
	return []int32{r.atom, r.fee}
}

func (m *Matcher) sameMove(r, o *moveRec) bool {
	a, b := &m.atoms[r.atom], &m.atoms[o.atom]
	if (r.fee == none) != (o.fee == none) || r.fee != none && (m.atoms[r.fee].amount != m.atoms[o.fee].amount || m.atoms[r.fee].booked != m.atoms[o.fee].booked) {
		return false
	}
	return r.payment == o.payment && r.phone == o.phone && r.settlement == o.settlement && r.kind == o.kind && r.channel == o.channel &&
		r.sent == o.sent && r.status == o.status && strings.Join(r.events, " ") == strings.Join(o.events, " ") &&
		a.receipt == b.receipt && a.amount == b.amount && a.booked == b.booked
}
