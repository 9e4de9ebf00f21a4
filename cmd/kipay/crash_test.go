package main_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// acknowledged is what a server has promised, over all its lives.
type acknowledged struct {
	mu        sync.Mutex
	checkouts map[string]string // reference to amount
	pushes    map[string]string
	doubtful  map[string]bool      // pushes of which nobody knows whether they went out
	bodies    map[string][3]string // idempotency key to path, body and answer
}

func (a *acknowledged) note(path, key, body, amount string, r reply) {
	if r.err != nil || r.status >= 300 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bodies[key] = [3]string{path, body, r.raw}
	if ref := r.text("transaction.reference"); strings.HasPrefix(ref, "KIPAY") {
		a.checkouts[ref] = amount
	} else if r.at("transaction.checkout_request_id") == nil {
		a.doubtful[ref] = true
	} else {
		a.pushes[ref] = amount
	}
}

func newAcknowledged() *acknowledged {
	return &acknowledged{
		checkouts: map[string]string{}, pushes: map[string]string{}, doubtful: map[string]bool{}, bodies: map[string][3]string{},
	}
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.bodies)
}

// underLoad has so many at once make payments until the function it answers is called.
func underLoad(clients int, m *merchant, promised *acknowledged) (end func()) {
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range clients {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					m.pay(promised)
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(stop); load.Wait() })
}

func TestKilledUnderLoadNothingIsLostAndNothingCountsTwice(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(seed(t), 1))
	sim := launchSandbox(t, "50")
	in := launch(t, quick(settings{"MPESA_SANDBOX_URL": sim.sim + "/daraja", "PAYSTACK_URL": sim.sim + "/paystack"}))
	m := newShop(t, in)
	m.registerC2B(t)
	promised := newAcknowledged()
	for range rounds(t, 4) {
		endLoad := underLoad(8, m, promised)
		wait := time.NewTimer(time.Duration(150+random.IntN(900)) * time.Millisecond)
		<-wait.C
		in.kill()
		endLoad()
		in.start(t)
		in.awaitReady(t)
	}
	if len(promised.pushes) == 0 || len(promised.checkouts) == 0 {
		t.Fatal("the load did nothing")
	}
	t.Logf("%d checkouts and %d pushes were acknowledged", len(promised.checkouts), len(promised.pushes))
	checkPromises(t, m, promised)
	checkBooks(t, m, sim)
	checks := in.checks()
	for _, verb := range checks {
		if out, code := in.verb(t, verb); code != 0 {
			t.Errorf("%s beside the server: %s", verb, out)
		}
	}
	if code := in.terminate(t, 40*time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	for _, verb := range checks {
		if out, code := in.verb(t, verb); code != 0 {
			t.Errorf("%s alone: exit %d: %s", verb, code, out)
		}
	}
}

// pay makes one checkout or push.
func (m *merchant) pay(promised *acknowledged) {
	key, amount := unique("load"), fmt.Sprint(1+rand.IntN(900))
	path, body := "/api/transactions/initialize", `{"amount":`+amount+`,"email":"`+key+`@example.com","payment_channel_id":`+m.card+`}`
	if rand.IntN(2) == 0 {
		path, body = "/api/mpesa/stk-push", m.pushBody(phone(), amount)
	}
	promised.note(path, key, body, amount, m.post(path, body, "Idempotency-Key", key))
}

// checkPromises holds the server to what it has answered.
func checkPromises(t *testing.T, m *merchant, promised *acknowledged) {
	t.Helper()
	for key, was := range promised.bodies {
		if again := m.post(was[0], was[1], "Idempotency-Key", key); again.raw != was[2] {
			t.Errorf("the twin after the crash is answered %v, the first %s", again, was[2])
		}
	}
	for ref, amount := range promised.checkouts {
		m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"status": `="pending"`, "transaction.amount": "=" + amount})
	}
	for ref, amount := range promised.pushes {
		// Every number pays, so each push that was accepted has moved money.
		m.settles(t, ref, "completed", 30*time.Second).want(t, 200, shape{"transaction.amount": "=" + amount, "transaction.amount_received": "=" + amount})
	}
}

// checkBooks compares the list with what the simulator knows to have been paid.
func checkBooks(t *testing.T, m *merchant, sim *instance) {
	t.Helper()
	paid := map[string]bool{}
	for _, d := range sim.deliveries(t) {
		if d.Receipt != "" {
			paid[d.Receipt] = true
		}
	}
	eventually(t, 30*time.Second, "every push has an outcome", func() error {
		for _, row := range m.listed(t, "status=pending") {
			if strings.HasPrefix(fmt.Sprint(row["reference"]), "MPESA") {
				return fmt.Errorf("%v", row)
			}
		}
		return nil
	})
	ids, references, receipts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	rows := m.listed(t, "")
	for _, row := range rows {
		id, ref := asJSON(row["id"]), fmt.Sprint(row["reference"])
		if ids[id] || references[ref] {
			t.Errorf("%s is listed twice: %s", ref, asJSON(row))
		}
		ids[id], references[ref] = true, true
		receipt, has := row["receipt"].(string)
		switch {
		case has && receipts[receipt]:
			t.Errorf("the money of %s is counted twice: %s", receipt, asJSON(row))
		case has && !paid[receipt]:
			t.Errorf("nobody paid %s: %s", receipt, asJSON(row))
		case has && row["status"] != "completed" || row["status"] == "completed" && asJSON(row["amount_received"]) != asJSON(row["amount"]):
			t.Errorf("money and status differ: %s", asJSON(row))
		}
		receipts[receipt] = true
	}
	if total := m.get("/api/transactions/list").text("total"); total != fmt.Sprint(len(rows)) {
		t.Errorf("the total is %s, %d are listed", total, len(rows))
	}
}
