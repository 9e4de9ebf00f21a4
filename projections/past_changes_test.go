package projections

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// everything is more than any list of these tests has.
const everything = 1000

// leads checks that what has changed leads from one list to the other: it takes the changes, a page at a time, and makes the first list
// the second by them alone. id names a row, shown leaves of it what lists show, and in tells whether a row meets the filter.
func leads[Row any](t *testing.T, what string, from, to []Row, id func(Row) string, shown func(Row) Row, in func(Row) bool,
	changes func(offset, limit uint64) (ChangePage[Row], error),
) (n int) {
	t.Helper()
	list := map[string]Row{}
	for _, r := range from {
		list[id(r)] = shown(r)
	}
	for limit := uint64(3); ; {
		page, err := changes(uint64(n), limit)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, c := range page.Rows {
			n++
			switch {
			case c.Before == nil && c.After == nil:
				t.Fatalf("%s: a change of nothing", what)
			case c.Before != nil && c.After != nil && cmp.Equal(shown(*c.Before), shown(*c.After)):
				t.Errorf("%s: %s has not changed", what, id(*c.Before))
			}
			if c.Before != nil && in(*c.Before) {
				if diff := cmp.Diff(list[id(*c.Before)], shown(*c.Before)); diff != "" {
					t.Errorf("%s: %s before (-list +change):\n%s", what, id(*c.Before), diff)
				}
				delete(list, id(*c.Before))
			}
			if c.After != nil && in(*c.After) {
				if _, there := list[id(*c.After)]; there {
					t.Errorf("%s: %s was there before", what, id(*c.After))
				}
				list[id(*c.After)] = shown(*c.After)
			}
		}
		if uint64(n) >= page.Total || len(page.Rows) == 0 {
			if uint64(n) != page.Total {
				t.Errorf("%s: %d changes on the pages, %d in all", what, n, page.Total)
			}
			break
		}
	}
	want := map[string]Row{}
	for _, r := range to {
		want[id(r)] = shown(r)
	}
	if diff := cmp.Diff(want, list, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-list +what the changes make):\n%s", what, diff)
	}
	return n
}

