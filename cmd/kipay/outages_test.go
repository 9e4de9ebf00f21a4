package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// whileReadsAreAway checks that payments go on, and that lists say when to come back. It answers what it opened.
func whileReadsAreAway(t *testing.T, m *merchant, span time.Duration) (opened int) {
	t.Helper()
	refused := 0
	throughout(t, span, "payments go on", func() error {
		r := m.post("/api/transactions/initialize", `{"amount":5,"email":"away@example.com"}`)
		if r.status != 201 || r.took > 2*time.Second {
			return fmt.Errorf("initialize took %s: %v", r.took, r)
		}
		opened++
		ref := r.text("reference")
		if r = m.get("/api/transactions/verify/" + ref); r.status != 200 || r.took > 2*time.Second {
			return fmt.Errorf("verify took %s: %v", r.took, r)
		}
		list := m.call(http.MethodGet, "/api/transactions/list?limit=1", "")
		switch {
		case list.status == 503 && list.header.Get("Retry-After") != "":
			refused++
		case list.status == 200 && list.text("data.0.reference") == ref:
		default:
			return fmt.Errorf("the list took %s: %v", list.took, list)
		}
		return nil
	})
	if refused == 0 {
		t.Error("no list was refused: was ClickHouse away at all?")
	}
	return opened
}

func TestPaymentsGoOnWhileClickHouseIsAway(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newShop(t, in)
	m.get("/api/transactions/list").want(t, 200, nil)
	opened := 0
	recovered := func(what string) {
		t.Helper()
		eventually(t, 60*time.Second, "lists recover after "+what, func() error {
			r := m.call(http.MethodGet, "/api/transactions/list", "")
			if r.status != 200 || r.text("total") != fmt.Sprint(opened) {
				return fmt.Errorf("%d opened, %.200v", opened, r)
			}
			return nil
		})
	}
	engine := in.engine(t)
	if err := syscall.Kill(engine, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	opened += whileReadsAreAway(t, m, 3*time.Second)
	if err := syscall.Kill(engine, syscall.SIGCONT); err != nil {
		t.Logf("the engine was replaced meanwhile: %v", err)
	}
	recovered("a stop")

	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		last := in.engine(t)
		_ = syscall.Kill(last, syscall.SIGKILL)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if next := in.engineNow(); next != 0 && next != last {
					last = next
					_ = syscall.Kill(next, syscall.SIGKILL)
				}
			}
		}
	})
	opened += whileReadsAreAway(t, m, 3*time.Second)
	close(stop)
	killer.Wait()
	recovered("being killed again and again")
	if out, code := in.verb(t, "verify"); code != 0 {
		t.Errorf("verify: exit %d: %s", code, out)
	}
}

func TestSIGTERMFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	sim := launchSandbox(t, "20")
	in := launch(t, quick(settings{"MPESA_SANDBOX_URL": sim.sim + "/daraja"}))
	m := newShop(t, in)
	answer := make(chan reply, 1)
	go func() { answer <- m.post("/api/mpesa/stk-push", m.pushBody("254700030005", "74")) }()
	eventually(t, 10*time.Second, "the push is on its way", func() error {
		if r := send(t.Context(), http.MethodGet, sim.sim+"/daraja/__sim/prompts", ""); !strings.Contains(r.raw, "254700030005") && len(sim.deliveries(t)) == 0 {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	in.signal(syscall.SIGTERM)
	r := (<-answer).want(t, 200, shape{"transaction.checkout_request_id": "~^ws_CO_"})
	<-in.ended
	if code := in.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	in.start(t)
	in.awaitReady(t)
	m.settles(t, r.text("transaction.reference"), "completed", 20*time.Second)
}

func TestPushIsAnsweredWithin30SecondsWhateverDarajaDoes(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	daraja := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth/") {
			_, _ = w.Write([]byte(`{"access_token":"token","expires_in":"3599"}`))
			return
		}
		select {
		case <-time.After(35 * time.Second):
		case <-gone:
		}
	}))
	defer daraja.Close()
	defer close(gone)
	m := newShop(t, launch(t, quick(settings{"MPESA_SANDBOX_URL": daraja.URL, "PUSH_WINDOW": "3s"})))
	r := m.post("/api/mpesa/stk-push", m.pushBody(phone(), "75"))
	if r.took > 30*time.Second {
		t.Errorf("it took %s", r.took)
	}
	r.want(t, 200, shape{"transaction.status": `="pending"`, "transaction.checkout_request_id": "=null"})
	m.settles(t, r.text("transaction.reference"), "failed", 20*time.Second).want(t, 200, shape{"transaction.failure_code": `="expired"`})
}

func TestSecondProcessOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	in := usual(t)
	second := newInstance(t, t.TempDir(), quick(settings{"DATA_DIR": in.data}))
	out, code := second.verb(t, "serve")
	if code != 1 || !strings.Contains(out, fmt.Sprint(in.cmd.Process.Pid)) || strings.Contains(out, "goroutine") {
		t.Errorf("exit %d: %s", code, out)
	}
	if r := send(t.Context(), http.MethodGet, in.base+"/readyz", ""); r.status != 200 {
		t.Errorf("the first one: %v", r)
	}
}
