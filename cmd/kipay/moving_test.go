package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// view is all that the read side shows of a merchant: its lists, and each payment but the one given.
func (m *merchant) view(t *testing.T, but string) map[string]any {
	t.Helper()
	seen := map[string]any{
		"customers": m.get("/api/customers/list?limit=100").want(t, 200, nil).at("data"),
		"channels":  m.get("/api/payment-channels/list?limit=100").want(t, 200, nil).at("data"),
	}
	var payments []map[string]any
	for _, row := range m.listed(t, "") {
		ref, _ := row["reference"].(string)
		if ref == but {
			continue
		}
		payments = append(payments, row)
		seen[ref] = m.get("/api/transactions/verify/"+ref).want(t, 200, nil).at("transaction")
	}
	seen["payments"] = payments
	return seen
}

// The documented road, docs/moving.md: a laptop's log is moved behind EventStoreDB's protocol while payments are taken, and
// its read models, built anew there, say the same. A push that is still on the phone is chased to its end by the new node.
func TestALaptopsPaymentsMoveToAServerWithAllThatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	sandbox := launchSandbox(t, "50")
	providers := settings{
		"SANDBOX": "false", "MPESA_SANDBOX_URL": sandbox.sim + "/daraja", "PAYSTACK_URL": sandbox.sim + "/paystack", "PUSH_WINDOW": "5m",
	}
	patient := quick(providers)
	patient["STATUS_QUERY_AFTER"] = "5m" // nobody asks after the push before it is moved
	laptop := launch(t, patient)
	laptop.sim = sandbox.sim
	m := newShop(t, laptop)
	m.registerC2B(t)
	var paid []string
	for n := range 4 {
		paid = append(paid, m.push(t, phone(), fmt.Sprint(700+n)))
	}
	once := []string{"Idempotency-Key", "moved"}
	opened := m.call(http.MethodPost, "/api/transactions/initialize", `{"amount":9,"email":"moving@example.com"}`, once...).want(t, 201, nil)
	m.post("/api/customers/create", `{"email":"asha@example.com","first_name":"Asha","last_name":"Öz","phone":"254711000001"}`).want(t, 201, nil)
	leaving := m.post("/api/customers/create", `{"email":"leaves@example.com","first_name":"Leah"}`).want(t, 201, nil).text("customer.id")
	for _, ref := range paid {
		m.settles(t, ref, "completed", 30*time.Second)
	}

	// The first export runs beside the server, the second takes what came since; in between the log is already imported.
	home := t.TempDir()
	events, keys, vault := filepath.Join(home, "log.ndjson.zst"), filepath.Join(home, "keys.age"), newSafe(t)
	export := []string{"events", "export", events, "--keys", keys, "--recipient", vault.recipient, "--json"}
	first := reply{raw: laptop.cli(t, export...)}
	if out, code := laptop.verb(t, export...); code != 2 || !strings.Contains(out, "--resume") {
		t.Errorf("a file that is there was answered with exit %d: %s", code, out)
	}
	if out, code := laptop.verb(t, "events", "import", events, "--keys", keys, "--identity", vault.identity); code != 1 || !strings.Contains(out, "in use by process") {
		t.Errorf("an import beside a server exits with %d: %s", code, out)
	}
	store, connection := startStore(t)
	eventually(t, 20*time.Second, "the event store is served", func() error {
		if !strings.Contains(store.log(), "the event store is served") {
			return fmt.Errorf("it says %s", store.tail(1))
		}
		return nil
	})
	master, err := os.ReadFile(filepath.Join(laptop.data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	served := quick(providers)
	served["EVENTSTORE"], served["MASTER_KEY"] = connection, strings.TrimSpace(string(master))
	node := newInstance(t, t.TempDir(), served)
	load := []string{"events", "import", events, "--keys", keys, "--identity", vault.identity, "--json"}
	node.cli(t, load...)

	// Somebody is erased between the two. The key has been imported already, and has to go there as well.
	m.post("/api/customers/"+leaving+"/erase", `{"reason":"request 17"}`).want(t, 200, nil)
	sandbox.admin(t, "daraja", "next", `{"scenario":"silent-success"}`)
	pending := m.push(t, phone(), "799")
	want := m.view(t, pending)
	if len(want) < 3+len(paid)+1 {
		t.Errorf("the laptop shows only %v", want)
	}
	if code := laptop.terminate(t, 45*time.Second); code != 0 {
		t.Errorf("the laptop's server exits with %d", code)
	}
	second := reply{raw: laptop.cli(t, append(export, "--resume")...)}
	if first.text("new") == "0" || second.text("new") == "0" || second.text("export") != first.text("export") {
		t.Errorf("exported %v, then %v", first.raw, second.raw)
	}
	imported := reply{raw: node.cli(t, load...)}
	if imported.text("there") != first.text("events") || imported.text("new") != second.text("new") || imported.text("keys") != second.text("keys") || imported.text("destroyed_keys") != "1" {
		t.Errorf("exported %s, then %s; imported %s", first.raw, second.raw, imported.raw)
	}
	if again := (reply{raw: node.cli(t, load...)}); again.text("new") != "0" || again.text("new_keys") != "0" || again.text("there") != second.text("events") {
		t.Errorf("the import once more did %s", again.raw)
	}

	// The node on the server knows everything that the laptop knew, with the same ids, and goes on with it.
	t.Cleanup(node.stop)
	t.Cleanup(func() { node.explain(t) })
	node.start(t)
	node.awaitReady(t)
	moved := m.on(node)
	if diff := cmp.Diff(want, moved.view(t, pending)); diff != "" {
		t.Errorf("read models (-laptop +server):\n%s", diff)
	}
	moved.settles(t, pending, "completed", 30*time.Second)
	twin := moved.call(http.MethodPost, "/api/transactions/initialize", `{"amount":9,"email":"moving@example.com"}`, once...)
	if twin.text("reference") != opened.text("reference") {
		t.Errorf("the same key opened %v, it was %v", twin, opened)
	}
	known := map[string]bool{}
	for _, row := range moved.listed(t, "") {
		known[asJSON(row["id"])] = true
	}
	if next := moved.post("/api/transactions/initialize", `{"amount":5,"email":"moving@example.com"}`).want(t, 201, nil); known[next.text("transaction.id")] {
		t.Errorf("the number %s is given twice", next.text("transaction.id"))
	}
	if found := (reply{raw: node.cli(t, "verify", "--json")}); found.text("differ") != "0" || found.text("rows") == "0" {
		t.Errorf("verify found %s", found.raw)
	}

	// And back: the folder that comes of it is sound, every event opened.
	node.cli(t, "events", "export", filepath.Join(home, "back"), "--keys", filepath.Join(home, "back.keys"), "--recipient", vault.recipient)
	back := newInstance(t, t.TempDir(), quick(settings{"MASTER_KEY": served["MASTER_KEY"]}))
	back.cli(t, "events", "import", filepath.Join(home, "back"), "--keys", filepath.Join(home, "back.keys"), "--identity", vault.identity)
	back.cli(t, "fsck")
}
