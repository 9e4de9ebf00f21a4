package paystack

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/benfex/kipay/commands/upstream"
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
// charge.failed, which is not documented but seen), Refund for refund.*, Dispute for charge.dispute.*, Transfer for
// transfer.*, none for anything else, which is to be kept and acknowledged.
type Event struct {
	Type   string // charge.success, refund.processed …
	Domain string // Test or Live, empty when the event does not say
	// DedupeKey is one per fact: webhooks carry no id and are repeated for days. Type, then data.id, or reference and
	// status. Two refunds of one amount of one payment have the same key while Paystack gives them neither id nor
	// refund_reference: a refund event says that there is news, FetchRefund of each refund under way says which.
	DedupeKey   string
	Transaction *Transaction
	Refund      *Refund
	Dispute     *Dispute
	Transfer    *Transfer
	Data        json.RawMessage // of an event that is not read here, as it came; nil otherwise
}

// DecodeEvent reads a webhook whose signature is good. Size and nesting are checked before anything is decoded; of
// members with one name the last counts. The error is always a *upstream.DecodeError.
func DecodeEvent(raw []byte) (Event, error) {
	if err := upstream.CheckJSON(raw, MaxWebhookBytes, maxDepth); err != nil {
		return Event{}, err
	}
	top, ok := upstream.ObjectOf(raw)
	if !ok {
		return Event{}, &upstream.DecodeError{Problem: upstream.NotJSON}
	}
	r := reader{fields: top}
	e := Event{Type: shorten(r.text("event", true))}
	if r.err != nil {
		return e, r.err
	}
	data, ok := upstream.ObjectOf(top["data"])
	if !ok {
		if documented(e.Type) {
			return e, &upstream.DecodeError{Problem: upstream.WrongType, Field: "data"}
		}
		data = nil
	}
	e.Domain = shorten(upstream.TextOf(data["domain"]))
	e.DedupeKey = dedupeKey(e.Type, data)
	var err error
	switch {
	case strings.HasPrefix(e.Type, "charge.dispute."):
		var d Dispute
		if d, err = decodeDispute(data); err == nil {
			e.Dispute = &d
		}
		if tx, ok := upstream.ObjectOf(data["transaction"]); ok && e.Domain == "" {
			e.Domain = shorten(upstream.TextOf(tx["domain"]))
		}
	case strings.HasPrefix(e.Type, "charge."):
		var t Transaction
		if t, err = decodeTransaction(data); err == nil {
			e.Transaction = &t
		}
	case strings.HasPrefix(e.Type, "refund."):
		var f Refund
		if f, err = decodeRefund(data); err == nil {
			e.Refund = &f
		}
	case strings.HasPrefix(e.Type, "transfer.") && data != nil:
		e.Transfer = decodeTransfer(data)
	}
	if documented(e.Type) {
		return e, err
	}
	if e.Transaction == nil && e.Refund == nil && e.Dispute == nil && e.Transfer == nil {
		e.Data = top["data"]
	}
	return e, nil
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
	part := func(name string) string { return shorten(upstream.TextOf(data[name])) }
	if id := part("id"); id != "" {
		return strings.Join([]string{event, id, part("status")}, "|")
	}
	reference := orDefault(part("reference"), part("transaction_reference"))
	return strings.Join([]string{event, reference, part("refund_reference"), part("status"), part("amount")}, "|")
}
