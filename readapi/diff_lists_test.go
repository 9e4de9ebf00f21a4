package readapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/projections/projectionstest"
)

// diffs are of the lists that have one.
var diffs = []string{"/transactions/diff", "/refunds/diff", "/disputes/diff", "/payouts/diff", "/customers/diff", "/reconciliation/imports/diff"}

func TestWhatChangedInAMonthSinceItWasClosed(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.paid(t, 1, 1000_00, 1000_00)
	late, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 300_00})
	s.Push(t, 1, late)
	march := s.Now()
	s.Set(time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC))
	closed := s.closeMonth(t, 1, 202603)
	s.wrote(1, s.PayAt(t, 1, late, 300_00, march)) // the notice comes in April, of money that moved in March
	s.wrote(1, s.Refund(t, 1, late, 20_00, true))  // which is of April
	s.paid(t, 1, 50_00, 50_00)
	head := s.Head(t)
	for _, query := range []string{
		"?period=2026-03", fmt.Sprintf("?since=%d&date_to=2026-03-31", closed), fmt.Sprintf("?since=%d&effective_at=%s", closed, march.Format(stampLayout)),
		fmt.Sprintf("?since=%d&until=%d&date_from=2026-03-01&date_to=2026-03-31&status=completed", closed, head),
	} {
		rows, a := s.list(t, 1, "/transactions/diff"+query)
		if len(rows) != 1 || rows[0]["change"] != "changed" || a.json["since"] != float64(closed) || a.json["until"] != float64(head) || a.json["total"] != 1.0 {
			t.Fatalf("%s: %s", query, a.body)
		}
		before, after := rows[0]["before"].(map[string]any), rows[0]["after"].(map[string]any)
		if before["reference"] != string(late) || before["status"] != "pending" || after["status"] != "completed" || after["refunded_amount"] != 0.0 {
			t.Errorf("%s: %s", query, a.body)
		}
		if diff := cmp.Diff([]any{"status", "payment_method", "amount_received", "paid_at", "receipt"}, rows[0]["changed"]); diff != "" {
			t.Errorf("%s: what changed (-want +got):\n%s", query, diff)
		}
		// Before and after are what the list said, and says.
		then, _ := s.list(t, 1, fmt.Sprintf("/transactions/list?as_of=%d", closed))
		if diff := cmp.Diff(then[0], before); diff != "" {
			t.Errorf("%s (-list +before):\n%s", query, diff)
		}
	}
	for _, diff := range append([]string{"/ledger/diff", "/payment-channels/diff"}, diffs...) {
		for _, query := range []string{
			fmt.Sprintf("since=%d&until=%d", closed, closed-1), "since=2026-04-02T00:00:00Z&until=2026-04-01T00:00:00Z", "since=2099-01-02T00:00:00Z&until=2099-01-01T00:00:00Z",
			fmt.Sprintf("since=%d&until=2026-03-01T00:00:00Z", closed), "since=2099-01-01T00:00:00Z&until=1",
		} {
			if a := s.get(t, 1, diff+"?"+query); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `"until":"must not be before since"`) {
				t.Errorf("%s?%s: backwards: %d %s", diff, query, a.status, a.body)
			}
		}
	}
	if rows, a := s.list(t, 1, "/transactions/diff?period=2026-03&until=1"); len(rows) != 0 {
		t.Errorf("a month until before it was closed: %s", a.body)
	}
	if rows, a := s.list(t, 1, "/refunds/diff?period=2026-03"); len(rows) != 0 {
		t.Errorf("refunds: %s", a.body)
	}
	if rows, a := s.list(t, 1, fmt.Sprintf("/transactions/diff?since=%d&date_from=2026-04-01", closed)); len(rows) != 2 ||
		rows[0]["change"] != "added" || rows[0]["before"] != nil || rows[1]["after"].(map[string]any)["refunded_amount"] != 20.0 {
		t.Errorf("of April: %s", a.body)
	}
	if entries, a := s.list(t, 1, fmt.Sprintf("/ledger/diff?since=%d&effective_at=%s", closed, march.Format(stampLayout))); len(entries) != 2 {
		t.Errorf("what had happened of the ledger: %s", a.body)
	}
}

