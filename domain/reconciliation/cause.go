package reconciliation

import "slices"

// Source is what a statement is an extract of.
type Source string

// The sources.
const (
	SourceMpesa                Source = "mpesa_statement"
	SourcePaystackSettlement   Source = "paystack_settlement"
	SourcePaystackTransactions Source = "paystack_transactions"
	SourceBank                 Source = "bank"
	// SourceMpesaPull is the payments of the last days, as Daraja lists them when it is asked (Daraja, Pull Transactions).
	SourceMpesaPull Source = "mpesa_pull"
)

// Sources are all of them.
func Sources() []Source {
	return []Source{SourceMpesa, SourceMpesaPull, SourcePaystackSettlement, SourcePaystackTransactions, SourceBank}
}

// Known tells whether it is one of the sources.
func (s Source) Known() bool { return slices.Contains(Sources(), s) }

// OfMpesa tells whether it is M-Pesa's word.
func (s Source) OfMpesa() bool { return s == SourceMpesa || s == SourceMpesaPull }

// PaymentsOnly tells whether it lists customers' payments and nothing else: charges, refunds and payouts are not missing on it.
func (s Source) PaymentsOnly() bool { return s == SourceMpesaPull }

// Kind is what a line of a statement is.
type Kind string

// The kinds of lines.
const (
	KindPayment           Kind = "payment"             // a customer's money came in
	KindCharge            Kind = "charge"              // the provider's charge for one payment or payout
	KindReversal          Kind = "reversal"            // a transaction taken back, named by the linked receipt
	KindWithdrawalToBank  Kind = "withdrawal_to_bank"  // own money, to the merchant's bank account
	KindUtilityToMerchant Kind = "utility_to_merchant" // own money, between the shortcode's own accounts
	KindPayout            Kind = "payout"              // money sent to somebody: business payments, refunds by payout
	KindFee               Kind = "fee"                 // a charge of the provider's for no transaction in particular
	KindSettlement        Kind = "settlement"          // many payments paid out at once
	KindSettlementRefund  Kind = "settlement_refund"   // what a settlement holds back for refunds and disputes
	KindOther             Kind = "other"
)

// OwnTransfer tells whether money of this kind only moved between the merchant's own accounts.
func (k Kind) OwnTransfer() bool { return k == KindWithdrawalToBank || k == KindUtilityToMerchant }

// Cause is why the statement and the books differ. Empty is no difference.
type Cause string

// The causes.
const (
	// Timing: in the books, outside the statement's period or in a later settlement; or on the statement, and in the books
	// of another period.
	Timing Cause = "timing"
	// Fee: the provider's charge rows.
	Fee Cause = "fee"
	// Duplicate: one reference paid twice under two receipts.
	Duplicate Cause = "duplicate"
	// MissingCallback: a payment started here whose success only the statement shows.
	MissingCallback Cause = "missing_callback"
	// WrongAmount: same receipt, other amount.
	WrongAmount Cause = "wrong_amount"
	// RefundInTransit: our refund, not on the statement yet.
	RefundInTransit Cause = "refund_in_transit"
	// Reversal: money taken back, by its linked receipt.
	Reversal Cause = "reversal"
	// UnknownPayer: money in that fits no payment or account here.
	UnknownPayer Cause = "unknown_payer"
	// WrongAccount: belongs to another channel.
	WrongAccount Cause = "wrong_account"
	// Rounding: one side holds whole units, the other the same amount with cents; or a settlement is off by no more than
	// a cent a payment.
	Rounding Cause = "rounding"
	// Unexplained: nothing above is certain.
	Unexplained Cause = "unexplained"
)

// Causes are all causes, in the order in which reports list them.
func Causes() []Cause {
	return []Cause{
		Timing, Fee, Duplicate, MissingCallback, WrongAmount, RefundInTransit, Reversal, UnknownPayer, WrongAccount, Rounding, Unexplained,
	}
}

// State is whether somebody still has to act on a difference.
type State string

// The states. The matcher gives the first two; a difference is resolved by a person or by a later event.
const (
	Open      State = "open"      // somebody has to decide or to book something
	Explained State = "explained" // the cause is known and nobody has to act
	Resolved  State = "resolved"
)

// Rule is what made a match, or what decided that there is none.
type Rule string

// The rules; the first four are the stages, in their order.
const (
	// RuleReceipt: the provider's receipt is the same, or is the one that the line is linked to.
	RuleReceipt Rule = "receipt"
	// RuleReference: the account or reference that the line names is one of ours.
	RuleReference Rule = "reference"
	// RuleAmountPhoneTime: amount, phone and time window fit, and fit nothing else on either side.
	RuleAmountPhoneTime Rule = "amount_phone_time"
	// RuleSettlement: one line pays out many payments.
	RuleSettlement Rule = "settlement_many_to_one"
	// RuleAmountTime: own transfers and payouts to a bank, by amount and day, fitting nothing else on either side.
	RuleAmountTime Rule = "amount_time"
	// RuleLineKind: the statement itself says what the line is; nothing in the books belongs to it.
	RuleLineKind Rule = "line_kind"
	// RuleUnmatched: no stage found anything.
	RuleUnmatched Rule = "unmatched"
)
