package reconciliation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

// crowded is a small world in which everything resembles everything else: few accounts, phones, amounts and minutes.
func crowded(t *rapid.T) []any {
	accounts := rapid.SampledFrom([]string{"", "RENT", "ORDER1", "order-1", "KIPAY1", "KIPAY4", "PAYMENT"})
	phones := rapid.SampledFrom([]string{"", payer, other, masked, "2547*****108"})
	receipts := rapid.SampledFrom([]string{"SKA0000001", "SKA0000002", "SKA0000003", "SKA0000004"})
	amounts := rapid.SampledFrom([]int64{100, 500, 50_000, 49_950})
	minutes := rapid.IntRange(-3, 20)
	when := func(label string) time.Time {
		at := noon.Add(time.Duration(minutes.Draw(t, label)) * time.Minute)
		if rapid.IntRange(0, 9).Draw(t, label+" month") == 0 {
			at = at.AddDate(0, 1, 0)
		}
		return at
	}
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	var parts []any
	for i := range rapid.IntRange(0, 6).Draw(t, "payments") {
		p := Payment{
			Reference: fmt.Sprintf("KIPAY%d", i), MerchantReference: accounts.Draw(t, "merchant reference"), Channel: 1, Asked: maybe("asked"),
			Amount: money.Of(amounts.Draw(t, "amount"), money.KES), OpenedAt: when("opened"), Status: StatusPending,
		}
		if rapid.IntRange(0, 4).Draw(t, "elsewhere") == 0 {
			p.Channel = 2
		}
		for range rapid.IntRange(0, 2).Draw(t, "attempts") {
			at := when("requested")
			p.Attempts = append(p.Attempts, Attempt{
				Phone: phones.Draw(t, "asked phone"), Account: p.MerchantReference, RequestedAt: at, Window: at.Add(2 * time.Minute), Refused: maybe("refused"),
			})
		}
		for range rapid.IntRange(0, 2).Draw(t, "receipts") {
			at := when("paid")
			r := Receipt{Number: receipts.Draw(t, "receipt"), Amount: p.Amount, PaidAt: at, CreditedAt: at}
			switch rapid.IntRange(0, 5).Draw(t, "credit") {
			case 0:
				r.CreditedAt = time.Time{}
			case 1:
				r.CreditedAt = when("credited")
			case 2:
				r.Number = ""
			default:
			}
			p.Receipts, p.Status = append(p.Receipts, r), StatusCompleted
		}
		if maybe("fee") {
			p.Fee, p.FeeAt = money.Of(amounts.Draw(t, "fee amount"), money.KES), when("fee posted")
		}
		parts = append(parts, p)
		if rapid.IntRange(0, 2).Draw(t, "refund") == 0 {
			r := Refund{Reference: fmt.Sprintf("RFD%d", i), Payment: p.Reference, Channel: p.Channel, Amount: p.Amount, SentAt: when("refunded"), Phone: phones.Draw(t, "refunded to")}
			if maybe("refund booked") {
				r.BookedAt = r.SentAt
			}
			if maybe("refund receipt") {
				r.Receipt = receipts.Draw(t, "receipt of refund")
			}
			parts = append(parts, r)
		}
	}
	kinds := rapid.SampledFrom([]Kind{
		KindPayment, KindPayment, KindPayment, KindPayment, KindCharge, KindReversal, KindPayout, KindFee, KindOther, KindWithdrawalToBank, KindUtilityToMerchant,
	})
	for i := range rapid.IntRange(0, 8).Draw(t, "lines") {
		l := Line{
			Number: i + 8, Kind: kinds.Draw(t, "kind"), Receipt: receipts.Draw(t, "line's receipt"), Account: accounts.Draw(t, "account"), Phone: phones.Draw(t, "phone"),
			Amount: money.Of(amounts.Draw(t, "line's amount"), money.KES), At: when("completed"),
		}
		if maybe("new receipt") {
			l.Receipt = fmt.Sprintf("SKB000000%d", i)
		}
		if l.Kind != KindPayment {
			l.Linked = receipts.Draw(t, "linked")
			l.Amount.Minor = -l.Amount.Minor
		}
		if l.Kind != KindPayment && rapid.IntRange(0, 4).Draw(t, "turned") == 0 {
			l.Amount.Minor = -l.Amount.Minor
		}
		parts = append(parts, l)
	}
	if maybe("seen elsewhere") {
		parts = append(parts, Elsewhere{Receipt: receipts.Draw(t, "seen"), Channel: 2})
	}
	return parts
}

