package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// only is a source that names one generation.
type only Generation

func (g only) Generation() Generation                           { return Generation(g) }
func (only) Position() eventstore.Position                      { return 0 }
func (only) WaitFor(context.Context, eventstore.Position) error { return nil }

// tangle does random things to two merchants' customers, channels, payments, refunds, disputes and payouts, in both modes, and answers the payments.
func tangle(t *testing.T, i *projectionstest.Install, random *rand.Rand, steps int) []transaction.Reference {
	t.Helper()
	var refs, paid []transaction.Reference
	owner := map[transaction.Reference]int64{}
	var disputed []transaction.Reference // each dispute's payment; its number is its place, from 1
	statements := map[int64][]int64{}    // a merchant's, with a difference that is to be decided about yet
	i.Merchant(t, 1, "Africa/Nairobi")
	i.Merchant(t, 2, "America/New_York")
	names := []string{"Jane", "John", "Achieng", "Mary Jane"}
	for n := range steps {
		i.Set(i.Now().Add(time.Duration(random.IntN(4*3600)) * time.Second))
		id := 1 + random.Int64N(2)
		p := projectionstest.Payment{Merchant: id, Origin: transaction.FromPush, Amount: 1000_00}
		if random.IntN(4) == 0 {
			p.Mode = domain.ModeLive
		}
		switch random.IntN(12) {
		case 0:
			i.Channel(t, id, fmt.Sprint("Shop ", n), random.IntN(2) == 0)
		case 1:
			i.Customer(t, id, customer.Person{
				Email: domain.Personal(fmt.Sprintf("c%d@example.com", random.IntN(6))), FirstName: domain.Personal(names[random.IntN(len(names))]),
			})
		case 2:
			receipt := fmt.Sprintf("QC2B%06d", n)
			ref, _ := i.C2B(t, id, receipt, 100_00)
			refs, owner[ref] = append(refs, ref), id
			if into := refs[random.IntN(len(refs))]; random.IntN(2) == 0 && into != ref && owner[into] == id {
				i.Merge(t, id, ref, into, receipt)
			}
		case 3:
			if len(paid) > 0 {
				ref := paid[random.IntN(len(paid))]
				i.Refund(t, owner[ref], ref, 1_00+random.Int64N(9_00), random.IntN(2) == 0)
			}
		case 4:
			if n := len(disputed); n > 0 && random.IntN(2) == 0 {
				n = 1 + random.IntN(n)
				i.Dispute(t, owner[disputed[n-1]], disputed[n-1], int64(n), 5_00, true)
			} else if len(paid) > 0 {
				ref := paid[random.IntN(len(paid))]
				disputed = append(disputed, ref)
				i.Dispute(t, owner[ref], ref, int64(len(disputed)), 5_00, random.IntN(4) == 0)
			}
		case 5:
			i.Payout(t, id, 10_00)
		case 6:
			if open := statements[id]; len(open) > 0 && random.IntN(2) == 0 {
				i.AcceptDifference(t, id, open[0], 1, "the payer called")
				statements[id] = open[1:]
				continue
			}
			statement, _ := i.StatementOf(t, id, fmt.Sprintf("QSTM%06d", n))
			statements[id] = append(statements[id], statement)
		case 7, 8:
			ref, _ := i.Open(t, p)
			refs, owner[ref] = append(refs, ref), id
		default:
			if len(refs) == 0 {
				continue
			}
			ref := refs[random.IntN(len(refs))]
			row := fromLog(t, i, ref)
			switch {
			case row.Pushes == 0 || row.MergedInto != "":
			case random.IntN(4) == 0:
				i.Accept(t, owner[ref], ref)
			case random.IntN(4) == 0:
				i.Fail(t, owner[ref], ref)
			case random.IntN(3) == 0:
				i.Expire(t, owner[ref], ref, i.Now().Add(3*time.Hour))
			case !slices.Contains(paid, ref):
				// The provider's notice is late, at times by days.
				i.PayAt(t, owner[ref], ref, 1000_00, i.Now().Add(-time.Duration(random.IntN(48*3600))*time.Second))
				paid = append(paid, ref)
			}
		}
	}
	return refs
}

