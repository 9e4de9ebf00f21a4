package simulator

import (
	"errors"
	"fmt"
	"time"
)

// maxStatementRows bounds a statement; a longer time has to be asked for in parts.
const maxStatementRows = 100_000

// StatementQuery asks for an account's movements from a moment, up to and without another.
type StatementQuery struct {
	ShortCode string
	From, To  time.Time // zero: everything, up to now
	Account   string    // "utility" (default), "working" or "charges"
}

// Statement is what the organisation portal exports. Amounts are in cents.
type Statement struct {
	Holder    string
	ShortCode string
	Account   string
	From, To  time.Time
	Operator  string
	ReportAt  time.Time

	Opening, Closing  int64 // before the first row and after the last
	Available         int64 // at the moment of the report
	PaidIn, Withdrawn int64 // the sums of the rows, neither below nothing
	Rows              []StatementRow
}

// StatementRow is a line of an account. A payment and the charge on it have one receipt.
type StatementRow struct {
	Receipt              string
	Completed, Initiated time.Time
	Details              string
	Status               string
	PaidIn, Withdrawn    int64 // one of them is 0
	Balance              int64 // afterwards
	Reason               string
	OtherParty           string
	Linked               string // the payment of a reversal or a charge
	BillRef              string
}

// statementAccount is an account that has a statement, and its name.
func statementAccount(name string, till bool) (accountKind, string, error) {
	switch name {
	case "", "utility":
		return utility, utilityName(till), nil
	case "working":
		return working, "Working Account", nil
	case "charges":
		return chargesPaid, "Charges Paid Account", nil
	}
	return 0, "", fmt.Errorf("account: utility, working or charges, not %q", name)
}

var errStatementTooLong = errors.New("from, to: more than 100,000 rows, ask for a shorter time")

// Statement draws up a statement from the book, the oldest row first. Its opening balance and its rows add up to its
// closing balance, and statements of times that follow on one another share no row.
func (s *Simulator) Statement(q StatementQuery) (Statement, error) {
	sc, err := s.shortCode(q.ShortCode)
	if err != nil {
		return Statement{}, err
	}
	account, name, err := statementAccount(q.Account, sc.Type == Till)
	if err != nil {
		return Statement{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	s.catchUp(now)
	if q.To.IsZero() {
		q.To = now.Truncate(time.Second).Add(time.Second)
	}
	if q.From.IsZero() {
		q.From = s.begun.Truncate(time.Second)
	}
	if !q.From.Before(q.To) {
		return Statement{}, errors.New("to: not after from")
	}
	st := Statement{
		Holder: shopName(sc.Number), ShortCode: sc.Number, Account: name, From: q.From, To: q.To, Operator: "Simulated Operator", ReportAt: now,
		Available: s.ledger.of(sc.Number)[account],
	}
	balance := s.ledger.before(sc.Number)[account]
	st.Opening, st.Closing = balance, balance
	for _, m := range s.ledger.movements {
		if m.shortCode != sc.Number || !m.completed.Before(q.To) {
			continue
		}
		for _, l := range m.lines {
			if l.account != account {
				continue
			}
			balance += l.cents
			st.Closing = balance
			if m.completed.Before(q.From) {
				st.Opening = balance
				continue
			}
			if len(st.Rows) == maxStatementRows {
				return Statement{}, errStatementTooLong
			}
			st.add(m, l)
		}
	}
	return st, nil
}

func (st *Statement) add(m *movement, l line) {
	row := StatementRow{
		Receipt: m.receipt, Completed: m.completed, Initiated: m.initiated, Details: l.details, Status: statusCompleted, Balance: l.balance,
		Reason: l.reason, OtherParty: otherParty(m), Linked: m.reverses, BillRef: m.billRef,
	}
	if l.charge {
		row.Linked = m.receipt
	}
	if l.cents < 0 {
		row.Withdrawn = -l.cents
	} else {
		row.PaidIn = l.cents
	}
	st.PaidIn += row.PaidIn
	st.Withdrawn += row.Withdrawn
	st.Rows = append(st.Rows, row)
}