// alike are pushes that wait and lines that name nothing, of two phones and two amounts, within half an hour.
func alike(t *rapid.T) []any {
	phones := rapid.SampledFrom([]string{payer, other, masked, "2547*****108"})
	amounts := rapid.SampledFrom([]int64{500, 700})
	minutes := rapid.IntRange(0, 40)
	var parts []any
	for i := range rapid.IntRange(1, 4).Draw(t, "payments") {
		p := pushed(fmt.Sprintf("KIPAY%d", i), "", amounts.Draw(t, "amount"))
		for n := range rapid.IntRange(1, 2).Draw(t, "attempts") {
			at := noon.Add(time.Duration(minutes.Draw(t, "requested")) * time.Minute)
			p.Attempts = append(p.Attempts[:n], Attempt{Phone: phones.Draw(t, "asked phone"), RequestedAt: at, Window: at.Add(2 * time.Minute), Refused: rapid.IntRange(0, 5).Draw(t, "refused") == 0})
		}
		if rapid.IntRange(0, 3).Draw(t, "confirmed") == 0 {
			p = under(p, "")
		}
		parts = append(parts, p)
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		l := paidIn(8+i, fmt.Sprintf("SKB000000%d", i), "", amounts.Draw(t, "line's amount"))
		l.Phone, l.At = phones.Draw(t, "phone"), noon.Add(time.Duration(minutes.Draw(t, "completed"))*time.Minute)
		parts = append(parts, l)
	}
	return parts
}

func run(t *rapid.T, parts []any) ([]Result, Totals) {
	m, err := New(mpesa())
	if err == nil {
		err = give(m, parts...)
	}
	var out []Result
	var totals Totals
	if err == nil {
		totals, err = m.Match(func(r Result) error { out = append(out, r); return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, totals
}

func TestExplainedAndUnexplainedAreTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := crowded(t)
		results, totals := run(t, parts)
		var lines, transfers, given, booked int64
		perLine := map[int]int64{}
		for _, p := range parts {
			switch p := p.(type) {
			case Line:
				lines += p.Amount.Minor
				perLine[p.Number] = p.Amount.Minor
			case Payment:
				booked += countedHere(p)
			case Refund:
				if p.Channel == 1 && !p.BookedAt.Before(begin) && p.BookedAt.Before(end) {
					booked -= p.Amount.Minor
				}
			}
		}
		for _, r := range results {
			given += r.Amount.Minor
			if r.Rule == RuleLineKind && r.Kind.OwnTransfer() {
				transfers += r.Stated.Minor
			}
			delete(perLine, r.Line)
		}
		if lines-transfers-booked != given || given != totals.Explained.Minor+totals.Unexplained.Minor || totals.Check() != nil {
			t.Fatalf("lines %d, transfers %d, books %d, results %d, totals %+v", lines, transfers, booked, given, totals)
		}
		if len(perLine) > 0 {
			t.Fatalf("no result for lines %v", perLine)
		}
	})
}

func countedHere(p Payment) int64 {
	if p.Channel != 1 {
		return 0
	}
	sum := int64(0)
	for _, r := range p.Receipts {
		if !r.CreditedAt.Before(begin) && r.CreditedAt.Before(end) {
			sum += r.Amount.Minor
		}
	}
	if !p.FeeAt.Before(begin) && p.FeeAt.Before(end) {
		sum -= p.Fee.Minor
	}
	return sum
}

func TestTheOrderOfGivingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := crowded(t)
		first, totals := run(t, parts)
		shuffled := append([]any(nil), parts...)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		// Payments and refunds may be given again: callers ask for them by several roads.
		for _, p := range parts {
			switch p.(type) {
			case Payment, Refund:
				shuffled = append(shuffled, p)
			}
		}
		again, totalsAgain := run(t, shuffled)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("results differ (-first +shuffled):\n%s", diff)
		}
		if diff := cmp.Diff(totals, totalsAgain); diff != "" {
			t.Fatalf("totals differ (-first +shuffled):\n%s", diff)
		}
	})
}

// fitsAttempt tells, by the words of the rule alone, whether a line can be the money of one of p's attempts.
func fitsAttempt(l Line, p Payment) bool {
	if p.Channel != 1 || l.Amount.Minor <= 0 {
		return false
	}
	for _, a := range p.Attempts {
		same := len(l.Phone) == len(a.Phone) && l.Phone != ""
		for i := 0; same && i < len(l.Phone); i++ {
			same = l.Phone[i] == a.Phone[i] || l.Phone[i] == '*' || a.Phone[i] == '*'
		}
		if same && !a.Refused && !l.At.Before(a.RequestedAt.Add(-DefaultSkew)) && !l.At.After(a.Window.Add(DefaultSlack)) {
			return true
		}
	}
	return false
}

