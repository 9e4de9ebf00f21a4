package reconciliation

import (
	"errors"
	"fmt"

	"github.com/benfex/kipay/domain/money"
)

// StepName is what a step of the balance proof is.
type StepName string

// The steps that are no cause; a step of a cause has the cause's name.
const (
	StepOpening           StepName = "opening_difference"  // statement and books did not begin with the same balance
	StepNotGiven          StepName = "ledger_not_compared" // the ledger moved by entries that the matcher was not given
	StepWithdrawals       StepName = "withdrawals_to_bank"
	StepUtilityToMerchant StepName = "utility_to_merchant"
	StepNotOnLines        StepName = "not_on_the_lines" // the statement's balances moved by more than its lines
)

// Step is one step from the clearing account's balance to the statement's.
type Step struct {
	Name   StepName
	Count  int
	Amount money.Money
	// Balance is the balance after the step.
	Balance money.Money
}

// Account is an account's balance at the begin and at the end of the period.
type Account struct{ Opening, Closing money.Money }

// Proof ties the clearing account to the statement's closing balance, every step named.
type Proof struct {
	Clearing  Account
	Statement Account
	Steps     []Step
	// Ties says that the steps are all the matcher's own: no break in the running balance, nothing of the ledger left out,
	// nothing beside the lines. Proven says that beyond this nothing is unexplained.
	Ties   bool
	Proven bool
}

// ErrCurrency is balances in another currency than the totals.
var ErrCurrency = errors.New("reconciliation: balances in another currency than the lines")

// Prove walks from the clearing account's closing balance to the statement's. clearing and statement are the balances that
// the ledger and the statement state; totals is what Match answered, balance what the check of the lines found. Errors:
// ErrCurrency, and a *BrokenInvariant if the steps miss the closing balance.
func Prove(clearing, statement Account, totals Totals, balance Balance) (Proof, error) {
	c := totals.Statement.Currency
	for _, m := range [...]money.Money{clearing.Opening, clearing.Closing, statement.Opening, statement.Closing, balance.Moved} {
		if m.Currency != c {
			return Proof{}, fmt.Errorf("%w: %q and %q", ErrCurrency, m.Currency, c)
		}
	}
	p := Proof{Clearing: clearing, Statement: statement}
	at := clearing.Closing.Minor
	step := func(name StepName, count int, amount int64) int64 {
		if amount != 0 || count != 0 {
			at += amount
			p.Steps = append(p.Steps, Step{Name: name, Count: count, Amount: money.Of(amount, c), Balance: money.Of(at, c)})
		}
		return amount
	}
	step(StepOpening, 0, statement.Opening.Minor-clearing.Opening.Minor)
	left := step(StepNotGiven, 0, totals.Books.Minor-(clearing.Closing.Minor-clearing.Opening.Minor))
	for _, cause := range Causes() {
		s := totals.ByCause[cause]
		step(StepName(cause), s.Count, s.Amount.Minor)
	}
	bank, own := totals.Transfers[KindWithdrawalToBank], totals.Transfers[KindUtilityToMerchant]
	step(StepWithdrawals, bank.Count, bank.Amount.Minor)
	step(StepUtilityToMerchant, own.Count, own.Amount.Minor)
	beside := step(StepNotOnLines, 0, statement.Closing.Minor-statement.Opening.Minor-balance.Moved.Minor)
	if at != statement.Closing.Minor {
		return p, &BrokenInvariant{What: "the balance after all steps", Want: statement.Closing, Got: money.Of(at, c)}
	}
	p.Ties = left == 0 && beside == 0 && balance.Breaks == 0
	p.Proven = p.Ties && totals.ByCause[Unexplained].Count == 0 && statement.Opening == clearing.Opening
	return p, nil
}
