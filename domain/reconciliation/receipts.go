package reconciliation

// byReceipt is the first stage: a line and an amount in the books under one receipt of the provider's. Equal amounts are
// paired before unequal ones, and older lines before newer ones, so that a receipt that stands there twice leaves over the
// right one.
func (m *Matcher) byReceipt() {
	m.indexReceipts()
	n := len(m.lines)
	newestFirst := n > 0 && m.lines[0].at > m.lines[n-1].at
	for _, equal := range [...]bool{true, false} {
		for i := range m.lines {
			if newestFirst {
				i = n - 1 - i
			}
			l := &m.lines[i]
			if l.atom != none || l.receipt == "" || !l.kind.hasOwnReceipt() {
				continue
			}
			first, ok := m.receipts[l.receipt]
			if !ok {
				continue
			}
			if a := m.free(first, l, equal); a != none {
				m.match(int32(i), a, RuleReceipt)
			} else if !equal {
				m.takenOrForeign(l, first)
			}
		}
	}
}

// hasOwnReceipt tells whether the receipt of a line of this kind is its own transaction's: charges show that of the
// transaction that they are for, settlements an id.
func (k Kind) hasOwnReceipt() bool {
	switch k {
	case KindCharge, KindFee, KindSettlement, KindSettlementRefund:
		return false
	default:
		return true
	}
}

// indexReceipts finds atoms by receipt. The atoms of one receipt hang together in the order of their owners.
func (m *Matcher) indexReceipts() {
	m.receipts = make(map[string]int32, len(m.payments)+len(m.moves))
	add := func(i int32) {
		r := m.atoms[i].receipt
		if r == "" {
			return
		}
		first, ok := m.receipts[r]
		if !ok {
			m.receipts[r] = i
			return
		}
		for m.atoms[first].next != none {
			first = m.atoms[first].next
		}
		m.atoms[first].next = i
	}
	if m.scope.Source != SourceBank { // a bank names payouts by receipts of its own
		for i := range m.payments {
			p := &m.payments[i]
			for a := range int32(p.atoms) {
				add(p.firstAtom + a)
			}
		}
	}
	for i := range m.moves {
		add(m.moves[i].atom)
	}
}

// free is the first atom here, from first on, that no line is matched to yet and that moved money the way the line did.
func (m *Matcher) free(first int32, l *lineRec, equal bool) int32 {
	for a := first; a != none; a = m.atoms[a].next {
		t := &m.atoms[a]
		if t.here && t.line == none && (t.amount < 0) == (l.amount < 0) && (!equal || t.amount == l.amount) {
			return a
		}
	}
	return none
}

// takenOrForeign is a line whose receipt the books know, but not as money of this channel that is still unmatched.
func (m *Matcher) takenOrForeign(l *lineRec, first int32) {
	if l.kind == KindReversal {
		return // it may show the receipt of what it takes back
	}
	l.rule, l.why = RuleReceipt, whyRepeatedReceipt
	for a := first; a != none; a = m.atoms[a].next {
		t := &m.atoms[a]
		m.concerns(l, a)
		if !t.here && t.kind != ofFee {
			l.why = whyForeignReceipt
			return
		}
	}
}

// concerns notes whose atom a line is about.
func (m *Matcher) concerns(l *lineRec, a int32) {
	if t := &m.atoms[a]; t.kind.ofMove() {
		l.move = t.owner
	} else {
		l.payment = t.owner
	}
}

// match ties a line and an atom to each other.
func (m *Matcher) match(i, a int32, rule Rule) {
	l := &m.lines[i]
	l.rule, l.why, l.atom = rule, whyMatched, a
	m.concerns(l, a)
	m.atoms[a].line = i
}

// undecided tells whether no stage has said anything about a line yet.
func (l *lineRec) undecided() bool { return l.why == whyNothing }