// TestNothingIsMatchedByResemblanceUnlessItIsUniqueOnBothSides holds the third stage to a slow search.
func TestNothingIsMatchedByResemblanceUnlessItIsUniqueOnBothSides(t *testing.T) {
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			met += checkResemblance(t, alike(t))
			met += checkResemblance(t, crowded(t))
		}
	})
	if met == 0 {
		t.Error("no world in which anything was matched by amount, phone and time")
	}
}

// checkResemblance is how many lines were matched by amount, phone and time.
func checkResemblance(t *rapid.T, parts []any) int {
	met := 0
	results, _ := run(t, parts)
	lines, payments := map[int]Line{}, map[string]Payment{}
	for _, p := range parts {
		switch p := p.(type) {
		case Line:
			lines[p.Number] = p
		case Payment:
			payments[p.Reference] = p
		}
	}
	undecided := map[int]bool{}
	settled := map[string]bool{}
	for _, r := range results {
		switch {
		case r.Line == 0:
		case r.Rule == RuleAmountPhoneTime, r.Rule == RuleUnmatched && r.Kind != KindPayout:
			undecided[r.Line] = true
		case r.Kind == KindPayment || r.Kind == KindOther:
			settled[r.Reference] = true
		}
	}
	for _, r := range results {
		if r.Rule != RuleAmountPhoneTime || r.Line == 0 || r.Entry != EntryPayment {
			continue
		}
		met++
		if !fitsAttempt(lines[r.Line], payments[r.Reference]) {
			t.Fatalf("it does not fit: %+v", r)
		}
		for n, l := range lines {
			if n != r.Line && undecided[n] && l.Amount == lines[r.Line].Amount && (l.Kind == KindPayment || l.Kind == KindOther) && fitsAttempt(l, payments[r.Reference]) {
				t.Fatalf("line %d fits %s as well: %+v", n, r.Reference, r)
			}
		}
		for _, p := range payments {
			waiting := (p.Status != StatusCompleted || p.Receipts[0].Number == "") && !settled[p.Reference]
			if p.Reference != r.Reference && waiting && p.Amount == lines[r.Line].Amount && fitsAttempt(lines[r.Line], p) {
				t.Fatalf("line %d fits %s as well: %+v", r.Line, p.Reference, r)
			}
		}
	}
	return met
}

func TestBrokenSumsAreAnErrorThatNamesTheNumbers(t *testing.T) {
	_, totals := reconcile(t, mpesa(), paidIn(8, "SKA0000001", "STRAY", 500))
	for name, breakIt := range map[string]func(*Totals){
		"the difference":                 func(s *Totals) { s.Difference.Minor++ },
		"explained and unexplained":      func(s *Totals) { s.Unexplained.Minor++ },
		"the sum of the causes":          func(s *Totals) { s.ByCause[Fee] = Sum{Count: 1, Amount: kes(1)} },
		"what is unexplained":            func(s *Totals) { s.ByCause[Unexplained] = Sum{Count: 1, Amount: kes(1)} },
		"the difference, statement less": func(s *Totals) { s.Books.Minor -= 100 },
	} {
		broken := totals
		broken.ByCause = map[Cause]Sum{UnknownPayer: totals.ByCause[UnknownPayer]}
		breakIt(&broken)
		err := broken.Check()
		var named *BrokenInvariant
		if !errors.As(err, &named) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "KES ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := totals.Check(); err != nil {
		t.Error(err)
	}
}

func TestPhonesAreComparedByWhatTheyShow(t *testing.T) {
	for _, test := range []struct {
		asked, shown string
		same         bool
	}{
		{payer, payer, true},
		{payer, "+254 700-000-108", true},
		{payer, "0700000108", true},
		{payer, masked, true},
		{payer, "25470XXXX108", true},
		{payer, "2547 ***** 108", true},
		{payer, "25471****108", false},
		{payer, "25470****109", false},
		{payer, "254700000***", false}, // its end is hidden
		{payer, "070000108", false},
		{payer, "2547000001080", false},
		{payer, "5c4f1e3b1f0f0a", false},
		{"", masked, false},
		{masked, "2547*****108", true},
	} {
		p := pushed("KIPAY1", "", 500)
		p.Attempts[0].Phone = test.asked
		got, _ := reconcile(t, mpesa(), p, with(paidIn(8, "SKA0000001", "", 500), func(l *Line) { l.Phone = test.shown }))
		if (got[0].Reference == "KIPAY1") != test.same {
			t.Errorf("%q was asked, %q is shown: %+v", test.asked, test.shown, got[0])
		}
	}
}
