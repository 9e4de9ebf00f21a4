package report

// trialBalance says what each account's postings add up to. All debits are equal to all credits, in each currency.
func trialBalance() Report {
	f := figures{}.
		amount("debit", "debit_minor").
		amount("credit", "credit_minor").
		amount("balance", "debit_minor - credit_minor").
		count("postings", "postings", "1")
	return Report{
		Name: "trial_balance", Title: "Trial balance", Facts: Entries,
		Dims:    []Dim{account(), channel(), day(Entries), month(Entries), bookedIn(), eventType()},
		GroupBy: []string{"account"}, Values: f.values, Columns: f.columns,
	}
}

func account() Dim   { return Dim{Name: "account", Column: "account", Type: Text, SQL: "account"} }
func eventType() Dim { return Dim{Name: "event", Column: "event_type", Type: Text, SQL: "event_type"} }

// bookedIn is the month in which a posting is booked, which is a later one where its own was closed.
func bookedIn() Dim {
	return Dim{Name: "period", Column: "period", Type: Text, SQL: "concat(substring(toString(period), 1, 4), '-', substring(toString(period), 5, 2))"}
}
