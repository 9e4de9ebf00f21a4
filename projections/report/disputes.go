package report

// disputes says what payers complained about, whose turn it is and how it ended. Those that the merchant has to answer come first, by how
// long there is left at the report's moment. It is dated by when payers complained.
func disputes() Report {
	const (
		now     = "{now:DateTime64(3,'UTC')}"
		waits   = "status = 'needs_response'"
		open    = "status IN ('needs_response', 'under_review')"
		dated   = waits + " AND due_at != toDateTime64(0, 3, 'UTC')"
		overdue = dated + " AND due_at < " + now
		soon    = dated + " AND due_at >= " + now + " AND due_at < " + now + " + INTERVAL 48 HOUR" // as kipay_disputes_due counts
	)
	// The names begin so that they sort by urgency.
	const due = `multiIf(` + overdue + `, '1: overdue', ` + soon + `, '2: due within 48 hours',
	` + dated + ` AND due_at < ` + now + ` + INTERVAL 7 DAY, '3: due within 7 days', ` + dated + `, '4: due later', ` + waits + `, '5: no deadline known',
	status = 'under_review', '6: under review', '7: ended')`
	count := func(f figures, name, sql string) figures { return f.count(name, "disputes", sql) }
	f := count(figures{}, "disputes", "1")
	f = count(f, "overdue", overdue)
	f = count(f, "due_soon", soon)
	f = count(f, "needs_response", waits)
	f = count(f, "under_review", "status = 'under_review'")
	f = count(f, "won", "status = 'won'")
	f = count(f, "lost", "status = 'lost'")
	f = count(f, "closed", "status = 'closed'")
	f = f.amount("amount", "amount_minor").
		amount("at_stake", "if("+open+", amount_minor, 0)").
		amount("amount_due", "if("+overdue+" OR "+soon+", amount_minor, 0)").
		amount("returned", "returned_minor")
	return Report{
		Name: "disputes", Title: "Disputes by deadline, status and outcome", Facts: Disputes,
		Dims: []Dim{
			{Name: "due", Column: "due", Type: Text, SQL: due},
			status(),
			{Name: "outcome", Column: "outcome", Type: Text, SQL: "if(" + open + ", 'open', toString(status))"},
			{Name: "resolution", Column: "resolution", Type: Text, SQL: "resolution"},
			{Name: "category", Column: "category", Type: Text, SQL: "category"},
			{Name: "answer", Column: "answer", Type: Text, SQL: "answer"},
			channel(), day(Disputes), week(Disputes), month(Disputes),
		},
		GroupBy: []string{"due", "status"}, Values: f.values, Columns: f.columns,
	}
}
