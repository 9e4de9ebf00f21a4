package report

// refunds says what was promised back to payers, what has left, what failed and is the merchant's again, and what providers took
// back by themselves. Each step is dated by when it happened.
func refunds() Report {
	const owed = "account = 'refunds_payable' AND event_type"
	f := figures{}.
		amount("requested", "if("+owed+" = 'RefundRequested', credit_minor - debit_minor, 0)").
		amount("completed", "if("+owed+" = 'RefundCompleted', debit_minor, 0)").
		amount("failed", "if("+owed+" = 'RefundFailed', debit_minor, 0) - if("+owed+" = 'RefundCompleted', credit_minor, 0)").
		amount("outstanding", "if(account = 'refunds_payable', credit_minor - debit_minor, 0)").
		amount("reversed", "if(account = 'provider_clearing', credit_minor - debit_minor, 0)").
		column(Column{Name: "requests", Type: Integer, Unit: "refunds", Rule: Events, Of: "requested"}).
		column(Column{Name: "completions", Type: Integer, Unit: "refunds", Rule: Events, Of: "completed"}).
		column(Column{Name: "reversals", Type: Integer, Unit: "reversals", Rule: Events, Of: "reversed"})
	return Report{
		Name: "refunds", Title: "Refunds", Facts: Entries,
		Where: "account = 'refunds_payable' OR (account = 'provider_clearing' AND event_type = 'PaymentReversed')",
		Dims:  []Dim{day(Entries), week(Entries), month(Entries), bookedIn(), channel(), eventType()}, GroupBy: []string{"day"},
		Values: f.values, Columns: f.columns,
	}
}
