package paystack

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// SignatureHeader carries the signature of a webhook.
const SignatureHeader = "X-Paystack-Signature"

// VerifySignature tells whether a webhook comes from Paystack: the header is the hex HMAC-SHA512 of the raw body under
// the secret key (Paystack, Webhooks). It is computed over the bytes that came, never over a re-serialised body, and
// compared in constant time. Without a header or a secret the answer is no. While a key is being rotated, the caller
// tries the old one too.
func VerifySignature(secret string, rawBody []byte, header string) bool {
	if secret == "" {
		return false
	}
	given, err := hex.DecodeString(header)
	if err != nil || len(given) != sha512.Size {
		return false
	}
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write(rawBody)
	return hmac.Equal(mac.Sum(nil), given)
}

// Event is a webhook. Which of the pointers is set depends on the type: Transaction for charge.success (and
// charge.failed, which is not documented but seen), Refund for refund.*, Dispute for charge.dispute.*, none for
// anything else, which is to be kept and acknowledged.
type Event struct {
	Type   string // charge.success, refund.processed …
	Domain string // Test or Live, empty when the event does not say
	// DedupeKey is one per fact: webhooks carry no id and are repeated for days. Type, then data.id, or reference and
	// status.
	DedupeKey   string
	Transaction *Transaction
	Refund      *Refund
	Dispute     *Dispute
}

// Refund is the data of a refund.* event. Its amount comes as a number or as a text.
type Refund struct {
	ID                   string // may be empty
	Status               string // pending, processing, processed, failed, needs-attention
	TransactionReference string
	RefundReference      string // may be empty
	Amount               money.Money
}

// Dispute is the data of a charge.dispute.* event.
type Dispute struct {
	ID                   string
	Status               string // awaiting-merchant-feedback, resolved …
	Resolution           string // empty until resolved
	Category             string // chargeback …
	TransactionID        string
	TransactionReference string
	RefundAmount         *money.Money
	DueAt                *time.Time
}

// DecodeEvent reads a webhook whose signature is good. Size and nesting are checked before anything is decoded; of
// members with one name the last counts. The error is always a *DecodeError.
func DecodeEvent(raw []byte) (Event, error) {
	if err := checkJSON(raw, MaxWebhookBytes); err != nil {
		return Event{}, err
	}
	top, ok := objectOf(raw)
	if !ok {
		return Event{}, &DecodeError{Problem: NotJSON}
	}
	r := reader{fields: top}
	e := Event{Type: shorten(r.text("event", true))}
	if r.err != nil {
		return e, r.err
	}
	data, ok := objectOf(top["data"])
	if !ok {
		if documented(e.Type) {
			return e, &DecodeError{WrongType, "data"}
		}
		data = nil
	}
	e.Domain = shorten(textOf(data["domain"]))
	e.DedupeKey = dedupeKey(e.Type, data)
	var err error
	switch {
	case strings.HasPrefix(e.Type, "charge.dispute."):
		e.Dispute, err = decodeDispute(data)
		if tx, ok := objectOf(data["transaction"]); ok && e.Domain == "" {
			e.Domain = shorten(textOf(tx["domain"]))
		}
	case strings.HasPrefix(e.Type, "charge."):
		var t Transaction
		if t, err = decodeTransaction(data); err == nil {
			e.Transaction = &t
		}
	case strings.HasPrefix(e.Type, "refund."):
		e.Refund, err = decodeRefund(data)
	}
	if !documented(e.Type) {
		return e, nil
	}
	return e, err
}

// documented tells whether the shape of a type's data is known (Paystack, Webhooks, and charge.failed). What comes of any
// other type is read if it can be, and is no junk if it can't: refused, it would be sent again for days.
func documented(event string) bool {
	switch event {
	case "charge.success", "charge.failed", "charge.dispute.create", "charge.dispute.remind", "charge.dispute.resolve",
		"refund.pending", "refund.processing", "refund.processed", "refund.failed", "refund.needs-attention":
		return true
	}
	return false
}

// dedupeKey names the fact that an event is about.
func dedupeKey(event string, data map[string]json.RawMessage) string {
	part := func(name string) string { return shorten(textOf(data[name])) }
	if id := part("id"); id != "" {
		return strings.Join([]string{event, id, part("status")}, "|")
	}
	reference := orDefault(part("reference"), part("transaction_reference"))
	return strings.Join([]string{event, reference, part("refund_reference"), part("status"), part("amount")}, "|")
}

func decodeRefund(data map[string]json.RawMessage) (*Refund, error) {
	r := reader{fields: data}
	f := &Refund{
		ID:                   r.id(),
		Status:               r.text("status", true),
		TransactionReference: r.text("transaction_reference", true),
		RefundReference:      shorten(textOf(data["refund_reference"])),
	}
	if amount := r.subunits("amount", r.currency("currency"), true); amount != nil {
		f.Amount = *amount
	}
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

func decodeDispute(data map[string]json.RawMessage) (*Dispute, error) {
	r := reader{fields: data}
	tx, _ := objectOf(data["transaction"])
	inner := reader{fields: tx}
	d := &Dispute{
		ID:                   r.id(),
		Status:               r.text("status", true),
		Resolution:           shorten(textOf(data["resolution"])),
		Category:             shorten(textOf(data["category"])),
		TransactionID:        inner.id(),
		TransactionReference: shorten(orDefault(textOf(data["transaction_reference"]), textOf(tx["reference"]))),
		DueAt:                firstTime(data["dueAt"], data["due_at"]),
	}
	if c := textOf(data["currency"]); c != "" {
		optional := reader{fields: data}
		d.RefundAmount = optional.subunits("refund_amount", optional.currency("currency"), false)
	}
	if r.err == nil && d.TransactionReference == "" && d.TransactionID == "" {
		r.fail(MissingField, "transaction")
	}
	if r.err != nil {
		return nil, r.err
	}
	return d, nil
}
