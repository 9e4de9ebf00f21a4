package readapi_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

var stamps = regexp.MustCompile(`2026-03-10T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z`)

func TestWhileClickHouseIsAwayVerifyAnswersAndListsSayComeBack(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	before, at := s.Open(t, projectionstest.Payment{Merchant: 1})
	s.wrote(1, at)
	s.list(t, 1, "/transactions/list")

	s.engine.Leave(t)
	after, at := s.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	at = max(at, s.Pay(t, 1, after, 1000_00))
	for ref, status := range map[transaction.Reference]string{before: "pending", after: "completed"} {
		if a := s.get(t, 1, "/transactions/verify/"+string(ref)); a.status != http.StatusOK || a.json["status"] != status {
			t.Errorf("verify: %d %s", a.status, a.body)
		}
	}
	if a := s.get(t, 1, "/mpesa/stk-status/"+string(after)); a.status != http.StatusOK {
		t.Errorf("stk-status: %d %s", a.status, a.body)
	}
	for _, path := range []string{"/transactions/list", "/customers/list", "/payment-channels/list"} {
		for _, merchantID := range []int64{1, 2} { // one that waits for its own write, one that asks at once
			if a := s.get(t, merchantID, path); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %d %s, Retry-After %q", path, a.status, a.body, a.header.Get("Retry-After"))
			}
		}
	}
	s.engine.Return()
	if err := s.projector.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if data, _ := s.list(t, 1, "/transactions/list"); len(data) != 2 || data[0]["reference"] != string(after) || data[0]["status"] != "completed" {
		t.Errorf("afterwards: %v", data)
	}
}

func TestAPositionThatIsNotReachedIsRefusedInTime(t *testing.T) {
	s := newServer(t)
	a := s.get(t, 1, "/transactions/list", "X-Kipay-Position", "1000000")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
}

func TestAWedgedEngineIsAnsweredForAndReplaced(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	_, at := s.Open(t, projectionstest.Payment{Merchant: 1})
	s.wrote(1, at)
	s.list(t, 1, "/transactions/list")
	s.engine.Wedge(t)
	ref, at := s.Open(t, projectionstest.Payment{Merchant: 1})
	s.wrote(1, at)
	if a := s.get(t, 1, "/transactions/list"); a.status != http.StatusServiceUnavailable {
		t.Errorf("list: %d %s", a.status, a.body)
	}
	if a := s.get(t, 1, "/transactions/verify/"+string(ref)); a.status != http.StatusOK {
		t.Errorf("verify: %d %s", a.status, a.body)
	}
	if err := s.projector.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if data, _ := s.list(t, 1, "/transactions/list"); len(data) != 2 {
		t.Errorf("afterwards: %v", data)
	}
}