// lists are the answers to one and the same random questions.
func lists(t *testing.T, seed uint64, transactions func(TransactionFilter) (TransactionPage, error), customers func(CustomerFilter) (CustomerPage, error),
	refunds func(RefundFilter) (RefundPage, error), disputes func(DisputeFilter) (DisputePage, error), payouts func(PayoutFilter) (PayoutPage, error),
	channels func(merchant int64, active bool) ([]Channel, error), imports func(ImportFilter) (ImportPage, error),
	differences func(DifferenceFilter) (DifferencePage, error),
) map[string]any {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	zones := map[int64]*time.Location{1: nairobi(t), 2: newYork}
	out := map[string]any{}
	note := func(answer any, err error, question string, args ...any) {
		t.Helper()
		if err != nil {
			t.Fatalf(question+": %v", append(args, err)...)
		}
		out[fmt.Sprintf(question, args...)] = answer
	}
	day := func() *Day {
		d := DayOf(time.Date(2026, 3, 10+random.IntN(12), 0, 0, 0, 0, time.UTC), time.UTC)
		if random.IntN(3) > 0 {
			return nil
		}
		return &d
	}
	for n := range 24 {
		id, mode := 1+random.Int64N(2), []domain.Mode{"test", "live"}[random.IntN(2)]
		from, to, offset, limit := day(), day(), uint64(random.IntN(12)), uint64(1+random.IntN(30))
		status := []string{"", "pending", "completed", "failed"}[n%4]
		page, err := transactions(TransactionFilter{
			MerchantID: id, Mode: mode, Status: transaction.Status(status), From: from, To: to, Zone: zones[id], Offset: offset, Limit: limit,
		})
		for i := range page.Rows {
			page.Rows[i] = inList(page.Rows[i])
		}
		note(page, err, "%d: transactions of %d %s %q", n, id, mode, status)
		r, err := refunds(RefundFilter{
			MerchantID: id, Mode: mode, Status: transaction.RefundStatus(status), From: from, To: to, Zone: zones[id], Offset: offset / 4, Limit: limit,
		})
		note(r, err, "%d: refunds of %d %s %q", n, id, mode, status)
		d, err := disputes(DisputeFilter{
			MerchantID: id, Mode: mode, Status: []dispute.Status{"", dispute.NeedsResponse, dispute.Lost}[n%3], From: from, To: to, Zone: zones[id],
			Offset: offset / 6, Limit: limit,
		})
		note(d, err, "%d: disputes of %d %s", n, id, mode)
		o, err := payouts(PayoutFilter{
			MerchantID: id, Mode: []domain.Mode{mode, ""}[n%2], Status: []payout.Status{"", payout.Pending, payout.Paid, payout.Waiting}[n%4], From: from, To: to, Zone: zones[id],
			Offset: offset / 6, Limit: limit,
		})
		note(o, err, "%d: payouts of %d %s", n, id, mode)
		search := []string{"", "JANE", "c1@", "nobody", "mary jane"}[random.IntN(5)]
		c, err := customers(CustomerFilter{MerchantID: id, Search: search, Offset: offset / 6, Limit: limit})
		note(c, err, "%d: customers of %d %q", n, id, search)
		ch, err := channels(id, n%2 == 0)
		note(ch, err, "%d: channels of %d", n, id)
		if n%4 > 0 {
			continue // there are few of them
		}
		s, err := imports(ImportFilter{MerchantID: id, Mode: "test", Status: []journal.Status{"", journal.Done, journal.Processing}[n/4%3], Offset: offset / 6, Limit: limit})
		note(s, err, "%d: imports of %d", n, id)
		for _, row := range s.Rows[:min(len(s.Rows), 2)] {
			df, err := differences(DifferenceFilter{
				MerchantID: id, Mode: "test", Import: row.ID, State: []reconciliation.State{"", reconciliation.Open, reconciliation.Resolved}[n/4%3], Limit: limit,
			})
			note(df, err, "%d: differences of %d", n, row.ID)
		}
	}
	return out
}

