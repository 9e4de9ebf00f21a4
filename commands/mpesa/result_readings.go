package mpesa

import (
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// ReversalResult is the result of a reversal (Daraja, Reversal, Callback Result Payload). Outcome.Class is ClassSuccess
// when the money has gone back, ClassFinal and ClassRetry when it has not. FailureAlreadyReversed: it had gone back
// before. ClassPending: not known; ask.
type ReversalResult struct {
	Result
	Outcome     Outcome
	UnknownCode bool // the code is not in the table: pending, and somebody should look

	// What follows comes with a success only, and any of it may be missing.
	Receipt         string // of the reversal
	OriginalReceipt string // of the payment
	Amount          *money.Money
	Charge          *money.Money
	CompletedAt     *time.Time // UTC
	DebitParty      Party      // the shortcode
	CreditParty     Party      // the customer
	DebitBalance    *Account   // of the account that paid, afterwards
}

// DecodeReversalResult reads the result of a reversal. The error is always a *upstream.DecodeError; the fields that could be read
// are filled all the same, for the record, and a success with an amount that cannot be read has happened.
func DecodeReversalResult(raw []byte) (ReversalResult, error) {
	res, err := DecodeResult(raw)
	r := ReversalResult{Result: res}
	if res.ResultCode == "" {
		return r, err
	}
	r.Outcome, r.UnknownCode = describe(res, ReversalAPI)
	if r.Outcome.Class != ClassSuccess {
		return r, err
	}
	r.Receipt, r.OriginalReceipt = res.TransactionID, res.receipt("OriginalTransactionID")
	r.Charge, r.CompletedAt = res.shillings("Charge"), res.date("TransCompletedTime")
	r.DebitParty, r.CreditParty = readParty(res.text("DebitPartyPublicName")), readParty(res.text("CreditPartyPublicName"))
	if a, ok := readAccount(res.text("DebitAccountBalance")); ok {
		r.DebitBalance = &a
	}
	var wrong error
	if r.Amount, wrong = res.amount("Amount"); err == nil {
		err = wrong
	}
	return r, err
}

// B2CResult is the result of a payout (Daraja, B2C, Callback payload). Outcome.Class is ClassSuccess when the money has
// gone out, ClassFinal and ClassRetry when it has not. ClassPending: not known; ask.
type B2CResult struct {
	Result
	Outcome     Outcome
	UnknownCode bool // the code is not in the table: pending, and somebody should look

	// What follows comes with a success only, and any of it may be missing.
	Receipt     string
	Amount      *money.Money
	Receiver    Party
	Registered  *bool      // whether the receiver is an M-Pesa customer
	CompletedAt *time.Time // UTC
	Utility     *money.Money
	Working     *money.Money
	ChargesPaid *money.Money
}

// DecodeB2CResult reads the result of a payout. The error is always a *upstream.DecodeError; the fields that could be read are
// filled all the same, for the record, and a success with an amount that cannot be read has happened.
func DecodeB2CResult(raw []byte) (B2CResult, error) {
	res, err := DecodeResult(raw)
	r := B2CResult{Result: res}
	if res.ResultCode == "" {
		return r, err
	}
	r.Outcome, r.UnknownCode = describe(res, B2CAPI)
	if r.Outcome.Class != ClassSuccess {
		return r, err
	}
	r.Receipt = orDefault(res.receipt("TransactionReceipt"), res.TransactionID)
	r.Receiver, r.CompletedAt = readParty(res.text("ReceiverPartyPublicName")), res.date("TransactionCompletedDateTime")
	r.Utility, r.Working = res.shillings("B2CUtilityAccountAvailableFunds"), res.shillings("B2CWorkingAccountAvailableFunds")
	r.ChargesPaid = res.shillings("B2CChargesPaidAccountAvailableFunds")
	if yes := res.text("B2CRecipientIsRegisteredCustomer"); yes == "Y" || yes == "N" {
		registered := yes == "Y"
		r.Registered = &registered
	}
	var wrong error
	if r.Amount, wrong = res.amount("TransactionAmount"); err == nil {
		err = wrong
	}
	return r, err
}

// TransactionState is what M-Pesa says a transaction is.
type TransactionState int

// The states.
const (
	// TransactionUnknown: no answer, or a word that is not known here. It proves nothing, in either direction.
	TransactionUnknown TransactionState = iota
	TransactionCompleted
	// TransactionReversed: it was completed and has been taken back. Whether M-Pesa says so of the payment itself is not
	// documented: a payment that reads completed may have been reversed too.
	TransactionReversed
	TransactionFailed // declined, cancelled or expired: no money moved
)

// String is the state's word.
func (s TransactionState) String() string {
	switch s {
	case TransactionCompleted:
		return "completed"
	case TransactionReversed:
		return "reversed"
	case TransactionFailed:
		return "failed"
	case TransactionUnknown:
		return "unknown"
	}
	return "unknown"
}

func stateOf(word string) TransactionState {
	switch strings.ToLower(word) {
	case "completed":
		return TransactionCompleted
	case "reversed":
		return TransactionReversed
	case "declined", "cancelled", "expired", "failed":
		return TransactionFailed
	}
	return TransactionUnknown
}

// TransactionStatusResult is the answer to a transaction status query (Daraja, Transaction Status, Callback payload).
// Outcome is about the question; only with ClassSuccess is anything said of the transaction.
type TransactionStatusResult struct {
	Result
	Outcome     Outcome
	UnknownCode bool // the code is not in the table: somebody should look

	State  TransactionState
	Status string // M-Pesa's word for State

	// What follows may be missing.
	Receipt     string       // of the transaction that was asked after
	Amount      *money.Money // KES
	DebitParty  Party        // who paid; Phone is the payer's when it can be read
	CreditParty Party
	InitiatedAt *time.Time // UTC
	FinalisedAt *time.Time // UTC
	Charges     []Charge   // of who paid
	AccountType string     // of who paid
	Reason      string     // ReasonType, such as "Pay Bill Online"
	// AskedOriginatorConversationID and AskedConversationID are the ids of the transaction that was asked after; those of
	// Result are the question's own.
	AskedOriginatorConversationID string
	AskedConversationID           string
}

// DecodeTransactionStatusResult reads the answer to a transaction status query. The error is always a *upstream.DecodeError; the
// fields that could be read are filled all the same, for the record.
func DecodeTransactionStatusResult(raw []byte) (TransactionStatusResult, error) {
	res, err := DecodeResult(raw)
	r := TransactionStatusResult{Result: res}
	if res.ResultCode == "" {
		return r, err
	}
	r.Outcome, r.UnknownCode = describe(res, TransactionStatusAPI)
	if r.Outcome.Class != ClassSuccess {
		return r, err
	}
	r.Status = res.text("TransactionStatus")
	r.State, r.Receipt = stateOf(r.Status), res.receipt("ReceiptNo")
	r.InitiatedAt, r.FinalisedAt = res.date("InitiatedTime"), res.date("FinalisedTime")
	r.Charges, r.AccountType, r.Reason = readCharges(res.text("DebitPartyCharges")), res.text("DebitAccountType"), res.text("ReasonType")
	r.AskedOriginatorConversationID, r.AskedConversationID = res.text("OriginatorConversationID"), res.text("ConversationID")
	r.DebitParty, r.CreditParty = readParty(res.text("DebitPartyName")), readParty(res.text("CreditPartyName"))
	if debit := res.parameters["debitpartyname"]; len(debit) == 2 && res.parameters["creditpartyname"] == nil {
		// Safaricom's own sample has both parties under this key, the one that pays first.
		r.DebitParty, r.CreditParty = readParty(shorten(upstream.TextOf(debit[0]))), readParty(shorten(upstream.TextOf(debit[1])))
	}
	var wrong error
	if r.Amount, wrong = res.amount("Amount"); err == nil {
		err = wrong
	}
	return r, err
}

// AccountBalanceResult is the answer to an account balance query (Daraja, Account Balance, Result body). Outcome is about
// the question.
type AccountBalanceResult struct {
	Result
	Outcome     Outcome
	UnknownCode bool // the code is not in the table: somebody should look

	Accounts    []Account
	CompletedAt *time.Time // UTC
}

// Account is the one of a name, in any case of letters.
func (r AccountBalanceResult) Account(name string) (Account, bool) {
	for _, a := range r.Accounts {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
	}
	return Account{}, false
}

// DecodeAccountBalanceResult reads the answer to an account balance query. The accounts are all there and exact, or there
// is an error, which is always a *upstream.DecodeError.
func DecodeAccountBalanceResult(raw []byte) (AccountBalanceResult, error) {
	res, err := DecodeResult(raw)
	r := AccountBalanceResult{Result: res}
	if res.ResultCode == "" {
		return r, err
	}
	r.Outcome, r.UnknownCode = describe(res, AccountBalanceAPI)
	if r.Outcome.Class != ClassSuccess {
		return r, err
	}
	r.CompletedAt = res.date("BOCompletedTime")
	s, present, ok := upstream.ScalarOf(res.value("AccountBalance"))
	accounts, readable := readAccounts(s)
	switch {
	case !ok:
		err = &upstream.DecodeError{Problem: upstream.WrongType, Field: "AccountBalance"}
	case !present:
		err = &upstream.DecodeError{Problem: upstream.MissingField, Field: "AccountBalance"}
	case !readable:
		err = &upstream.DecodeError{Problem: upstream.BadValue, Field: "AccountBalance"}
	default:
		r.Accounts = accounts
	}
	return r, err
}

// describe is what a result means for an API, and whether its code is unknown; a partial one means nothing yet.
func describe(r Result, api InitiatorAPI) (Outcome, bool) {
	if r.Partial {
		return Outcome{Reason: reasonStillOpen, Class: ClassPending}, false
	}
	what, known := DescribeInitiatorResult(api, r.ResultCode)
	return what, !known
}
