package statement

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// PaystackColumns names the columns of Paystack's exports, whose names are not documented; an empty name is looked for
// under the usual ones. It is kept as JSON.
type PaystackColumns struct {
	ID         string `json:"id,omitempty"`
	Reference  string `json:"reference,omitempty"`
	Amount     string `json:"amount,omitempty"`
	Fees       string `json:"fees,omitempty"`
	Status     string `json:"status,omitempty"`
	PaidAt     string `json:"paid_at,omitempty"`
	Currency   string `json:"currency,omitempty"`
	Settlement string `json:"settlement,omitempty"`
	// Of settlements: what was processed, what was paid out, what was held back, and when.
	Gross      string `json:"gross,omitempty"`
	Net        string `json:"net,omitempty"`
	Deductions string `json:"deductions,omitempty"`
	SettledAt  string `json:"settled_at,omitempty"`
	// Subunits says that amounts are in cents, as in the API, and not in major units, as dashboards write them.
	Subunits bool `json:"subunits,omitempty"`
}

// pick is the name that was chosen, else the usual ones.
func pick(chosen string, usual ...string) []string {
	if n := folded(chosen); n != "" {
		return []string{n}
	}
	return usual
}

func (c *PaystackColumns) orNone() PaystackColumns {
	if c == nil {
		return PaystackColumns{}
	}
	return *c
}

func (c PaystackColumns) id() []string {
	return pick(c.ID, "id", "transaction id")
}

func (c PaystackColumns) reference() []string {
	return pick(c.Reference, "reference", "transaction reference")
}

func (c PaystackColumns) amount() []string {
	return pick(c.Amount, "amount", "amount paid", "transaction amount")
}

func (c PaystackColumns) paidAt() []string {
	return pick(c.PaidAt, "paid at", "paidat", "date paid", "transaction date", "date")
}

func (c PaystackColumns) status() []string {
	return pick(c.Status, "status", "transaction status")
}

func (c PaystackColumns) fees() []string {
	return pick(c.Fees, "fees", "paystack fees", "total fees", "transaction fees", "fee")
}

func (c PaystackColumns) settlementID() []string {
	return pick(c.ID, "id", "settlement id")
}

func (c PaystackColumns) settledAt() []string {
	return pick(c.SettledAt, "settlement date", "settled at", "date settled", "settled on", "date")
}

func (c PaystackColumns) net() []string {
	return pick(c.Net, "effective amount", "net amount", "amount settled", "settled amount", "net")
}

func (c PaystackColumns) gross() []string {
	return pick(c.Gross, "total processed", "gross amount", "total amount", "gross")
}

// isTransactions knows the row of names of a table of transactions.
func (c *PaystackColumns) isTransactions(names []string) bool {
	k := c.orNone()
	return place(names, k.reference()...) >= 0 && place(names, k.amount()...) >= 0 && place(names, k.status()...) >= 0 && place(names, k.paidAt()...) >= 0
}

// isSettlements knows the row of names of a table of settlements.
func (c *PaystackColumns) isSettlements(names []string) bool {
	k := c.orNone()
	return place(names, k.settlementID()...) >= 0 && place(names, k.settledAt()...) >= 0 && (place(names, k.net()...) >= 0 || place(names, k.gross()...) >= 0)
}

func isTransactionHeader(names []string) bool { return (*PaystackColumns)(nil).isTransactions(names) }

func isSettlementHeader(names []string) bool { return (*PaystackColumns)(nil).isSettlements(names) }

// paystack is what both of Paystack's tables share.
type paystack struct {
	rows     rowSource
	names    []string
	header   *Header
	dates    dates
	subunits bool
	needs    int // how many columns a row must have
}

// uses notes which columns are read.
func (p *paystack) uses(columns ...int) {
	for _, c := range columns {
		p.needs = max(p.needs, c+1)
	}
}

func newPaystack(rows rowSource, isHeader func([]string) bool, header *Header, o Options) (paystack, error) {
	d, err := o.datesOf(paystackLayouts(), time.UTC)
	if err != nil {
		return paystack{}, err
	}
	names, err := findHeader(rows, isHeader, nil)
	if err != nil {
		return paystack{}, err
	}
	p := paystack{rows: rows, names: names, header: header, dates: d, subunits: o.Paystack.orNone().Subunits}
	if _, api := rows.(*jsonRows); api {
		p.subunits = true
	}
	return p, nil
}

var errSubunits = errors.New("is not a whole number of cents")

