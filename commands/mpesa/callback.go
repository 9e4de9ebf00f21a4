package mpesa

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// StkCallback is what Daraja reports about a push. It is a claim: callbacks are not signed.
type StkCallback struct {
	MerchantRequestID string // may be empty
	CheckoutRequestID string
	ResultCode        string // as in codes.go, whether it came as a number or as a text
	ResultDesc        string // Daraja's words; never to branch on

	// What follows comes with a success only, and any of it may be missing.
	Receipt string
	Amount  *money.Money // KES
	Phone   string       // as it came, perhaps masked; never an identity
	PaidAt  *time.Time   // UTC
}

// DecodeSTKCallback reads {"Body":{"stkCallback":{…}}}. Items of CallbackMetadata are found by name, in any order, with
// or without a Value. Size and nesting are checked before anything is decoded. Of members or items with one name the
// last counts. Receipt and amount must be possible ones when they are there; a date or a phone that cannot be read is
// left out, because a success should not be lost over it. The error is always a *upstream.DecodeError; the fields that could be
// read are filled all the same, for the record.
func DecodeSTKCallback(raw []byte) (StkCallback, error) {
	var cb StkCallback
	top, err := payload(raw)
	if err != nil {
		return cb, err
	}
	fields, err := child(top, "Body")
	if err != nil {
		return cb, err
	}
	if fields, err = child(fields, "stkCallback"); err != nil {
		return cb, err
	}
	r := reader{fields: fields}
	cb.MerchantRequestID = r.id("MerchantRequestID", false)
	cb.CheckoutRequestID = r.id("CheckoutRequestID", true)
	if r.id("ResultCode", true) != "" {
		cb.ResultCode = resultCode(fields["ResultCode"])
	}
	cb.ResultDesc = upstream.TextOf(fields["ResultDesc"])

	items := reader{fields: metadata(fields["CallbackMetadata"])}
	cb.Receipt = items.receipt("mpesareceiptnumber", "MpesaReceiptNumber", false)
	cb.Amount = items.amount("amount", "Amount", false)
	cb.Phone = phoneText(items.fields["phonenumber"])
	cb.PaidAt = dateOf(items.fields["transactiondate"])
	if r.err == nil {
		r.err = items.err
	}
	if r.err != nil {
		return cb, r.err
	}
	return cb, nil
}

// payload is the top-level object of a body from outside.
func payload(raw []byte) (map[string]json.RawMessage, error) {
	if err := upstream.CheckJSON(raw, MaxCallbackBytes, maxDepth); err != nil {
		return nil, err
	}
	top, ok := upstream.ObjectOf(upstream.WithoutBOM(raw))
	if !ok {
		return nil, &upstream.DecodeError{Problem: upstream.NotJSON}
	}
	return top, nil
}

// child is an object within an object.
func child(fields map[string]json.RawMessage, name string) (map[string]json.RawMessage, error) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return nil, &upstream.DecodeError{Problem: upstream.MissingField, Field: name}
	}
	sub, ok := upstream.ObjectOf(raw)
	if !ok {
		return nil, &upstream.DecodeError{Problem: upstream.WrongType, Field: name}
	}
	return sub, nil
}

// metadata is CallbackMetadata's items by lower-case name: {"Item":[{"Name":…,"Value":…},…]}, or a single item. What
// does not look like an item is passed over.
func metadata(raw json.RawMessage) map[string]json.RawMessage {
	byName := map[string]json.RawMessage{}
	meta, ok := upstream.ObjectOf(raw)
	if !ok {
		return byName
	}
	var list []json.RawMessage
	if upstream.StartsWith(meta["Item"], '[') {
		if json.Unmarshal(meta["Item"], &list) != nil {
			return byName
		}
	} else {
		list = append(list, meta["Item"])
	}
	for _, it := range list {
		item, ok := upstream.ObjectOf(it)
		if !ok {
			continue
		}
		if name := strings.ToLower(upstream.TextOf(item["Name"])); name != "" {
			byName[name] = item["Value"]
		}
	}
	return byName
}

// dateOf is a date, nil when it cannot be read.
func dateOf(raw json.RawMessage) *time.Time {
	s := upstream.TextOf(raw)
	if plain, ok := plainDecimal(s); ok {
		s = plain
	}
	t, err := ParseEAT(s)
	if err != nil {
		return nil
	}
	return &t
}

// phoneText is a phone number as it came, or a mask or hash of one.
func phoneText(raw json.RawMessage) string {
	s := upstream.TextOf(raw)
	if plain, ok := plainDecimal(s); ok && !strings.HasPrefix(strings.TrimSpace(string(raw)), `"`) {
		s = plain
	}
	return shorten(s)
}
