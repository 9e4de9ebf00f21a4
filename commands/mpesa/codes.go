package mpesa

import "strings"

// The stable words for why a payment or a call failed; the API answers them as failure_code.
const (
	FailureInsufficientFunds      = "insufficient_funds"
	FailureAmountTooLow           = "amount_too_low"
	FailureAmountTooHigh          = "amount_too_high"
	FailureDailyLimit             = "daily_limit_exceeded"
	FailureBalanceLimit           = "balance_limit_exceeded"
	FailurePayerInactive          = "payer_account_inactive"
	FailureRuleLimited            = "rule_limited"
	FailurePayerBusy              = "payer_busy"
	FailureExpired                = "expired"
	FailurePromptFailed           = "prompt_failed"
	FailureCancelled              = "cancelled_by_user"
	FailureUnreachable            = "unreachable"
	FailureWrongPIN               = "wrong_pin"
	FailureNotPermitted           = "not_permitted"
	FailurePayerLocked            = "payer_account_locked"
	FailureOperatorNotFound       = "operator_not_found"
	FailureInvalidRequest         = "invalid_request"
	FailureInvalidPhone           = "invalid_phone"
	FailureInvalidAmount          = "invalid_amount"
	FailureInvalidShortCode       = "invalid_shortcode"
	FailureInvalidCallbackURL     = "invalid_callback_url"
	FailureChannelMisconfigured   = "channel_misconfigured"
	FailureInvalidCredentials     = "invalid_credentials"
	FailureInvalidPasskey         = "invalid_passkey"
	FailureTokenRejected          = "provider_authentication"
	FailureProductNotEnabled      = "product_not_enabled"
	FailureDuplicateRequest       = "duplicate_request"
	FailureURLsAlreadyRegistered  = "urls_already_registered"
	FailureShortCodeElsewhere     = "shortcode_registered_elsewhere"
	FailureSandboxOnly            = "sandbox_only"
	FailureProviderBusy           = "provider_busy"
	FailureQuotaExceeded          = "quota_exceeded"
	FailureProviderMaintenance    = "provider_maintenance"
	FailureProviderUnavailable    = "provider_unavailable"
	FailureProviderError          = "provider_error"
	FailureProviderUnknownOutcome = "provider_outcome_unknown"
	FailureRequestRejected        = "request_rejected"
	FailureCallerGaveUp           = "request_cancelled"

	FailureAlreadyReversed        = "already_reversed"
	FailureReceiptNotFound        = "receipt_not_found"
	FailureInvalidReceipt         = "invalid_receipt"
	FailureShortCodeInactive      = "shortcode_inactive"
	FailureInitiatorInvalid       = "initiator_invalid"
	FailureInitiatorNotPermitted  = "initiator_not_permitted"
	FailureInitiatorLocked        = "initiator_locked"
	FailureRecipientNotRegistered = "recipient_not_registered"
	FailureRecipientNotFound      = "recipient_not_found"
)

// The sentences that more than one place uses.
const (
	reasonProviderError   = "M-Pesa could not handle the request. Please try again later."
	reasonUnavailable     = "M-Pesa could not be reached. Nothing was sent; please try again shortly."
	reasonUnknownOutcome  = "M-Pesa did not answer clearly, so it is not known yet whether the customer was prompted. Do not send it again; the outcome is being checked."
	reasonBusy            = "M-Pesa is busy at the moment. Please try again in a minute."
	reasonPayerBusy       = "The customer has another M-Pesa transaction in progress. Please try again in a minute."
	reasonPromptFailed    = "M-Pesa could not deliver the payment prompt to the customer's phone. Please try again."
	reasonInvalidRequest  = "M-Pesa did not accept the details of this request."
	reasonCredentials     = "M-Pesa did not accept the consumer key and consumer secret of this payment channel."
	reasonTokenRejected   = "M-Pesa did not accept the access token it had just issued. Please try again; if it persists, check the app on the Daraja portal."
	reasonRequestRejected = "M-Pesa refused the request."
	reasonCallerGaveUp    = "The request was cancelled before it was sent to M-Pesa."
	reasonInvalidPhone    = "The phone number is not a valid M-Pesa number."
	reasonInvalidAmount   = "The amount is not one that M-Pesa accepts: whole shillings within the transaction limit."
)

