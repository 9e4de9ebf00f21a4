package statement

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// WriteMpesaCSV writes an organisation statement as the portal exports it: the header block, the row of names, a row for
// each line. Simulators and demonstrations use it; what it writes is read again as it was. Of a line it needs what is
// matched: reason types and details are made up from the kind, and the other party is called after nobody.
func WriteMpesaCSV(w io.Writer, h Header, lines iter.Seq[reconciliation.Line]) error {
	out := csv.NewWriter(w)
	for _, r := range mpesaHead(h) {
		_ = out.Write(r) // the writer keeps its first error
	}
	cells := make([]string, len(mpesaNames()))
	for l := range lines {
		if err := out.Write(mpesaRow(cells, &l)); err != nil {
			return fmt.Errorf("write line %d: %w", l.Number, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	return nil
}

// mpesaNames are the names of the columns (M-Pesa organisation portal, statement export).
func mpesaNames() []string {
	return []string{
		columnReceipt, columnCompleted, columnInitiated, columnDetails, columnStatus, columnPaidIn, columnWithdrawn, columnBalance, "Balance Confirmed",
		columnReason, columnParty, columnLinked, columnAccount,
	}
}

// mpesaHead is the block of seven rows above the lines.
func mpesaHead(h Header) [][]string {
	return [][]string{
		{"Account Holder", string(h.Holder)},
		{"Short Code", h.ShortCode},
		{"Account", string(h.Account)},
		{columnPeriod, "", "From " + portalTime(h.From), "", "To " + portalTime(h.To)},
		{"Operator", "portal", "", "Date of Report:", portalTime(h.To)},
		{
			"Opening Balance", stated(h.Opening), "Closing Balance", stated(h.Closing), "Available Balance", stated(h.Closing),
			"Total Paid In", stated(h.PaidIn), "Total Withdrawn", stated(h.TakenOut),
		},
		mpesaNames(),
	}
}

func portalTime(t time.Time) string { return t.In(eat()).Format("02-01-2006 15:04:05") }

// stated is a balance as the portal writes it, with commas and two decimals.
func stated(m *money.Money) string {
	if m == nil {
		return ""
	}
	return m.Format()[len(m.Currency)+1:]
}

func mpesaRow(cells []string, l *reconciliation.Line) []string {
	in, out := "", ""
	abs := money.Of(max(l.Amount.Minor, -l.Amount.Minor), l.Amount.Currency)
	if l.Amount.Minor >= 0 {
		in = stated(&abs)
	} else {
		out = stated(&abs)
	}
	party := ""
	if l.Phone != "" {
		party = l.Phone + " - SAMPLE PAYER"
	}
	started := l.Started
	if started.IsZero() {
		started = l.At
	}
	copy(cells, []string{
		l.Receipt, portalTime(l.At), portalTime(started), mpesaDetails(l, party), "Completed", in, out, stated(l.Balance), "true",
		mpesaReason(l.Kind), party, l.Linked, l.Account,
	})
	return cells
}

// mpesaReason is a reason type that is sorted into this kind again.
func mpesaReason(k reconciliation.Kind) string {
	switch k {
	case reconciliation.KindPayment:
		return "Pay Bill Online"
	case reconciliation.KindCharge:
		return "Pay Bill Charge"
	case reconciliation.KindReversal:
		return "Transaction Reversal"
	case reconciliation.KindUtilityToMerchant:
		return "Utility Account to Organization Settlement Account"
	case reconciliation.KindWithdrawalToBank:
		return "Organization Settlement Account to Bank"
	case reconciliation.KindPayout:
		return "Business Payment"
	case reconciliation.KindFee:
		return "Monthly Service Fee"
	default:
		return "Adjustment"
	}
}

func mpesaDetails(l *reconciliation.Line, party string) string {
	switch {
	case l.Kind != reconciliation.KindPayment:
		return mpesaReason(l.Kind)
	case party == "":
		return "Pay Bill"
	case l.Account == "":
		return "Pay Bill from " + party
	}
	return "Pay Bill from " + party + " Acc. " + l.Account
}
