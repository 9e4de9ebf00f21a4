package readapi_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// told are the events of a transaction's history.
func (s *server) told(t *testing.T, merchantID int64, ref transaction.Reference, query string) []map[string]any {
	t.Helper()
	a := s.get(t, merchantID, "/transactions/"+string(ref)+"/history"+query)
	if a.status != http.StatusOK {
		t.Fatalf("history: %d %s", a.status, a.body)
	}
	var out []map[string]any
	for _, e := range a.json["events"].([]any) {
		out = append(out, e.(map[string]any))
	}
	return out
}

func typesOf(events []map[string]any) []string {
	var out []string
	for _, e := range events {
		out = append(out, e["type"].(string))
	}
	return out
}

func TestAHistoryHasTheProvidersWordsAndThePostingsThatTheyLedTo(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	ref, paid := s.paid(t, 1, 1000_00, 1200_00)
	events := s.told(t, 1, ref, "")
	want := "TransactionInitialized StkPushRequested StkPushAccepted CallbackReceived PaymentReceived PaymentConflicted PaymentCompleted"
	if got := strings.Join(typesOf(events), " "); got != want {
		t.Fatalf("the events are %s", got)
	}
	notice, money := events[3], events[4]
	if raw := notice["data"].(map[string]any)["raw"]; raw != `{"Body":{"stkCallback":{"ResultCode":0}}}` {
		t.Errorf("the provider's words are %v", raw)
	}
	postings := money["postings"].([]any)
	if len(postings) != 4 || postings[3].(map[string]any)["account"] != "suspense" || postings[3].(map[string]any)["credit"] != 200.0 {
		t.Errorf("the postings are %v", postings)
	}
	entries, _ := s.list(t, 1, "/ledger/entries?reference="+string(ref))
	if len(entries) != 4 || entries[3]["id"] != postings[0].(map[string]any)["id"] || entries[3]["event_id"] != money["id"] {
		t.Errorf("the ledger has %v", entries)
	}
	for _, e := range events {
		if e["stream"] != ref.Stream() || e["actor"] == "" || e["version"] == nil || e["occurred_at"] == nil || e["recorded_at"] == nil {
			t.Errorf("%v", e)
		}
	}
	if got := s.told(t, 1, ref, fmt.Sprintf("?as_of=%d", paid-2)); len(got) != len(events)-2 {
		t.Errorf("as of before the last two events there are %d of %d", len(got), len(events))
	}
	if got := s.told(t, 1, ref, "?as_of=2001-01-01T00:00:00Z"); len(got) != 0 {
		t.Errorf("as of long ago there are %d events", len(got))
	}
	if n := len(s.readings.what); n != 3 || s.readings.what[0] != "history "+string(ref) {
		t.Errorf("noted: %q", s.readings.what)
	}
}

func TestAHistoryIsNotShownToStrangersOrUnrecorded(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	ref, _ := s.paid(t, 1, 1000_00, 1000_00)
	path := "/transactions/" + string(ref) + "/history"
	if a := s.get(t, 2, path); a.status != http.StatusNotFound {
		t.Errorf("another merchant: %d %s", a.status, a.body)
	}
	if a := s.get(t, 1, path, "X-Mode", "live"); a.status != http.StatusNotFound {
		t.Errorf("the other mode: %d %s", a.status, a.body)
	}
	if a := s.get(t, 1, "/transactions/nonsense/history"); a.status != http.StatusNotFound {
		t.Errorf("nonsense: %d %s", a.status, a.body)
	}
	if a := s.get(t, 1, path+"?as_of=then"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong moment: %d %s", a.status, a.body)
	}
	s.readings.fault = domain.Unavailable("away", nil)
	for _, p := range []string{path, "/audit/events"} {
		if a := s.get(t, 1, p); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s unrecorded: %d %s", p, a.status, a.body)
		}
	}
}

