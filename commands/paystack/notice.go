package paystack

// DecodeNotice reads the transaction out of what was recorded of Paystack's words: a charge.* webhook or Verify's answer.
// Both carry it as data. The error is always a *DecodeError.
func DecodeNotice(raw []byte) (Transaction, error) {
	if err := checkJSON(raw, MaxWebhookBytes); err != nil {
		return Transaction{}, err
	}
	top, ok := objectOf(raw)
	if !ok {
		return Transaction{}, &DecodeError{Problem: NotJSON}
	}
	data, ok := objectOf(top["data"])
	if !ok {
		return Transaction{}, &DecodeError{WrongType, "data"}
	}
	return decodeTransaction(data)
}
