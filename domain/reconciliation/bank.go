package reconciliation

// addBankSettlements makes, for a bank's statement, one expected payout of the payments of each settlement that was not
// given as a payout.
func (m *Matcher) addBankSettlements() {
	if m.scope.Source != SourceBank {
		return
	}
	given := map[string]bool{}
	for i := range m.moves {
		given[m.moves[i].settlement] = m.moves[i].kind == KindSettlement || given[m.moves[i].settlement]
		given[m.moves[i].reference] = true
	}
	at := map[string]int{}
	var sums []moveRec
	var totals []int64
	for i := range m.payments {
		p := &m.payments[i]
		if p.settlement == "" || given[p.settlement] {
			continue
		}
		n, ok := at[p.settlement]
		if !ok {
			n = len(sums)
			at[p.settlement] = n
			sums = append(sums, moveRec{reference: p.settlement, settlement: p.settlement, kind: KindSettlement, channel: p.channel, sent: never, status: StatusCompleted, fee: none})
			totals = append(totals, 0)
		}
		sums[n].members++
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			totals[n] += m.atoms[a].amount
			sums[n].sent = max(sums[n].sent, m.atoms[a].paid)
		}
	}
	for n, r := range sums {
		r.atom = int32(len(m.atoms))
		m.addAtom(atom{kind: ofMove, amount: totals[n], paid: r.sent, booked: r.sent, owner: int32(len(m.moves)), here: true})
		m.moves = append(m.moves, r)
	}
}
