package readapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/projectionstest"
)

func (s *server) closeMonth(t testing.TB, merchantID int64, month period.Month) eventstore.Position {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		t.Fatal(err)
	}
	_, at := projectionstest.Do[period.State](t, s.Install, merchantID, period.Stream(merchantID, domain.ModeTest), period.Close{
		Merchant: merchantID, Mode: domain.ModeTest, Month: month, Zone: zone, At: s.Now(),
	})
	s.wrote(merchantID, at)
	return at
}

func TestWhatBecomesKnownAfterTheCloseIsBookedInTheNextMonthAndTheDiffShowsIt(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	s.paid(t, 1, 1000_00, 1000_00)
	late, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 300_00})
	s.Push(t, 1, late)
	march := s.Now()
	s.Set(time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC))
	closed := s.closeMonth(t, 1, 202603)
	before := s.balances(t, 1, "?period=2026-03")
	s.wrote(1, s.PayAt(t, 1, late, 300_00, march)) // the notice comes in April, of money that moved in March
	s.paid(t, 1, 50_00, 50_00)

	if diff := cmp.Diff(before, s.balances(t, 1, "?period=2026-03")); diff != "" {
		t.Errorf("the closed month changed (-before +after):\n%s", diff)
	}
	if got := s.balances(t, 1, "?period=2026-04")["sales"]; got != 350 {
		t.Errorf("April's sales are %v; want its own and what came too late", got)
	}
	if got := s.balances(t, 1, "?through_period=2026-04")["sales"]; got != 1350 {
		t.Errorf("sales through April are %v", got)
	}
	if got := s.balances(t, 1, "?date_to=2026-03-31")["sales"]; got != 1300 {
		t.Errorf("what happened in March is %v, by when it happened", got)
	}
	for _, query := range []string{"?period=2026-03", fmt.Sprintf("?since=%d&date_to=2026-03-31", closed)} {
		entries, a := s.list(t, 1, "/ledger/diff"+query)
		if len(entries) != 2 || entries[0]["late_for"] != "2026-03" || entries[0]["period"] != "2026-04" || entries[0]["reference"] != string(late) ||
			a.json["since"] != float64(closed) {
			t.Errorf("%s: %s", query, a.body)
		}
		accounts := a.json["accounts"].([]any)
		if len(accounts) != 2 || accounts[1].(map[string]any)["balance"] != 300.0 {
			t.Errorf("%s: the accounts changed by %v", query, accounts)
		}
	}
	if entries, _ := s.list(t, 1, fmt.Sprintf("/ledger/diff?since=%d&until=%d", closed, closed)); len(entries) != 0 {
		t.Errorf("between a moment and itself: %v", entries)
	}
	periods, a := s.list(t, 1, "/periods/list")
	if len(periods) != 1 || periods[0]["month"] != "2026-03" || periods[0]["position"] != float64(closed) || a.json["open_from"] != "2026-04" {
		t.Errorf("periods: %s", a.body)
	}
	if _, a := s.list(t, 2, "/periods/list"); a.json["open_from"] != nil {
		t.Errorf("another merchant's: %s", a.body)
	}
	for _, query := range []string{"", "?since=1&period=2026-03", "?period=2026-04", "?since=x", "?period=march"} {
		if a := s.get(t, 1, "/ledger/diff"+query); a.status != http.StatusUnprocessableEntity {
			t.Errorf("diff%s: %d %s", query, a.status, a.body)
		}
	}
}

// The periods that were closed are folded as of the event that is built: a rebuild books as the projection did.
func TestARebuildBooksInTheSameMonths(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	var march time.Time
	for i := range 3 {
		ref, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 100_00})
		s.Push(t, 1, ref)
		if i == 0 {
			march = s.Now()
		}
		if i == 1 {
			s.Set(time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC))
			s.closeMonth(t, 1, 202603)
		}
		s.wrote(1, s.PayAt(t, 1, ref, 100_00, march))
	}
	before, _ := s.list(t, 1, "/ledger/entries?limit=100")
	if _, err := s.projector.Rebuild(projectionstest.Within(t), func(projections.Progress) {}); err != nil {
		t.Fatal(err)
	}
	after, _ := s.list(t, 1, "/ledger/entries?limit=100")
	if diff := cmp.Diff(before, after); diff != "" || len(before) != 6 {
		t.Errorf("%d postings (-before +after the rebuild):\n%s", len(before), diff)
	}
	if found, err := s.projector.Imbalances(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}