func TestADiffShowsEachRowOfAListThatIsNewOrDiffers(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane"})
	s.Customer(t, 1, customer.Person{Email: "same@example.com", FirstName: "Same"})
	ref, _ := s.paid(t, 1, 1000_00, 1000_00)
	alone, _ := s.C2B(t, 1, "RKTQDM7W6X", 70_00)
	into, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 70_00})
	waits, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 30_00})
	s.Push(t, 1, waits)
	since := s.Head(t)
	s.Pay(t, 1, waits, 30_00)
	s.Merge(t, 1, alone, into, "RKTQDM7W6X")
	s.Refund(t, 1, ref, 100_00, false)
	s.Dispute(t, 1, ref, 9, 50_00, false)
	s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Joan"})
	s.Customer(t, 1, customer.Person{Email: "mary@example.com"})
	s.StatementOf(t, 1, "QAAAAAAAA1")
	middle := s.Head(t)
	s.Dispute(t, 1, ref, 9, 50_00, true)
	s.wrote(1, s.Head(t))

	query := fmt.Sprintf("?since=%d&until=%d", since, middle)
	for path, want := range map[string][]string{
		"/transactions/diff" + query:                            {"changed pending>completed", "removed completed>"},
		"/transactions/diff" + query + "&status=pending":        {"changed pending>completed"},
		"/transactions/diff" + query + "&limit=1&page=2":        {"removed completed>"},
		"/transactions/diff" + query + "&limit=1&page=9":        {},
		"/refunds/diff" + query:                                 {"added >pending"},
		"/refunds/diff" + query + "&status=failed":              {},
		"/refunds/diff" + query + "&reference=" + string(alone): {},
		"/disputes/diff" + query:                                {"added >needs_response"},
		fmt.Sprintf("/disputes/diff?since=%d", middle):          {"changed needs_response>lost"},
		"/customers/diff" + query:                               {"added >", "changed Jane>Joan"},
		"/customers/diff" + query + "&search=jane":              {"changed Jane>Joan"},
		"/customers/diff" + query + "&search=same":              {},
		"/reconciliation/imports/diff" + query:                  {"added >done"},
		"/reconciliation/imports/diff" + query + "&source=bank": {},
	} {
		rows, a := s.list(t, 1, path)
		got := []string{}
		for _, r := range rows {
			side := func(name string) string {
				row, _ := r[name].(map[string]any)
				for _, member := range []string{"status", "first_name"} {
					if text, ok := row[member].(string); ok {
						return text
					}
				}
				return ""
			}
			got = append(got, fmt.Sprint(r["change"], " ", side("before"), ">", side("after")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s\n(-want +got):\n%s", path, a.body, diff)
		}
	}
	for _, diff := range diffs {
		if rows, _ := s.list(t, 1, fmt.Sprintf("%s?since=%d&until=%d", diff, since, since)); len(rows) != 0 {
			t.Errorf("%s between a moment and itself: %v", diff, rows)
		}
		if rows, _ := s.list(t, 2, diff+"?since=0"); len(rows) != 0 {
			t.Errorf("%s shows another merchant's: %v", diff, rows)
		}
		if diff != "/customers/diff" {
			if rows, _ := s.list(t, 1, diff+"?since=0", "X-Mode", "live"); len(rows) != 0 {
				t.Errorf("%s shows a test to a live key: %v", diff, rows)
			}
		}
		for _, query := range []string{"", "?since=1&period=2026-03", "?period=2026-04", "?since=x", "?since=1&until=x", "?since=1&effective_at=-1", "?since=1&date_from=2026-04-01&date_to=2026-03-01", "?since=1&page=0"} {
			if a := s.get(t, 1, diff+query); a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s%s: %d %s", diff, query, a.status, a.body)
			}
		}
		if a := s.get(t, 1, diff+"?since=1", "X-Scope", "write"); a.status != http.StatusForbidden {
			t.Errorf("%s: a key that may not read was answered %d", diff, a.status)
		}
	}
}

