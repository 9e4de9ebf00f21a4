package report

// fees says what payments cost: what providers took, what the operator charges, and the tax on that. It is dated by when it happened.
//
// To the merchant's own account gateway_fee is what the merchant owes, tax included; of money in the operator's pool own_fee and tax
// were taken out of it.
func fees() Report {
	f := figures{}.
		amount("provider_fee", "if(account = 'provider_fees', debit_minor - credit_minor, 0)").
		amount("gateway_fee", "if(account = 'gateway_fees', debit_minor - credit_minor, 0)").
		amount("own_fee", "if(account = 'own_fees', credit_minor - debit_minor, 0)").
		amount("tax", "if(account = 'tax_payable', credit_minor - debit_minor, 0)").
		amount("total", "if(account IN ('provider_fees', 'gateway_fees'), debit_minor - credit_minor, credit_minor - debit_minor)").
		count("postings", "postings", "1")
	return Report{
		Name: "fees", Title: "Fees", Facts: Entries, Where: "account IN ('provider_fees', 'gateway_fees', 'own_fees', 'tax_payable')",
		Dims:    []Dim{day(Entries), week(Entries), month(Entries), bookedIn(), channel(), account(), eventType()},
		GroupBy: []string{"day"}, Values: f.values, Columns: f.columns,
	}
}
