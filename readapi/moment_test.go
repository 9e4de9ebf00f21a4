package readapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/customer"
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
	if rows, a := s.list(t, 1, "/refunds/list?"+asked); len(rows) != 0 {
		t.Errorf("refunds: %s", a.body)
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
	for _, list := range []string{"/transactions/list", "/customers/list", "/refunds/list"} {
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
	for _, list := range []string{"/transactions/list", "/customers/list", "/refunds/list", "/payment-channels/list", "/ledger/accounts", "/periods/list"} {
		a := s.get(t, 1, list+"?as_of=yesterday&effective_at=-1")
		errs, _ := a.json["errors"].(map[string]any)
		if a.status != http.StatusUnprocessableEntity || len(errs) != 2 {
			t.Errorf("%s: %d %s", list, a.status, a.body)
		}
	}
}