func TestStatementsAreListedAndComparedAsOfAnyMoment(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	before := s.Head(t)
	id, done := s.Statement(t, 1)
	later := s.AcceptDifference(t, 1, id, 1, "the payer called")
	s.wrote(1, later)
	at := func(path, query string, args ...any) string { return fmt.Sprintf(path+"?"+query, args...) }
	differences := fmt.Sprintf("/reconciliation/imports/%d/differences", id)

	for query, want := range map[string]string{
		at("", "as_of=%d", before): "[]", at("", "as_of=%d", before+1): "[processing]", at("", "as_of=%d", done): "[done]", "": "[done]",
		at("", "as_of=%d&status=done", before+1): "[]", at("", "effective_at=2020-01-01T00:00:00Z"): "[]",
	} {
		rows, a := s.list(t, 1, "/reconciliation/imports"+query)
		got := []any{}
		for _, r := range rows {
			got = append(got, r["status"])
		}
		if fmt.Sprint(got) != want {
			t.Errorf("imports%s are %v, want %s: %s", query, got, want, a.body)
		}
	}
	for query, want := range map[string]string{
		at("", "as_of=%d", before+2): "[]", at("", "as_of=%d", done): "[open resolved]", "": "[resolved resolved]",
		at("", "as_of=%d&state=open", done): "[open]", at("", "state=open"): "[]", at("", "effective_at=2020-01-01T00:00:00Z"): "[]",
	} {
		rows, a := s.list(t, 1, differences+query)
		got := []any{}
		for _, r := range rows {
			got = append(got, r["state"])
		}
		if fmt.Sprint(got) != want {
			t.Errorf("differences%s are %v, want %s: %s", query, got, want, a.body)
		}
	}
	rows, a := s.list(t, 1, at(differences+"/diff", "since=%d&until=%d", done, later))
	if len(rows) != 1 || rows[0]["change"] != "changed" || rows[0]["before"].(map[string]any)["state"] != "open" || rows[0]["after"].(map[string]any)["reason"] != "the payer called" {
		t.Errorf("what was decided: %s", a.body)
	}
	if rows, a := s.list(t, 1, at(differences+"/diff", "since=%d&state=open", before)); len(rows) != 0 {
		t.Errorf("open at either moment: %s", a.body)
	}
	if rows, a := s.list(t, 1, at(differences+"/diff", "since=%d&until=%d", before, done)); len(rows) != 2 || rows[0]["before"] != nil {
		t.Errorf("what was found: %s", a.body)
	}
	for _, path := range []string{differences + "?as_of=1", at(differences+"/diff", "since=1")} {
		if a := s.get(t, 2, path); a.status != http.StatusNotFound {
			t.Errorf("another merchant asks for %s: %d %s", path, a.status, a.body)
		}
	}
}

func TestPaymentChannelsAreComparedBetweenMoments(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Channel(t, 1, "First", true)
	since := s.Head(t)
	s.Channel(t, 1, "Second", true)
	s.wrote(1, s.Head(t))
	rows, a := s.list(t, 1, fmt.Sprintf("/payment-channels/diff?since=%d", since))
	if len(rows) != 2 || rows[0]["change"] != "added" || rows[1]["change"] != "changed" || fmt.Sprint(rows[1]["changed"]) != "[is_default]" {
		t.Errorf("a new one is the default: %s", a.body)
	}
	if rows, a := s.list(t, 1, fmt.Sprintf("/payment-channels/diff?since=%d&limit=1&page=2", since)); len(rows) != 1 || a.json["total"] != 2.0 {
		t.Errorf("the second page: %s", a.body)
	}
	for _, query := range []string{"period=2026-03", "since=1&date_from=2026-03-01", "until=5", "since=1&active_only=maybe"} {
		if a := s.get(t, 1, "/payment-channels/diff?"+query); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

// active_only leaves the channels that were active at either moment, as the filters of other lists do.
func TestChangesOfChannelsAreOfThoseActiveAtEitherMoment(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	ended, _ := s.Channel(t, 1, "Ended", true)
	began := s.Head(t)
	turn := func(id int64, active bool) {
		projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(id), channel.SetActive{Active: active, At: s.Now()})
	}
	never, _ := s.Channel(t, 1, "Never active", false)
	turn(never, false)
	fresh, _ := s.Channel(t, 1, "Fresh", false)
	turn(ended, false)
	s.wrote(1, s.Head(t))
	for query, want := range map[string][]int64{"": {fresh, never, ended}, "&active_only=false": {fresh, never, ended}, "&active_only=true": {fresh, ended}} {
		rows, a := s.list(t, 1, fmt.Sprintf("/payment-channels/diff?since=%d%s", began, query))
		var got []int64
		for _, r := range rows {
			got = append(got, int64(r["after"].(map[string]any)["id"].(float64)))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || a.json["total"] != float64(len(want)) {
			t.Errorf("%q: %v, want %v: %s", query, got, want, a.body)
		}
	}
}
