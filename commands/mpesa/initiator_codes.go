package mpesa

import "strings"

// InitiatorAPI names an API that answers twice: at once that a request is queued, later, at ResultURL, with its result.
type InitiatorAPI string

// The APIs; the words are those of Error.Call and of Options.Observe.
const (
	ReversalAPI          InitiatorAPI = "reversal"
	B2CAPI               InitiatorAPI = "b2c"
	TransactionStatusAPI InitiatorAPI = "transaction_status"
	AccountBalanceAPI    InitiatorAPI = "account_balance"
)

// The sentences that more than one table uses.
const (
	reasonInitiator      = "M-Pesa did not accept the initiator name and password of this payment channel. Check both, and the certificate that the password was encrypted with."
	reasonInitiatorRight = "The initiator of this payment channel may not make this request. Give it the role on the M-Pesa organisation portal."
	reasonInitiatorLock  = "The initiator's password is locked. The business administrator has to unlock it on the M-Pesa organisation portal."
	reasonShortCodeDown  = "The M-Pesa account of this shortcode is not active."
	reasonNoProduct      = "This shortcode may not make this kind of M-Pesa transaction."
	reasonNoFunds        = "The M-Pesa balance of this shortcode is not enough."
	reasonStillOpen      = "M-Pesa has not said yet what became of the request; it is being checked."
	reasonReceipt        = "M-Pesa does not know this receipt, or it is not one that can be reversed."
)

// initiatorOutcomes are the ResultCodes that every initiator API can give (Daraja, Account Balance, Error Codes, which
// lists those of the platform; Reversal and B2C, Result Codes). What the platform says before it makes a financial
// transaction is final. 15 says that this conversation was seen before, 17 and 100000004 that something broke, 100000000
// that the request waits: none of them tells what became of the money. Never written after start.
var initiatorOutcomes = map[string]Outcome{
	"0":    {"", "M-Pesa has carried out the request.", ClassSuccess},
	"11":   {FailureShortCodeInactive, reasonShortCodeDown, ClassFinal},
	"15":   {"", reasonStillOpen, ClassPending},
	"17":   {"", reasonStillOpen, ClassPending},
	"18":   {FailureInitiatorInvalid, reasonInitiator, ClassFinal},
	"20":   {FailureInitiatorInvalid, reasonInitiator, ClassFinal},
	"21":   {FailureInitiatorNotPermitted, reasonInitiatorRight, ClassFinal},
	"22":   {FailureInitiatorNotPermitted, reasonInitiatorRight, ClassFinal},
	"24":   {FailureInvalidRequest, reasonInvalidRequest, ClassFinal},
	"25":   {FailureInvalidRequest, reasonInvalidRequest, ClassFinal},
	"26":   {FailureProviderBusy, reasonBusy, ClassRetry},
	"29":   {FailureInvalidRequest, reasonInvalidRequest, ClassFinal},
	"2001": {FailureInitiatorInvalid, reasonInitiator, ClassFinal},
	"2006": {FailureShortCodeInactive, reasonShortCodeDown, ClassFinal},
	"2028": {FailureNotPermitted, reasonNoProduct, ClassFinal},
	"8006": {FailureInitiatorLocked, reasonInitiatorLock, ClassFinal},

	"100000000": {"", reasonStillOpen, ClassPending},
	"100000001": {FailureProviderBusy, reasonBusy, ClassRetry},
	"100000002": {FailureProviderBusy, reasonBusy, ClassRetry},
	"100000004": {"", reasonStillOpen, ClassPending},
	"100000005": {FailureInvalidRequest, reasonInvalidRequest, ClassFinal},
	"100000007": {"", reasonStillOpen, ClassPending},
	"100000009": {"", reasonStillOpen, ClassPending},
	"100000010": {FailureInitiatorNotPermitted, reasonInitiatorRight, ClassFinal},
	"100000011": {FailureProviderBusy, reasonBusy, ClassRetry},
}

// reversalOutcomes are the ResultCodes of Reversal alone (Daraja, Reversal, Result Codes). R000001 means that the money
// has gone back already, by another request or on the portal: no failure of what was wanted. Never written after start.
var reversalOutcomes = map[string]Outcome{
	"0":       {"", "The payment was reversed.", ClassSuccess},
	"1":       {FailureInsufficientFunds, reasonNoFunds, ClassFinal},
	"R000001": {FailureAlreadyReversed, "The payment has already been reversed.", ClassFinal},
	"R000002": {FailureReceiptNotFound, reasonReceipt, ClassFinal},
}

// b2cOutcomes are those of B2C alone (Daraja, B2C, Result Codes). Never written after start.
var b2cOutcomes = map[string]Outcome{
	"0":          {"", "The money was sent.", ClassSuccess},
	"1":          {FailureInsufficientFunds, reasonNoFunds, ClassFinal},
	"2":          {FailureAmountTooLow, "The amount is below the minimum that M-Pesa sends.", ClassFinal},
	"3":          {FailureAmountTooHigh, "The amount is above the maximum that M-Pesa sends in one transaction.", ClassFinal},
	"4":          {FailureDailyLimit, "The payment would take the receiver over the daily M-Pesa limit.", ClassFinal},
	"8":          {FailureBalanceLimit, "The payment would take the receiver over the maximum M-Pesa balance.", ClassFinal},
	"2040":       {FailureRecipientNotRegistered, "The receiver's number is not registered for M-Pesa.", ClassFinal},
	"SFC_IC0003": {FailureRecipientNotFound, "M-Pesa does not know the receiver's number.", ClassFinal},
}

// statusOutcomes are those of a transaction status query alone: about the question, not about the transaction asked
// after. What it says of a receipt that does not exist is not documented, so nothing here proves that a transaction never
// was. Never written after start.
var statusOutcomes = map[string]Outcome{
	"0":          {"", "M-Pesa has answered.", ClassSuccess},
	"R000002":    {"", reasonStillOpen, ClassPending},
	"SFC_IC0003": {"", reasonStillOpen, ClassPending},
}

// balanceOutcomes are those of an account balance query alone: about the question. It moves nothing, so that what is
// unclear may be asked again. Never written after start.
var balanceOutcomes = map[string]Outcome{
	"0":  {"", "M-Pesa has answered.", ClassSuccess},
	"15": {FailureDuplicateRequest, "M-Pesa has seen this request before.", ClassRetry},
	"17": {FailureProviderError, reasonProviderError, ClassRetry},
}

// DescribeInitiatorResult is what a ResultCode of an API means, whether it came as a number or as a text. An unknown code
// is pending and known is false: it must be asked after and looked at, never taken for success or failure.
func DescribeInitiatorResult(api InitiatorAPI, code string) (what Outcome, known bool) {
	code = strings.TrimSpace(code)
	var own map[string]Outcome
	switch api {
	case ReversalAPI:
		own = reversalOutcomes
	case B2CAPI:
		own = b2cOutcomes
	case TransactionStatusAPI:
		own = statusOutcomes
	case AccountBalanceAPI:
		own = balanceOutcomes
	}
	if what, known = own[code]; known {
		return what, true
	}
	if what, known = initiatorOutcomes[code]; known {
		return what, true
	}
	return Outcome{Reason: "M-Pesa answered with a result that is not known here; the request is being checked.", Class: ClassPending}, false
}
