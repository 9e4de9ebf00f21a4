package paystack

import (
	"encoding/json"

	"github.com/benfex/kipay/commands/upstream"
)

// DecodeNotice reads the transaction out of what was recorded of Paystack's words: a charge.* webhook, Verify's answer
// or the row of a list. The error is always a *upstream.DecodeError.
func DecodeNotice(raw []byte) (Transaction, error) {
	fields, err := noticeFields(raw)
	if err != nil {
		return Transaction{}, err
	}
	return decodeTransaction(fields)
}

// DecodeRefundNotice reads the refund out of what was recorded: a refund.* webhook, the answer to CreateRefund,
// FetchRefund or RetryRefundWithCustomerDetails, or the row of a list. The error is always a *upstream.DecodeError.
func DecodeRefundNotice(raw []byte) (Refund, error) {
	fields, err := noticeFields(raw)
	if err != nil {
		return Refund{}, err
	}
	return decodeRefund(fields)
}

// DecodeDisputeNotice reads the dispute out of what was recorded: a charge.dispute.* webhook, the answer to FetchDispute
// or ResolveDispute, or the row of a list. The error is always a *upstream.DecodeError.
func DecodeDisputeNotice(raw []byte) (Dispute, error) {
	fields, err := noticeFields(raw)
	if err != nil {
		return Dispute{}, err
	}
	return decodeDispute(fields)
}

// noticeFields are the fields under data, or those of a row, which has an id and no envelope.
func noticeFields(raw []byte) (map[string]json.RawMessage, error) {
	if err := upstream.CheckJSON(raw, MaxWebhookBytes, maxDepth); err != nil {
		return nil, err
	}
	top, ok := upstream.ObjectOf(raw)
	if !ok {
		return nil, &upstream.DecodeError{Problem: upstream.NotJSON}
	}
	if _, enveloped := top["data"]; !enveloped && idOf(top["id"]) != "" {
		return top, nil
	}
	data, ok := dataObject(top)
	if !ok {
		return nil, &upstream.DecodeError{Problem: upstream.WrongType, Field: "data"}
	}
	return data, nil
}

// dataObject is the object under data, or the one in a list of one: resolving a dispute is answered either way
// (Paystack, Disputes; samples).
func dataObject(top map[string]json.RawMessage) (map[string]json.RawMessage, bool) {
	raw := top["data"]
	if upstream.StartsWith(raw, '[') {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || len(list) != 1 {
			return nil, false
		}
		raw = list[0]
	}
	return upstream.ObjectOf(raw)
}
