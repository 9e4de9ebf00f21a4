package simulator

import (
	"encoding/json"
	"time"
)

// The states of data.status that the simulator reaches.
const (
	statusAbandoned = "abandoned" // nothing done yet: a fresh initialize verifies as this
	statusOngoing   = "ongoing"   // the payer is asked for a PIN, an OTP …
	statusFailed    = "failed"    // the attempt failed; the page lets the payer try again
	statusSuccess   = "success"
	statusReversing = "reversal-pending" // a refund is under way (recorded on the test API, not on the official list)
	statusReversed  = "reversed"         // all of it went back
)

// transaction is an initialized payment. Its fields are guarded by Simulator.mu, but for those that never change:
// account, reference, accessCode.
type transaction struct {
	account     *account
	id          uint64
	reference   string
	accessCode  string
	email       string
	amount      int64 // subunits
	currency    string
	callbackURL string
	cancelURL   string
	channels    []string
	metadata    json.RawMessage // as verify echoes it
	ip          string
	createdAt   time.Time

	status          string
	gatewayResponse string
	paidAt          time.Time
	attempts        int
	errors          int
	startedAt       time.Time // of the first attempt
	history         []historyEntry
	instrument      *instrument
	step            step // what the page asks next
	card            Card // of the attempt under way

	fee        int64 // subunits, from when it was paid
	habit      string
	refunds    []*refund  // oldest first
	disputes   []*dispute // oldest first
	settlement *settlement
	extra      int // bytes of notes and evidence, in size
}

// paid tells whether it was ever paid, whatever went back since.
func (t *transaction) paid() bool { return !t.paidAt.IsZero() }

// restate sets the status of a paid transaction by its refunds.
func (t *transaction) restate() {
	open, back := false, int64(0)
	for _, r := range t.refunds {
		switch r.status {
		case refundPending, refundProcessing, refundNeedsAttention:
			open = true
		case refundProcessed:
			back += r.amount
		}
	}
	switch {
	case open:
		t.status = statusReversing
	case back == t.amount:
		t.status = statusReversed
	default:
		t.status = statusSuccess
	}
}

// size is how many bytes of a client's making it holds.
func (t *transaction) size() int {
	n := len(t.reference) + len(t.email) + len(t.callbackURL) + len(t.cancelURL) + len(t.metadata) + t.extra
	for _, c := range t.channels {
		n += len(c)
	}
	return n
}

// instrument is what is kept of a card: never the number.
type instrument struct {
	bin, last4, expMonth, expYear, brand string
	authorizationCode, signature         string
}

type historyEntry struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Time    int64  `json:"time"` // seconds since the start
}

func (t *transaction) note(kind, message string, now time.Time) {
	if len(t.history) >= maxAttemptsLogged {
		return
	}
	t.history = append(t.history, historyEntry{kind, message, int64(now.Sub(t.startedAt) / time.Second)})
}

// transactionView is data of verify and of the list (Paystack, Verify Transaction).
type transactionView struct {
	ID                 uint64          `json:"id"`
	Domain             string          `json:"domain"`
	Status             string          `json:"status"`
	Reference          string          `json:"reference"`
	ReceiptNumber      *string         `json:"receipt_number"`
	Amount             int64           `json:"amount"`
	Message            *string         `json:"message"`
	GatewayResponse    string          `json:"gateway_response"`
	PaidAt             *string         `json:"paid_at"`
	CreatedAt          string          `json:"created_at"`
	Channel            string          `json:"channel"`
	Currency           string          `json:"currency"`
	IPAddress          string          `json:"ip_address"`
	Metadata           json.RawMessage `json:"metadata"`
	Log                *logView        `json:"log"`
	Fees               *int64          `json:"fees"`
	FeesSplit          *string         `json:"fees_split"`
	Authorization      any             `json:"authorization"`
	Customer           customerView    `json:"customer"`
	Plan               *string         `json:"plan"`
	Split              struct{}        `json:"split"`
	OrderID            *string         `json:"order_id"`
	PaidAtAgain        *string         `json:"paidAt"`
	CreatedAtAgain     string          `json:"createdAt"`
	RequestedAmount    int64           `json:"requested_amount"`
	POSTransactionData *string         `json:"pos_transaction_data"`
	Source             *string         `json:"source"`
	FeesBreakdown      *string         `json:"fees_breakdown"`
	Connect            *string         `json:"connect"`
	TransactionDate    string          `json:"transaction_date"`
	PlanObject         struct{}        `json:"plan_object"`
	Subaccount         struct{}        `json:"subaccount"`
}