// Class says what a ResultCode means for the payment.
type Class int

// The classes.
const (
	// ClassPending: not decided yet. The zero value, and what every unknown code is taken for.
	ClassPending Class = iota
	// ClassSuccess: the customer has paid.
	ClassSuccess
	// ClassFinal: this attempt has failed; the same attempt again would fail in the same way unless something changes.
	ClassFinal
	// ClassRetry: this attempt has failed; a new one may succeed, after a minute or two.
	ClassRetry
	// ClassAmbiguous: this attempt counts as failed, but late successes have been reported.
	ClassAmbiguous
)

// String is the class's word for logs.
func (c Class) String() string {
	switch c {
	case ClassSuccess:
		return "success"
	case ClassFinal:
		return "final"
	case ClassRetry:
		return "retry"
	case ClassAmbiguous:
		return "ambiguous"
	case ClassPending:
		return "pending"
	}
	return "pending"
}

// Outcome is what a ResultCode means.
type Outcome struct {
	// FailureCode is one of the Failure constants, empty for success and pending.
	FailureCode string
	// Reason is a sentence that a merchant understands.
	Reason string
	Class  Class
}

// resultOutcomes are the ResultCodes of STK callbacks and STK queries (Daraja, M-Pesa Express and M-Pesa Express Query;
// 11, 26, 1001, 1101 and 9999 from integrators' reports). ResultDesc is not used: its text differs between callback and
// query for one code, and changes. Never written after start.
var resultOutcomes = map[string]Outcome{
	"0":    {"", "The payment was received.", ClassSuccess},
	"1":    {FailureInsufficientFunds, "The customer's M-Pesa balance is not enough for this payment.", ClassFinal},
	"2":    {FailureAmountTooLow, "The amount is below the minimum that M-Pesa accepts.", ClassFinal},
	"3":    {FailureAmountTooHigh, "The amount is above the maximum that M-Pesa accepts in one transaction.", ClassFinal},
	"4":    {FailureDailyLimit, "The payment would take the customer over the daily M-Pesa limit.", ClassFinal},
	"8":    {FailureBalanceLimit, "The payment would take the receiving account over its maximum balance.", ClassFinal},
	"11":   {FailurePayerInactive, "The customer's M-Pesa account is not active.", ClassFinal},
	"17":   {FailureRuleLimited, "M-Pesa refused a payment like one made moments ago. Please wait two minutes and try again.", ClassRetry},
	"26":   {FailureProviderBusy, reasonBusy, ClassRetry},
	"1001": {FailurePayerBusy, reasonPayerBusy, ClassRetry},
	"1019": {FailureExpired, "The payment request expired before the customer completed it.", ClassRetry},
	"1025": {FailurePromptFailed, reasonPromptFailed, ClassRetry},
	"1032": {FailureCancelled, "The customer cancelled the payment request.", ClassFinal},
	"1037": {FailureUnreachable, "The customer's phone could not be reached, or the PIN was not entered in time.", ClassAmbiguous},
	"1101": {FailureInvalidRequest, "M-Pesa did not accept the text of the payment request.", ClassFinal},
	"2001": {FailureWrongPIN, "The customer entered a wrong M-Pesa PIN.", ClassFinal},
	"2028": {FailureNotPermitted, "This shortcode may not take this kind of payment. Check whether it is a paybill or a till.", ClassFinal},
	"4999": {"", "The payment is still being processed.", ClassPending},
	"8006": {FailurePayerLocked, "The customer's M-Pesa account is locked. The customer has to contact Safaricom.", ClassFinal},
	"9999": {FailurePromptFailed, reasonPromptFailed, ClassRetry},

	"SFC_IC0003": {FailureOperatorNotFound, "M-Pesa does not know the shortcode's operator. Check the till or paybill number of this channel.", ClassFinal},
}

// DescribeResult is what a ResultCode means, whether it came as a number or as a text. An unknown code is pending and
// known is false: it must be polled and looked at, never taken for success or failure.
func DescribeResult(code string) (Outcome, bool) {
	o, ok := resultOutcomes[strings.TrimSpace(code)]
	if !ok {
		return Outcome{Reason: "M-Pesa answered with a result that is not known here; the payment is being checked.", Class: ClassPending}, false
	}
	return o, true
}
