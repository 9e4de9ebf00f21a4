package paystack

import "strings"

// The stable words for why a payment or a call failed; the API answers them as failure_code.
const (
	FailureDeclined             = "card_declined"
	FailureInsufficientFunds    = "insufficient_funds"
	FailureFraud                = "suspected_fraud"
	FailureExpired              = "expired"
	FailurePaymentFailed        = "payment_failed"
	FailureInvalidRequest       = "invalid_request"
	FailureInvalidEmail         = "invalid_email"
	FailureInvalidAmount        = "invalid_amount"
	FailureAmountTooHigh        = "amount_too_high"
	FailureUnsupportedCurrency  = "currency_not_supported"
	FailureInvalidReference     = "invalid_reference"
	FailureDuplicateReference   = "duplicate_reference"
	FailureNotFound             = "transaction_not_found"
	FailureChannelMisconfigured = "channel_misconfigured"
	FailureInvalidCredentials   = "invalid_credentials"
	FailureProviderBusy         = "provider_busy"
	FailureProviderUnavailable  = "provider_unavailable"
	FailureProviderError        = "provider_error"
	FailureUnknownOutcome       = "provider_outcome_unknown"
	FailureRequestRejected      = "request_rejected"
	FailureCallerGaveUp         = "request_cancelled"
)

// The sentences that more than one place uses.
const (
	reasonProviderError   = "Paystack could not handle the request. Please try again later."
	reasonUnavailable     = "Paystack could not be reached. Nothing was sent; please try again shortly."
	reasonUnknownOutcome  = "Paystack did not answer clearly, so it is not known yet whether the request was carried out. The outcome is being checked."
	reasonCallerGaveUp    = "The request was cancelled before it was sent to Paystack."
	reasonInvalidEmail    = "Paystack does not accept the customer's email address."
	reasonInvalidAmount   = "Paystack does not accept this amount."
	reasonReference       = "Paystack does not accept this reference: letters, digits, dashes, dots and equal signs only."
	reasonCurrency        = "The Paystack account of this payment channel does not take this currency."
	reasonRequestRejected = "Paystack refused the request."
)

// errorRule is what one code of Paystack's, or one of its messages, means.
type errorRule struct {
	code     string // empty: any code
	contains string // empty: any message; compared in lower case
	kind     Kind
	retry    bool
	failure  string
	reason   string
}

// errorRules are tried from top to bottom, for answers below 500 (Paystack, Errors; messages as recorded on the test
// API). Older endpoints send a message without a code. Never written after start.
var errorRules = []errorRule{
	{code: "duplicate_reference", kind: DuplicateReference, failure: FailureDuplicateReference, reason: "This reference has been used with Paystack before."},
	{contains: "duplicate transaction reference", kind: DuplicateReference, failure: FailureDuplicateReference, reason: "This reference has been used with Paystack before."},
	{code: "transaction_not_found", kind: NotFound, failure: FailureNotFound, reason: "Paystack does not know this transaction."},
	{contains: "transaction reference not found", kind: NotFound, failure: FailureNotFound, reason: "Paystack does not know this transaction."},
	{code: "invalid_Key", kind: Rejected, failure: FailureInvalidCredentials, reason: "Paystack did not accept the secret key of this payment channel."},
	{code: "rate_limited", kind: Rejected, retry: true, failure: FailureProviderBusy, reason: "Too many requests to Paystack. Please try again in a minute."},
	{code: "invalid_email_address", kind: Rejected, failure: FailureInvalidEmail, reason: reasonInvalidEmail},
	{contains: "invalid email", kind: Rejected, failure: FailureInvalidEmail, reason: reasonInvalidEmail},
	{contains: "currency not supported", kind: Rejected, failure: FailureUnsupportedCurrency, reason: reasonCurrency},
	{contains: "amount limit exceeded", kind: Rejected, failure: FailureAmountTooHigh, reason: "The amount is above what Paystack takes in one transaction."},
	{contains: "amount", kind: Rejected, failure: FailureInvalidAmount, reason: reasonInvalidAmount},
	{contains: "transaction reference", kind: Rejected, failure: FailureInvalidReference, reason: reasonReference},
}

// ruleFor is the first rule that fits an answer, of the call's own and then of errorRules, by code and message, then by
// HTTP status. What is refused with a 4xx was not carried out; after a 5xx nobody knows, whatever it says.
func ruleFor(status int, code, message string, own []errorRule) errorRule {
	unknown := errorRule{kind: Unknown, failure: FailureUnknownOutcome, reason: reasonUnknownOutcome}
	if status >= 500 || status == 408 {
		return unknown
	}
	message = strings.ToLower(message)
	if code != "" || message != "" {
		for _, rules := range [][]errorRule{own, errorRules} {
			for _, r := range rules {
				if (r.code == "" || r.code == code) && (r.contains == "" || strings.Contains(message, r.contains)) {
					return r
				}
			}
		}
	}
	switch {
	case status == 401:
		return errorRule{kind: Rejected, failure: FailureInvalidCredentials, reason: "Paystack did not accept the secret key of this payment channel."}
	case status == 429:
		return errorRule{kind: Rejected, retry: true, failure: FailureProviderBusy, reason: "Too many requests to Paystack. Please try again in a minute."}
	case status >= 400, message != "" && status/100 == 2: // an envelope with status false under a 200
		return errorRule{kind: Rejected, failure: FailureRequestRejected, reason: reasonRequestRejected}
	}
	return unknown
}

// DescribeFailure is a stable word and a sentence for a failed transaction, from the processor's texts (Paystack:
// gateway_response and message). The texts are free, so that anything unknown is payment_failed.
func DescribeFailure(t Transaction) (code, sentence string) {
	text := strings.ToLower(t.GatewayResponse + " " + t.Message)
	switch {
	case strings.Contains(text, "insufficient"):
		return FailureInsufficientFunds, "The customer's balance is not enough for this payment."
	case strings.Contains(text, "fraud"):
		return FailureFraud, "The payment was refused by the fraud check."
	case strings.Contains(text, "timeout"):
		return FailureExpired, "The payment was not completed in time."
	case strings.Contains(text, "decline"):
		return FailureDeclined, "The customer's bank declined the payment."
	}
	return FailurePaymentFailed, "The payment did not succeed. The customer may try again."
}