// now answers from the tables as they are.
func (r *Reader) now(ctx context.Context, t *testing.T, seed uint64) map[string]any {
	t.Helper()
	return lists(t, seed,
		func(f TransactionFilter) (TransactionPage, error) { return r.Transactions(ctx, f) },
		func(f CustomerFilter) (CustomerPage, error) { return r.Customers(ctx, f) },
		func(f RefundFilter) (RefundPage, error) { return r.Refunds(ctx, f) },
		func(f DisputeFilter) (DisputePage, error) { return r.Disputes(ctx, f) },
		func(f PayoutFilter) (PayoutPage, error) { return r.Payouts(ctx, f) },
		func(id int64, active bool) ([]Channel, error) { return r.Channels(ctx, id, active) },
		func(f ImportFilter) (ImportPage, error) { return r.Imports(ctx, f) },
		func(f DifferenceFilter) (DifferencePage, error) { return r.Differences(ctx, f) })
}

// then answers as of the moment.
func (p *Past) then(ctx context.Context, t *testing.T, seed uint64, m Moment) map[string]any {
	t.Helper()
	return lists(t, seed,
		func(f TransactionFilter) (TransactionPage, error) { return p.Transactions(ctx, f, m) },
		func(f CustomerFilter) (CustomerPage, error) { return p.Customers(ctx, f, m) },
		func(f RefundFilter) (RefundPage, error) { return p.Refunds(ctx, f, m) },
		func(f DisputeFilter) (DisputePage, error) { return p.Disputes(ctx, f, m) },
		func(f PayoutFilter) (PayoutPage, error) { return p.Payouts(ctx, f, m) },
		func(id int64, active bool) ([]Channel, error) { return p.Channels(ctx, id, active, m) },
		func(f ImportFilter) (ImportPage, error) { return p.Imports(ctx, f, m) },
		func(f DifferenceFilter) (DifferencePage, error) { return p.Differences(ctx, f, m) })
}

// books are the ledger's answers.
func books(t *testing.T, r *Reader, at eventstore.Position) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, id := range []int64{1, 2} {
		f := LedgerFilter{MerchantID: id, Mode: "test", AsOf: at, Zone: nairobi(t), Limit: 1000}
		balances, err := r.LedgerBalances(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := r.LedgerEntries(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprint("balances of ", id)], out[fmt.Sprint("entries of ", id)] = balances, entries
	}
	return out
}

