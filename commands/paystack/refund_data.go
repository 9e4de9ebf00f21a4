package paystack

import (
	"encoding/json"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// Refund is what Paystack knows of a refund, from the API or from a refund.* webhook. The two tell different things: a
// webhook names the payment by TransactionReference and has an ID only when attention is needed; the API names it by
// TransactionID, and by the reference too when the refund is made.
type Refund struct {
	ID                   string // an unsigned number, as text; empty in most webhooks
	Domain               string // Test or Live
	Status               string // as Paystack has it; State sorts it
	TransactionID        string
	TransactionReference string
	RefundReference      string // may be empty
	Amount               money.Money
	CustomerNote         string
	MerchantNote         string // as it was given, or Paystack's own words
	DisputeID            string // when a dispute made it
	SettlementID         string // where it was deducted
	DeductedAmount       *money.Money
	FullyDeducted        bool
	Processor            string
	Channel              string
	BankReference        string
	Reason               string // why it failed, in somebody's words; never to branch on
	ExpectedAt           *time.Time
	RefundedAt           *time.Time
	CreatedAt            *time.Time
	UpdatedAt            *time.Time
	Raw                  []byte // the API's answer, or the row of a list, as it came, for sealing; nil in events
}

// RefundState is what a status means for a refund.
type RefundState int

// The states of a refund: pending, processing, then one of the others. Needs-attention goes back to processing when it
// is given an account.
const (
	// RefundPending: accepted, nothing is decided. The zero value, and what an unknown status is taken for.
	RefundPending RefundState = iota
	// RefundProcessing: on its way to the customer's bank.
	RefundProcessing
	// RefundProcessed: the customer has it, or soon will. Final.
	RefundProcessed
	// RefundFailed: the money is back on the merchant's balance. Final.
	RefundFailed
	// RefundNeedsAttention: Paystack wants the customer's account (RetryRefundWithCustomerDetails).
	RefundNeedsAttention
)

// String is the state's word.
func (s RefundState) String() string {
	switch s {
	case RefundProcessing:
		return "processing"
	case RefundProcessed:
		return "processed"
	case RefundFailed:
		return "failed"
	case RefundNeedsAttention:
		return "needs_attention"
	case RefundPending:
		return "pending"
	}
	return "pending"
}

// Final tells whether nothing more comes.
func (s RefundState) Final() bool { return s == RefundProcessed || s == RefundFailed }

// RefundStateOf sorts a status (Paystack, Refunds); known is false for one that is not documented.
func RefundStateOf(status string) (s RefundState, known bool) {
	switch status {
	case "pending":
		return RefundPending, true
	case "processing":
		return RefundProcessing, true
	case "processed":
		return RefundProcessed, true
	case "failed":
		return RefundFailed, true
	case "needs-attention":
		return RefundNeedsAttention, true
	}
	return RefundPending, false
}

// State is what the refund's status means.
func (f Refund) State() RefundState {
	s, _ := RefundStateOf(f.Status)
	return s
}

// IsOf tells whether the refund is of the payment with this id or reference.
func (f Refund) IsOf(transaction string) bool {
	return transaction != "" && (f.TransactionID == transaction || f.TransactionReference == transaction)
}

// isOfAnother tells whether the refund is surely of another payment: an answer that names it otherwise than it was asked
// for can't be compared.
func (f Refund) isOfAnother(transaction string) bool {
	switch {
	case f.IsOf(transaction):
		return false
	case isID(transaction):
		return f.TransactionID != ""
	}
	return f.TransactionReference != ""
}

// decodeRefund reads the fields of a refund. Status, amount, currency and the payment must be there; everything else may
// be null, missing or of another type. The payment is a number, a text or an object under transaction, or the text under
// transaction_reference; the amount a number or a text.
func decodeRefund(fields map[string]json.RawMessage) (Refund, error) {
	r := reader{fields: fields}
	f := Refund{
		ID:                   r.id(),
		Domain:               shorten(upstream.TextOf(fields["domain"])),
		Status:               r.text("status", true),
		TransactionID:        idOf(fields["transaction"]),
		TransactionReference: shorten(upstream.TextOf(fields["transaction_reference"])),
		RefundReference:      shorten(upstream.TextOf(fields["refund_reference"])),
		CustomerNote:         shorten(upstream.TextOf(fields["customer_note"])),
		MerchantNote:         shorten(upstream.TextOf(fields["merchant_note"])),
		DisputeID:            idOf(fields["dispute"]),
		SettlementID:         idOf(fields["settlement"]),
		FullyDeducted:        isTrue(fields["fully_deducted"]),
		Processor:            shorten(upstream.TextOf(fields["processor"])),
		Channel:              shorten(orDefault(upstream.TextOf(fields["refund_channel"]), upstream.TextOf(fields["channel"]))),
		BankReference:        shorten(upstream.TextOf(fields["bank_reference"])),
		Reason:               shorten(upstream.TextOf(fields["reason"])),
		ExpectedAt:           firstTime(fields["expected_at"]),
		RefundedAt:           firstTime(fields["refunded_at"]),
		CreatedAt:            firstTime(fields["createdAt"], fields["created_at"]),
		UpdatedAt:            firstTime(fields["updatedAt"], fields["updated_at"]),
	}
	if tx, ok := upstream.ObjectOf(fields["transaction"]); ok {
		f.TransactionReference = orDefault(f.TransactionReference, shorten(upstream.TextOf(tx["reference"])))
	} else if f.TransactionID == "" {
		f.TransactionReference = orDefault(f.TransactionReference, shorten(upstream.TextOf(fields["transaction"])))
	}
	if f.TransactionID == "" && f.TransactionReference == "" {
		r.fail(upstream.MissingField, "transaction_reference")
	}
	currency := r.currency("currency")
	if amount := r.subunits("amount", currency, true); amount != nil {
		f.Amount = *amount
	}
	optional := reader{fields: fields}
	f.DeductedAmount = optional.subunits("deducted_amount", currency, false)
	return f, r.err
}

// isTrue is true, 1, or the same as a text: a flag is written as either.
func isTrue(raw json.RawMessage) bool {
	if string(raw) == "true" {
		return true
	}
	s := upstream.TextOf(raw)
	return s == "1" || s == "true"
}
