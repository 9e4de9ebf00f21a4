package simulator

import (
	"strings"
	"time"
)

// payment is money that reaches a shortcode, as C2B tells of it. Guarded by Simulator.mu once it is shared.
type payment struct {
	kind      string
	receipt   string
	at        time.Time
	amount    int64 // shillings
	shortCode string
	billRef   string
	msisdn    string
	bare      bool // an organisation's
	prompted  bool // by STK push, rather than from the SIM menu

	booked *movement // nil until the money is there
}

// credit lets a payment reach its shortcode, once. The caller holds mu.
func (s *Simulator) credit(p *payment, at time.Time) *movement {
	if p.booked != nil {
		return p.booked
	}
	m := &movement{
		kind: customerPayment, receipt: p.receipt, shortCode: p.shortCode, msisdn: p.msisdn, organisation: p.bare, cents: p.amount * 100,
		initiated: p.at, completed: at, status: statusCompleted, billRef: p.billRef, buyGoods: p.kind == "Buy Goods",
	}
	what, from := "Pay Bill", " from "+otherParty(m)
	m.reason = "Pay Utility"
	if p.prompted {
		m.reason = "Pay Bill Online"
	}
	if m.buyGoods {
		what, m.reason = "Merchant Payment", "Merchant Payment"
		if p.prompted {
			m.reason = "Merchant Payment Online"
		}
	}
	details := what + from
	if p.billRef != "" {
		details += " Acc. " + p.billRef
	}
	m.lines = []line{{account: utility, cents: m.cents, details: details, reason: m.reason}}
	if m.charge = m.cents * s.tariff.C2BBasisPoints / 10_000; m.charge > 0 {
		m.lines = append(m.lines, line{account: utility, cents: -m.charge, details: what + " Charge", reason: what + " Charge", charge: true})
	}
	s.ledger.post(m)
	p.booked = m
	return m
}

// reverse gives a payment back, all or some of it. The caller holds mu and has checked that it can be.
func (s *Simulator) reverse(paid *movement, cents int64, at, initiated time.Time, o *order) *movement {
	m := &movement{
		kind: paymentReversal, receipt: s.bookReceipt(at), shortCode: paid.shortCode, msisdn: paid.msisdn, organisation: paid.organisation,
		cents: cents, initiated: initiated, completed: at, status: statusCompleted, reason: "Pay Bill Reversal", billRef: paid.billRef,
		buyGoods: paid.buyGoods, reverses: paid.receipt,
	}
	if paid.buyGoods {
		m.reason = "Merchant Payment Reversal"
	}
	if o != nil {
		m.originatorID, m.conversationID = o.originatorID, o.conversationID
	}
	m.lines = []line{{account: utility, cents: -cents, details: m.reason + " to " + otherParty(m), reason: m.reason}}
	s.ledger.post(m)
	paid.status, paid.reversedBy = statusReversed, m.receipt
	return m
}

// payOut sends money to a customer. The caller holds mu and has checked that it is there.
func (s *Simulator) payOut(o *order, command string, cents int64, at time.Time) *movement {
	what := strings.TrimSuffix(command, "Payment") + " Payment"
	m := &movement{
		kind: payout, receipt: s.bookReceipt(at), shortCode: o.shortCode, msisdn: o.msisdn, cents: cents, charge: s.tariff.B2CCents,
		initiated: o.acceptedAt, completed: at, status: statusCompleted, reason: what + " to Customer via API",
		originatorID: o.originatorID, conversationID: o.conversationID,
	}
	m.lines = []line{{account: utility, cents: -cents, details: what + " to " + otherParty(m), reason: what}}
	if m.charge > 0 {
		m.lines = append(m.lines, line{account: chargesPaid, cents: -m.charge, details: what + " Charge", reason: what + " Charge", charge: true})
	}
	s.ledger.post(m)
	return m
}

// decline writes down what was asked for and not done. The caller holds mu.
func (s *Simulator) decline(o *order, kind movementKind, cents int64, at time.Time) *movement {
	m := &movement{
		kind: kind, receipt: s.bookReceipt(at), shortCode: o.shortCode, msisdn: o.msisdn, cents: cents, initiated: o.acceptedAt, completed: at,
		status: statusDeclined, reason: "Business Payment to Customer via API", originatorID: o.originatorID, conversationID: o.conversationID,
	}
	if kind == paymentReversal {
		m.reason, m.reverses = "Pay Bill Reversal", o.receipt
	}
	s.ledger.post(m)
	return m
}

// withdraw takes money out of the utility account: what M-Pesa is owed is settled first, the rest goes to the working
// account (Daraja, Account Types, Organization Settlement Account). The caller holds mu.
func (s *Simulator) withdraw(shortCode string, cents int64, at time.Time) *movement {
	owed := min(max(0, -s.ledger.of(shortCode)[chargesPaid]), cents)
	const out, fees, on = "Utility Account to Organization Settlement Account", "Settlement of Charges Paid Account", "Organization Settlement Account to Working Account"
	m := &movement{
		kind: withdrawal, receipt: s.bookReceipt(at), shortCode: shortCode, cents: cents, initiated: at, completed: at, status: statusCompleted, reason: out,
		lines: []line{{account: utility, cents: -cents, details: out, reason: out}, {account: settlement, cents: cents, details: out, reason: out}},
	}
	if owed > 0 {
		m.lines = append(m.lines, line{account: settlement, cents: -owed, details: fees, reason: fees}, line{account: chargesPaid, cents: owed, details: fees, reason: fees})
	}
	if rest := cents - owed; rest > 0 {
		m.lines = append(m.lines, line{account: settlement, cents: -rest, details: on, reason: on}, line{account: working, cents: rest, details: on, reason: on})
	}
	s.ledger.post(m)
	return m
}

// payIn puts an organisation's own money into the utility account. The caller holds mu.
func (s *Simulator) payIn(shortCode string, cents int64, at time.Time) *movement {
	const in = "Organization Settlement Account to Utility Account"
	m := &movement{
		kind: deposit, receipt: s.bookReceipt(at), shortCode: shortCode, cents: cents, initiated: at, completed: at, status: statusCompleted, reason: in,
		lines: []line{{account: utility, cents: cents, details: in, reason: in}},
	}
	s.ledger.post(m)
	return m
}

// bookReceipt is a receipt that nothing in the book and no push has. The caller holds mu.
func (s *Simulator) bookReceipt(at time.Time) string {
	for {
		r := s.receiptText(at)
		if !s.receipts[r] && s.ledger.byReceipt[r] == nil {
			return r
		}
	}
}

// The names of those who pay and are paid: there is one customer and one organisation in this world, and every shortcode
// is a shop.
const (
	customerName     = "John Doe"
	organisationName = "Another Organisation"
)

func shopName(shortCode string) string { return "Simulated Shop " + shortCode }

// otherParty is who is on the other side of a movement, as a statement shows it: the number masked.
func otherParty(m *movement) string {
	switch {
	case m.organisation:
		return strings.ToUpper(organisationName)
	case m.msisdn == "":
		return m.shortCode + " - " + strings.ToUpper(shopName(m.shortCode))
	}
	return m.msisdn[:5] + "****" + m.msisdn[len(m.msisdn)-3:] + " - " + strings.ToUpper(customerName)
}
