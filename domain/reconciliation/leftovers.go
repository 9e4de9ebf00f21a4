package reconciliation

// charges says for which payment or payout each charge row is, and ties it to the fee that the books posted, if they did. A fee of
// which the provider doesn't say that it is a charge may be one all the same, by its receipt.
func (m *Matcher) charges(shown map[string]int32) {
	for i := range m.lines {
		l := &m.lines[i]
		if l.kind != KindCharge && (l.kind != KindFee || m.scope.Source == SourceBank) || !l.undecided() {
			continue
		}
		if m.scope.Source == SourcePaystackSettlement || !m.ownerOfLine(l, l.receipt, l.linked, shown) {
			if l.kind == KindCharge {
				l.rule, l.why = RuleLineKind, whyCharge
			}
			continue
		}
		l.rule, l.why = RuleReceipt, whyCharge
		if l.move != none {
			if a := m.moves[l.move].fee; a != none && m.atoms[a].line == none && m.atoms[a].here {
				m.match(int32(i), a, RuleReceipt)
			}
			continue
		}
		if l.payment == none {
			continue
		}
		p := &m.payments[l.payment]
		for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
			if t := &m.atoms[a]; t.kind == ofFee && t.line == none && t.here {
				m.match(int32(i), a, RuleReceipt)
				break
			}
		}
	}
}

// shownReceipts finds the first line of each receipt that a charge or a reversal names and the books do not know, if it is
// a line of a transaction of its own.
func (m *Matcher) shownReceipts() map[string]int32 {
	shown := map[string]int32{}
	for i := range m.lines {
		l := &m.lines[i]
		if !l.undecided() || l.kind != KindCharge && l.kind != KindReversal {
			continue
		}
		for _, r := range [...]string{l.receipt, l.linked} {
			if _, known := m.receipts[r]; r != "" && !known {
				shown[r] = none
			}
		}
	}
	if len(shown) == 0 {
		return shown
	}
	for i := range m.lines {
		l := &m.lines[i]
		if l.receipt == "" || !l.kind.hasOwnReceipt() || l.kind == KindReversal {
			continue
		}
		if at, asked := shown[l.receipt]; asked && at == none {
			shown[l.receipt] = int32(i)
		}
	}
	return shown
}

// ownerOfLine notes whose transaction a line is about, by the first of two receipts that tells.
func (m *Matcher) ownerOfLine(l *lineRec, receipt, other string, shown map[string]int32) bool {
	for _, r := range [...]string{receipt, other} {
		if r != "" && m.ownerOf(l, r, shown) {
			return true
		}
	}
	return false
}

// ownerOf notes what a line is about, by another transaction's receipt: an entry in the books, what the line of that receipt
// was found to be, or at least that line.
func (m *Matcher) ownerOf(l *lineRec, receipt string, shown map[string]int32) bool {
	if a, ok := m.receipts[receipt]; ok {
		for t := a; t != none; t = m.atoms[t].next {
			if m.atoms[t].here {
				a = t
				break
			}
		}
		m.concerns(l, a)
		return true
	}
	peer, ok := shown[receipt]
	if !ok || peer == none {
		return false
	}
	o := &m.lines[peer]
	l.peer, l.payment, l.move = peer, o.payment, o.move
	return true
}

// reversals says what each reversal takes back, by the receipt that it is linked to. One of a refund of ours is matched to
// it.
func (m *Matcher) reversals(shown map[string]int32) {
	var refunds map[string][]int32
	for i := range m.lines {
		l := &m.lines[i]
		if l.kind != KindReversal || !l.undecided() {
			continue
		}
		l.rule, l.why = RuleUnmatched, whyReversalOfUnknown
		if !m.ownerOfLine(l, l.linked, l.receipt, shown) {
			continue
		}
		l.rule, l.why = RuleReceipt, whyReversal
		if l.payment == none {
			continue
		}
		if refunds == nil {
			refunds = m.unshownRefunds()
		}
		if move := m.onlyRefund(refunds[m.payments[l.payment].reference], l); move != none {
			m.match(int32(i), m.moves[move].atom, RuleReceipt)
		}
	}
}

