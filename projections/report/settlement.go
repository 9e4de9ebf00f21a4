package report

// settlement says what came in at the providers, what was taken from it, and what is left to be settled. It is dated by when it
// happened.
//
// received - provider_fee - refunded - disputed - paid_out + other = net, which is how much what stands at the providers grew.
func settlement() Report {
	const (
		clearing = "account = 'provider_clearing'"
		fee      = "account = 'provider_fees'"
		grew     = "debit_minor - credit_minor"
		// What a provider's fee is taken from: its two sides are entered by the same event.
		payment = "event_type IN ('PaymentReceived', 'PaymentConfirmed', 'ProviderFeeReported', 'Merged', 'TransactionMerged')"
		refund  = "(startsWith(event_type, 'Refund') OR event_type = 'PaymentReversed')"
		dispute = "startsWith(event_type, 'Dispute')"
		payout  = "startsWith(event_type, 'Payout')"
	)
	left := func(kind string) string {
		return "if(" + clearing + " AND " + kind + ", credit_minor - debit_minor, 0)"
	}
	f := figures{}.
		amount("received", "if(("+clearing+" OR "+fee+") AND "+payment+", "+grew+", 0)").
		amount("provider_fee", "if("+fee+" AND "+payment+", "+grew+", 0)").
		amount("refunded", left(refund)).
		amount("disputed", left(dispute)).
		amount("paid_out", left(payout)).
		amount("other", "if("+clearing+" AND NOT ("+payment+" OR "+refund+" OR "+dispute+" OR "+payout+"), "+grew+", 0)").
		amount("net", "if("+clearing+", "+grew+", 0)").
		amount("in_bank", "if(account = 'bank', "+grew+", 0)").
		value(Value{Name: "postings", Type: Integer, Unit: "postings", SQL: "1"}).
		column(Column{Name: "events", Type: Integer, Unit: "events", Rule: Events, Of: "postings"})
	return Report{
		Name: "settlement", Title: "Settlement", Facts: Entries, Where: "account IN ('provider_clearing', 'provider_fees', 'bank')",
		Dims:    []Dim{day(Entries), week(Entries), month(Entries), bookedIn(), channel(), account(), eventType()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