// amount reads a cell; a blank one is nothing, and none is less than nothing.
func (p *paystack) amount(r *row, column string, at int, c money.Currency) (money.Money, error) {
	s := r.cell(at)
	if !p.subunits {
		a, err := plainMarks().amount(s, c)
		if err == nil && a.Minor < 0 {
			err = errNoAmount
		}
		if err != nil {
			return a, r.wrong(column, err)
		}
		return a, nil
	}
	n := int64(0)
	if !digitsOnly(s) || len(s) > 15 {
		return money.Money{}, r.wrong(column, errSubunits)
	}
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	if _, err := money.Parse(money.Of(n, c).String(), c); err != nil {
		return money.Money{}, r.wrong(column, err)
	}
	return money.Of(n, c), nil
}

func (p *paystack) currency(r *row, at int) (money.Currency, error) {
	s := r.cell(at)
	if s == "" {
		return p.header.Currency, nil
	}
	c, err := money.ParseCurrency(s)
	if err != nil {
		return "", r.wrongText(columnCurrency, "is not one of KES, NGN, GHS, ZAR, USD")
	}
	return c, nil
}

// line is a line of the row with nothing in or out yet.
func (p *paystack) line(r *row, kind reconciliation.Kind, receipt, status string, c money.Currency) Line {
	return Line{Number: r.number, Kind: kind, Receipt: receipt, Status: status, PaidIn: money.Of(0, c), Withdrawn: money.Of(0, c)}
}

// transactions reads rows of Paystack's transactions: each is the payment, and the fee if there is one.
type transactions struct {
	paystack
	id, reference, amount, fees, status, paidAt, currency int
}

func newPaystackTransactions(rows rowSource, header *Header, o Options) (*transactions, error) {
	p, err := newPaystack(rows, o.Paystack.isTransactions, header, o)
	if err != nil {
		return nil, err
	}
	k := o.Paystack.orNone()
	t := &transactions{
		paystack: p, id: place(p.names, k.id()...), reference: place(p.names, k.reference()...), amount: place(p.names, k.amount()...), fees: place(p.names, k.fees()...),
		status: place(p.names, k.status()...), paidAt: place(p.names, k.paidAt()...), currency: place(p.names, pick(k.Currency, "currency")...),
	}
	t.uses(t.id, t.reference, t.amount, t.fees, t.status, t.paidAt, t.currency)
	if k.Fees != "" && t.fees < 0 || k.ID != "" && t.id < 0 {
		return nil, fmt.Errorf("%w: a column that it names is not there", ErrMapping)
	}
	return t, nil
}

// next reads one row.
func (t *transactions) next(into []Line) ([]Line, error) {
	r, err := t.rows.next()
	if err != nil || r.filled() == 0 {
		return into, err
	}
	if len(r.cells) < t.needs {
		return into, r.wrongText("", "is cut short")
	}
	c, err := t.paystack.currency(&r, t.currency)
	if err != nil {
		return into, err
	}
	id, reference := r.cell(t.id), r.cell(t.reference)
	if isScientific(id) || isScientific(reference) {
		return into, r.wrong(columnReference, errScientific)
	}
	if reference == "" || len(reference) > maxText || len(id) > maxText {
		return into, r.wrongText(columnReference, "is missing, or too long")
	}
	if id == "" {
		id = reference
	}
	status, completed, err := paystackStatus(r.cell(t.status))
	if err != nil {
		return into, r.wrong(columnStatus, err)
	}
	l := t.line(&r, reconciliation.KindPayment, id, status, c)
	l.Completed, l.Account = completed, domain.Personal(reference)
	if l.PaidIn, err = t.paystack.amount(&r, columnAmount, t.amount, c); err != nil {
		return into, err
	}
	if s := r.cell(t.paidAt); s != "" || completed {
		if l.CompletedAt, err = t.dates.parse(s); err != nil {
			return into, r.wrong(columnDate, err)
		}
	}
	fees, err := t.paystack.amount(&r, columnFees, t.fees, c)
	if err != nil {
		return into, err
	}
	into = append(into, l)
	if completed && fees.Minor > 0 {
		f := t.line(&r, reconciliation.KindCharge, id, status, c)
		f.Completed, f.Withdrawn, f.CompletedAt = true, fees, l.CompletedAt
		into = append(into, f)
	}
	if status == statusReversed { // paid, and all of it given back
		b := t.line(&r, reconciliation.KindReversal, "", status, c)
		b.Completed, b.Withdrawn, b.Linked, b.CompletedAt = true, l.PaidIn, id, l.CompletedAt
		into = append(into, b)
	}
	return into, nil
}

const statusReversed = "reversed"

// paystackStatus knows the statuses of a transaction (Paystack, Verify Transaction); money moved in those that were paid.
func paystackStatus(s string) (string, bool, error) {
	switch s = strings.ToLower(s); s {
	case "success", "successful", "reversal-pending", statusReversed:
		return s, true, nil
	case "failed", "abandoned", "ongoing", "pending", "processing", "queued":
		return s, false, nil
	case "":
		return s, false, errors.New("is missing")
	}
	return "", false, errors.New("is none that is known")
}
