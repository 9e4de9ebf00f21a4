package simulator

import "time"

// accountKind is one of the accounts that every shortcode has (Daraja, Account Balance).
type accountKind int

const (
	utility     accountKind = iota // payments come in here, payouts and reversals go out; a till's is named Merchant Account
	working                        // on the way to the bank
	chargesPaid                    // below nothing by what M-Pesa has charged and not collected
	settlement                     // where a withdrawal is reckoned; empty in between
	accountKinds
)

// funds are the balances of a shortcode, in cents.
type funds [accountKinds]int64

// movementKind says what moved the money.
type movementKind int

const (
	customerPayment movementKind = iota // STK or C2B
	paymentReversal
	payout
	withdrawal
	deposit
)

// The words for what became of a movement.
const (
	statusCompleted = "Completed"
	statusReversed  = "Reversed"
	statusDeclined  = "Declined"
)

// movement is one transaction of M-Pesa's, with what it did to the accounts of a shortcode. Guarded by Simulator.mu.
type movement struct {
	kind         movementKind
	receipt      string
	shortCode    string
	msisdn       string // the customer's; empty when there is none
	organisation bool   // another organisation paid
	cents        int64
	charge       int64
	initiated    time.Time
	completed    time.Time
	status       string
	reason       string // ReasonType
	billRef      string
	buyGoods     bool

	originatorID   string // of what an initiator asked for
	conversationID string
	reverses       string // the receipt of a payment
	reversedBy     string // the receipt of its reversal

	lines []line
}

// line is what a movement did to one account.
type line struct {
	account accountKind
	cents   int64 // below nothing: taken
	balance int64 // afterwards
	details string
	reason  string
	charge  bool
}

// ledger is the book of every shortcode: what was moved, in the order in which it happened, and what is there now. It
// keeps the latest movements; what the forgotten ones have left is in base.
type ledger struct {
	opening        int64 // cents in the utility account of a shortcode that nothing has happened to
	most           int
	movements      []*movement
	byReceipt      map[string]*movement
	byConversation map[string]*movement // by shortcode and OriginatorConversationID
	funds          map[string]*funds
	base           map[string]*funds
}

func newLedger(opening int64, most int) *ledger {
	return &ledger{
		opening: opening, most: most, byReceipt: map[string]*movement{}, byConversation: map[string]*movement{},
		funds: map[string]*funds{}, base: map[string]*funds{},
	}
}

func conversationKey(shortCode, originatorID string) string { return shortCode + " " + originatorID }

// of are the balances of a shortcode, for reading.
func (l *ledger) of(shortCode string) funds {
	if f := l.funds[shortCode]; f != nil {
		return *f
	}
	return funds{utility: l.opening}
}

// before are the balances of a shortcode before the first movement that is kept.
func (l *ledger) before(shortCode string) funds {
	if f := l.base[shortCode]; f != nil {
		return *f
	}
	return funds{utility: l.opening}
}

// post writes a movement down. Its lines get their balances.
func (l *ledger) post(m *movement) {
	f := l.funds[m.shortCode]
	if f == nil {
		f = &funds{utility: l.opening}
		l.funds[m.shortCode] = f
	}
	for i := range m.lines {
		line := &m.lines[i]
		f[line.account] += line.cents
		line.balance = f[line.account]
	}
	l.movements = append(l.movements, m)
	l.byReceipt[m.receipt] = m
	if m.originatorID != "" {
		l.byConversation[conversationKey(m.shortCode, m.originatorID)] = m
	}
	for len(l.movements) > l.most {
		l.forget(l.movements[0])
		l.movements[0] = nil
		l.movements = l.movements[1:]
	}
}

func (l *ledger) forget(m *movement) {
	base := l.base[m.shortCode]
	if base == nil {
		base = &funds{utility: l.opening}
		l.base[m.shortCode] = base
	}
	for _, line := range m.lines {
		base[line.account] += line.cents
	}
	delete(l.byReceipt, m.receipt)
	if key := conversationKey(m.shortCode, m.originatorID); l.byConversation[key] == m {
		delete(l.byConversation, key)
	}
}
