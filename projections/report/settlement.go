package report

// settlement says what came in at the providers, what was taken from it, and what is left to be settled. It is dated by when it
// happened.
//
// received - provider_fee - refunded - disputed - paid_out + other = net, which is how much what stands at the providers grew. A
// provider takes its fee from what stands there, in the same event: so what an event moved is what it left there and the fee.
func settlement() Report {
	const (
		moved    = "account IN ('provider_clearing', 'provider_fees')"
		grew     = "debit_minor - credit_minor"
		shrank   = "credit_minor - debit_minor"
		payment  = "event_type IN ('PaymentReceived', 'PaymentConfirmed', 'ProviderFeeReported', 'TransactionMerged')"
		dispute  = "(event_type = 'PaymentDisputed' OR startsWith(event_type, 'Chargeback') OR startsWith(event_type, 'Dispute'))"
		refund   = "(startsWith(event_type, 'Refund') OR event_type = 'PaymentReversed')"
		payout   = "startsWith(event_type, 'Payout')"
		anything = "(" + payment + " OR " + refund + " OR " + dispute + " OR " + payout + ")"
	)
	where := func(condition, amount string) string { return "if(" + condition + ", " + amount + ", 0)" }
	f := figures{}.
		amount("received", where(moved+" AND "+payment, grew)).
		amount("provider_fee", where("account = 'provider_fees'", grew)).
		amount("refunded", where(moved+" AND "+refund, shrank)).
		amount("disputed", where(moved+" AND "+dispute, shrank)).
		amount("paid_out", where(moved+" AND "+payout, shrank)).
		amount("other", where(moved+" AND NOT "+anything, grew)).
		amount("net", where("account = 'provider_clearing'", grew)).
		amount("arrived", where("account IN ('bank', 'wallet')", grew)).
		count("postings", "postings", "1")
	return Report{
		Name: "settlement", Title: "Settlement", Facts: Entries, Where: moved + " OR account IN ('bank', 'wallet')",
		Dims:    []Dim{day(Entries), week(Entries), month(Entries), bookedIn(), channel(), account(), eventType()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
