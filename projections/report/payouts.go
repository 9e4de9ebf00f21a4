package report

// payouts says what was asked to be paid out, and what became of it. It is dated by when that was asked for.
func payouts() Report {
	count := func(f figures, name, sql string) figures { return f.count(name, "payouts", sql) }
	f := count(figures{}, "payouts", "1")
	f = count(f, "completed", "status = 'completed'")
	f = count(f, "failed", "status = 'failed'")
	f = count(f, "rejected", "status = 'rejected'")
	f = count(f, "under_way", payoutUnderWay)
	f = count(f, "for_a_person", "status = 'awaiting_approval' OR (status = 'approved' AND method = 'manual') OR outcome_unknown = 1 OR needs_attention != ''")
	f = f.amount("amount", "amount_minor").
		amount("paid", "paid_minor").
		amount("reserved", "if("+payoutUnderWay+", amount_minor, 0)").
		amount("provider_charge", "charge_minor")
	return Report{
		Name: "payouts", Title: "Payouts by day, channel, status and destination", Facts: Payouts,
		Dims: []Dim{
			day(Payouts), week(Payouts), month(Payouts), channel(), status(),
			{Name: "destination", Column: "destination", Type: Text, SQL: "destination"},
			{Name: "method", Column: "method", Type: Text, SQL: "method"},
			{Name: "reason", Column: "failure_code", Type: Text, SQL: "failure_code"},
		},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}

// payoutUnderWay holds while its money is set apart and has not left for good.
const payoutUnderWay = "status IN ('awaiting_approval', 'approved', 'sent')"
