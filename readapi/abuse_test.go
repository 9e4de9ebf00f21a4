package readapi_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain/customer"
)

// questions are what lists can be asked, whoever asks: the paths with a parameter that each of them reads as text, if any.
var questions = map[string]string{
	"/transactions/list": "", "/transactions/diff?since=1": "", "/refunds/list": "", "/refunds/diff?since=1": "", "/disputes/list": "", "/disputes/diff?since=1": "",
	"/payouts/list": "receipt", "/payouts/diff?since=1": "bank_reference", "/customers/list": "search", "/customers/diff?since=1": "search",
	"/payment-channels/list": "", "/ledger/accounts": "", "/ledger/balances": "", "/ledger/entries": "", "/ledger/diff?since=1": "", "/periods/list": "",
	"/reconciliation/imports": "", "/reports/summary": "", "/reports/merchant_statement": "", "/reports/summary/lineage": "status", "/reports/disputes/lineage": "due",
	"/audit/events": "actor",
}

// Whatever a parameter holds, the answer is a list or says what is wrong with it: never a failure of ours, nor a wait.
func TestNoParameterBreaksAList(t *testing.T) {
	s := newServer(t)
	s.business(t)
	s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane"})
	s.wrote(1, s.Head(t))
	values := map[string][]string{
		"page": {"1000000000", "1000000001", "18446744073709551616", "-1", "0", "1.5", "٣", "1e3"}, "limit": {"100", "101", "0"},
		"as_of":        {"0", "9223372036854775808", "18446744073709551615", "18446744073709551616", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-03-10T09:00:00.123456789+14:00"},
		"until":        {"0", "18446744073709551615", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"},
		"effective_at": {"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"},
		"date_from":    {"0000-01-01", "1969-12-31", "9999-12-31", "2026-02-30"}, "date_to": {"0000-01-01", "9999-12-31"},
		"due_before":     {"0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"},
		"period":         {"0000-01", "9999-12", "1970-01"},
		"through_period": {"9999-12"}, "payment_channel_id": {"9007199254740992", "9007199254740993", "0"},
		"after": {"9223372036854775807", "9223372036854775808"}, "from": {"0000-01-01T00:00:00Z"}, "to": {"9999-12-31T23:59:59Z"}, "status": {"' OR 1=1", "\x00"},
		"reference": {"KIPAY' OR '1", "KIPAY0000000000000000"}, "active_only": {"maybe"}, "tz": {"Factory", "posixrules", "localtime", "posix/Africa/Nairobi", "right/UTC", "EST5EDT", "Etc/GMT+12", "zone.tab", "utc", "Asia/Calcutta"},
		"aged_at": {"0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"},
	}
	text := []string{"a\tb", "a\nb", `a\b`, `a\`, "\\N", "'", "`", "\x00", "{search:String}", "%", "_", "\xff", "é", "null", strings.Repeat("x", 101), "a&b=c", "\r\n"}
	ask := func(path, name, value string) {
		t.Helper()
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		switch a := s.get(t, 1, path+join+name+"="+url.QueryEscape(value)); a.status {
		case http.StatusOK, http.StatusUnprocessableEntity:
		default:
			t.Errorf("%s with %s=%q: %d %.300s", path, name, value, a.status, a.body)
		}
	}
	for path, named := range questions {
		for name, list := range values {
			for _, v := range list {
				ask(path, name, v)
			}
		}
		for _, v := range text {
			if named != "" {
				ask(path, named, v)
			}
		}
	}
}

// Another merchant, and the merchant's own live key, are told nothing of test payments, whatever they name.
func TestNoQuestionShowsAnothersRows(t *testing.T) {
	s := newServer(t)
	s.business(t)
	s.besides(t)
	jane, _ := s.Customer(t, 1, customer.Person{Email: "jane@example.com", FirstName: "Jane", Phone: "+254722000111"})
	s.wrote(1, s.Head(t))
	secret := map[string]bool{"jane@example.com": true, "+254722000111": true}
	for _, list := range []string{"/transactions/list?limit=100", "/refunds/list?limit=100", "/payouts/list", "/disputes/list"} {
		rows, _ := s.list(t, 1, list)
		if len(rows) == 0 {
			t.Fatalf("%s: nothing there", list)
		}
		for _, r := range rows {
			for _, name := range []string{"reference", "transaction_reference", "receipt", "provider_reference"} {
				if text, _ := r[name].(string); len(text) > 5 { // shorter ones stand in others by chance
					secret[text] = true
				}
			}
		}
	}
	paid, _ := s.list(t, 1, "/transactions/list?status=completed")
	ref := paid[0]["reference"].(string)
	payouts, _ := s.list(t, 1, "/payouts/list?status=completed")
	payout := payouts[0]["reference"].(string)
	narrowed := []string{"reference=" + ref, "search=jane", "receipt=" + paid[0]["receipt"].(string), "payment_channel_id=7", "stream=transaction-" + ref, "as_of=99999", "currency=KES", "entry=1"}
	told := func(who int64, path string, headers ...string) {
		t.Helper()
		a := s.get(t, who, path, headers...)
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%s: %d %.300s", path, a.status, a.body)
		}
		for text := range secret {
			if strings.Contains(a.body, text) && !strings.Contains(path, text) {
				t.Errorf("%s tells merchant %d %v of %s: %.300s", path, who, headers, text, a.body)
			}
		}
	}
	for path := range questions {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		for _, n := range append(narrowed, "") {
			told(2, path+join+n)
			told(99, path+join+n)
			if !strings.HasPrefix(path, "/customers/") && !strings.HasPrefix(path, "/audit/") { // which belong to both modes
				told(1, path+join+n, "X-Mode", "live")
			}
		}
	}
	for _, path := range []string{
		"/transactions/verify/" + ref, "/mpesa/stk-status/" + ref, "/transactions/" + ref + "/history", "/transactions/" + ref + "/receipt?disclose=all",
		"/payouts/" + payout, "/payouts/" + payout + "/history", "/disputes/1", "/customers/" + strconv.FormatInt(jane.ID, 10) + "/export",
	} {
		if a := s.get(t, 2, path); a.status != http.StatusNotFound {
			t.Errorf("%s answers another merchant: %d %.300s", path, a.status, a.body)
		}
		if a := s.get(t, 1, path, "X-Mode", "live"); a.status != http.StatusNotFound && !strings.HasPrefix(path, "/customers/") {
			t.Errorf("%s answers a live key: %d %.300s", path, a.status, a.body)
		}
		if a := s.get(t, 1, path, "X-Scope", "write"); a.status != http.StatusForbidden {
			t.Errorf("%s answers a key that may not read: %d", path, a.status)
		}
	}
}