func TestAsOfAPositionIsARebuildCutOffThere(t *testing.T) {
	b := newBench(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	stop := run(t, b.projector)
	tangle(t, b.Install, random, 260)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	stored(t, b)
	past := NewPast(b.reader, b.Log)
	if diff := cmp.Diff(b.reader.now(t.Context(), t, seed), past.then(t.Context(), t, seed, Moment{AsOf: head}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("as of the head (-now +as of):\n%s", diff)
	}
	for n := range 5 {
		at := 1 + eventstore.Position(random.Uint64N(uint64(head)))
		if n == 0 {
			at = 1
		}
		cut, err := b.projector.fresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.projector.advance(t.Context(), cut, at, func(int, eventstore.Position) {}); err != nil {
			t.Fatal(err)
		}
		then := NewReader(b.engine.Conn, only(cut.generation))
		if diff := cmp.Diff(then.now(t.Context(), t, seed), past.then(t.Context(), t, seed, Moment{AsOf: at}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("position %d of %d (-rebuilt up to there +as of):\n%s", at, head, diff)
		}
		if diff := cmp.Diff(books(t, then, head), books(t, b.reader, at), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the books at position %d of %d (-rebuilt up to there +as of):\n%s", at, head, diff)
		}
	}
	stop()
}

// versionAt is what of a payment was known at the position and had happened by then: the last version that had.
func versionAt(t *testing.T, i *projectionstest.Install, ref transaction.Reference, at eventstore.Position, by time.Time) (row Transaction) {
	t.Helper()
	var s transaction.State
	err := i.Log.EachInStream(t.Context(), ref.Stream(), 0, func(e eventstore.Envelope) error {
		happened := e.Meta.OccurredAt
		if paid, ok := e.Event.(transaction.PaymentReceived); ok {
			happened = paid.PaidAt
		}
		if done, ok := e.Event.(transaction.Completed); ok && !done.PaidAt.IsZero() {
			happened = done.PaidAt
		}
		if _, ok := e.Event.(transaction.Merged); ok {
			happened = s.PaidAt()
		}
		if done, ok := e.Event.(transaction.RefundCompleted); ok {
			happened = done.RefundedAt
		}
		s = s.Evolve(e.Event)
		if e.Position <= at && !happened.Truncate(time.Millisecond).After(by) {
			row = TransactionOf(s, e.Position, e.Revision)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestWhatHadHappenedIsAskedOnTheOtherClock(t *testing.T) {
	b := newBench(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	run(t, b.projector)
	refs := tangle(t, b.Install, random, 200)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	past := NewPast(b.reader, b.Log)
	for range 8 {
		records, err := b.Store.ReadAll(t.Context(), eventstore.Position(random.Uint64N(uint64(head))), eventstore.Forward, 1)
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		d, err := b.projector.decoder.decode(t.Context(), &records[0])
		if err != nil {
			t.Fatal(err)
		}
		by, at := d.env.Meta.OccurredAt.Truncate(time.Millisecond), head-eventstore.Position(random.Uint64N(uint64(head)/3))
		f := TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 1000}
		got, err := past.Transactions(t.Context(), f, Moment{AsOf: at, Until: &by})
		if err != nil {
			t.Fatal(err)
		}
		var want []Transaction
		for _, ref := range refs {
			if row := versionAt(t, b.Install, ref, at, by); row.MerchantID == 1 && row.Mode == "test" && row.Listed {
				want = append(want, row)
			}
		}
		slices.SortFunc(want, func(a, b Transaction) int {
			if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
				return c
			}
			return int(b.ID - a.ID)
		})
		if diff := cmp.Diff(want, got.Rows, cmpopts.EquateEmpty()); diff != "" || got.Total != uint64(len(want)) {
			t.Fatalf("as of %d, by %s: %d (-want +got):\n%s", at, by, got.Total, diff)
		}
	}
}

// A payment whose notice came after midnight is pending in what was known at midnight, and paid in what had happened.
func TestMidnightHasTwoAnswers(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	midnight := time.Date(2026, 3, 31, 21, 0, 0, 0, time.UTC) // in Nairobi
	b.Set(midnight.Add(-5 * time.Minute))
	ref, opened := b.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	jane, _ := b.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane"})
	b.Set(midnight.Add(5 * time.Minute))
	b.PayAt(t, 1, ref, 1000_00, midnight.Add(-4*time.Minute))
	b.Refund(t, 1, ref, 10_00, true)
	b.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Joan"})
	caughtUp(t, b.projector, b.Head(t))
	past := NewPast(b.reader, b.Log)
	f := TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 10}
	for _, c := range []struct {
		m         Moment
		status    transaction.Status
		refunded  int64
		firstName string
		refunds   uint64
	}{
		{Moment{AsOf: opened + 1, Until: nil}, transaction.StatusPending, 0, "Jane", 0},
		{Moment{AsOf: b.Head(t), Until: &midnight}, transaction.StatusCompleted, 0, "Jane", 0},
		{Moment{AsOf: opened + 1, Until: &midnight}, transaction.StatusPending, 0, "Jane", 0},
		{Moment{AsOf: b.Head(t)}, transaction.StatusCompleted, 10_00, "Joan", 1},
	} {
		page, err := past.Transactions(t.Context(), f, c.m)
		if err != nil || len(page.Rows) != 1 || page.Rows[0].Status != c.status || page.Rows[0].Refunded != c.refunded {
			t.Errorf("%+v: %+v: %v; want %s", c.m, page, err, c.status)
		}
		people, err := past.Customers(t.Context(), CustomerFilter{MerchantID: 1, Search: "j", Limit: 10}, c.m)
		if err != nil || people.Total != 1 || people.Rows[0].FirstName != c.firstName || people.Rows[0].ID != jane.ID {
			t.Errorf("%+v: %+v: %v; want %s", c.m, people, err, c.firstName)
		}
		refunds, err := past.Refunds(t.Context(), RefundFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 10}, c.m)
		if err != nil || refunds.Total != c.refunds || (c.refunds > 0 && refunds.Rows[0].Amount != money.Of(10_00, money.KES).Minor) {
			t.Errorf("%+v: %+v: %v; want %d", c.m, refunds, err, c.refunds)
		}
	}
}
