package paystack

import (
	"encoding/json"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// maxDisputeEntries bounds what is kept of a dispute's history and of its messages: the latest.
const maxDisputeEntries = 200

// Dispute is what Paystack knows of a customer's complaint about a payment, from the API or from a charge.dispute.*
// webhook.
type Dispute struct {
	ID                   string // an unsigned number, as text
	Domain               string // Test or Live
	Status               string // as Paystack has it; State sorts it
	Resolution           string // empty until resolved
	Category             string // chargeback, fraud, general …
	TransactionID        string
	TransactionReference string
	TransactionAmount    *money.Money
	RefundAmount         *money.Money // what the customer wants back, or got
	DueAt                *time.Time   // until when the merchant may answer
	ResolvedAt           *time.Time
	CreatedAt            *time.Time
	UpdatedAt            *time.Time
	CustomerEmail        string
	CardLast4            string
	EvidenceID           string
	Note                 string
	History              []DisputeStep // as Paystack orders it
	Messages             []DisputeMessage
	Raw                  []byte // the API's answer, or the row of a list, as it came, for sealing; nil in events
}

// DisputeStep is a change of a dispute's status.
type DisputeStep struct {
	Status string
	By     string // who, often an email address
	At     *time.Time
}

// DisputeMessage is what somebody wrote about a dispute.
type DisputeMessage struct {
	Sender string // often an email address
	Body   string
	At     *time.Time
}

// DisputeState is what status and resolution mean for the money.
type DisputeState int

// The states of a dispute.
const (
	// DisputeOpen: somebody else is to act: the bank, or Paystack. The zero value, and what an unknown status is taken
	// for.
	DisputeOpen DisputeState = iota
	// DisputeAwaitingMerchant: the merchant has to answer before DueAt, or it is accepted without being asked.
	DisputeAwaitingMerchant
	// DisputeAccepted: RefundAmount goes back to the customer, by the merchant's word or by silence. Final.
	DisputeAccepted
	// DisputeDeclined: the merchant keeps the money. Final.
	DisputeDeclined
	// DisputeClosed: over, in a way that the resolution does not tell. Ask a person.
	DisputeClosed
)

// String is the state's word.
func (s DisputeState) String() string {
	switch s {
	case DisputeAwaitingMerchant:
		return "awaiting_merchant"
	case DisputeAccepted:
		return "accepted"
	case DisputeDeclined:
		return "declined"
	case DisputeClosed:
		return "closed"
	case DisputeOpen:
		return "open"
	}
	return "open"
}

// Final tells whether nothing more comes.
func (s DisputeState) Final() bool { return s >= DisputeAccepted && s <= DisputeClosed }

// State sorts status and resolution (Paystack, Webhooks: awaiting-merchant-feedback, resolved, auto-accepted;
// awaiting-bank-feedback, pending, archived and the other resolutions are Paystack's API reference, not confirmed).
func (d Dispute) State() DisputeState {
	switch d.Status {
	case "awaiting-merchant-feedback":
		return DisputeAwaitingMerchant
	case "resolved", "archived":
	default:
		return DisputeOpen
	}
	switch d.Resolution {
	case string(AcceptDispute), "auto-accepted":
		return DisputeAccepted
	case string(DeclineDispute):
		return DisputeDeclined
	}
	return DisputeClosed
}

// decodeDispute reads the fields of a dispute. Status and the payment must be there; everything else may be null,
// missing or of another type.
func decodeDispute(fields map[string]json.RawMessage) (Dispute, error) {
	r := reader{fields: fields}
	tx, _ := upstream.ObjectOf(fields["transaction"])
	customer, _ := upstream.ObjectOf(fields["customer"])
	d := Dispute{
		ID:                   r.id(),
		Domain:               shorten(orDefault(upstream.TextOf(fields["domain"]), upstream.TextOf(tx["domain"]))),
		Status:               r.text("status", true),
		Resolution:           shorten(upstream.TextOf(fields["resolution"])),
		Category:             shorten(upstream.TextOf(fields["category"])),
		TransactionID:        idOf(fields["transaction"]),
		TransactionReference: shorten(orDefault(upstream.TextOf(fields["transaction_reference"]), upstream.TextOf(tx["reference"]))),
		DueAt:                firstTime(fields["dueAt"], fields["due_at"]),
		ResolvedAt:           firstTime(fields["resolvedAt"], fields["resolved_at"]),
		CreatedAt:            firstTime(fields["createdAt"], fields["created_at"]),
		UpdatedAt:            firstTime(fields["updatedAt"], fields["updated_at"]),
		CustomerEmail:        shorten(upstream.TextOf(customer["email"])),
		CardLast4:            shorten(upstream.TextOf(fields["last4"])),
		EvidenceID:           idOf(fields["evidence"]),
		Note:                 shorten(upstream.TextOf(fields["note"])),
	}
	currency := orDefault(upstream.TextOf(fields["currency"]), upstream.TextOf(tx["currency"]))
	if c, err := money.ParseCurrency(currency); err == nil {
		d.RefundAmount = (&reader{fields: fields}).subunits("refund_amount", c, false)
	}
	if c, err := money.ParseCurrency(orDefault(upstream.TextOf(tx["currency"]), currency)); err == nil {
		d.TransactionAmount = (&reader{fields: tx}).subunits("amount", c, false)
	}
	for _, step := range entriesOf(fields["history"]) {
		d.History = append(d.History, DisputeStep{
			shorten(upstream.TextOf(step["status"])), shorten(upstream.TextOf(step["by"])), firstTime(step["createdAt"], step["created_at"]),
		})
	}
	for _, m := range entriesOf(fields["messages"]) {
		d.Messages = append(d.Messages, DisputeMessage{
			shorten(upstream.TextOf(m["sender"])), shorten(upstream.TextOf(m["body"])), firstTime(m["createdAt"], m["created_at"]),
		})
	}
	if d.TransactionReference == "" && d.TransactionID == "" {
		r.fail(upstream.MissingField, "transaction")
	}
	return d, r.err
}

// entriesOf are the objects in a list, the latest maxDisputeEntries; what is no object is left out.
func entriesOf(raw json.RawMessage) []map[string]json.RawMessage {
	var list []json.RawMessage
	if !upstream.StartsWith(raw, '[') || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	list = list[max(0, len(list)-maxDisputeEntries):]
	var entries []map[string]json.RawMessage
	for _, each := range list {
		if fields, ok := upstream.ObjectOf(each); ok {
			entries = append(entries, fields)
		}
	}
	return entries
}
