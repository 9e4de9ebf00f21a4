package reconciliation

import (
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Line is one line of a statement that moved money, as the matcher needs it.
type Line struct {
	// Number is where the line stands in its file, from 1. Two lines can share one: a row that shows an amount and a fee.
	Number int
	// Key is the line's identity, the same in every file that shows it; it is handed through to the results.
	Key  string
	Kind Kind
	// Receipt is the provider's name of the transaction, Linked that of the one that it belongs to. Either may be empty.
	Receipt string
	Linked  string
	// Account is the account or reference that the payer named, as it stands there.
	Account string
	// AccountUnsure says that a spreadsheet has damaged the account: it is not compared.
	AccountUnsure bool
	// Phone is the payer's number, with * for digits that are not shown; empty when there is none.
	Phone string
	// Details is the free text. It is looked at only in bank statements, for our own references.
	Details string
	// Amount is what the line moved: more than zero came in, less went out.
	Amount money.Money
	// Balance is the running balance after the line, nil when the statement shows none.
	Balance *money.Money
	// At is when it was completed, Started when it was begun; Started may be zero.
	At      time.Time
	Started time.Time
}
