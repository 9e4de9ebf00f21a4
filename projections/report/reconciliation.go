package report

// reconciliation says where statements and books differ, and why. A difference is dated by the provider's clock, or by the begin
// of its statement's period where it has no time.
func reconciliation() Report {
	f := figures{}.
		count("differences", "differences", "1").
		count("open", "differences", "state = 'open'").
		amount("amount", "amount_minor").
		amount("explained", "if(cause != 'unexplained', amount_minor, 0)").
		amount("unexplained", "if(cause = 'unexplained', amount_minor, 0)").
		amount("stated", "stated_minor").
		amount("booked", "booked_minor")
	return Report{
		Name: "reconciliation", Title: "Differences between statements and books", Facts: Differences,
		Dims: []Dim{
			{Name: "cause", Column: "cause", Type: Text, SQL: "cause"},
			{Name: "import", Column: "import_id", Type: Integer, SQL: "import_id"},
			{Name: "state", Column: "state", Type: Text, SQL: "state"},
			{Name: "rule", Column: "rule", Type: Text, SQL: "rule"},
			{Name: "source", Column: "source", Type: Text, SQL: "source"},
			channel(), day(Differences), month(Differences),
		},
		GroupBy: []string{"cause"}, Values: f.values, Columns: f.columns,
	}
}
