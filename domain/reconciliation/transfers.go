package reconciliation

// byAmountTime matches own transfers, and payouts to a bank account, by amount and day, where that fits nothing else on
// either side. It takes entries whose receipt the statement does not show, because the two sides name them differently.
func (m *Matcher) byAmountTime() {
	bank := m.scope.Source == SourceBank
	var wishes []wish
	for i := range m.moves {
		r := &m.moves[i]
		a := &m.atoms[r.atom]
		if !a.here || a.line != none || r.sent == never || (!bank && (!r.kind.OwnTransfer() || a.receipt != "")) {
			continue
		}
		wishes = append(wishes, wish{
			bucket: bucket{a.amount, transferBucket(bank, r.kind)}, owner: int32(i),
			from: r.sent - m.scope.Skew.Milliseconds(), until: r.sent + m.scope.Settling.Milliseconds(),
		})
	}
	if len(wishes) == 0 {
		return
	}
	var offers []offer
	for i := range m.lines {
		l := &m.lines[i]
		if !l.undecided() || (bank && l.kind == KindFee) || (!bank && !l.kind.OwnTransfer()) {
			continue
		}
		offers = append(offers, offer{bucket: bucket{l.amount, transferBucket(bank, l.kind)}, at: l.at, line: int32(i)})
	}
	m.pair(wishes, offers, RuleAmountTime, m.takeTransfer, func(o int32) string { return m.moves[o].reference })
}

// takeTransfer is takeMove; at a bank, what a provider pays out is many payments in one line.
func (m *Matcher) takeTransfer(i, move int32, rule Rule) {
	if k := m.moves[move].kind; m.scope.Source == SourceBank && (k == KindSettlement || k == KindWithdrawalToBank) {
		rule = RuleSettlement
	}
	m.takeMove(i, move, rule)
}

func transferBucket(bank bool, k Kind) string {
	if bank {
		return ""
	}
	return string(k)
}