type logView struct {
	StartTime int64          `json:"start_time"`
	TimeSpent int64          `json:"time_spent"`
	Attempts  int            `json:"attempts"`
	Errors    int            `json:"errors"`
	Success   bool           `json:"success"`
	Mobile    bool           `json:"mobile"`
	Input     []string       `json:"input"`
	History   []historyEntry `json:"history"`
}

type authorizationView struct {
	AuthorizationCode string  `json:"authorization_code"`
	Bin               string  `json:"bin"`
	Last4             string  `json:"last4"`
	ExpMonth          string  `json:"exp_month"`
	ExpYear           string  `json:"exp_year"`
	Channel           string  `json:"channel"`
	CardType          string  `json:"card_type"`
	Bank              string  `json:"bank"`
	CountryCode       string  `json:"country_code"`
	Brand             string  `json:"brand"`
	Reusable          bool    `json:"reusable"`
	Signature         string  `json:"signature"`
	AccountName       *string `json:"account_name"`
}

type customerView struct {
	ID                       uint64  `json:"id"`
	FirstName                *string `json:"first_name"`
	LastName                 *string `json:"last_name"`
	Email                    string  `json:"email"`
	CustomerCode             string  `json:"customer_code"`
	Phone                    *string `json:"phone"`
	Metadata                 *string `json:"metadata"`
	RiskAction               string  `json:"risk_action"`
	InternationalFormatPhone *string `json:"international_format_phone"`
}

// authorization is {} until the payment is made.
func (t *transaction) authorization() any {
	if t.instrument == nil || !t.paid() {
		return struct{}{}
	}
	c := t.instrument
	return authorizationView{
		AuthorizationCode: c.authorizationCode, Bin: c.bin, Last4: c.last4, ExpMonth: c.expMonth, ExpYear: c.expYear,
		Channel: "card", CardType: c.brand + " ", Bank: "TEST BANK", CountryCode: "KE", Brand: c.brand,
		Reusable: true, Signature: c.signature,
	}
}

func (t *transaction) logView(now time.Time) *logView {
	if t.attempts == 0 {
		return nil
	}
	end := now
	if !t.paidAt.IsZero() {
		end = t.paidAt
	}
	return &logView{
		StartTime: t.startedAt.Unix(), TimeSpent: int64(end.Sub(t.startedAt) / time.Second), Attempts: t.attempts,
		Errors: t.errors, Success: t.paid(), Input: []string{},
		History: append([]historyEntry{}, t.history...),
	}
}

// fees is null until there is a payment to take them from. A refund gives them not back.
func (t *transaction) fees() *int64 {
	if !t.paid() {
		return nil
	}
	fee := t.fee
	return &fee
}

// view is t as the API answers it. The caller holds mu.
func (s *Simulator) view(t *transaction) transactionView {
	created, paid := stamp(t.createdAt), stampOrNull(t.paidAt)
	return transactionView{
		ID: t.id, Domain: t.account.domain(), Status: t.status, Reference: t.reference, Amount: t.amount,
		GatewayResponse: t.gatewayResponse, PaidAt: paid, CreatedAt: created, Channel: "card", Currency: t.currency,
		IPAddress: t.ip, Metadata: t.metadata, Log: t.logView(s.opts.Now()), Fees: t.fees(),
		Authorization: t.authorization(), Customer: customerOf(t.account, t.email), PaidAtAgain: paid,
		CreatedAtAgain: created, RequestedAmount: t.amount, TransactionDate: created,
	}
}

// webhookData is data of charge.success (Paystack, Webhooks): close to verify's, not the same.
type webhookData struct {
	ID              uint64          `json:"id"`
	Domain          string          `json:"domain"`
	Status          string          `json:"status"`
	Reference       string          `json:"reference"`
	Amount          int64           `json:"amount"`
	Message         *string         `json:"message"`
	GatewayResponse string          `json:"gateway_response"`
	PaidAt          string          `json:"paid_at"`
	CreatedAt       string          `json:"created_at"`
	Channel         string          `json:"channel"`
	Currency        string          `json:"currency"`
	IPAddress       string          `json:"ip_address"`
	Metadata        json.RawMessage `json:"metadata"`
	Log             webhookLog      `json:"log"`
	Fees            *int64          `json:"fees"`
	Customer        customerView    `json:"customer"`
	Authorization   any             `json:"authorization"`
	Plan            struct{}        `json:"plan"`
}

type webhookLog struct {
	TimeSpent      int64    `json:"time_spent"`
	Attempts       int      `json:"attempts"`
	Authentication *string  `json:"authentication"`
	Errors         int      `json:"errors"`
	Success        bool     `json:"success"`
	Mobile         bool     `json:"mobile"`
	Input          []string `json:"input"`
	Channel        *string  `json:"channel"`
	History        []string `json:"history"`
}
