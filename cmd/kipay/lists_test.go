package main_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestTransactionsHavePagesNewestFirst(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	m.get("/api/transactions/list").want(t, 200, shape{"status": `="success"`, "data": "=[]", "total": "=0", "page": "=1", "limit": "=20", "pages": "=0"})
	var made []string
	for range 5 {
		made = append(made, m.initialize(t, `{"amount":5,"email":"a@example.com"}`))
	}
	r := m.get("/api/transactions/list?limit=2").want(t, 200, shape{
		"total": "=5", "page": "=1", "limit": "=2", "pages": "=3", "data.0.reference": asPattern(made[4]), "data.1.reference": asPattern(made[3]),
	}).want(t, 200, transactionShape("data.0.", nil))
	if r.len("data") != 2 {
		t.Errorf("%d rows on a page of 2", r.len("data"))
	}
	m.get("/api/transactions/list?limit=2&page=3").want(t, 200, shape{"data.0.reference": asPattern(made[0]), "page": "=3"})
	m.get("/api/transactions/list?limit=2&page=4").want(t, 200, shape{"data": "=[]", "total": "=5", "pages": "=3", "page": "=4"})
	m.get("/api/transactions/list?limit=100").want(t, 200, shape{"pages": "=1", "data.4.reference": asPattern(made[0])})
}

func TestListParametersOutOfRangeAreNamed(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	for _, path := range []string{"/api/transactions/list", "/api/customers/list"} {
		for _, bad := range []string{"0", "-1", "x", "1.5", "99999999999999999999", "1e2", "0x1"} {
			m.get(path+"?page="+bad).wantError(t, 422, "", "page")
			m.get(path+"?limit="+bad).wantError(t, 422, "", "limit")
		}
		m.get(path+"?limit=101").wantError(t, 422, "", "limit")
		m.get(path+"?page=x&limit=y").wantError(t, 422, "", "page", "limit")
		m.get(path+"?page=&limit=").want(t, 200, shape{"page": "=1", "limit": "=20"})
	}
	m.get("/api/transactions/list?status=paid&date_from=2025-13-01&date_to=yesterday&page=0&limit=0").
		wantError(t, 422, "", "status", "date_from", "date_to", "page", "limit")
	m.get("/api/transactions/list?date_from=2025-04-02&date_to=2025-04-01").wantError(t, 422, "", "date_to")
	m.get("/api/transactions/list?date_from=2025-02-30").wantError(t, 422, "", "date_from")
}

func TestTransactionsAreFilteredByStatusAndDay(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	paid, failed := m.push(t, phone(), "5"), m.push(t, "254700000001", "5")
	m.settles(t, paid, "completed", 20*time.Second)
	m.settles(t, failed, "failed", 20*time.Second)
	open := m.initialize(t, `{"amount":5,"email":"a@example.com"}`)
	for status, want := range map[string]string{"completed": paid, "failed": failed, "pending": open} {
		m.get("/api/transactions/list?status="+status).want(t, 200, shape{"total": "=1", "data.0.reference": asPattern(want), "data.0.status": asPattern(status)})
	}
	nairobi := time.FixedZone("EAT", 3*3600)
	now := time.Now().In(nairobi)
	today, yesterday, tomorrow := now.Format(time.DateOnly), now.AddDate(0, 0, -1).Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly)
	for query, want := range map[string]string{
		"date_from=" + yesterday + "&date_to=" + tomorrow: "3", "date_from=" + tomorrow: "0", "date_to=" + yesterday[:4] + "-01-01": "0",
		"date_from=" + today + "&date_to=" + tomorrow: "3", "date_from=" + yesterday + "&status=pending": "1",
	} {
		m.get("/api/transactions/list?"+query).want(t, 200, shape{"total": "=" + want})
	}
}

func TestMerchantsSeeTheirOwnWritesAtOnce(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	n := rounds(t, 200)
	broken := make([]string, n)
	sideBySide(8, func(worker int) {
		for i := worker; i < n; i += 8 {
			ref := m.post("/api/transactions/initialize", fmt.Sprintf(`{"amount":%d,"email":"rw%d@example.com"}`, i+1, i%10)).text("reference")
			list := m.get("/api/transactions/list?limit=100")
			found := false
			for row := range list.len("data") {
				found = found || list.text(fmt.Sprintf("data.%d.reference", row)) == ref
			}
			if list.status != 200 || ref == "" || !found {
				broken[i] = fmt.Sprintf("%q is not in %v", ref, list)
			}
		}
	})
	for _, b := range broken {
		if b != "" {
			t.Fatal(b)
		}
	}
	if total := m.get("/api/transactions/list").text("total"); total != strconv.Itoa(n) {
		t.Errorf("the total is %s, want %d", total, n)
	}
}

func TestPositionOfAnAnswerIsHonoured(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	r := m.post("/api/transactions/initialize", `{"amount":5,"email":"a@example.com"}`).want(t, 201, nil)
	at, err := strconv.ParseUint(r.header.Get("X-Kipay-Position"), 10, 64)
	if err != nil {
		t.Fatalf("X-Kipay-Position of a write: %v", err)
	}
	for _, path := range []string{"/api/transactions/list", "/api/customers/list", "/api/payment-channels/list", "/api/transactions/verify/" + r.text("reference")} {
		seen, err := strconv.ParseUint(m.get(path, "X-Kipay-Position", strconv.FormatUint(at, 10)).want(t, 200, nil).header.Get("X-Kipay-Position"), 10, 64)
		if err != nil || seen < at && path[:22] == "/api/transactions/list" {
			t.Errorf("%s has seen %d, want %d: %v", path, seen, at, err)
		}
		m.get(path, "X-Kipay-Position", "first").wantError(t, 422, "", "X-Kipay-Position")
	}
	ahead := m.call(http.MethodGet, "/api/transactions/list", "", "X-Kipay-Position", strconv.FormatUint(at+1_000_000, 10))
	ahead.wantError(t, 503, "")
	if ahead.header.Get("Retry-After") == "" || ahead.took < 900*time.Millisecond || ahead.took > 10*time.Second {
		t.Errorf("a list of the future took %s: %v", ahead.took, ahead.header)
	}
}
