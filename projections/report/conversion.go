package report

// conversion says how many of the payments that were asked for were paid. It is dated by when they were opened; money that came
// unasked is left out.
func conversion() Report {
	f := figures{}.
		count("initiated", "payments", "1").
		count("paid", "payments", "status = 'completed'").
		count("failed", "payments", "status = 'failed'").
		count("pending", "payments", "status = 'pending'").
		amount("amount", "amount_minor").
		amount("amount_paid", "if(status = 'completed', credited_minor, 0)").
		column(Column{Name: "conversion", Type: Decimal, Unit: UnitPercent, Scale: 2, Rule: Percent, Of: "paid", Per: "initiated"})
	return Report{
		Name: "conversion", Title: "From initialize to paid", Facts: Payments, Where: fromCheckout,
		Dims:    []Dim{day(Payments), week(Payments), month(Payments), channel(), provider(), origin()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
