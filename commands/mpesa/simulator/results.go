package simulator

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Result is how a prompt ends (Daraja, STK Push, ResultCode). The text differs between the callback and the query for
// the same code, as it does at Safaricom.
type Result struct {
	Code     string `json:"code"`
	Callback string `json:"callback"`
	Query    string `json:"query"`
	Meaning  string `json:"meaning"`
}

// Ok is true for a payment.
func (r Result) Ok() bool { return r.Code == "0" }

// wire is ResultCode as a callback carries it: a number, except for codes that are none. A script may name any code, also
// one that JSON has no number for, such as 007.
func (r Result) wire() any {
	if n, err := strconv.Atoi(r.Code); err != nil || strconv.Itoa(n) != r.Code {
		return r.Code
	}
	return json.Number(r.Code)
}

// Results lists every final result that the simulator can give.
func Results() []Result {
	return []Result{
		{"0", "The service request is processed successfully.", "The service request is processed successfully.", "paid"},
		{"1", "The balance is insufficient for the transaction.", "The balance is insufficient for the transaction", "insufficient balance"},
		{"2", "Declined due to limit rule: less than the minimum transaction amount.", "Less than the minimum transaction amount.", "below the minimum amount"},
		{"3", "Declined due to limit rule: greater than the maximum transaction amount.", "More than the maximum transaction amount.", "above the maximum amount"},
		{"4", "Declined due to limit rule: would exceed daily transfer limit.", "Would exceed daily transfer limit.", "daily limit"},
		{"8", "Declined due to limit rule: would exceed the maximum balance.", "Would exceed the maximum balance.", "maximum balance"},
		{"11", "The DebitParty is in an invalid state.", "The debit party is in an invalid state.", "payer's account in an invalid state"},
		{"17", "Rule limited.", "Rule limited.", "same amount to the same customer within 2 minutes, or internal"},
		{"26", "System internal error: traffic blocking condition in place.", "System busy. Try again in few minutes.", "traffic blocked"},
		{"1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber", "Unable to lock subscriber, a transaction is already in process for the current subscriber", "another session with this subscriber"},
		{"1019", "Transaction has expired.", "Transaction expired. No MO has been received", "expired"},
		{"1025", "An error occurred while sending a push request.", "Error sending push request", "error sending the prompt"},
		{"1032", "Request cancelled by user", "Request Cancelled by user.", "cancelled by the payer"},
		{"1037", "No response from user.", "DS timeout user cannot be reached.", "phone unreachable, or no PIN in time"},
		{"1101", "[MpesaCB - ]Invalid input parameter: 'Prompt message prefix'", "Invalid input parameter", "prompt text too long"},
		{"2001", "The initiator information is invalid.", "The initiator information is invalid.", "wrong PIN"},
		{"2028", "The request is not permitted according to product assignment.", "The request is not permitted according to product assignment.", "wrong TransactionType or PartyB"},
		{"8006", "The security credential is locked.", "The security credential is locked.", "PIN locked"},
		{"9999", "Request failed: error sending push.", "An error occurred while processing the request.", "generic failure"},
		{"SFC_IC0003", "The operator does not exist.", "The operator does not exist.", "operator does not exist; the one code that is a string in callbacks"},
	}
}

// resultOf finds a result; an unlisted code gets a text of its own, so that unknown codes can be scripted.
func resultOf(code string) Result {
	all := Results()
	if i := slices.IndexFunc(all, func(r Result) bool { return r.Code == code }); i >= 0 {
		return all[i]
	}
	return Result{Code: code, Callback: "Unlisted result " + code, Query: "Unlisted result " + code, Meaning: "unlisted"}
}
