package report

// failures says why payments failed: by the reason that programs know. It is dated by when they were opened.
func failures() Report {
	f := figures{}.payments("failed", "1").amount("amount", "amount_minor")
	return Report{
		Name: "failures", Title: "Failed payments by reason", Facts: Payments, Where: "status = 'failed'",
		Dims: []Dim{
			{Name: "reason", Column: "failure_code", Type: Text, SQL: "failure_code"},
			day(Payments), week(Payments), month(Payments), channel(), method(), provider(), origin(),
		},
		GroupBy: []string{"reason"}, Values: f.values, Columns: f.columns,
	}
}
