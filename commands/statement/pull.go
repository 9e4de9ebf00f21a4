package statement

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Pulled is a row of what Daraja lists when it is asked for payments (Daraja, Pull Transactions).
type Pulled struct {
	Receipt string
	At      time.Time
	Amount  money.Money // KES, not negative
	// Payment says that it is a customer's payment; Type is the provider's word for it.
	Payment bool
	Type    string
	Account string // as the payer typed it
	Phone   string // as it came: with or without 254, masked, or empty
	Name    string
}

// pulledRow is a Pulled as it is written.
type pulledRow struct {
	Receipt string `json:"receipt"`
	At      string `json:"paid_at"`
	Amount  string `json:"amount"`
	Kind    string `json:"kind"`
	Type    string `json:"type"`
	Account string `json:"account,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Name    string `json:"name,omitempty"`
}

// WritePulled writes rows as MpesaPullJSON reads them. The same rows are the same bytes.
func WritePulled(w io.Writer, rows []Pulled) error {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(`{"data":[`) // the writer keeps its first error
	for i, r := range rows {
		row := pulledRow{
			Receipt: r.Receipt, At: r.At.UTC().Format(time.RFC3339), Amount: r.Amount.String(), Kind: string(reconciliation.KindOther), Type: r.Type,
			Account: r.Account, Phone: r.Phone, Name: r.Name,
		}
		if r.Payment {
			row.Kind = string(reconciliation.KindPayment)
		}
		raw, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("write row %d: %w", i+1, err)
		}
		if i > 0 {
			_ = out.WriteByte(',')
		}
		_, _ = out.Write(raw)
	}
	_, _ = out.WriteString("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return nil
}

// pulledFields are the names in pulledRow; the constants are their places.
func pulledFields() []string {
	return []string{"receipt", "paid_at", "amount", "kind", "type", "account", "phone", "name"}
}

const (
	pulledReceipt = iota
	pulledAt
	pulledAmount
	pulledKind
	pulledType
	pulledAccount
	pulledPhone
	pulledName
)

// pulled reads what WritePulled writes.
type pulled struct {
	rows   *jsonRows
	header *Header
	dates  dates
}

func newPulled(text io.Reader, header *Header) (*pulled, error) {
	p := &pulled{rows: newJSONRows(text, pulledFields()), header: header, dates: dates{layouts: []string{time.RFC3339}, zone: time.UTC}}
	_, err := p.rows.next() // the names
	return p, err
}

// next reads one row. What is no customer's payment is told and moves nothing: which types there are is not documented, and
// neither is what their amounts mean.
func (p *pulled) next(into []Line) ([]Line, error) {
	r, err := p.rows.next()
	if err != nil {
		return into, err
	}
	c := p.header.Currency
	l := Line{
		Number: r.number, Receipt: r.cell(pulledReceipt), Kind: reconciliation.KindOther, Status: "listed", ReasonType: short(r.cell(pulledType)),
		Account: domain.Personal(short(r.cell(pulledAccount))), Party: pulledParty(r.cell(pulledPhone), r.cell(pulledName)),
		PaidIn: money.Of(0, c), Withdrawn: money.Of(0, c),
	}
	if l.Receipt == "" || len(l.Receipt) > maxText {
		return into, r.wrongText(columnReceipt, "is missing, or too long")
	}
	if l.CompletedAt, err = p.dates.parse(r.cell(pulledAt)); err != nil {
		return into, r.wrong(columnDate, err)
	}
	amount, err := plainMarks().amount(r.cell(pulledAmount), c)
	if err == nil && amount.Minor < 0 {
		err = errNoAmount
	}
	if err != nil {
		return into, r.wrong(columnAmount, err)
	}
	if r.cell(pulledKind) == string(reconciliation.KindPayment) {
		l.Kind, l.Completed, l.PaidIn = reconciliation.KindPayment, true, amount
	}
	return append(into, l), nil
}

// pulledParty is the payer as the portal writes them. The list has numbers without the 254 of the country.
func pulledParty(phone, name string) domain.Personal {
	const local = 9
	if len(phone) == local && strings.Trim(phone, "0123456789*") == "" {
		phone = "254" + phone
	}
	if name == "" {
		return domain.Personal(short(phone))
	}
	return domain.Personal(short(phone + " - " + name))
}
