package statement

import (
	"fmt"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// isMpesaHeader knows the row of column names of an organisation statement, newer or older.
func isMpesaHeader(names []string) bool {
	return place(names, "receipt no", "receipt") >= 0 && place(names, "paid in") >= 0 && place(names, "withdrawn") >= 0
}

// mpesaColumns is where the columns stand, -1 for those that a layout has not (M-Pesa organisation portal, statement
// export; the older layout names them receipt, date, status and transaction type).
type mpesaColumns struct {
	receipt, completed, initiated, details, status, paidIn, withdrawn, balance, reason, party, linked, account int
}

// mpesa reads the rows of an organisation statement.
type mpesa struct {
	rows     rowSource
	at       mpesaColumns
	needs    int // how many columns a row must have
	header   *Header
	dates    dates
	currency money.Currency
	workbook bool
}

// newMpesa reads the header. workbook says that the rows are of a workbook, which keeps numbers in its own way.
func newMpesa(rows rowSource, header *Header, o Options, workbook bool) (*mpesa, error) {
	d, err := o.datesOf(portalLayouts(), eat())
	if err != nil {
		return nil, err
	}
	d.serials = true
	m := &mpesa{rows: rows, header: header, dates: d, currency: header.Currency, workbook: workbook}
	names, err := findHeader(rows, isMpesaHeader, m.above)
	if err != nil {
		return nil, err
	}
	a := &m.at
	for _, c := range [...]struct {
		at       *int
		names    []string
		required bool
	}{
		{&a.receipt, []string{"receipt no", "receipt"}, true},
		{&a.completed, []string{"completion time", "date"}, true},
		{&a.initiated, []string{"initiation time"}, false},
		{&a.details, []string{"details"}, false},
		{&a.status, []string{"transaction status", "status"}, true},
		{&a.paidIn, []string{"paid in"}, true},
		{&a.withdrawn, []string{"withdrawn"}, true},
		{&a.balance, []string{"balance"}, false},
		{&a.reason, []string{"reason type", "transaction type"}, false},
		{&a.party, []string{"other party info"}, false},
		{&a.linked, []string{"linked transaction id"}, false},
		{&a.account, []string{"a/c no", "account no"}, false},
	} {
		*c.at = place(names, c.names...)
		if *c.at < 0 && c.required {
			return nil, fmt.Errorf("%w: no column is called %s", ErrUnknown, c.names[0])
		}
		m.needs = max(m.needs, *c.at+1)
	}
	if n := twice(names, a.receipt, a.completed, a.status, a.paidIn, a.withdrawn, a.balance, a.linked, a.account); n != "" {
		return nil, fmt.Errorf("%w: two columns are called %s", ErrUnknown, n)
	}
	return m, nil
}

// next reads one row.
func (m *mpesa) next(into []Line) ([]Line, error) {
	r, err := m.rows.next()
	if err != nil {
		return into, err
	}
	if n := r.filled(); n == 0 || n == 1 && !isReceipt(r.cell(m.at.receipt)) {
		return into, nil // blank, or a remark below the table
	}
	l, err := m.line(&r)
	if err != nil {
		return into, err
	}
	return append(into, l), nil
}

func (m *mpesa) line(r *row) (Line, error) {
	l := Line{Number: r.number}
	receipt := r.cell(m.at.receipt)
	switch {
	case len(r.cells) < m.needs && !m.workbook: // a workbook leaves out blank cells at the end
		return l, r.wrongText("", "is cut short")
	case receipt == "":
		return l, r.wrongText(columnReceipt, "is missing")
	case isScientific(receipt):
		return l, r.wrong(columnReceipt, errScientific)
	case !isReceipt(receipt):
		return l, r.wrongText(columnReceipt, "is not 8 to 12 of A to Z and 0 to 9")
	}
	l.Receipt = receipt
	var err error
	if l.CompletedAt, err = m.date(r.cell(m.at.completed)); err != nil {
		return l, r.wrong(columnCompleted, err)
	}
	if s := r.cell(m.at.initiated); s != "" {
		if l.InitiatedAt, err = m.date(s); err != nil {
			return l, r.wrong(columnInitiated, err)
		}
	}
	if l.Status, l.Completed, err = mpesaStatus(r.cell(m.at.status)); err != nil {
		return l, r.wrong(columnStatus, err)
	}
	if err := m.amounts(r, &l); err != nil {
		return l, err
	}
	details := short(r.cell(m.at.details))
	l.Details, l.ReasonType = domain.Personal(details), short(r.cell(m.at.reason))
	l.Kind = mpesaKind(l.ReasonType, details, l.PaidIn.Minor > 0)
	l.Party = domain.Personal(short(r.cell(m.at.party)))
	if l.Party == "" {
		l.Party = domain.Personal(partyIn(details))
	}
	account := short(r.cell(m.at.account))
	if account == "" {
		account = accountIn(details)
	}
	l.Account, l.AccountUnsure = domain.Personal(account), isScientific(account)
	if l.Linked, err = m.linked(r, &l); err != nil {
		return l, err
	}
	return l, nil
}

// linked is the receipt that the row belongs to; a reversal that has none in its column may name it in its details.
func (m *mpesa) linked(r *row, l *Line) (string, error) {
	s := r.cell(m.at.linked)
	switch {
	case s == "" && l.Kind == reconciliation.KindReversal:
		return receiptIn(string(l.Details), l.Receipt), nil
	case s == "":
		return "", nil
	case isScientific(s):
		return "", r.wrong(columnLinked, errScientific)
	case !isReceipt(s):
		return "", r.wrongText(columnLinked, "is not 8 to 12 of A to Z and 0 to 9")
	}
	return s, nil
}

func (m *mpesa) amounts(r *row, l *Line) error {
	var err error
	if l.PaidIn, err = m.amount(r.cell(m.at.paidIn)); err != nil {
		return r.wrong(columnPaidIn, err)
	}
	if l.Withdrawn, err = m.amount(r.cell(m.at.withdrawn)); err != nil {
		return r.wrong(columnWithdrawn, err)
	}
	if l.Withdrawn.Minor < 0 { // some exports write it so
		l.Withdrawn.Minor = -l.Withdrawn.Minor
	}
	switch {
	case l.PaidIn.Minor < 0:
		return r.wrongText(columnPaidIn, "is less than nothing")
	case l.PaidIn.Minor > 0 && l.Withdrawn.Minor > 0:
		return r.wrongText("", "is paid in and withdrawn at once")
	case l.Completed && r.cell(m.at.paidIn) == "" && r.cell(m.at.withdrawn) == "":
		return r.wrongText("", "is completed and moves nothing")
	}
	if s := r.cell(m.at.balance); s != "" {
		balance, err := m.amount(s)
		if err != nil {
			return r.wrong(columnBalance, err)
		}
		l.Balance = &balance
	}
	return nil
}

// dash is how some exports write a blank amount.
const dash = "-"

func (m *mpesa) amount(s string) (money.Money, error) {
	if m.workbook {
		s = workbookNumber(s)
	}
	if s == dash {
		s = ""
	}
	return plainMarks().amount(s, m.currency)
}

func (m *mpesa) date(s string) (time.Time, error) { return m.dates.parse(s) }

// mpesaStatus knows the words of a transaction's status; only one of them moved money.
func mpesaStatus(s string) (string, bool, error) {
	switch strings.ToLower(s) {
	case "completed":
		return s, true, nil
	case "attempted", "cancelled", "declined", "expired", "failed", "pending", "initiated", "authorized":
		return s, false, nil
	case "":
		return "", false, fmt.Errorf("is missing")
	}
	return "", false, fmt.Errorf("is none that is known")
}

// isReceipt tells whether s can be a receipt.
func isReceipt(s string) bool {
	if len(s) < 8 || len(s) > 12 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'Z') {
			return false
		}
	}
	return true
}

// isScientific tells a text that a spreadsheet has made of a long number, such as 1.23E+11.
func isScientific(s string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(s), "E+")
	whole, frac, _ := strings.Cut(mantissa, ".")
	return ok && len(whole) == 1 && digitsOnly(whole) && digitsOnly(frac) && exponent != "" && digitsOnly(exponent)
}
