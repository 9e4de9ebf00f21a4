package readapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// withoutStamps leaves the form of times and not their value, which depends on how often the clock was looked at.
func withoutStamps(s string) string { return stamps.ReplaceAllString(s, "T") }

// wrote notes the caller's own write, as the write side does.
func (s *server) wrote(merchantID int64, at eventstore.Position) { s.seen.Note(merchantID, at) }

func TestVerifyTellsTheTruthAsOfNow(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	jane, _ := s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane"})
	ref, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 99_50, Customer: jane, Description: "Order <1>", MerchantReference: "ORDER1"})
	path := "/transactions/verify/" + string(ref)
	want := `{"status":"pending","transaction":{"id":2,"reference":"` + string(ref) + `","amount":99.5,"status":"pending","payment_method":null,` +
		`"created_at":"2026-03-10T09:00:00.003Z","currency":"KES","description":"Order \u003c1\u003e","merchant_reference":"ORDER1",` +
		`"customer":{"id":1,"email":"jane@example.com","first_name":"Jane","last_name":null,"phone":null},"amount_received":0,"refunded_amount":0,"paid_at":null,` +
		`"receipt":null,"failure_code":null,"failure_reason":null,"expires_at":"2026-03-10T10:00:00.003Z","needs_review":false}}`
	if a := s.get(t, 1, path); a.status != http.StatusOK || withoutStamps(a.body) != withoutStamps(want) {
		t.Errorf("pending: %d\n%s", a.status, cmp.Diff(want, a.body))
	}
	s.Push(t, 1, ref)
	s.Accept(t, 1, ref)
	at := s.Pay(t, 1, ref, 99_50)
	for _, when := range []string{"from the log", "from memory"} {
		a := s.get(t, 1, path)
		tx, _ := a.json["transaction"].(map[string]any)
		if a.json["status"] != "completed" || tx["status"] != "completed" || tx["payment_method"] != "mpesa_stk" || tx["amount_received"] != 99.5 ||
			tx["phone_number"] != "254712345678" || tx["checkout_request_id"] != "ws_CO_"+string(ref) || tx["receipt"] == nil || tx["paid_at"] == nil {
			t.Errorf("%s: %s", when, a.body)
		}
		if got := a.header.Get("X-Kipay-Position"); got != strconv.FormatUint(uint64(at), 10) {
			t.Errorf("%s: position %s, want %d", when, got, at)
		}
		if strings.Count(a.body, `"status":`) != 2 {
			t.Errorf("%s: more than one top-level status: %s", when, a.body)
		}
		if err := s.projector.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.projector.Completed(string(ref), at); !ok {
		t.Error("the completed transaction is not in memory")
	}
}

func TestStkStatusIsForPushes(t *testing.T) {
	s := newServer(t)
	ref, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	s.Accept(t, 1, ref)
	s.Fail(t, 1, ref)
	a := s.get(t, 1, "/mpesa/stk-status/"+string(ref))
	tx, _ := a.json["transaction"].(map[string]any)
	if a.status != http.StatusOK || a.json["status"] != "success" || tx["status"] != "failed" || tx["failure_code"] != "cancelled" ||
		tx["phone_number"] != "254712345678" || tx["amount"] != 1000.0 || tx["payment_method"] != nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	checkout, _ := s.Open(t, projectionstest.Payment{Merchant: 1})
	if a := s.get(t, 1, "/mpesa/stk-status/"+string(checkout)); a.status != http.StatusNotFound {
		t.Errorf("without a push: %d %s", a.status, a.body)
	}
}

