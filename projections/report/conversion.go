package report

// conversion says how many of the payments that were asked for were paid. It is dated by when they were opened; money that came
// unasked is left out.
func conversion() Report {
	f := figures{}.
		payments("initiated", "1").
		payments("paid", "status = 'completed'").
		payments("failed", "status = 'failed'").
		payments("pending", "status = 'pending'").
		amount("amount", "amount_minor").
		amount("amount_paid", "if(status = 'completed', credited_minor, 0)").
		column(Column{Name: "conversion", Type: Decimal, Unit: UnitPercent, Scale: 2, Rule: Percent, Of: "paid", Per: "initiated"})
	return Report{
		Name: "conversion", Title: "From initialize to paid", Facts: Payments, Where: fromCheckout,
		Dims:    []Dim{day(Payments), week(Payments), month(Payments), channel(), provider(), origin()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
