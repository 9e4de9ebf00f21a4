package report

// timeToPay says how long payers took, from when the payment was opened until the money moved by the provider's clock, which may
// be a little off ours. It is dated by when they were opened; money that came unasked is left out.
func timeToPay() Report {
	quantile := func(name, level string) Column {
		return Column{Name: name, Type: Decimal, Unit: UnitSeconds, Scale: 3, Rule: Quantile, Of: "seconds", Level: level}
	}
	f := figures{}.
		payments("paid", "1").
		value(Value{
			Name: "seconds", Type: Decimal, Unit: UnitSeconds, Scale: 3,
			SQL: "greatest(0, toUnixTimestamp64Milli(if(paid_at = toDateTime64(0, 3, 'UTC'), completed_at, paid_at)) - toUnixTimestamp64Milli(created_at))",
		}).
		column(quantile("median", "0.5")).
		column(quantile("p90", "0.9")).
		column(quantile("p99", "0.99")).
		column(Column{Name: "average", Type: Decimal, Unit: UnitSeconds, Scale: 3, Rule: Average, Of: "seconds"}).
		column(Column{Name: "longest", Type: Decimal, Unit: UnitSeconds, Scale: 3, Rule: Most, Of: "seconds"})
	return Report{
		Name: "time_to_pay", Title: "Time from initialize to payment", Facts: Payments, Where: "status = 'completed' AND " + fromCheckout,
		Dims:    []Dim{day(Payments), week(Payments), month(Payments), channel(), method(), provider(), origin()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
