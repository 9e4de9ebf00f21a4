package statement

import (
	"errors"
	"strings"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// settlements reads rows of Paystack's settlements: each is what was processed, the fees and what was held back. Where a
// file shows only what was paid out, that is the settlement.
type settlements struct {
	paystack
	id, gross, fees, deductions, net, status, settledAt, currency int
}

func newPaystackSettlements(rows rowSource, header *Header, o Options) (*settlements, error) {
	p, err := newPaystack(rows, o.Paystack.isSettlements, header, o)
	if err != nil {
		return nil, err
	}
	k := o.Paystack.orNone()
	s := &settlements{
		paystack: p, id: place(p.names, k.settlementID()...), gross: place(p.names, k.gross()...), fees: place(p.names, k.fees()...),
		deductions: place(p.names, pick(k.Deductions, "deductions", "refunds")...), net: place(p.names, k.net()...), status: place(p.names, pick(k.Status, "status")...),
		settledAt: place(p.names, k.settledAt()...), currency: place(p.names, pick(k.Currency, "currency")...),
	}
	s.uses(s.id, s.gross, s.fees, s.deductions, s.net, s.status, s.settledAt, s.currency)
	return s, nil
}

// next reads one row.
func (s *settlements) next(into []Line) ([]Line, error) {
	r, err := s.rows.next()
	if err != nil || r.filled() == 0 {
		return into, err
	}
	if len(r.cells) < s.needs {
		return into, r.wrongText("", "is cut short")
	}
	c, err := s.paystack.currency(&r, s.currency)
	if err != nil {
		return into, err
	}
	id := r.cell(s.id)
	switch {
	case isScientific(id):
		return into, r.wrong(columnID, errScientific)
	case id == "" || len(id) > maxText:
		return into, r.wrongText(columnID, "is missing, or too long")
	}
	at, err := s.dates.parse(r.cell(s.settledAt))
	if err != nil {
		return into, r.wrong(columnDate, err)
	}
	status, completed, err := settlementStatus(r.cell(s.status))
	if err != nil {
		return into, r.wrong(columnStatus, err)
	}
	var gross, fees, held, net money.Money
	for _, a := range [...]struct {
		into   *money.Money
		column string
		at     int
	}{{&gross, "Total Processed", s.gross}, {&fees, columnFees, s.fees}, {&held, "Deductions", s.deductions}, {&net, "Effective Amount", s.net}} {
		if *a.into, err = s.paystack.amount(&r, a.column, a.at, c); err != nil {
			return into, err
		}
	}
	if r.cell(s.gross) == "" {
		if r.cell(s.net) == "" {
			return into, r.wrongText(columnAmount, "is missing")
		}
		gross, fees, held = net, money.Of(0, c), money.Of(0, c)
	}
	if r.cell(s.net) != "" && gross.Minor-fees.Minor-held.Minor != net.Minor {
		return into, r.wrongText("Effective Amount", "is not what was processed less fees and deductions")
	}
	for _, part := range [...]struct {
		kind    reconciliation.Kind
		in, out money.Money
	}{{reconciliation.KindSettlement, gross, money.Of(0, c)}, {reconciliation.KindCharge, money.Of(0, c), fees}, {reconciliation.KindSettlementRefund, money.Of(0, c), held}} {
		if part.kind != reconciliation.KindSettlement && part.out.Minor == 0 {
			continue
		}
		l := s.line(&r, part.kind, id, status, c)
		l.Completed, l.CompletedAt, l.PaidIn, l.Withdrawn = completed, at, part.in, part.out
		into = append(into, l)
	}
	return into, nil
}

// settlementStatus knows the statuses of a settlement; a file that has none holds those that were paid out.
func settlementStatus(s string) (string, bool, error) {
	switch s = strings.ToLower(s); s {
	case "", "success", "successful", "settled", "paid":
		return s, true, nil
	case "processing", "pending", "failed":
		return s, false, nil
	}
	return "", false, errors.New("is none that is known")
}