func TestAuditEventsAreFoundByWhoAndWhatAndPagedByACursor(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	_, _ = s.Channel(t, 1, "Shop", true)
	ref, _ := s.paid(t, 1, 1000_00, 1000_00)
	s.paid(t, 2, 1000_00, 1000_00)
	live, at := s.Open(t, projectionstest.Payment{Merchant: 1, Mode: domain.ModeLive})
	s.wrote(1, at)

	var all []map[string]any
	for after := ""; ; {
		data, a := s.list(t, 1, "/audit/events?limit=3&after="+after)
		all = append(all, data...)
		next, more := a.json["next_cursor"].(string)
		if !more {
			break
		}
		if after = next; len(data) != 3 {
			t.Fatalf("a page that is not the last has %d events", len(data))
		}
	}
	seen := map[string]bool{}
	for i, e := range all {
		if i > 0 && e["position"].(float64) <= all[i-1]["position"].(float64) {
			t.Errorf("%v is not after %v", e, all[i-1])
		}
		if e["stream"] == live.Stream() {
			t.Error("a test key sees a live payment")
		}
		seen[e["type"].(string)] = true
	}
	for _, kind := range []string{"MerchantCreated", "PaymentChannelCreated", "PaymentReceived"} {
		if !seen[kind] {
			t.Errorf("%s is not among %d events", kind, len(all))
		}
	}
	one, _ := s.list(t, 1, "/audit/events?type=PaymentReceived&stream="+ref.Stream())
	if len(one) != 1 || one[0]["data"].(map[string]any)["receipt"] == "" {
		t.Errorf("by type and stream: %v", one)
	}
	if none, _ := s.list(t, 1, "/audit/events?actor=nobody@example.com"); len(none) != 0 {
		t.Errorf("by another actor: %v", none)
	}
	if last := s.readings.what[len(s.readings.what)-1]; strings.Contains(last, "nobody") {
		t.Errorf("what was looked for in vain is noted: %q", last)
	}
	if of, _ := s.list(t, 1, "/audit/events?to=2001-01-01T00:00:00Z"); len(of) != 0 {
		t.Errorf("before there was anything: %v", of)
	}
	a := s.get(t, 1, "/audit/events?after=x&from=x&to=x&limit=1000&as_of=x&effective_at=2026-03-01T00:00:00Z")
	if errs, _ := a.json["errors"].(map[string]any); a.status != http.StatusUnprocessableEntity || len(errs) != 6 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestNoEventShowsWhatOpensADoor(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	shop, _ := s.Channel(t, 1, "Shop", true)
	_, at := projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(shop), channel.SetInitiator{
		Name: "api", Credential: "topsecret", At: s.Now(),
	})
	s.wrote(1, at)
	_, a := s.list(t, 1, "/audit/events?limit=200")
	if !strings.Contains(a.body, `"InitiatorSet"`) {
		t.Fatalf("not there: %s", a.body)
	}
	if strings.Contains(a.body, "topsecret") || strings.Contains(a.body, `"password_hash":"x"`) {
		t.Errorf("a secret is shown: %s", a.body)
	}
	// Whoever adds an event with such a field has to say here what is shown of it.
	known := map[string]bool{
		"MerchantCreated.PasswordHash": true, "PaymentChannelCreated.Secrets": true, "C2BUrlsRegistered.ConfirmationURL": true,
		"C2BUrlsRegistered.ValidationURL": true, "CardCheckoutOpened.URL": true, "ApiKeyIssued.ID": true,
		"InitiatorSet.SecurityCredential": true, "InitiatorSet.PasswordDays": true,
	}
	for _, typ := range eventstore.Catalogue() {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(typ.Prototype)) {
			name := typ.Name() + "." + f.Name
			for _, word := range []string{"Secret", "Password", "Passkey", "Token", "URL", "Credential"} {
				if strings.Contains(f.Name, word) && !known[name] {
					t.Errorf("%s: is it fit to be shown? See readapi/event.go", name)
				}
			}
		}
	}
}