// unshownRefunds are the refunds of each payment that no line is matched to.
func (m *Matcher) unshownRefunds() map[string][]int32 {
	out := map[string][]int32{}
	for i := range m.moves {
		r := &m.moves[i]
		if a := &m.atoms[r.atom]; r.kind == KindReversal && r.payment != "" && a.here && a.line == none && r.status != StatusFailed {
			out[r.payment] = append(out[r.payment], int32(i))
		}
	}
	return out
}

// onlyRefund is the one refund of the line's amount that is not matched yet, none if there are several. One whose receipt
// is known is not that of a line that shows another.
func (m *Matcher) onlyRefund(moves []int32, l *lineRec) int32 {
	found := none
	for _, i := range moves {
		if a := &m.atoms[m.moves[i].atom]; a.line != none || a.amount != l.amount || a.receipt != "" && l.receipt != "" {
			continue
		}
		if found != none {
			return none
		}
		found = i
	}
	return found
}

// leaveOver says what becomes of the lines that no stage found anything for.
func (m *Matcher) leaveOver() {
	for i := range m.lines {
		l := &m.lines[i]
		if !l.undecided() {
			continue
		}
		l.rule = RuleUnmatched
		switch {
		case l.kind == KindFee:
			l.rule, l.why = RuleLineKind, whyFee
		case l.kind.OwnTransfer() && m.scope.Source != SourceBank:
			l.rule, l.why = RuleLineKind, whyTransfer
		case l.isMoneyIn():
			l.why = whyUnknownPayer
		case l.kind == KindSettlement || l.kind == KindSettlementRefund:
			l.why = whyUnknownSettlement
		default:
			l.why = whyUnknownOut
		}
	}
}

// causeOfAbsence says why an amount that the books count in the period is on no line of the statement.
func (m *Matcher) causeOfAbsence(a *atom) reason {
	if _, ok := m.elsewhere[a.receipt]; ok && a.receipt != "" {
		return whyOnOtherStatement
	}
	from, until := m.scope.Period.From.UnixMilli(), m.scope.Period.Until.UnixMilli()
	skew, settling := m.scope.Skew.Milliseconds(), m.scope.Settling.Milliseconds()
	switch {
	case a.kind == ofMove && m.moves[a.owner].kind == KindReversal:
		switch moved := m.moves[a.owner].moved; {
		case moved == never || moved >= from+skew && moved < until-skew:
			return whyInTransit
		case moved < from || moved >= until:
			return whyOtherPeriod
		}
		return whyEdge
	case a.kind == ofFee:
		return m.causeOfFeeAbsence(a)
	case a.kind == ofMoveFee:
		if t := &m.atoms[m.moves[a.owner].atom]; t.line == none {
			return m.causeOfAbsence(t)
		}
		return whyFeeNotShown
	case a.paid == never:
		return m.notShown(a)
	case a.paid < from || a.paid >= until:
		return whyOtherPeriod
	case a.paid < from+skew || a.paid >= until-skew:
		return whyEdge
	case m.scope.Source == SourcePaystackSettlement && !a.kind.ofMove() && m.payments[a.owner].settlement != "":
		return whyLaterSettlement
	case (m.scope.Source == SourcePaystackSettlement || m.scope.Source == SourceBank) && a.paid >= until-settling:
		return whyLaterSettlement
	}
	return m.notShown(a)
}

// notShown: a payout that was only sent, nobody knows to have been paid.
func (m *Matcher) notShown(a *atom) reason {
	if a.kind == ofMove && m.moves[a.owner].status == StatusPending {
		return whySentNotShown
	}
	return whyNotShown
}

// causeOfFeeAbsence: a fee shares the fate of a payment that is not on the statement either.
func (m *Matcher) causeOfFeeAbsence(fee *atom) reason {
	p := &m.payments[fee.owner]
	for a := p.firstAtom; a < p.firstAtom+int32(p.atoms); a++ {
		if t := &m.atoms[a]; t.kind == ofReceipt && t.line == none && t.here {
			return m.causeOfAbsence(t)
		}
	}
	return whyFeeNotShown
}
