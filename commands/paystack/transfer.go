package paystack

import (
	"encoding/json"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// Transfer is the data of a transfer.* event: money that the merchant sent from the Paystack balance to somebody. Kipay
// makes none, so that nothing in it is needed: whatever can't be read is empty.
type Transfer struct {
	ID            string
	Domain        string // Test or Live
	Status        string // success, failed, reversed
	Reference     string
	TransferCode  string // TRF_…
	Amount        *money.Money
	FeeCharged    *money.Money // in newer events
	Reason        string
	RecipientCode string
	TransferredAt *time.Time
	CreatedAt     *time.Time
	UpdatedAt     *time.Time
}

func decodeTransfer(fields map[string]json.RawMessage) *Transfer {
	t := &Transfer{
		ID:            idOf(fields["id"]),
		Domain:        shorten(upstream.TextOf(fields["domain"])),
		Status:        shorten(upstream.TextOf(fields["status"])),
		Reference:     shorten(upstream.TextOf(fields["reference"])),
		TransferCode:  shorten(upstream.TextOf(fields["transfer_code"])),
		Reason:        shorten(upstream.TextOf(fields["reason"])),
		TransferredAt: firstTime(fields["transferred_at"]),
		CreatedAt:     firstTime(fields["created_at"], fields["createdAt"]),
		UpdatedAt:     firstTime(fields["updated_at"], fields["updatedAt"]),
	}
	if recipient, ok := upstream.ObjectOf(fields["recipient"]); ok {
		t.RecipientCode = shorten(upstream.TextOf(recipient["recipient_code"]))
	}
	if c, err := money.ParseCurrency(upstream.TextOf(fields["currency"])); err == nil {
		t.Amount = (&reader{fields: fields}).subunits("amount", c, false)
		t.FeeCharged = (&reader{fields: fields}).subunits("fee_charged", c, false)
	}
	return t
}
