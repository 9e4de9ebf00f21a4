package faults

import (
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Fault is something that is not as it should be, or that only looks so.
type Fault string

// The faults. The comment says what reconciliation has to make of one.
const (
	MissingCallback    Fault = "missing_callback"     // a push whose callback was lost; its account is on the line
	MissingNoAccount   Fault = "missing_no_account"   // the same at a till: only amount, phone and time fit. A lookalike hours later is an unknown payer
	RetriedPush        Fault = "retried_push"         // refused once, pushed again under the same reference, second callback lost
	UnconfirmedNotice  Fault = "unconfirmed_notice"   // a notice that anyone could have sent; the statement confirms it
	KnownAccount       Fault = "known_account"        // a customer's own payment whose confirmation was lost, to an account of earlier ones
	ConfirmedByQuery   Fault = "confirmed_by_query"   // no difference: completed without a receipt, found by its account
	ConfirmedNoAccount Fault = "confirmed_no_account" // no difference: the same, by amount, phone and time
	UnknownPayer       Fault = "unknown_payer"        // money that nobody here knows of
	WrongAmount        Fault = "wrong_amount"         // same receipt, other amount
	Rounding           Fault = "rounding"             // the books have cents, the statement whole shillings
	DuplicateUnseen    Fault = "duplicate_unseen"     // paid again by hand, and the second confirmation was lost
	DuplicateBooked    Fault = "duplicate_booked"     // paid again, and the books have both
	DuplicateAndLost   Fault = "duplicate_and_lost"   // paid twice, and both callbacks were lost
	Charge             Fault = "charge"               // a charge row for a payment
	MonthlyFee         Fault = "monthly_fee"          // a charge for nothing in particular
	Reversal           Fault = "reversal"             // taken back on the portal, unknown to the books
	OwnReversal        Fault = "own_reversal"         // no difference: our refund, in books and statement
	UnansweredReversal Fault = "unanswered_reversal"  // our refund, whose result was lost
	RefundInTransit    Fault = "refund_in_transit"    // booked, not on the statement
	UnansweredPayout   Fault = "unanswered_payout"    // our refund by payout, whose result was lost
	PaidLater          Fault = "paid_later"           // booked in the month; by the provider's clock in the next
	BookedLater        Fault = "booked_later"         // on the statement; booked in the next month
	OtherChannel       Fault = "other_channel"        // the books have the receipt at another channel
	OtherReference     Fault = "other_reference"      // paid here for something that another channel asked for
	OnOtherStatement   Fault = "on_other_statement"   // booked here; another channel's statement shows it
	TwoPayments        Fault = "two_payments"         // a line that fits two payments: nobody can say which
	TwoLines           Fault = "two_lines"            // two lines that fit one payment
	NotShown           Fault = "not_shown"            // booked, and nowhere on the statement
	StrangePayout      Fault = "strange_payout"       // money out that nobody here sent
	RepeatedLine       Fault = "repeated_line"        // the statement shows a payment twice
	WithdrawalToBank   Fault = "withdrawal_to_bank"   // no difference: own money, to the bank
	UtilityToMerchant  Fault = "utility_to_merchant"  // no difference: own money, between own accounts
)

// All are the faults, in the order in which they are made.
func All() []Fault {
	return []Fault{
		MissingCallback, MissingNoAccount, RetriedPush, UnconfirmedNotice, KnownAccount, ConfirmedByQuery, ConfirmedNoAccount,
		UnknownPayer, WrongAmount, Rounding, DuplicateUnseen, DuplicateBooked, DuplicateAndLost, Charge, MonthlyFee, Reversal,
		OwnReversal, UnansweredReversal, RefundInTransit, UnansweredPayout, PaidLater, BookedLater, OtherChannel, OtherReference,
		OnOtherStatement, TwoPayments, TwoLines, NotShown, StrangePayout, RepeatedLine, WithdrawalToBank, UtilityToMerchant,
	}
}

// Plan says what the month is made of.
type Plan struct {
	Seed uint64
	// From is where the month begins, Days how long it is.
	From time.Time
	Days int
	// Channel is the shortcode's channel, Other another one of the same merchant.
	Channel, Other int64
	// Clean is how many payments have no fault.
	Clean int
	// Counts is how many there are of each fault.
	Counts map[Fault]int
	// FirstRow is the number of the statement's first line, 8 in a file with the portal's header above it.
	FirstRow int
	// NewestFirst turns the statement round, as the portal shows it.
	NewestFirst bool
	// Opening is the statement's balance before the month.
	Opening money.Money
	// Payouts are those of the month; the charge of one counts as a fault of the kind Charge.
	Payouts []Payout
}

// The numbers of a usual plan.
const (
	portalFirstRow = 8
	usualOpening   = 2_500_000_00
	usualDays      = 30
)

// Usual is a month of that many payments without a fault, and each of every fault.
func Usual(seed uint64, clean, each int) Plan {
	p := Plan{
		Seed: seed, From: time.Date(2025, 10, 31, 21, 0, 0, 0, time.UTC), Days: usualDays, Channel: 1, Other: 2, Clean: clean,
		Counts: map[Fault]int{}, FirstRow: portalFirstRow, Opening: money.Of(usualOpening, money.KES),
	}
	for _, f := range All() {
		p.Counts[f] = each
	}
	return p
}