func TestWhatChangedLeadsFromOneMomentToTheOther(t *testing.T) {
	b := newBench(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	run(t, b.projector)
	tangle(t, b.Install, random, 220)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	past, ctx := NewPast(b.reader, b.Log), t.Context()
	found := map[string]int{}
	for n := range 12 {
		since := eventstore.Position(random.Uint64N(uint64(head) + 1))
		between := Between{Since: since, Until: since + eventstore.Position(random.Uint64N(uint64(head-since)+1))}
		if n%3 == 2 {
			by := time.Date(2026, 3, 10+random.IntN(20), 12, 0, 0, 0, time.UTC)
			between.By = &by
		}
		before, after := Moment{AsOf: between.Since, Until: between.By}, Moment{AsOf: between.Until, Until: between.By}
		id, mode := 1+random.Int64N(2), []domain.Mode{"test", "test", "live"}[random.IntN(3)]
		note := func(kind string, n int) { found[kind] += n }
		status := []string{"", "pending", "completed", "failed"}[random.IntN(4)]
		if n < 2 { // all of both merchants, so that there is some of everything
			between, before, after = Between{Until: head}, Moment{}, Moment{AsOf: head}
			id, mode, status = int64(n+1), "test", ""
		}
		what := func(kind, filter string) string {
			return fmt.Sprintf("%s %q of %d %s between %d and %d by %v", kind, filter, id, mode, between.Since, between.Until, between.By)
		}

		tf := TransactionFilter{MerchantID: id, Mode: mode, Status: transaction.Status(status), Zone: nairobi(t), Limit: everything}
		t1, err := past.Transactions(ctx, tf, before)
		if err != nil {
			t.Fatal(err)
		}
		t2, err := past.Transactions(ctx, tf, after)
		if err != nil {
			t.Fatal(err)
		}
		note("transactions", leads(t, what("transactions", status), t1.Rows, t2.Rows, func(r Transaction) string { return r.Reference },
			func(r Transaction) Transaction {
				r = inList(r)
				r.Version = 0
				return r
			},
			func(r Transaction) bool { return tf.Status == "" || r.Status == tf.Status },
			func(offset, limit uint64) (ChangePage[Transaction], error) {
				tf.Offset, tf.Limit = offset, limit
				return past.TransactionChanges(ctx, tf, between)
			}))

		rf := RefundFilter{MerchantID: id, Mode: mode, Status: transaction.RefundStatus(status), Zone: nairobi(t), Limit: everything}
		r1, err := past.Refunds(ctx, rf, before)
		if err != nil {
			t.Fatal(err)
		}
		r2, err := past.Refunds(ctx, rf, after)
		if err != nil {
			t.Fatal(err)
		}
		note("refunds", leads(t, what("refunds", status), r1.Rows, r2.Rows, func(r Refund) string { return r.Name },
			func(r Refund) Refund {
				r.Version = 0
				return r
			},
			func(r Refund) bool { return rf.Status == "" || r.Status == rf.Status },
			func(offset, limit uint64) (ChangePage[Refund], error) {
				rf.Offset, rf.Limit = offset, limit
				return past.RefundChanges(ctx, rf, between)
			}))

		df := DisputeFilter{MerchantID: id, Mode: mode, Status: []dispute.Status{"", "", dispute.Lost}[n%3], Zone: nairobi(t), Limit: everything}
		d1, err := past.Disputes(ctx, df, before)
		if err != nil {
			t.Fatal(err)
		}
		d2, err := past.Disputes(ctx, df, after)
		if err != nil {
			t.Fatal(err)
		}
		note("disputes", leads(t, what("disputes", string(df.Status)), d1.Rows, d2.Rows, func(r Dispute) string { return fmt.Sprint(r.ID) },
			func(r Dispute) Dispute {
				r.Version = 0
				return r
			},
			func(r Dispute) bool { return df.Status == "" || r.Status == df.Status },
			func(offset, limit uint64) (ChangePage[Dispute], error) {
				df.Offset, df.Limit = offset, limit
				return past.DisputeChanges(ctx, df, between)
			}))

		of := PayoutFilter{MerchantID: id, Mode: mode, Status: []payout.Status{"", "", payout.Paid}[n%3], Zone: nairobi(t), Limit: everything}
		o1, err := past.Payouts(ctx, of, before)
		if err != nil {
			t.Fatal(err)
		}
		o2, err := past.Payouts(ctx, of, after)
		if err != nil {
			t.Fatal(err)
		}
		note("payouts", leads(t, what("payouts", string(of.Status)), o1.Rows, o2.Rows, func(r Payout) string { return r.Reference },
			func(r Payout) Payout {
				r.Version = 0
				return r
			},
			func(r Payout) bool { return of.Status == "" || r.Status == of.Status },
			func(offset, limit uint64) (ChangePage[Payout], error) {
				of.Offset, of.Limit = offset, limit
				return past.PayoutChanges(ctx, of, between)
			}))

		cf := CustomerFilter{MerchantID: id, Search: []string{"", "", "JANE"}[n%3], Limit: everything}
		c1, err := past.Customers(ctx, cf, before)
		if err != nil {
			t.Fatal(err)
		}
		c2, err := past.Customers(ctx, cf, after)
		if err != nil {
			t.Fatal(err)
		}
		note("customers", leads(t, what("customers", cf.Search), c1.Rows, c2.Rows, func(r Customer) string { return fmt.Sprint(r.ID) },
			func(r Customer) Customer {
				r.Version, r.UpdatedAt = 0, time.Time{}
				return r
			},
			func(r Customer) bool { return cf.Search == "" || r.FirstName == "Jane" || r.FirstName == "Mary Jane" },
			func(offset, limit uint64) (ChangePage[Customer], error) {
				cf.Offset, cf.Limit = offset, limit
				return past.CustomerChanges(ctx, cf, between)
			}))

		ch1, err := past.Channels(ctx, id, false, before)
		if err != nil {
			t.Fatal(err)
		}
		ch2, err := past.Channels(ctx, id, false, after)
		if err != nil {
			t.Fatal(err)
		}
		active := n%3 == 2
		note("channels", leads(t, what("channels", fmt.Sprint(active)), ch1, ch2, func(r Channel) string { return fmt.Sprint(r.ID) },
			func(r Channel) Channel {
				r.Version = 0
				return r
			},
			func(r Channel) bool { return r.Active || !active },
			func(offset, limit uint64) (ChangePage[Channel], error) {
				return past.ChannelChanges(ctx, id, active, between, offset, limit)
			}))

		sf := ImportFilter{MerchantID: id, Mode: "test", Status: []journal.Status{"", "", journal.Done}[n%3], Limit: everything}
		s1, err := past.Imports(ctx, sf, before)
		if err != nil {
			t.Fatal(err)
		}
		s2, err := past.Imports(ctx, sf, after)
		if err != nil {
			t.Fatal(err)
		}
		note("imports", leads(t, what("imports", string(sf.Status)), s1.Rows, s2.Rows, func(r ImportRow) string { return fmt.Sprint(r.ID) },
			func(r ImportRow) ImportRow {
				r.Version = 0
				return r
			},
			func(r ImportRow) bool { return sf.Status == "" || r.Status == string(sf.Status) },
			func(offset, limit uint64) (ChangePage[ImportRow], error) {
				sf.Offset, sf.Limit = offset, limit
				return past.ImportChanges(ctx, sf, between)
			}))
		for _, row := range s2.Rows[:min(len(s2.Rows), 3)] {
			df := DifferenceFilter{MerchantID: id, Mode: "test", Import: row.ID, State: []reconciliation.State{"", "", reconciliation.Resolved}[n%3], Limit: everything}
			d1, err := past.Differences(ctx, df, before)
			if err != nil {
				t.Fatal(err)
			}
			d2, err := past.Differences(ctx, df, after)
			if err != nil {
				t.Fatal(err)
			}
			note("differences", leads(t, what("differences", string(df.State)), d1.Rows, d2.Rows, func(r DifferenceRow) string { return fmt.Sprint(r.N) },
				func(r DifferenceRow) DifferenceRow { return r },
				func(r DifferenceRow) bool { return df.State == "" || r.State == string(df.State) },
				func(offset, limit uint64) (ChangePage[DifferenceRow], error) {
					df.Offset, df.Limit = offset, limit
					return past.DifferenceChanges(ctx, df, between)
				}))
		}
	}
	for _, kind := range []string{"transactions", "refunds", "disputes", "payouts", "customers", "channels", "imports", "differences"} {
		if found[kind] == 0 {
			t.Errorf("no %s changed: nothing is proved", kind)
		}
	}
	t.Log(found)
}

// Who was erased is so at either moment: nothing of it comes back, and it has not changed.
func TestWhatChangedTellsNothingOfWhoWasErased(t *testing.T) {
	b := newBench(t)
	who, linked, _ := plant(t, b.Install)
	planted := b.Head(t)
	b.Customer(t, 1, customer.Person{Email: who.Person.Email, FirstName: "Wanja", Phone: "+254722000112"})
	run(t, b.projector)
	past := NewPast(b.reader, b.Log)
	everyone := CustomerFilter{MerchantID: 1, Limit: everything}
	renamed := func() ChangePage[Customer] {
		t.Helper()
		page, err := past.CustomerChanges(t.Context(), everyone, Between{Since: planted, Until: b.Head(t)})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	caughtUp(t, b.projector, b.Head(t))
	if page := renamed(); page.Total != 1 || page.Rows[0].Before.FirstName != "Wanjiku" || page.Rows[0].After.FirstName != "Wanja" {
		t.Fatalf("before the erasure: %+v", page)
	}
	at := eraseCustomer(t, b.Install, who, linked)
	if err := b.projector.Purged(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if page := renamed(); page.Total != 0 {
		t.Errorf("after the erasure: %+v", page)
	}
	for _, since := range []eventstore.Position{0, planted} {
		between := Between{Since: since, Until: at}
		people, err := past.CustomerChanges(t.Context(), everyone, between)
		if err != nil {
			t.Fatal(err)
		}
		payments, err := past.TransactionChanges(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: everything}, between)
		if err != nil {
			t.Fatal(err)
		}
		told, err := json.Marshal([]any{people, payments})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"Wanj", "wanjiku.planted", "722000111", "722000112", "gift for Njeri Wanjiku", "ws_CO_" + string(linked)} {
			if strings.Contains(string(told), text) {
				t.Errorf("since %d: %q came back", since, text)
			}
		}
		if since == 0 && (people.Total != 2 || payments.Total != 3 || !strings.Contains(string(told), "Otieno")) {
			t.Errorf("who stays: %s", told)
		}
	}
}