func TestNothingOfAnotherMerchantOrModeIsVisible(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	ref, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	live, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush, Mode: "live"})
	s.Customer(t, 1, customer.Person{Email: "jane@example.com"})
	_, at := s.Channel(t, 1, "Shop", true)
	s.wrote(2, at)
	s.wrote(1, at)
	for _, path := range []string{"/transactions/verify/", "/mpesa/stk-status/"} {
		missing := s.get(t, 2, path+"KIPAY0000000000000000")
		for name, a := range map[string]answer{
			"another merchant's": s.get(t, 2, path+string(ref)), "the other mode's": s.get(t, 1, path+string(live)),
			"the other mode's, by a live key": s.get(t, 1, path+string(ref), "X-Mode", "live"),
			"malformed":                       s.get(t, 1, path+"nonsense"), "lower case": s.get(t, 1, path+strings.ToLower(string(ref))),
			"a path": s.get(t, 1, path+"..%2f..%2fetc"), "of odd bytes": s.get(t, 1, path+"KIPAY%00%ff0000000000000000"),
		} {
			if a.status != http.StatusNotFound || a.body != missing.body {
				t.Errorf("%s%s is answered %d %s", path, name, a.status, a.body)
			}
		}
	}
	for _, path := range []string{"/transactions/list", "/customers/list"} {
		if data, a := s.list(t, 2, path); len(data) != 0 || a.json["total"] != 0.0 {
			t.Errorf("%s shows the other merchant's: %s", path, a.body)
		}
	}
	if a := s.get(t, 2, "/payment-channels/list"); a.body != `{"status":"success","channels":[]}` {
		t.Errorf("channels: %s", a.body)
	}
	if data, _ := s.list(t, 1, "/transactions/list", "X-Mode", "live"); len(data) != 1 || data[0]["reference"] != string(live) {
		t.Errorf("a live key lists %v", data)
	}
	if a := s.get(t, 1, "/transactions/list", "X-Merchant", "nobody"); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", a.status)
	}
	if a := s.get(t, 1, "/transactions/list", "X-Scope", "write"); a.status != http.StatusForbidden {
		t.Errorf("a key that may only write: %d", a.status)
	}
}

func TestChannelsAreListedWithoutSecrets(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Channel(t, 1, "Shop", false)
	_, at := s.Channel(t, 1, "Till", true)
	if err := s.projector.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	a := s.get(t, 1, "/payment-channels/list?active_only=true")
	want := `{"status":"success","channels":[` +
		`{"id":2,"name":"Till","provider":"mpesa","is_active":true,"is_default":true,"created_at":"2026-03-10T09:00:00.005Z","environment":"sandbox",` +
		`"currency":"KES","funds":"merchant","shortcode":"174379","till_number":null,"c2b_registered":false},` +
		`{"id":1,"name":"Shop","provider":"mpesa","is_active":true,"is_default":false,"created_at":"2026-03-10T09:00:00.002Z","environment":"sandbox",` +
		`"currency":"KES","funds":"merchant","shortcode":"174379","till_number":null,"c2b_registered":false}]}`
	if withoutStamps(a.body) != withoutStamps(want) {
		t.Errorf("channels:\n%s", cmp.Diff(want, a.body))
	}
}

