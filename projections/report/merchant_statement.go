package report

import "strings"

// merchantStatement is what happened to the merchant's money, line by line, with its balance before, after each line, and at the
// end. For a channel to the merchant's own account that is what stands at the provider; for one to the operator's pool, what the
// operator owes to the merchant.
func merchantStatement() Report {
	const (
		pooled = "channel_id IN (SELECT id FROM kipay.channels_gN WHERE merchant_id = {merchant:Int64} AND funds = 'pool')"
		in     = "if(account = 'provider_clearing', debit_minor, credit_minor)"
		out    = "if(account = 'provider_clearing', credit_minor, debit_minor)"
	)
	f := figures{}.
		amount("money_in", in).
		amount("money_out", out).
		amount("balance", in+" - "+out)
	return Report{
		Name: "merchant_statement", Title: "Merchant statement", Facts: Entries, Running: true,
		Where:  "if(" + pooled + ", account = 'merchant_payable', account = 'provider_clearing')",
		Values: f.values, Columns: f.columns,
	}
}

// describe says what a line of the statement is, for people.
func describe(eventType string, in bool) string {
	switch eventType {
	case "PaymentReceived", "PaymentConfirmed":
		if in {
			return "Payment"
		}
		return "Fee"
	case "ProviderFeeReported":
		return "Fee the provider reported"
	case "SuspenseOpened":
		return "From an unknown payer"
	case "SuspenseReleased":
		if in {
			return "Unknown payer, put right"
		}
		return "Unknown payer, settled"
	case "SuspenseRestored":
		return "Unknown payer, not settled"
	case "TransactionMerged":
		return "Moved to another payment"
	case "RefundRequested", "RefundCompleted":
		return "Refund"
	case "RefundFailed":
		return "Refund that failed"
	case "PaymentReversed":
		return "Taken back by the provider"
	}
	// Others are named well enough: PayoutRequested is a payout that was requested.
	var b strings.Builder
	for i, c := range eventType {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte(' ')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
