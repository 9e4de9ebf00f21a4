package statement

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// statusBooked is the status of lines of statements that hold nothing else.
const statusBooked = "Booked"

// bank reads a bank's CSV by its mapping.
type bank struct {
	rows    rowSource
	mapping Mapping
	header  *Header
	marks   marks
	dates   dates
	// Where the columns stand, -1 for those that the mapping does not name.
	date, reference, amount, debit, credit, balance, currency, sign int
	details                                                         []int
	needs                                                           int // how many columns a row must have
}

func newBank(text io.Reader, header *Header, o Options) (*bank, error) {
	if o.Bank == nil {
		return nil, fmt.Errorf("%w: a bank's CSV needs one", ErrMapping)
	}
	m := *o.Bank
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	mark, numbers, d, err := m.settled()
	if err != nil {
		return nil, err
	}
	b := &bank{rows: newCSVRows(text, mark), mapping: m, header: header, marks: numbers, dates: d}
	named := b.columns()
	names, err := findHeader(b.rows, func(names []string) bool {
		for _, c := range named {
			if place(names, folded(c.name)) < 0 {
				return false
			}
		}
		return true
	}, nil)
	if err != nil {
		return nil, errors.Join(ErrMapping, err)
	}
	b.date, b.reference, b.amount, b.debit, b.credit, b.balance, b.currency, b.sign = -1, -1, -1, -1, -1, -1, -1, -1
	for _, c := range named {
		at := place(names, folded(c.name))
		b.needs = max(b.needs, at+1)
		if c.at == nil {
			b.details = append(b.details, at)
		} else {
			*c.at = at
		}
	}
	return b, nil
}

type namedColumn struct {
	name string
	at   *int // nil for one of the details
}

// columns are the columns that the mapping names.
func (b *bank) columns() []namedColumn {
	m := &b.mapping
	all := []namedColumn{{m.Date, &b.date}, {m.Reference, &b.reference}, {m.Balance, &b.balance}, {m.Currency, &b.currency}}
	if m.Sign == SignColumns {
		all = append(all, namedColumn{m.Debit, &b.debit}, namedColumn{m.Credit, &b.credit})
	} else {
		all = append(all, namedColumn{m.Amount, &b.amount})
	}
	if m.Sign == SignWord {
		all = append(all, namedColumn{m.SignName, &b.sign})
	}
	for _, d := range m.Details {
		all = append(all, namedColumn{d, nil})
	}
	var out []namedColumn
	for _, c := range all {
		if folded(c.name) != "" {
			out = append(out, c)
		}
	}
	return out
}

// next reads one row.
func (b *bank) next(into []Line) ([]Line, error) {
	r, err := b.rows.next()
	if err != nil {
		return into, err
	}
	if r.filled() == 0 || b.mapping.Footer && b.isFooter(&r) {
		return into, nil
	}
	l, err := b.line(&r)
	if err != nil {
		return into, err
	}
	return append(into, l), nil
}

// isFooter tells a row that has neither a date nor an amount.
func (b *bank) isFooter(r *row) bool {
	if r.cell(b.amount) != "" || r.cell(b.debit) != "" || r.cell(b.credit) != "" {
		return false
	}
	_, err := b.dates.parse(r.cell(b.date))
	return err != nil
}