func TestWrongParametersAreAllNamed(t *testing.T) {
	s := newServer(t)
	for path, want := range map[string][]string{
		"/transactions/list?page=0&limit=101&status=paid&date_from=2025-02-30&date_to=x": {"page", "limit", "status", "date_from", "date_to"},
		"/transactions/list?page=-1&limit=abc":                                           {"page", "limit"},
		"/transactions/list?page=1.5&limit=0":                                            {"page", "limit"},
		"/transactions/list?page=99999999999999999999":                                   {"page"},
		"/transactions/list?date_from=2025-03-02&date_to=2025-03-01":                     {"date_to"},
		"/transactions/list?date_from=2025-3-2":                                          {"date_from"},
		"/customers/list?limit=1000&search=" + strings.Repeat("x", 101):                  {"limit", "search"},
		"/payment-channels/list?active_only=maybe":                                       {"active_only"},
	} {
		a := s.get(t, 1, path)
		fields, _ := a.json["errors"].(map[string]any)
		if a.status != http.StatusUnprocessableEntity || len(fields) != len(want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		for _, field := range want {
			if fields[field] == nil {
				t.Errorf("%s: %s is not named: %s", path, field, a.body)
			}
		}
	}
	for _, path := range []string{
		"/transactions/list?page=&limit=&status=&date_from=&date_to=&unknown=1", "/transactions/list?page=1000000000&limit=100",
		"/transactions/list?date_from=0001-01-01&date_to=9999-12-31", "/customers/list?search=%20%20", "/payment-channels/list?active_only=",
	} {
		if a := s.get(t, 1, path); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.get(t, 1, "/transactions/list", "X-Kipay-Position", "soon"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a position that is none: %d %s", a.status, a.body)
	}
}

func TestListsHavePagesAndDaysOfTheMerchantsZone(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	var refs []string
	var at eventstore.Position
	// In Nairobi these are the 10th at 23:59, the 11th at 00:00 and the 11th at 23:59; in UTC the 10th, the 10th and the 11th.
	for _, moment := range []string{"2026-03-10T20:59:59Z", "2026-03-10T21:00:00Z", "2026-03-11T20:59:58Z"} {
		now, err := time.Parse(time.RFC3339, moment)
		if err != nil {
			t.Fatal(err)
		}
		s.Set(now)
		var ref transaction.Reference
		ref, at = s.Open(t, projectionstest.Payment{Merchant: 1})
		refs = append(refs, string(ref))
	}
	s.wrote(1, at)
	for query, want := range map[string][]string{
		"":                      {refs[2], refs[1], refs[0]},
		"?date_from=2026-03-11": {refs[2], refs[1]},
		"?date_to=2026-03-10":   {refs[0]},
		"?date_from=2026-03-11&date_to=2026-03-11": {refs[2], refs[1]},
		"?date_from=2026-03-12":                    {},
		"?status=completed":                        {},
		"?limit=2":                                 {refs[2], refs[1]},
		"?limit=2&page=2":                          {refs[0]},
		"?limit=2&page=3":                          {},
		"?status=pending&limit=1&page=2":           {refs[1]},
		"?date_from=2026-03-11&limit=1&page=2":     {refs[1]},
	} {
		data, a := s.list(t, 1, "/transactions/list"+query)
		got := []string{}
		for _, row := range data {
			got = append(got, fmt.Sprint(row["reference"]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
		limit, _ := a.json["limit"].(float64)
		total, _ := a.json["total"].(float64)
		if pages := float64((int(total) + int(limit) - 1) / int(limit)); a.json["pages"] != pages {
			t.Errorf("%s: %v pages of %v by %v", query, a.json["pages"], total, limit)
		}
		for _, key := range []string{"status", "data", "total", "page", "limit", "pages"} {
			if _, ok := a.json[key]; !ok {
				t.Errorf("%s: no %s in %s", query, key, a.body)
			}
		}
	}
}

func TestAMerchantAlwaysSeesItsOwnWrites(t *testing.T) {
	s := newServer(t)
	var group errgroup.Group
	for m := range int64(4) {
		merchantID := m + 1
		s.Merchant(t, merchantID, "")
		group.Go(func() error {
			for n := range 15 {
				ref, at := s.Open(t, projectionstest.Payment{Merchant: merchantID, Origin: transaction.FromPush})
				if n%2 == 0 {
					at = s.Pay(t, merchantID, ref, 1000_00)
				}
				headers := []string{"X-Kipay-Position", strconv.FormatUint(uint64(at), 10)} // as a client of another node
				if n%3 == 0 {
					headers = nil
					s.wrote(merchantID, at)
				}
				data, a := s.list(t, merchantID, "/transactions/list?limit=1", headers...)
				if a.json["total"] != float64(n+1) || len(data) != 1 || data[0]["reference"] != string(ref) {
					return fmt.Errorf("merchant %d after %d payments sees %s", merchantID, n+1, a.body)
				}
				if (data[0]["status"] == "completed") != (n%2 == 0) {
					return fmt.Errorf("merchant %d sees an old status: %s", merchantID, a.body)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
