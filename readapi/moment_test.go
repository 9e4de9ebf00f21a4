package readapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

const stampLayout = "2006-01-02T15:04:05.000Z"

func TestEveryListIsAnsweredAsOfAnyMoment(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Channel(t, 1, "Shop", true)
	s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane"})
	ref, opened := s.Open(t, projectionstest.Payment{Merchant: 1})
	s.Push(t, 1, ref)
	s.Accept(t, 1, ref)
	before, now := s.Head(t), s.Now()
	s.Set(now.Add(time.Hour))
	s.PayAt(t, 1, ref, 1000_00, now.Add(-time.Minute)) // the notice came an hour late
	s.Refund(t, 1, ref, 100_00, true)
	s.Payout(t, 1, 40_00)
	s.Dispute(t, 1, ref, 9, 50_00, false)
	s.Channel(t, 1, "Till", true)
	s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Joan"})
	s.Customer(t, 1, customer.Person{Email: "mary@example.com"})
	head := s.Head(t)
	s.wrote(1, head)

	asked := fmt.Sprintf("as_of=%d", before)
	rows, a := s.list(t, 1, "/transactions/list?"+asked)
	if len(rows) != 1 || rows[0]["status"] != "pending" || rows[0]["refunded_amount"] != 0.0 || rows[0]["paid_at"] != nil || a.json["position"] != float64(before) {
		t.Errorf("transactions: %s", a.body)
	}
	if rows, a := s.list(t, 1, "/transactions/list?status=completed&"+asked); len(rows) != 0 || a.json["total"] != 0.0 || a.json["pages"] != 0.0 {
		t.Errorf("completed transactions: %s", a.body)
	}
	if rows, a := s.list(t, 1, fmt.Sprintf("/transactions/list?as_of=%d", opened-1)); len(rows) != 0 {
		t.Errorf("before it was opened: %s", a.body)
	}
	// It had been paid by then, which nobody here knew, and was not given back yet.
	if rows, a := s.list(t, 1, "/transactions/list?effective_at="+now.Format(stampLayout)); len(rows) != 1 || rows[0]["status"] != "completed" ||
		rows[0]["refunded_amount"] != 0.0 || a.json["position"] != float64(head) {
		t.Errorf("what had happened: %s", a.body)
	}
	if rows, _ := s.list(t, 1, "/transactions/list?effective_at="+now.Format(stampLayout)+"&"+asked); len(rows) != 1 || rows[0]["status"] != "pending" {
		t.Errorf("on both clocks: %v", rows)
	}
	if rows, a := s.list(t, 1, "/customers/list?search=JANE&"+asked); len(rows) != 1 || rows[0]["first_name"] != "Jane" || a.json["total"] != 1.0 {
		t.Errorf("customers: %s", a.body)
	}
	if rows, a := s.list(t, 1, "/customers/list?search=Joan&"+asked); len(rows) != 0 {
		t.Errorf("by a name that she got later: %s", a.body)
	}
	channels := s.get(t, 1, "/payment-channels/list?"+asked)
	if all, _ := channels.json["channels"].([]any); len(all) != 1 || all[0].(map[string]any)["is_default"] != true || channels.json["position"] != float64(before) {
		t.Errorf("channels: %s", channels.body)
	}
	if accounts, a := s.list(t, 1, "/ledger/accounts?"+asked); len(accounts) == 0 || a.json["position"] != float64(before) {
		t.Errorf("accounts: %s", a.body)
	}
	if entries, a := s.list(t, 1, "/ledger/entries?"+asked); len(entries) != 0 || a.json["position"] != float64(before) {
		t.Errorf("entries: %s", a.body)
	}
	for _, list := range []string{"/refunds/list", "/disputes/list", "/payouts/list"} {
		if rows, a := s.list(t, 1, list+"?"+asked); len(rows) != 0 || a.json["position"] != float64(before) {
			t.Errorf("%s before there was any: %s", list, a.body)
		}
	}
	for _, list := range []string{"/transactions/list", "/customers/list", "/refunds/list", "/disputes/list", "/payouts/list"} {
		plain, a := s.list(t, 1, list)
		if _, told := a.json["position"]; told {
			t.Errorf("%s as it is now tells a position", list)
		}
		// Beyond the end of the log stands what is now.
		then, a := s.list(t, 1, list+"?as_of=99999999")
		if diff := cmp.Diff(plain, then); diff != "" || len(plain) == 0 || a.json["position"] != float64(head) {
			t.Errorf("%s as of the end, %s (-now +then):\n%s", list, a.body, diff)
		}
		if other, _ := s.list(t, 2, list+"?as_of=99999999"); len(other) != 0 {
			t.Errorf("%s shows another merchant's: %v", list, other)
		}
	}
}

