package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// drillPayments is how many payments the drill makes before each of its first two backups; KIPAY_TEST_DRILL sets it, for figures
// (docs/disaster-recovery.md).
func drillPayments(t *testing.T) (n int, patience time.Duration) {
	t.Helper()
	n = 20
	if text := os.Getenv("KIPAY_TEST_DRILL"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("KIPAY_TEST_DRILL is %q, want a number", text)
		}
	}
	return n, 30*time.Second + time.Duration(n)*10*time.Millisecond
}

// The drill: a server takes payments while it is backed up, twice. Then its machine is gone, and a new one has the backup
// folder, the recovery bundle and the identity that opens it, and nothing else.
func TestRestoreDrillOnAMachineWithNothingButTheBackupAndTheRecoveryKey(t *testing.T) {
	t.Parallel()
	address := freeAddr() // the name by which merchants know the server moves to the new machine
	in := launch(t, quick(settings{"HTTP_ADDR": address}))
	m := newShop(t, in)
	store, vault := filepath.Join(t.TempDir(), "backup"), newSafe(t)

	payments, patience := drillPayments(t)
	promised := newAcknowledged()
	endLoad := underLoad(4, m, promised)
	defer endLoad()
	eventually(t, patience, "payments are taken", enough(promised, payments))
	first := reply{raw: in.cli(t, "backup", store, "--json")}
	eventually(t, patience, "more payments are taken", enough(promised, promised.count()+min(payments, 200)))
	endLoad()
	checkPromises(t, m, promised)
	m.post("/api/customers/create", `{"email":"wanjiku@example.com","first_name":"Wanjiku","last_name":"Kamau","phone":"+254711000001"}`).want(t, 201, nil)
	lists := map[string]string{} // the newest first
	for _, path := range []string{"/api/customers/list?limit=100", "/api/payment-channels/list"} {
		lists[path] = m.get(path).want(t, 200, nil).raw
	}
	answers, rows := map[string]string{}, map[string]string{}
	for _, refs := range []map[string]string{promised.checkouts, promised.pushes} {
		for ref := range refs {
			answers[ref] = m.get("/api/transactions/verify/"+ref).want(t, 200, nil).raw
		}
	}
	eventually(t, patience, "the list shows what verify does", func() error {
		for _, row := range m.listed(t, "") {
			ref, _ := row["reference"].(string)
			rows[ref] = asJSON(row)
			if status := fmt.Sprintf(`"status":%s`, asJSON(row["status"])); !strings.Contains(answers[ref], status) {
				return fmt.Errorf("%s is listed as %s", ref, status)
			}
		}
		return nil
	})

	// The last backup, while others pay.
	others := newShop(t, in)
	lost := newAcknowledged()
	endLoad = underLoad(4, others, lost)
	defer endLoad()
	eventually(t, 30*time.Second, "others pay", enough(lost, 5))
	last := reply{raw: in.cli(t, "backup", store, "--json")}
	if first.text("events") == last.text("events") || last.text("events") == last.text("new_events") {
		t.Errorf("the second backup was not what is new: %s after %s", last.raw, first.raw)
	}
	// The server has the key in memory still when its file is gone.
	if err := os.Remove(filepath.Join(in.data, "master.key")); err != nil {
		t.Fatal(err)
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
	verified := time.Since(began)
	out := reply{raw: fresh.cli(t, "restore", store, "--recovery", vault.bundle, "--identity", vault.identity, "--json")}
	if out.text("position") != last.text("position") || out.text("master_key") != "true" {
		t.Errorf("restored %s, backed up %s", out.raw, last.raw)
	}
	fresh.start(t)
	fresh.awaitReady(t)
	ready := time.Since(began)
	m.instance = fresh
	eventually(t, patience, "the list is as it was", func() error { // it grows while the log is read again
		now := m.listed(t, "")
		for _, row := range now {
			if ref, _ := row["reference"].(string); asJSON(row) != rows[ref] {
				return fmt.Errorf("listed %s, before %s", asJSON(row), rows[ref])
			}
		}
		if len(now) != len(rows) || len(rows) != len(answers) {
			return fmt.Errorf("%d are listed, before %d, of %d", len(now), len(rows), len(answers))
		}
		return nil
	})
	t.Logf("first backup, under load: %s", first.raw)
	t.Logf("last backup, under load: %s", last.raw)
	t.Logf("restored: %s", out.raw)
	t.Logf("after the loss: backup verified %s, server ready %s, lists complete %s", verified.Round(time.Millisecond),
		ready.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	for ref, was := range answers {
		if r := m.get("/api/transactions/verify/" + ref); r.raw != was {
			t.Errorf("%s is answered %s, before %s", ref, r.raw, was)
		}
	}
	for path, was := range lists {
		eventually(t, patience, path+" is as it was", func() error {
			if r := m.get(path); r.raw != was {
				return fmt.Errorf("it answers %s, before %s", r.raw, was)
			}
			return nil
		})
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
