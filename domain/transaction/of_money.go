package transaction

// OfMoney tells whether events of the type have a part in what the books hold of a transaction: who was asked for how much, what
// money came, was confirmed, failed to come or went back, and what it cost. The others keep what was said word for word, what a
// prompt is called, or announce what follows from these. Without them Status, Payments, Refunds, Reversals, Credited and Surplus
// of the state are the same, and of Attempts all but how far the asking itself came; who reads many transactions for their
// money leaves the others out.
func OfMoney(eventType string) bool {
	switch eventType {
	case CallbackReceived{}.EventType(), RefundNoticeReceived{}.EventType(), StkPushAccepted{}.EventType(), StkPushOutcomeUnknown{}.EventType(),
		CardCheckoutOpened{}.EventType(), Completed{}.EventType(), Failed{}.EventType(), Conflicted{}.EventType():
		return false
	}
	return true
}