func TestATimeMeansTheLastEventRecordedByThen(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	var heads []uint64
	for range 3 {
		_, at := s.Open(t, projectionstest.Payment{Merchant: 1})
		heads = append(heads, uint64(at))
		s.wrote(1, at)
	}
	records, err := s.Store.ReadAll(t.Context(), 0, eventstore.Forward, 100)
	if err != nil {
		t.Fatal(err)
	}
	for n, head := range heads {
		i := slices.IndexFunc(records, func(r eventstore.Record) bool { return uint64(r.Position) == head })
		at := records[i].RecordedAt.Truncate(time.Millisecond).Add(time.Millisecond)
		want := 0.0
		for _, r := range records {
			if !r.RecordedAt.Truncate(time.Millisecond).After(at) {
				want = float64(r.Position)
			}
		}
		_, a := s.list(t, 1, "/transactions/list?as_of="+at.UTC().Format(stampLayout))
		if a.json["position"] != want || want < float64(head) {
			t.Errorf("payment %d, at %s: position %v; want %v", n, at, a.json["position"], want)
		}
	}
	if rows, a := s.list(t, 1, "/transactions/list?as_of=2001-01-01T00:00:00%2B03:00"); len(rows) != 0 || a.json["position"] != 0.0 {
		t.Errorf("before everything: %s", a.body)
	}
}

func TestWrongMomentsAreNamedOnEveryList(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	for _, list := range []string{"/transactions/list", "/customers/list", "/refunds/list", "/disputes/list", "/payouts/list", "/payment-channels/list", "/ledger/accounts", "/periods/list"} {
		a := s.get(t, 1, list+"?as_of=yesterday&effective_at=-1")
		errs, _ := a.json["errors"].(map[string]any)
		if a.status != http.StatusUnprocessableEntity || len(errs) != 2 {
			t.Errorf("%s: %d %s", list, a.status, a.body)
		}
	}
}

// A transfer that a person makes is in the books of the bank's day, and known when it is recorded.
func TestAPayoutHappenedOnTheBanksDay(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		t.Fatal(err)
	}
	ref, all := payout.Reference("PAYOUT0123456789ABCDEF"), payout.Limits{}.Evolve(payout.PolicySet{Currency: money.KES, Limit: 100_00})
	do := func(cmd domain.Command[payout.State]) eventstore.Position {
		t.Helper()
		_, at := projectionstest.Do(t, s.Install, 1, ref.Stream(), cmd)
		s.wrote(1, at)
		return at
	}
	s.Set(time.Date(2026, 3, 30, 9, 0, 0, 0, time.UTC))
	asked := do(payout.Request{Policy: payout.Policy{Install: all}, Requested: payout.Requested{
		Reference: ref, ID: s.NextID(), Merchant: 1, Mode: domain.ModeTest, Channel: 7, Funds: fee.OfMerchant, Amount: money.Of(500_00, money.KES),
		Destination: payout.Destination{Kind: payout.ToBank, Number: "0112233", Bank: "Benki", Name: "Duka"}, RequestedBy: "key:a", At: s.Now(),
	}})
	approved := do(payout.Approve{By: "key:b", At: s.Now()})
	s.Set(time.Date(2026, 4, 2, 9, 0, 0, 0, time.UTC))
	recorded := do(payout.Record{BankReference: "FT1", ValueDate: time.Date(2026, 3, 31, 0, 0, 0, 0, zone), Zone: zone, By: "key:a", At: s.Now()})
	for query, want := range map[string]string{
		fmt.Sprintf("as_of=%d", asked):                                                "awaiting_approval",
		fmt.Sprintf("as_of=%d", approved):                                             "approved",
		fmt.Sprintf("as_of=%d", recorded):                                             "completed",
		"effective_at=2026-03-30T23:59:59%2B03:00":                                    "approved",
		"effective_at=2026-03-31T23:59:59%2B03:00":                                    "completed",
		fmt.Sprintf("effective_at=2026-03-31T23:59:59%%2B03:00&as_of=%d", recorded-1): "approved",
		"effective_at=2026-03-29T23:59:59%2B03:00":                                    "",
	} {
		rows, a := s.list(t, 1, "/payouts/list?"+query)
		got := ""
		if len(rows) == 1 {
			got = rows[0]["status"].(string)
		}
		if got != want {
			t.Errorf("%s: %q, want %q: %s", query, got, want, a.body)
		}
	}
	if rows, a := s.list(t, 1, fmt.Sprintf("/payouts/list?as_of=%d&status=completed", approved)); len(rows) != 0 || a.json["total"] != 0.0 {
		t.Errorf("a status that it got later: %s", a.body)
	}
	// It became known in April, of March.
	for query, want := range map[string]int{"&date_to=2026-03-31": 1, "&date_from=2026-04-01": 0, "&bank_reference=FT1": 1, "&bank_reference=FT2": 0, "&status=approved": 1, "&status=failed": 0} {
		rows, a := s.list(t, 1, fmt.Sprintf("/payouts/diff?since=%d%s", approved, query))
		if len(rows) != want || (want == 1 && cmp.Diff([]any{"status", "paid_at", "bank_reference", "value_date"}, rows[0]["changed"]) != "") {
			t.Errorf("what changed%s: %s", query, a.body)
		}
	}
}
