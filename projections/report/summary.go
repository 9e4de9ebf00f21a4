package report

// summary says how payments went: how many were opened, what became of them, and how much money that is. It is dated by when they
// were opened.
func summary() Report {
	f := figures{}.
		payments("payments", "1").
		payments("completed", "status = 'completed'").
		payments("failed", "status = 'failed'").
		payments("pending", "status = 'pending'").
		amount("amount", "amount_minor").
		amount("received", "received_minor").
		amount("credited", "credited_minor").
		amount("surplus", "surplus_minor").
		amount("refunded", "refunded_minor")
	return Report{
		Name: "summary", Title: "Payments by day, channel and status", Facts: Payments,
		Dims:    []Dim{day(Payments), week(Payments), month(Payments), channel(), status(), method(), provider(), origin()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
