package statement

import (
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Line is one line of a statement, whatever its format. A row that shows an amount and its fee is two.
type Line struct {
	// Number is the line or row in the file, from 1.
	Number int
	// Key is the line's identity: the same for the same line in every file that shows it (see keys.go).
	Key string
	// Fingerprint is a hash of all that stands on the line and is not personal: it changes when a status or a balance does.
	Fingerprint string
	Receipt     string
	Linked      string
	CompletedAt time.Time // UTC
	InitiatedAt time.Time // UTC, zero when not shown
	Details     domain.Personal
	Status      string
	// Completed says that the line moved money.
	Completed bool
	PaidIn    money.Money // not negative
	Withdrawn money.Money // not negative
	Balance   *money.Money
	// ReasonType is the provider's word for what it is, Kind is ours.
	ReasonType string
	Kind       reconciliation.Kind
	// Party is the other side, as it stands there: a number, perhaps masked, and a name.
	Party domain.Personal
	// Account is the account or reference that the payer named.
	Account domain.Personal
	// AccountUnsure says that a spreadsheet has turned the account into a number and lost digits of it.
	AccountUnsure bool
}

// Amount is what the line moved: more than zero came in.
func (l *Line) Amount() money.Money {
	return money.Of(l.PaidIn.Minor-l.Withdrawn.Minor, l.PaidIn.Currency)
}

// Phone is the number at the begin of Party, as it is shown there; empty when there is none.
func (l *Line) Phone() string {
	number, _, _ := strings.Cut(string(l.Party), " - ")
	number = strings.TrimSpace(number)
	for i := 0; i < len(number); i++ {
		if c := number[i]; (c < '0' || c > '9') && c != '*' && c != '+' && c != ' ' {
			return ""
		}
	}
	return number
}

// Entry is the line as it is matched; false for one that moved no money.
func (l *Line) Entry() (reconciliation.Line, bool) {
	if !l.Completed || l.PaidIn.Minor == 0 && l.Withdrawn.Minor == 0 {
		return reconciliation.Line{}, false
	}
	return reconciliation.Line{
		Number: l.Number, Key: l.Key, Kind: l.Kind, Receipt: l.Receipt, Linked: l.Linked, Account: string(l.Account), AccountUnsure: l.AccountUnsure,
		Phone: l.Phone(), Details: string(l.Details), Amount: l.Amount(), Balance: l.Balance, At: l.CompletedAt, Started: l.InitiatedAt,
	}, true
}

// Header is what a statement says of itself.
type Header struct {
	Holder    domain.Personal
	ShortCode string
	// Account is the account at the provider or bank whose statement it is.
	Account  domain.Personal
	Currency money.Currency
	// From and To are the period as it stands there, To included; zero when not stated.
	From time.Time
	To   time.Time
	// The balances and totals are nil when they are not stated.
	Opening  *money.Money
	Closing  *money.Money
	PaidIn   *money.Money
	TakenOut *money.Money
}

// Period is the stated period; false when there is none.
func (h Header) Period() (reconciliation.Period, bool) {
	if h.From.IsZero() || h.To.Before(h.From) {
		return reconciliation.Period{}, false
	}
	return reconciliation.Period{From: h.From, Until: h.To.Add(time.Second)}, true
}

// Summary is what a file comes to, once it was read to its end.
type Summary struct {
	Format Format
	// SHA256 is the file's hash, in hex: the same file again has the same.
	SHA256 string
	// Lines are the good lines, Completed those of them that moved money, Skipped the rows that are none (blank, or a footer
	// that the mapping allows).
	Lines     int
	Completed int
	Skipped   int
	// PaidIn and Withdrawn are the sums of the completed lines.
	PaidIn    money.Money
	Withdrawn money.Money
	// First and Last are the earliest and the latest line.
	First time.Time
	Last  time.Time
	// Checks are the comparisons of those sums with the header's.
	Checks []Check
	// Unsure is how many lines have an account that a spreadsheet damaged.
	Unsure int
}

// Check compares a sum with what the file states.
type Check struct {
	Name   string
	Stated money.Money
	Found  money.Money
}

// Agrees tells whether the two are the same.
func (c Check) Agrees() bool { return c.Stated == c.Found }

// String names both.
func (c Check) String() string {
	return c.Name + ": the file states " + c.Stated.Format() + ", its lines make " + c.Found.Format()
}
