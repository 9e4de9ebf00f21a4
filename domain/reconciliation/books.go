package reconciliation

import (
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Status is how a book entry stands. The zero value is pending.
type Status string

// The statuses.
const (
	StatusPending   Status = "pending"
	StatusCompleted Status = "completed"
	StatusFailed    Status = "failed" // for a payment that is no proof that no money moved
)

// Payment is a transaction of ours, whatever became of it.
type Payment struct {
	Reference string
	// MerchantReference is what the merchant calls it, empty if it has no name.
	MerchantReference string
	// Channel is where it is looked for, and where its fee was taken.
	Channel int64
	// Asked says that we asked for the money: a checkout or a push. A payment that the customer made unasked is not.
	Asked bool
	// Amount is what was asked for, or what came when nobody asked.
	Amount money.Money
	Status Status
	// OpenedAt is when it was initialized.
	OpenedAt time.Time
	Receipts []Receipt
	Attempts []Attempt
	// Fee is what the books have posted as the provider's fee for it, not negative; FeeAt is when, zero when nothing was.
	Fee   money.Money
	FeeAt time.Time
	// FeeLater is what of Fee was not posted at FeeAt: what corrects an estimate.
	FeeLater []Posted
	// Settlement is the provider's id of the settlement that it was paid out with, empty when not known.
	Settlement string
	// Events are the ids of the events that say so, handed through to the results; they may be left out to save memory.
	Events []string
}

// Receipt is money that the books know of.
type Receipt struct {
	// Number is the provider's receipt; empty when the provider confirmed the payment without naming one.
	Number string
	Amount money.Money
	// PaidAt is the provider's time; CreditedAt is when the books counted it, zero when they have not: a notice that
	// nobody has confirmed.
	PaidAt     time.Time
	CreditedAt time.Time
	// Channel is where it came, 0 for the payment's.
	Channel int64
}

// Posted is a part of an amount, which may be less than zero, and when the books counted it.
type Posted struct {
	Amount money.Money
	At     time.Time
}

// Attempt is one try to get the money from a phone or a card.
type Attempt struct {
	// Phone is the number that was asked, empty if none.
	Phone string
	// Account is the account reference or the provider's reference that was sent with it.
	Account string
	// RequestedAt is when the customer was asked, Window until when an answer was waited for.
	RequestedAt time.Time
	Window      time.Time
	// Refused says that the provider itself called the attempt failed; our own patience running out does not.
	Refused bool
}

// Refund is money that we send back.
type Refund struct {
	Reference string
	// Payment is the reference of the payment that it gives back.
	Payment string
	Channel int64
	Amount  money.Money // more than zero
	Status  Status
	// Receipt is the provider's receipt of the refund, empty when not known.
	Receipt string
	// Phone is where it is sent, empty for a reversal.
	Phone string
	// SentAt is when the provider was asked, BookedAt when the books counted it, zero when they have not.
	SentAt   time.Time
	BookedAt time.Time
	// MovedAt is when the money went back by the provider's clock, zero while that is not known.
	MovedAt    time.Time
	Settlement string
	Events     []string
}

// Payout is other money that the books know to have left the statement's account, or to have come to it: payouts,
// withdrawals to the bank, transfers between own accounts, and settlements on their way to a bank account.
type Payout struct {
	Reference string
	Channel   int64
	// Kind is KindPayout, KindWithdrawalToBank, KindUtilityToMerchant or KindSettlement.
	Kind   Kind
	Amount money.Money // more than zero
	// Incoming says that the money comes to the statement's account, as a settlement does to the bank's.
	Incoming bool
	Status   Status
	Receipt  string
	Phone    string
	// SentAt is when it was sent, BookedAt when the books counted it, zero when they have not.
	SentAt   time.Time
	BookedAt time.Time
	// Fee is what the books have posted as the provider's charge for it, not negative; FeeAt is when, zero when nothing was.
	Fee        money.Money
	FeeAt      time.Time
	Settlement string
	Events     []string
}

// Elsewhere is a receipt that the statement of another channel shows.
type Elsewhere struct {
	Receipt string
	Channel int64
}
