package reconciliation

import (
	"sort"
	"time"
)

// group is many amounts in the books that one line pays out.
type group struct {
	line  int32
	atoms []int32
	total int64
}

// settled are the lines of one settlement: what it pays out, its fees, what it holds back.
type settled struct {
	id                  string
	gross, fees, refund int32
	// members are the payments, by the provider's word or because they are all of some days.
	members []int32
	byDays  bool
	from    int // the first and the last of those days
	to      int
}

// bySettlement is the fourth stage, for settlements: a line pays out the payments that the provider says it does. Where the
// provider does not say, it must be all payments of a run of whole days, and only one run may give the amount.
func (m *Matcher) bySettlement() {
	if m.scope.Source != SourcePaystackSettlement {
		return
	}
	list, byID := m.settlementLines()
	if len(list) == 0 {
		return
	}
	for i := range m.payments {
		p := &m.payments[i]
		if s := byID[p.settlement]; s != nil && p.channel == m.scope.Channel {
			s.members = append(s.members, int32(i))
		}
	}
	m.membersByDays(list)
	refunds := map[string][]int32{}
	for i := range m.moves {
		r := &m.moves[i]
		if a := &m.atoms[r.atom]; r.settlement != "" && r.kind == KindReversal && a.here && a.line == none {
			refunds[r.settlement] = append(refunds[r.settlement], r.atom)
		}
	}
	for _, s := range list {
		m.settle(s, refunds[s.id])
	}
}

func (m *Matcher) settlementLines() ([]*settled, map[string]*settled) {
	var list []*settled
	byID := map[string]*settled{}
	for i := range m.lines {
		l := &m.lines[i]
		if l.receipt == "" || !l.undecided() {
			continue
		}
		switch l.kind {
		case KindSettlement, KindSettlementRefund, KindCharge:
		default:
			continue
		}
		s := byID[l.receipt]
		if s == nil {
			s = &settled{id: l.receipt, gross: none, fees: none, refund: none}
			byID[l.receipt], list = s, append(list, s)
		}
		place := &s.gross
		switch l.kind {
		case KindCharge:
			place = &s.fees
		case KindSettlementRefund:
			place = &s.refund
		default:
		}
		if *place == none {
			*place = int32(i)
		} else {
			l.rule, l.why = RuleSettlement, whyRepeatedReceipt
		}
	}
	return list, byID
}

// membersByDays looks for the payments of settlements of which the provider names none.
func (m *Matcher) membersByDays(list []*settled) {
	var open []*settled
	for _, s := range list {
		if s.gross != none && len(s.members) == 0 {
			open = append(open, s)
		}
	}
	if len(open) == 0 {
		return
	}
	days := m.unsettledDays()
	for _, s := range open {
		m.findRun(s, days)
	}
	for i, s := range open {
		clash := false
		for j, o := range open {
			clash = clash || i != j && o.byDays && s.byDays && s.from <= o.to && o.from <= s.to
		}
		if !clash && s.byDays {
			for d := s.from; d <= s.to; d++ {
				s.members = append(s.members, days[d].payments...)
			}
			sort.Slice(s.members, func(a, b int) bool { return s.members[a] < s.members[b] })
		}
	}
}

// day is the unsettled payments of one day.
type day struct {
	payments    []int32
	gross, fees int64
}

func (m *Matcher) unsettledDays() map[int]day {
	days := map[int]day{}
	for i := range m.payments {
		p := &m.payments[i]
		if p.settlement != "" || p.channel != m.scope.Channel {
			continue
		}
		d, taken := day{}, false
		when := 0
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			t := &m.atoms[a]
			switch {
			case !t.here:
			case t.kind == ofFee:
				d.fees += t.amount
			case t.line == none && t.paid != never:
				when, taken = m.dayOf(t.paid), true
				d.gross += t.amount
			}
		}
		if !taken {
			continue
		}
		have := days[when]
		days[when] = day{payments: append(have.payments, int32(i)), gross: have.gross + d.gross, fees: have.fees + d.fees}
	}
	return days
}

const hoursInDay = 24

// dayOf numbers the days of the scope's zone.
func (m *Matcher) dayOf(at int64) int {
	y, mon, d := time.UnixMilli(at).In(m.scope.Zone).Date()
	return int(time.Date(y, mon, d, 0, 0, 0, 0, time.UTC).Unix() / (hoursInDay * 60 * 60))
}

// findRun looks for the one run of days before the settlement whose payments add up to it.
func (m *Matcher) findRun(s *settled, days map[int]day) {
	l := &m.lines[s.gross]
	on := m.dayOf(l.at)
	first := on - int(m.scope.Settling/(hoursInDay*time.Hour))
	runs := 0
	for from := first; from < on; from++ {
		if len(days[from].payments) == 0 {
			continue
		}
		sum := int64(0)
		for to := from; to < on; to++ {
			d := days[to]
			sum += d.gross
			if s.fees == none {
				sum += d.fees
			}
			if len(d.payments) > 0 && sum == l.amount {
				runs++
				s.from, s.to = from, to
			}
		}
	}
	s.byDays = runs == 1
	if runs > 1 {
		l.rule, l.why = RuleSettlement, whyAmbiguous
	}
}

// settle ties the lines of a settlement to the amounts of its members.
func (m *Matcher) settle(s *settled, refunds []int32) {
	var gross, fees []int32
	for _, i := range s.members {
		p := &m.payments[i]
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			switch t := &m.atoms[a]; {
			case t.line != none || !t.here:
			case t.kind == ofFee:
				fees = append(fees, a)
			default:
				gross = append(gross, a)
			}
		}
	}
	// A line that shows only the net holds the fees and the refunds as well.
	if s.fees == none {
		gross, fees = append(gross, fees...), nil
	}
	if s.refund == none {
		gross, refunds = append(gross, refunds...), nil
	}
	m.form(s.gross, gross)
	m.form(s.fees, fees)
	m.form(s.refund, refunds)
}

func (m *Matcher) form(line int32, atoms []int32) {
	if line == none || len(atoms) == 0 {
		return
	}
	g := group{line: line, atoms: atoms}
	for _, a := range atoms {
		g.total += m.atoms[a].amount
		m.atoms[a].line = line
	}
	l := &m.lines[line]
	l.rule, l.why, l.group = RuleSettlement, whyMatched, int32(len(m.groups))
	m.groups = append(m.groups, g)
}
