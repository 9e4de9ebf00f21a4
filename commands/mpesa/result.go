package mpesa

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// Result is what Daraja posts to ResultURL about a request of an initiator. It is a claim: nothing of it is signed.
type Result struct {
	// Partial: Daraja says that further messages follow (ResultType 1). Nothing is final then.
	Partial                  bool
	ResultCode               string // as in initiator_codes.go, whether it came as a number or as a text
	ResultDesc               string // Daraja's words; never to branch on
	OriginatorConversationID string // may be empty
	ConversationID           string // may be empty
	// TransactionID is the receipt of what the request did, such as that of the reversal itself. Of a request that failed
	// it is a placeholder (SKE0000000), or the receipt of what was declined; it may be empty.
	TransactionID string

	parameters map[string][]json.RawMessage // by lower-case key, in order: one key has been seen twice
}

// DecodeResult reads {"Result":{…}}, or its members without the envelope. ResultCode may be a number or a text,
// ResultParameters may be missing (as they are of a failure), ResultParameter and ReferenceItem may be a list or a single
// object, and a parameter may have no Value. Size and nesting are checked before anything is decoded. The error is always
// a *upstream.DecodeError; the fields that could be read are filled all the same, for the record.
func DecodeResult(raw []byte) (Result, error) {
	fields, err := resultFields(raw)
	if err != nil {
		return Result{}, err
	}
	r := reader{fields: fields}
	res := Result{
		ResultDesc:               upstream.TextOf(fields["ResultDesc"]),
		OriginatorConversationID: idOf(fields["OriginatorConversationID"]),
		ConversationID:           idOf(fields["ConversationID"]),
		parameters:               parametersOf(fields["ResultParameters"]),
	}
	if s := upstream.TextOf(fields["TransactionID"]); IsReceipt(s) {
		res.TransactionID = s
	}
	if r.id("ResultCode", true) != "" {
		res.ResultCode = resultCode(fields["ResultCode"])
	}
	kind := resultCode(fields["ResultType"])
	res.Partial = kind != "" && kind != "0"
	if r.err != nil {
		return res, r.err
	}
	return res, nil
}

// resultFields are the members of the Result object, or of the body itself when it has a ResultCode and no envelope.
func resultFields(raw []byte) (map[string]json.RawMessage, error) {
	top, err := payload(raw)
	if err != nil {
		return nil, err
	}
	if _, enveloped := top["Result"]; !enveloped && top["ResultCode"] != nil {
		return top, nil
	}
	return child(top, "Result")
}

// parametersOf reads {"ResultParameter":[{"Key":…,"Value":…},…]} or one with a single object. What does not look like a
// parameter is passed over.
func parametersOf(raw json.RawMessage) map[string][]json.RawMessage {
	byKey := map[string][]json.RawMessage{}
	group, ok := upstream.ObjectOf(raw)
	if !ok {
		return byKey
	}
	var list []json.RawMessage
	if upstream.StartsWith(group["ResultParameter"], '[') {
		if json.Unmarshal(group["ResultParameter"], &list) != nil {
			return byKey
		}
	} else {
		list = append(list, group["ResultParameter"])
	}
	for _, each := range list {
		p, ok := upstream.ObjectOf(each)
		if !ok {
			continue
		}
		if key := strings.ToLower(upstream.TextOf(p["Key"])); key != "" {
			byKey[key] = append(byKey[key], p["Value"])
		}
	}
	return byKey
}

// value is that of a parameter, whatever the case of its key; of several with one key the last counts.
func (r Result) value(key string) json.RawMessage {
	if all := r.parameters[strings.ToLower(key)]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

func (r Result) text(key string) string { return shorten(upstream.TextOf(r.value(key))) }

func (r Result) date(key string) *time.Time { return dateOf(r.value(key)) }

// receipt is one, empty when it is missing or cannot be one.
func (r Result) receipt(key string) string {
	if s := upstream.TextOf(r.value(key)); IsReceipt(s) {
		return s
	}
	return ""
}

// shillings is an amount in KES, which may be nothing or below, nil when it is missing or cannot be read. It never passes
// through a float.
func (r Result) shillings(key string) *money.Money { return shillingsOf(upstream.TextOf(r.value(key))) }

func shillingsOf(s string) *money.Money {
	plain, ok := plainDecimal(strings.TrimSpace(s))
	if !ok {
		return nil
	}
	m, err := money.Parse(plain, money.KES)
	if err != nil {
		return nil
	}
	return &m
}

// amount is the money that a result is about: a possible amount when it is there, and an error when it is not one. An
// error beside a success is for a person to look at: the money has moved.
func (r Result) amount(key string) (*money.Money, error) {
	raw := r.value(key)
	if s, present, ok := upstream.ScalarOf(raw); ok && (!present || s == "") {
		return nil, nil
	}
	if m := r.shillings(key); m != nil && m.IsPositive() {
		return m, nil
	}
	return nil, &upstream.DecodeError{Problem: upstream.BadValue, Field: key}
}

// TimeoutNotice is what Daraja posts to QueueTimeOutURL. Its shape is not documented: nothing in it is needed, and it
// never says that a request failed, only that its result may not come. What became of it has to be asked.
type TimeoutNotice struct {
	ResultCode               string
	ResultDesc               string
	OriginatorConversationID string
	ConversationID           string
	Raw                      []byte // as it came
}

// DecodeTimeout reads what it can of a notice: the members of a Result, or of a flat object, as integrators assume. It
// never fails.
func DecodeTimeout(raw []byte) TimeoutNotice {
	n := TimeoutNotice{Raw: raw}
	fields, err := resultFields(raw)
	if err != nil {
		if fields, err = payload(raw); err != nil {
			return n
		}
	}
	n.ResultDesc = shorten(upstream.TextOf(fields["ResultDesc"]))
	n.OriginatorConversationID, n.ConversationID = idOf(fields["OriginatorConversationID"]), idOf(fields["ConversationID"])
	if idOf(fields["ResultCode"]) != "" {
		n.ResultCode = resultCode(fields["ResultCode"])
	}
	return n
}

// idOf is an id that can be kept and compared, empty when there is none: the URL that a notice came to tells what it is
// about in any case.
func idOf(raw json.RawMessage) string {
	if s := upstream.TextOf(raw); isID(s) {
		return s
	}
	return ""
}
