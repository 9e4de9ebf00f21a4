package mpesa

// askingRules are what errors mean for a request of an initiator, before the common rules: PartyA is a shortcode here, and
// there are fields that a push does not have. They hold for both spellings of a bad request (Daraja, B2C and Reversal:
// 400.002.02; Transaction Status: 400.003.02).
func askingRules(own ...errorRule) []errorRule {
	rules := own
	for _, code := range [...]string{"400.002.02", "400.003.02"} {
		for _, r := range [...]errorRule{
			{contains: "initiator", failure: FailureInitiatorInvalid, reason: reasonInitiator},
			{contains: "securitycredential", failure: FailureInitiatorInvalid, reason: reasonInitiator},
			{contains: "transactionid", failure: FailureInvalidReceipt, reason: reasonInvalidReceipt},
			{contains: "partya", failure: FailureInvalidShortCode, reason: reasonShortCodeRefused},
			{contains: "receiverparty", failure: FailureInvalidShortCode, reason: reasonShortCodeRefused},
			{contains: "partyb", failure: FailureInvalidPhone, reason: reasonInvalidPhone},
			{contains: "amount", failure: FailureInvalidAmount, reason: reasonInvalidAmount},
			{contains: "url", failure: FailureInvalidCallbackURL, reason: reasonResultURL},
		} {
			r.code, r.kind = code, Rejected
			rules = append(rules, r)
		}
	}
	return append(rules,
		errorRule{code: "404.002.01", kind: Rejected, failure: FailureInvalidRequest, reason: reasonWrongPath},
		errorRule{code: "404.003.01", kind: Rejected, failure: FailureInvalidRequest, reason: reasonWrongPath},
	)
}

// movingRules are askingRules for what moves money. One code has two meanings; without one of their words it has none,
// and the money may have moved.
func movingRules() []errorRule {
	return askingRules(
		errorRule{
			code: "500.002.1001", contains: "duplicate", kind: Rejected, failure: FailureDuplicateRequest,
			reason: "M-Pesa has had a request with this id before. What became of that one is being checked.",
		},
		errorRule{
			code: "500.002.1001", contains: "maintenance", kind: Rejected, retry: true, failure: FailureProviderMaintenance,
			reason: "M-Pesa is under maintenance. Please try again later.",
		},
		errorRule{code: "500.002.1001", kind: Unknown, failure: FailureProviderUnknownOutcome},
	)
}

const (
	reasonInvalidReceipt   = "M-Pesa does not accept the receipt number."
	reasonShortCodeRefused = "M-Pesa does not accept the shortcode of this payment channel."
	reasonResultURL        = "M-Pesa does not accept the address that it should report to. Check the public URL of this install."
	reasonWrongPath        = "M-Pesa does not know this call at the address configured."
)
