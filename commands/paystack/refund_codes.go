package paystack

// The stable words for why a refund was refused or did not reach the customer; the API answers them as failure_code.
const (
	FailureRefundTooHigh        = "refund_exceeds_payment"
	FailureRefundTooLow         = "refund_below_minimum"
	FailureAlreadyReversed      = "payment_already_reversed"
	FailureRefundBalance        = "provider_balance_too_low"
	FailureRefundCurrency       = "refund_currency_differs"
	FailureRefundNotFound       = "refund_not_found"
	FailureRefundFailed         = "refund_failed"
	FailureRefundNeedsAttention = "refund_needs_attention"
)

// refundRules are what messages mean to a refund, tried before errorRules (texts of 400s as recorded on the test API;
// older endpoints send no code). That of the smallest amount varies.
var refundRules = []errorRule{
	{contains: "cannot exceed", kind: Rejected, failure: FailureRefundTooHigh, reason: "With what was refunded before, this is more than the payment."},
	{contains: "fully reversed", kind: Rejected, failure: FailureAlreadyReversed, reason: "The payment has been refunded in full."},
	{contains: "insufficient balance", kind: Rejected, retry: true, failure: FailureRefundBalance, reason: "The Paystack balance is too low for this refund. Please top it up, or wait for more payments."},
	{contains: "currency must match", kind: Rejected, failure: FailureRefundCurrency, reason: "A refund is in the currency of its payment."},
	{contains: "minimum", kind: Rejected, failure: FailureRefundTooLow, reason: "Paystack refunds no amount as small as this."},
	{contains: "refund not found", kind: NotFound, failure: FailureRefundNotFound, reason: "Paystack does not know this refund."},
	{contains: "transaction not found", kind: NotFound, failure: FailureNotFound, reason: "Paystack does not know this transaction."},
}

// DescribeRefund is a stable word and a sentence for a refund that failed or needs attention; empty for any other.
func DescribeRefund(f Refund) (code, sentence string) {
	switch f.State() {
	case RefundFailed:
		return FailureRefundFailed, "The refund did not reach the customer. The money is back on the Paystack balance."
	case RefundNeedsAttention:
		return FailureRefundNeedsAttention, "Paystack needs a bank account of the customer's to complete this refund."
	case RefundPending, RefundProcessing, RefundProcessed:
	}
	return "", ""
}
