package report

// ageing says how long payments have been pending, as of the report's moment.
func ageing() Report {
	f := figures{}.
		payments("pending", "1").
		amount("amount", "amount_minor").
		amount("received", "received_minor").
		value(Value{
			Name: "age", Type: Decimal, Unit: UnitSeconds, Scale: 3,
			SQL: "greatest(0, toUnixTimestamp64Milli({now:DateTime64(3,'UTC')}) - toUnixTimestamp64Milli(created_at))",
		}).
		column(Column{Name: "oldest", Type: Decimal, Unit: UnitSeconds, Scale: 3, Rule: Most, Of: "age"})
	// The names begin so that they sort by age.
	const buckets = `multiIf(created_at > {now:DateTime64(3,'UTC')} - INTERVAL 1 HOUR, '1: up to 1 hour',
	created_at > {now:DateTime64(3,'UTC')} - INTERVAL 1 DAY, '2: up to 1 day',
	created_at > {now:DateTime64(3,'UTC')} - INTERVAL 7 DAY, '3: up to 7 days',
	created_at > {now:DateTime64(3,'UTC')} - INTERVAL 30 DAY, '4: up to 30 days', '5: over 30 days')`
	return Report{
		Name: "ageing", Title: "Pending payments by age", Facts: Payments, Where: "status = 'pending'",
		Dims:    []Dim{{Name: "age", Column: "age", Type: Text, SQL: buckets}, day(Payments), month(Payments), channel(), provider(), origin()},
		GroupBy: []string{"age"}, Values: f.values, Columns: f.columns,
	}
}
