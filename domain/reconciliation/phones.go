package reconciliation

// byAmountPhoneTime is the third stage, for lines that name nothing of ours: amount, phone and time window together, and
// only where the line fits one payment and the payment fits one line.
func (m *Matcher) byAmountPhoneTime() {
	if !m.scope.Source.OfMpesa() {
		return
	}
	var in, out []offer
	for i := range m.lines {
		l := &m.lines[i]
		if !l.undecided() || l.phone == "" {
			continue
		}
		o := offer{bucket: bucket{l.amount, phoneEnd(l.phone)}, at: l.at, phone: l.phone, line: int32(i)}
		switch {
		case l.isMoneyIn():
			in = append(in, o)
		case l.kind == KindPayout && l.amount < 0:
			out = append(out, o)
		default:
		}
	}
	if len(in) > 0 {
		m.pair(m.paymentWishes(), in, RuleAmountPhoneTime, m.claim, func(o int32) string { return m.payments[o].reference })
	}
	if len(out) > 0 {
		m.pair(m.moveWishes(), out, RuleAmountPhoneTime, m.takeMove, func(o int32) string { return m.moves[o].reference })
	}
}

// takeMove matches a line to a refund or payout.
func (m *Matcher) takeMove(i, move int32, rule Rule) { m.match(i, m.moves[move].atom, rule) }

// paymentWishes are the attempts whose payments still wait. One that the provider called failed is none.
func (m *Matcher) paymentWishes() []wish {
	var out []wish
	for i := range m.payments {
		p := &m.payments[i]
		if p.channel != m.scope.Channel || p.attempts == 0 {
			continue
		}
		amount, waits := m.expects(p)
		if !waits {
			continue
		}
		for _, a := range m.attempts[p.firstAttempt : p.firstAttempt+int32(p.attempts)] {
			if a.phone == "" || a.refused {
				continue
			}
			out = append(out, wish{
				bucket: bucket{amount, phoneEnd(a.phone)}, phone: a.phone, owner: int32(i),
				from: a.requested - m.scope.Skew.Milliseconds(), until: max(a.window, a.requested) + m.scope.Slack.Milliseconds(),
			})
		}
	}
	return out
}

// moveWishes are the refunds and payouts to phones that no line shows yet and whose receipt is not known.
func (m *Matcher) moveWishes() []wish {
	var out []wish
	for i := range m.moves {
		r := &m.moves[i]
		a := &m.atoms[r.atom]
		if !a.here || a.line != none || a.receipt != "" || r.phone == "" || r.sent == never {
			continue
		}
		out = append(out, wish{
			bucket: bucket{a.amount, phoneEnd(r.phone)}, phone: r.phone, owner: int32(i),
			from: r.sent - m.scope.Skew.Milliseconds(), until: r.sent + m.scope.Late.Milliseconds(),
		})
	}
	return out
}
