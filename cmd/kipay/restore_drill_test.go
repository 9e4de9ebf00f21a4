package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
)

// safe is a folder with an age identity, as somebody else's machine has it, and the bundle that was made for it.
type safe struct{ identity, recipient, bundle string }

func newSafe(t *testing.T) safe {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := safe{filepath.Join(dir, "identity.txt"), id.Recipient().String(), filepath.Join(dir, "recovery.age")}
	if err := os.WriteFile(s.identity, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// underLoad makes payments until the function it answers is called.
func underLoad(m *merchant, promised *acknowledged) (end func()) {
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
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

func promises() *acknowledged {
	return &acknowledged{checkouts: map[string]string{}, pushes: map[string]string{}, bodies: map[string][3]string{}}
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.bodies)
}

// The drill: a server takes payments while it is backed up, twice. Then its machine is gone, and a new one has the backup
// folder, the recovery bundle and the identity that opens it, and nothing else.
func TestRestoreDrillOnAMachineWithNothingButTheBackupAndTheRecoveryKey(t *testing.T) {
	t.Parallel()
	address := freeAddr() // the name by which merchants know the server moves to the new machine
	in := launch(t, quick(settings{"HTTP_ADDR": address}))
	m := newShop(t, in)
	store, vault := filepath.Join(t.TempDir(), "backup"), newSafe(t)
	m.post("/api/customers/create", `{"email":"wanjiku@example.com","first_name":"Wanjiku","last_name":"Kamau","phone":"+254711000001"}`).want(t, 201, nil)

	promised := promises()
	endLoad := underLoad(m, promised)
	defer endLoad()
	eventually(t, 30*time.Second, "payments are taken", enough(promised, 20))
	first := reply{raw: in.cli(t, "backup", store, "--json")}
	eventually(t, 30*time.Second, "more payments are taken", enough(promised, promised.count()+20))
	endLoad()
	checkPromises(t, m, promised)
	lists := map[string]string{}
	for _, path := range []string{"/api/customers/list?limit=100", "/api/payment-channels/list"} {
		lists[path] = m.get(path).want(t, 200, nil).raw
	}
	answers, rows := map[string]string{}, map[string]string{}
	for _, refs := range []map[string]string{promised.checkouts, promised.pushes} {
		for ref := range refs {
			answers[ref] = m.get("/api/transactions/verify/"+ref).want(t, 200, nil).raw
		}
	}
	eventually(t, 20*time.Second, "the list shows what verify does", func() error {
		clear(rows)
		for _, row := range m.listed(t, "") {
			rows[row["reference"].(string)] = asJSON(row)
		}
		return nil
	})

	// The last backup, while others pay.
	others := newShop(t, in)
	lost := promises()
	endLoad = underLoad(others, lost)
	defer endLoad()
	eventually(t, 30*time.Second, "others pay", enough(lost, 5))
	last := reply{raw: in.cli(t, "backup", store, "--json")}
	if first.text("events") == last.text("events") || last.text("events") == last.text("new_events") {
		t.Errorf("the second backup was not what is new: %s after %s", last.raw, first.raw)
	}
	in.cli(t, "keys", "recovery", "--recipient", vault.recipient, "--out", vault.bundle)
	in.kill()
	endLoad()
	if err := os.RemoveAll(in.data); err != nil {
		t.Fatal(err)
	}

	fresh := newInstance(t, t.TempDir(), quick(settings{"HTTP_ADDR": address}))
	t.Cleanup(fresh.stop)
	t.Cleanup(func() { fresh.explain(t) })
	began := time.Now()
	fresh.cli(t, "backup", "verify", store)
	out := reply{raw: fresh.cli(t, "restore", store, "--recovery", vault.bundle, "--identity", vault.identity, "--json")}
	if out.text("position") != last.text("position") || out.text("master_key") != "true" {
		t.Errorf("restored %s, backed up %s", out.raw, last.raw)
	}
	fresh.start(t)
	fresh.awaitReady(t)
	t.Logf("%s events: a server that answers %s after the verification of the backup began; the restore took %s ms of it",
		out.text("events"), time.Since(began).Round(time.Millisecond), out.text("took_ms"))

	m.instance = fresh
	for ref, was := range answers {
		if now := m.get("/api/transactions/verify/" + ref); now.raw != was {
			t.Errorf("%s is answered %s, before %s", ref, now.raw, was)
		}
	}
	eventually(t, 30*time.Second, "the list is as it was", func() error {
		now := m.listed(t, "")
		for _, row := range now {
			if ref, _ := row["reference"].(string); asJSON(row) != rows[ref] {
				t.Errorf("listed %s, before %s", asJSON(row), rows[ref])
			}
		}
		if len(now) != len(rows) {
			t.Errorf("%d are listed, before %d", len(now), len(rows))
		}
		return nil
	})
	for path, was := range lists {
		if now := m.get(path); now.raw != was {
			t.Errorf("%s answers %s, before %s", path, now.raw, was)
		}
	}
	if was := lists["/api/customers/list?limit=100"]; !strings.Contains(was, "Wanjiku") || !strings.Contains(was, "+254711000001") {
		t.Errorf("nothing was proven: %s", was)
	}
	// The derivation keys are the same: a repeated request meets its first one.
	checkPromises(t, m, promised)
	for _, verb := range []string{"fsck", "verify"} {
		fresh.cli(t, verb)
	}
	// The restored store does not go on in the folder of the one before it.
	if out, code := fresh.verb(t, "backup", store); code != 1 || !strings.Contains(out, "begin a new one") {
		t.Errorf("exit %d: %s", code, out)
	}
	fresh.cli(t, "backup", store+"-2")
}

func enough(a *acknowledged, n int) func() error {
	return func() error {
		if a.count() < n {
			return errTooFew
		}
		return nil
	}
}
