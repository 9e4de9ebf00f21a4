package paystack

import (
	"encoding/json"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// Transaction is what Paystack knows of a payment, from Verify, a list or a webhook.
type Transaction struct {
	ID              string // an unsigned 64-bit number, as text
	Domain          string // Test or Live
	Status          string // as Paystack has it; State sorts it
	Reference       string
	Amount          money.Money
	RequestedAmount *money.Money
	CreatedAt       *time.Time // UTC
	PaidAt          *time.Time // UTC
	Channel         string     // card, mobile_money, bank …
	GatewayResponse string     // the processor's words; never to branch on
	Message         string
	ReceiptNumber   string
	Fees            *money.Money // what Paystack keeps; nil when it does not say, as for what is not paid
	CardBrand       string
	CardLast4       string
	CustomerEmail   string
	Raw             []byte // Verify's answer, or the row of a list, as it came, for sealing; nil in events
}

// Net is what the payment brings: the amount without the fees (Paystack, Settlements). False when the fees are unknown.
func (t Transaction) Net() (money.Money, bool) {
	if t.Fees == nil {
		return money.Money{}, false
	}
	return money.Of(t.Amount.Minor-t.Fees.Minor, t.Amount.Currency), true
}

// State is what a status means for a payment.
type State int

// The states.
const (
	// Pending: nothing is decided. The zero value, and what an unknown status is taken for. Paystack verifies a fresh,
	// untouched checkout as abandoned, so that is pending too, until our own expiry.
	Pending State = iota
	// Succeeded: paid.
	Succeeded
	// FailedSoFar: an attempt failed, but the customer may try again on the same checkout page.
	FailedSoFar
	// Reversed: fully refunded or charged back.
	Reversed
	// ReversalPending: paid, and a refund is under way. Seen, not on the official list.
	ReversalPending
)

// String is the state's word.
func (s State) String() string {
	switch s {
	case Succeeded:
		return "succeeded"
	case FailedSoFar:
		return "failed_so_far"
	case Reversed:
		return "reversed"
	case ReversalPending:
		return "reversal_pending"
	case Pending:
		return "pending"
	}
	return "pending"
}

// StateOf sorts a status (Paystack, Verify Transaction); known is false for one that is not documented.
func StateOf(status string) (s State, known bool) {
	switch status {
	case "success":
		return Succeeded, true
	case "failed":
		return FailedSoFar, true
	case "abandoned", "ongoing", "pending", "processing", "queued":
		return Pending, true
	case "reversed":
		return Reversed, true
	case "reversal-pending":
		return ReversalPending, true
	}
	return Pending, false
}

// State is what the transaction's status means.
func (t Transaction) State() State {
	s, _ := StateOf(t.Status)
	return s
}

// decodeTransaction reads the fields of a transaction. Reference, status, amount and currency must be there and
// possible; everything else may be null, missing or of another type, as Paystack's samples have it: metadata "", {}, 0
// or null; log, fees and authorization null or empty.
func decodeTransaction(fields map[string]json.RawMessage) (Transaction, error) {
	r := reader{fields: fields}
	t := Transaction{
		ID:              r.id(),
		Domain:          shorten(upstream.TextOf(fields["domain"])),
		Status:          r.text("status", true),
		Reference:       r.text("reference", true),
		CreatedAt:       firstTime(fields["created_at"], fields["createdAt"]),
		PaidAt:          firstTime(fields["paid_at"], fields["paidAt"]),
		Channel:         shorten(upstream.TextOf(fields["channel"])),
		GatewayResponse: shorten(upstream.TextOf(fields["gateway_response"])),
		Message:         shorten(upstream.TextOf(fields["message"])),
		ReceiptNumber:   shorten(upstream.TextOf(fields["receipt_number"])),
	}
	currency := r.currency("currency")
	if amount := r.subunits("amount", currency, true); amount != nil {
		t.Amount = *amount
	}
	optional := reader{fields: fields} // problems with these lose nobody's money
	t.RequestedAmount = optional.subunits("requested_amount", currency, false)
	t.Fees = optional.subunits("fees", currency, false)
	if auth, ok := upstream.ObjectOf(fields["authorization"]); ok {
		t.CardBrand = shorten(orDefault(upstream.TextOf(auth["brand"]), upstream.TextOf(auth["card_type"])))
		t.CardLast4 = shorten(upstream.TextOf(auth["last4"]))
	}
	if customer, ok := upstream.ObjectOf(fields["customer"]); ok {
		t.CustomerEmail = shorten(upstream.TextOf(customer["email"]))
	}
	if r.err != nil {
		return t, r.err
	}
	return t, nil
}

// firstTime is the first of the candidates that is a time, nil when none is. What is outside the years that payments can be of is
// none: the books are dated by such a time, and no column could hold it.
func firstTime(candidates ...json.RawMessage) *time.Time {
	for _, raw := range candidates {
		if at, err := time.Parse(time.RFC3339, upstream.TextOf(raw)); err == nil && isPossible(at.UTC()) {
			at = at.UTC()
			return &at
		}
	}
	return nil
}

func isPossible(at time.Time) bool { return at.Year() >= 2000 && at.Year() <= 2199 }
