package simulator

import "slices"

// InitiatorResult is how an order of an initiator ends (Daraja, B2C, Reversal, Transaction Status and Account Balance,
// Result Codes).
type InitiatorResult struct {
	Code    string `json:"code"`
	Desc    string `json:"desc"`
	Meaning string `json:"meaning"`
}

// wire is ResultCode as a result carries it: a number, except for codes that are none.
func (r InitiatorResult) wire() any { return Result{Code: r.Code}.wire() }

// InitiatorResults lists every result that the simulator can give to an order.
func InitiatorResults() []InitiatorResult {
	return []InitiatorResult{
		{"0", "The service request is processed successfully.", "done"},
		{"1", "The balance is insufficient for the transaction.", "not enough in the utility account"},
		{"2", "Declined due to limit rule: less than the minimum transaction amount.", "below the minimum"},
		{"3", "Declined due to limit rule: greater than the maximum transaction amount.", "above the maximum"},
		{"4", "Declined due to limit rule: would exceed daily transfer limit.", "the receiver's daily limit"},
		{"8", "Declined due to limit rule: would exceed the maximum balance.", "the receiver's maximum balance"},
		{"11", "The DebitParty is in an invalid state.", "the shortcode's account is not active"},
		{"15", "Duplicate Detected", "the conversation was seen before"},
		{"17", "Internal Failure", "nobody knows"},
		{"18", "Initiator Credential Check Failure", "wrong password of the initiator"},
		{"20", "Unresolved Initiator", "no such initiator"},
		{"21", "The initiator is not allowed to initiate this request", "the initiator lacks the role"},
		{"22", "Initiator to Receiver Party Permission Failure", "the initiator is not active"},
		{"24", "Missing mandatory fields", "a field is missing"},
		{"25", "InvalidRequestParameters", "a field is wrong, or a part of a payment was to be reversed"},
		{"26", "Traffic blocking condition in place", "M-Pesa is too busy"},
		{"29", "InvalidCommand", "no such command"},
		{"2001", "The initiator information is invalid.", "wrong initiator, password or certificate"},
		{"2006", "Declined due to account rule: The account status does not allow this transaction.", "the shortcode's account is not active"},
		{"2028", "The request is not permitted according to product assignment.", "the shortcode may not do this"},
		{"2040", "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.", "the receiver is not registered"},
		{"8006", "The security credential is locked", "the initiator's password is locked"},
		{"100000000", "Request was cached, waiting for resending", "it waits"},
		{"100000001", "The system is overload", "M-Pesa is too busy"},
		{"100000002", "Throttling error", "too many requests"},
		{"100000004", "Internal Server Error", "nobody knows"},
		{"100000007", "Service's status is abnormal.", "nobody knows"},
		{"100000010", "Insufficient permissions", "the initiator lacks the role"},
		{"R000001", "The transaction has already been reversed.", "reversed before"},
		{"R000002", "The OriginalTransactionID is invalid.", "no such payment to this shortcode"},
		{"SFC_IC0003", "The operator does not exist.", "no such number"},
	}
}

// initiatorResultOf finds a result; an unlisted code gets a text of its own, so that unknown codes can be scripted.
func initiatorResultOf(code string) InitiatorResult {
	all := InitiatorResults()
	if i := slices.IndexFunc(all, func(r InitiatorResult) bool { return r.Code == code }); i >= 0 {
		return all[i]
	}
	return InitiatorResult{code, "Unlisted result " + code, "unlisted"}
}
