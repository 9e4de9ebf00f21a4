package mpesa

import "strings"

// errorRule is what one errorCode of Daraja, perhaps with one of its messages, means.
type errorRule struct {
	code     string // empty: any code
	contains string // empty: any message; compared in lower case
	kind     Kind
	retry    bool
	token    bool // the access token was refused
	failure  string
	reason   string
}

// errorRules are tried from top to bottom: the HTTP status is no reliable class, the errorCode is, and the message only
// where one code has several meanings (Daraja, M-Pesa Express, Authorization, Customer to Business; the spellings of a
// refused token as grouped by microvault). Never written after start.
var errorRules = []errorRule{
	{
		contains: "no apiproduct match", kind: Rejected, failure: FailureProductNotEnabled,
		reason: "This M-Pesa product is not enabled for the app. Enable it on the Daraja portal.",
	},

	// A refused token: spelled differently by each API. The call was not executed.
	{code: "404.001.03", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},
	{code: "404.001.04", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},
	{code: "400.003.01", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},
	{code: "401.002.01", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},
	{code: "401.001", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},
	{contains: "invalid access token", kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected},

	{code: "400.008.01", kind: Rejected, failure: FailureInvalidCredentials, reason: reasonCredentials},
	{code: "400.008.02", kind: Rejected, failure: FailureInvalidRequest, reason: reasonInvalidRequest},

	{code: "400.002.02", contains: "phonenumber", kind: Rejected, failure: FailureInvalidPhone, reason: reasonInvalidPhone},
	{code: "400.002.02", contains: "partya", kind: Rejected, failure: FailureInvalidPhone, reason: reasonInvalidPhone},
	{code: "400.002.02", contains: "msisdn", kind: Rejected, failure: FailureInvalidPhone, reason: reasonInvalidPhone},
	{code: "400.002.02", contains: "amount", kind: Rejected, failure: FailureInvalidAmount, reason: reasonInvalidAmount},
	{
		code: "400.002.02", contains: "shortcode", kind: Rejected, failure: FailureInvalidShortCode,
		reason: "M-Pesa does not accept the shortcode of this payment channel.",
	},
	{
		code: "400.002.02", contains: "partyb", kind: Rejected, failure: FailureInvalidShortCode,
		reason: "M-Pesa does not accept the till or paybill number of this payment channel.",
	},
	{
		code: "400.002.02", contains: "transactiontype", kind: Rejected, failure: FailureNotPermitted,
		reason: "This shortcode may not take this kind of payment. Check whether it is a paybill or a till.",
	},
	{
		code: "400.002.02", contains: "url", kind: Rejected, failure: FailureInvalidCallbackURL,
		reason: "M-Pesa does not accept the address that it should report to. Check the public URL of this install.",
	},
	{code: "400.002.02", kind: Rejected, failure: FailureInvalidRequest, reason: reasonInvalidRequest},
	{code: "400.002.05", kind: Rejected, failure: FailureInvalidRequest, reason: reasonInvalidRequest},
	{code: "400.003.02", kind: Rejected, failure: FailureInvalidRequest, reason: reasonInvalidRequest},
	{
		code: "404.001.01", kind: Rejected, failure: FailureInvalidRequest,
		reason: "M-Pesa does not know this call at the address configured.",
	},
	{code: "405.001", kind: Rejected, failure: FailureInvalidRequest, reason: reasonInvalidRequest},

	{
		code: "500.001.1001", contains: "merchant does not exist", kind: Rejected, failure: FailureInvalidShortCode,
		reason: "M-Pesa does not know the shortcode of this payment channel.",
	},
	{
		code: "500.001.1001", contains: "wrong credentials", kind: Rejected, failure: FailureInvalidPasskey,
		reason: "The passkey does not belong to the shortcode of this payment channel.",
	},
	{
		code: "500.001.1001", contains: "password parameter", kind: Rejected, failure: FailureInvalidPasskey,
		reason: "The passkey does not belong to the shortcode of this payment channel.",
	},
	{code: "500.001.1001", contains: "unable to lock subscriber", kind: Rejected, retry: true, failure: FailurePayerBusy, reason: reasonPayerBusy},
	{code: "500.001.1001", contains: "already in process", kind: Rejected, retry: true, failure: FailurePayerBusy, reason: reasonPayerBusy},
	{code: "500.001.1001", kind: Unknown, failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome},

	{
		code: "500.002.1001", contains: "duplicate", kind: Rejected, failure: FailureDuplicateRequest,
		reason: "M-Pesa has seen this request before.",
	},
	{
		code: "500.002.1001", kind: Rejected, retry: true, failure: FailureProviderMaintenance,
		reason: "M-Pesa is under maintenance. Please try again later.",
	},
	{code: "500.003.02", kind: Rejected, retry: true, failure: FailureProviderBusy, reason: reasonBusy},
	{
		code: "500.003.03", kind: Rejected, retry: true, failure: FailureQuotaExceeded,
		reason: "The app has used up its quota of M-Pesa calls. Please try again later, or ask Safaricom to raise it.",
	},
	{
		code: "500.003.1001", contains: "already registered", kind: Rejected, failure: FailureURLsAlreadyRegistered,
		reason: "URLs are already registered for this shortcode. In production they have to be removed on the Daraja portal first.",
	},
	{
		code: "500.003.1001", contains: "duplicate notification", kind: Rejected, failure: FailureShortCodeElsewhere,
		reason: "This shortcode is registered on another platform. It has to be released there first.",
	},
	{code: "500.003.1001", kind: Unknown, failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome},

	// The gateway in front of Daraja has an error body of its own, without Daraja's codes.
	{contains: "spike arrest", kind: Rejected, retry: true, failure: FailureProviderBusy, reason: reasonBusy},
	{
		contains: "quota violation", kind: Rejected, retry: true, failure: FailureQuotaExceeded,
		reason: "The app has used up its quota of M-Pesa calls. Please try again later, or ask Safaricom to raise it.",
	},
}

// ruleFor is the first rule that fits, the call's own ones first, and a cautious one when none does: what is refused with
// a 4xx was not executed, of anything else nobody knows.
func ruleFor(own []errorRule, status int, code, message string) errorRule {
	message = strings.ToLower(message)
	for _, rules := range [...][]errorRule{own, errorRules} {
		for _, r := range rules {
			if (r.code == "" || r.code == code) && (r.contains == "" || strings.Contains(message, r.contains)) {
				return r
			}
		}
	}
	client := status >= 400 && status < 500 && status != 408
	if code != "" && status < 400 { // an errorCode under a 200 has been seen; its first digits are the class
		client = strings.HasPrefix(code, "4")
	}
	switch {
	case status == 401:
		return errorRule{kind: Rejected, retry: true, token: true, failure: FailureTokenRejected, reason: reasonTokenRejected}
	case status == 429:
		return errorRule{kind: Rejected, retry: true, failure: FailureProviderBusy, reason: reasonBusy}
	case client:
		return errorRule{kind: Rejected, failure: FailureRequestRejected, reason: reasonRequestRejected}
	}
	return errorRule{kind: Unknown, failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome}
}
