package reconciliation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

var (
	begin = time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
	end   = time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	noon  = time.Date(2025, 11, 10, 12, 0, 0, 0, time.UTC)
)

const (
	payer  = "254700000108"
	masked = "25470****108"
	other  = "254711111222"
)

func kes(shillings int64) money.Money { return money.Of(shillings*100, money.KES) }

func mpesa() Scope {
	return Scope{Source: SourceMpesa, Channel: 1, Currency: money.KES, Period: Period{From: begin, Until: end}}
}

// pushed is a payment that waits for the money of one push.
func pushed(reference, account string, shillings int64) Payment {
	return Payment{
		Reference: reference, MerchantReference: account, Channel: 1, Asked: true, Amount: kes(shillings), OpenedAt: noon,
		Attempts: []Attempt{{Phone: payer, Account: account, RequestedAt: noon, Window: noon.Add(2 * time.Minute)}},
	}
}

// under is p completed, by money under these receipts, a minute after each other.
func under(p Payment, receipts ...string) Payment {
	p.Status = StatusCompleted
	for i, r := range receipts {
		at := noon.Add(time.Duration(i+1) * time.Minute)
		p.Receipts = append(p.Receipts, Receipt{Number: r, Amount: p.Amount, PaidAt: at, CreditedAt: at})
	}
	return p
}

// with is v changed; a payment's own lists are not shared with the changed one.
func with[T any](v T, change func(*T)) T {
	if p, ok := any(&v).(*Payment); ok {
		p.Receipts, p.Attempts = slices.Clone(p.Receipts), slices.Clone(p.Attempts)
	}
	change(&v)
	return v
}

// paidIn is a customer's payment on the statement, a minute after noon.
func paidIn(number int, receipt, account string, shillings int64) Line {
	return Line{Number: number, Kind: KindPayment, Receipt: receipt, Account: account, Phone: masked, Amount: kes(shillings), At: noon.Add(time.Minute)}
}

// moved is another line of the statement.
func moved(number int, kind Kind, receipt, linked string, shillings int64) Line {
	return Line{Number: number, Kind: kind, Receipt: receipt, Linked: linked, Amount: kes(shillings), At: noon.Add(time.Hour)}
}

// give hands lines and entries of the books to a matcher.
func give(m *Matcher, parts ...any) error {
	for _, p := range parts {
		var err error
		switch p := p.(type) {
		case Line:
			err = m.AddLine(p)
		case Payment:
			err = m.AddPayment(p)
		case Refund:
			err = m.AddRefund(p)
		case Payout:
			err = m.AddPayout(p)
		case Elsewhere:
			err = m.AddElsewhere(p)
		default:
			err = fmt.Errorf("%T is no part of a reconciliation", p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func reconcile(t *testing.T, scope Scope, parts ...any) ([]Result, Totals) {
	t.Helper()
	m, err := New(scope)
	if err == nil {
		err = give(m, parts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return matched(t, m)
}

// is a result, in short.
type is struct {
	Line      int
	Reference string
	Rule      Rule
	Cause     Cause
	State     State
	Shillings string
}

func short(results []Result) []is {
	var out []is
	for _, r := range results {
		out = append(out, is{r.Line, r.Reference, r.Rule, r.Cause, r.State, r.Amount.String()})
	}
	return out
}

func expect(t *testing.T, got []Result, want ...is) {
	t.Helper()
	if diff := cmp.Diff(want, short(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