func (b *bank) line(r *row) (Line, error) {
	l := Line{Number: r.number, Status: statusBooked, Completed: true, Receipt: short(r.cell(b.reference))}
	if len(r.cells) < b.needs {
		return l, r.wrongText("", "is cut short")
	}
	var err error
	if l.CompletedAt, err = b.dates.parse(r.cell(b.date)); err != nil {
		return l, r.wrong(columnDate, err)
	}
	currency := b.header.Currency
	if s := r.cell(b.currency); s != "" {
		if currency, err = money.ParseCurrency(s); err != nil {
			return l, r.wrongText(columnCurrency, "is not one of KES, NGN, GHS, ZAR, USD")
		}
	}
	moved, err := b.moved(r, currency)
	if err != nil {
		return l, err
	}
	l.PaidIn, l.Withdrawn = bothSides(moved)
	if s := r.cell(b.balance); s != "" {
		balance, err := b.signed(s, currency)
		if err != nil {
			return l, r.wrong(columnBalance, err)
		}
		l.Balance = &balance
	}
	var texts []string
	for _, d := range b.details {
		if t := r.cell(d); t != "" {
			texts = append(texts, t)
		}
	}
	details := short(strings.Join(texts, " "))
	l.Details, l.Kind = domain.Personal(details), bankKind(b.mapping.Kinds, details, moved)
	return l, nil
}

// bothSides are what came in and what went out.
func bothSides(moved money.Money) (in, out money.Money) {
	in, out = money.Of(0, moved.Currency), money.Of(0, moved.Currency)
	if moved.Minor >= 0 {
		return moved, out
	}
	out.Minor = -moved.Minor
	return in, out
}

// bankKind is what the first rule that fits says, else a payment for money in and a payout for money out.
func bankKind(rules []KindRule, details string, moved money.Money) reconciliation.Kind {
	text := strings.ToLower(details)
	for _, rule := range rules {
		if strings.Contains(text, strings.ToLower(clean(rule.Contains))) {
			return rule.Kind
		}
	}
	if moved.Minor < 0 {
		return reconciliation.KindPayout
	}
	return reconciliation.KindPayment
}

// moved is the row's amount, more than zero for money in.
func (b *bank) moved(r *row, c money.Currency) (money.Money, error) {
	if b.mapping.Sign == SignColumns {
		return b.fromColumns(r, c)
	}
	s := r.cell(b.amount)
	if s == "" {
		return money.Money{}, r.wrongText(columnAmount, "is missing")
	}
	a, err := b.signed(s, c)
	if err != nil {
		return a, r.wrong(columnAmount, err)
	}
	if b.mapping.Sign != SignWord {
		return a, nil
	}
	word := folded(r.cell(b.sign))
	out, in := isOneOf(word, b.mapping.DebitWords), isOneOf(word, b.mapping.CreditWords)
	if out == in {
		return a, r.wrongText("Debit or credit", "is neither, or both")
	}
	a.Minor = max(a.Minor, -a.Minor)
	if out {
		a.Minor = -a.Minor
	}
	return a, nil
}

func isOneOf(word string, list []string) bool {
	for _, w := range list {
		if folded(w) == word && word != "" {
			return true
		}
	}
	return false
}

func (b *bank) fromColumns(r *row, c money.Currency) (money.Money, error) {
	out, err := b.signed(r.cell(b.debit), c)
	if err != nil {
		return out, r.wrong("Debit", err)
	}
	in, err := b.signed(r.cell(b.credit), c)
	if err != nil {
		return in, r.wrong("Credit", err)
	}
	switch {
	case out.Minor != 0 && in.Minor != 0:
		return in, r.wrongText("", "is debit and credit at once")
	case r.cell(b.debit) == "" && r.cell(b.credit) == "":
		return in, r.wrongText("", "is neither debit nor credit")
	}
	in.Minor = max(in.Minor, -in.Minor) - max(out.Minor, -out.Minor)
	return in, nil
}

// signed reads an amount with a minus before or behind it, or in parentheses; a blank one is nothing.
func (b *bank) signed(s string, c money.Currency) (money.Money, error) {
	minus := false
	switch {
	case strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")"):
		s, minus = strings.TrimSpace(s[1:len(s)-1]), true
	case strings.HasSuffix(s, "-"):
		s, minus = strings.TrimSpace(s[:len(s)-1]), true
	}
	if minus && (s == "" || s[0] == '-') {
		return money.Money{}, errNoAmount
	}
	a, err := b.marks.amount(s, c)
	if minus {
		a.Minor = -a.Minor
	}
	return a, err
}
