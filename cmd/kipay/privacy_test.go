package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
	"github.com/benfex/kipay/projections/chdb"
	"github.com/benfex/kipay/projections/projectionstest"
)

// readModels is a connection to the embedded engine, as the server has one.
func (in *instance) readModels(t *testing.T) driver.Conn {
	t.Helper()
	socket, err := chdb.SocketPath(filepath.Join(in.data, "readmodel"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{"readmodel:80"}, Auth: clickhouse.Auth{Database: chdb.Database},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		TransportFunc: func(tr *http.Transport) (http.RoundTripper, error) { tr.Proxy = nil; return tr, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// rewriteTables has the engine write all parts anew, without compression, and remove the old ones soon, and not after half a minute.
func rewriteTables(t *testing.T, conn driver.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT name FROM system.tables WHERE database = 'kipay' AND engine LIKE '%MergeTree'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		for _, sql := range []string{
			"ALTER TABLE kipay." + name + " MODIFY SETTING default_compression_codec = 'NONE', old_parts_lifetime = 1, " +
				"cleanup_delay_period = 1, max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0",
			"OPTIMIZE TABLE kipay." + name + " FINAL",
		} {
			if err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
}

// aboutHer imports a statement whose lines speak of the payer in all the ways that they can, and of somebody else, and answers the
// number of the import. A person credits one of them.
func (m *merchant) aboutHer(t *testing.T, number, receipt string) string {
	t.Helper()
	at := time.Now().UTC().Add(3*time.Hour - time.Minute).Format("02-01-2006 15:04:05")
	line := func(receipt, amount, party, account string) string {
		return receipt + "," + at + "," + at + ",Pay Bill from " + party + " Acc. " + account + ",Completed," + amount + ",,,true,Pay Utility," + party + ",," + account + "\n"
	}
	hidden := number[:4] + "*****" + number[9:]
	file := "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n" +
		line("QHX0000001", "77.00", number+" - XEROPHINA QUILLFEATHER", "NOWHERE1") +
		line("QHX0000002", "78.00", hidden+" - XEROPHINA Q", "NOWHERE2") +
		line(receipt, "641.00", number+" - XEROPHINA QUILLFEATHER", "ORDER9") +
		line("QHX0000003", "79.00", "254711000111 - HUSBAND OF HERS", "pinstriped parcel") +
		line("QHX0000004", "80.00", "254799000999 - STAYING PERSON", "NOWHERE4")
	id := m.imported(t, file, "done").text("import.id")
	all := m.get("/api/reconciliation/imports/" + id + "/differences?limit=100")
	if all.text("total") != "5" || !strings.Contains(all.raw, "XEROPHINA QUILLFEATHER") || !strings.Contains(all.raw, "wrong_amount") {
		t.Fatalf("the differences are %v", all)
	}
	hers := m.initialize(t, `{"email":"xerophina@example.com","amount":79,"payment_channel_id":`+m.mpesa+`}`)
	for i := range all.len("data") {
		item := fmt.Sprintf("data.%d.", i)
		if all.text(item+"receipt") == "QHX0000003" {
			m.post("/api/reconciliation/items/"+all.text(item+"id")+"/resolve", `{"action":"credit","reason":"Quillfeather called","reference":"`+hers+`"}`).want(t, 200, nil)
		}
	}
	m.settles(t, hers, "completed", 15*time.Second)
	return id
}

func TestNothingOfAnErasedCustomerIsAnywhere(t *testing.T) {
	t.Parallel()
	in := newInstance(t, t.TempDir(), quick(settings{"HEAD_EVERY": "200ms", "EVENTSTORE": "embedded"}))
	in.start(t)
	t.Cleanup(in.stop)
	t.Cleanup(func() { in.explain(t) })
	in.awaitReady(t)
	m := newCardShop(t, in)
	m.moveTo(t, "174379")
	number := phone()
	planted := []string{"Xerophina", "xerophina", "Quillfeather", number[3:], "pinstriped parcel", "XEROPHINA", "QUILLFEATHER", "HUSBAND OF HERS"}

	// What is known of her: details, a card payment with what Paystack said of it, and a push to her phone by name of nobody.
	id := m.post("/api/customers/create", `{"email":"xerophina@example.com","first_name":"Xerophina","last_name":"Quillfeather","phone":"+`+number+`"}`).want(t, 201, nil).text("customer.id")
	stays := m.post("/api/customers/create", `{"email":"stays@example.com","first_name":"Staying"}`).want(t, 201, nil).text("customer.id")
	card := m.initialize(t, `{"amount":90.5,"email":"xerophina@example.com","first_name":"Xerophina","payment_channel_id":`+m.card+`,"description":"a pinstriped parcel"}`)
	payByCard(m.openCardPage(t, card), paystacksim.Cards()[0])
	m.settles(t, card, "completed", 15*time.Second)
	pushed := m.push(t, number, "640")
	m.settles(t, pushed, "completed", 15*time.Second)
	statement := m.aboutHer(t, number, m.get("/api/transactions/verify/"+pushed).text("transaction.receipt"))
	old := writeFile(t, m.signedReceipt(t, card, ""))
	key := in.proofKey(t)

	// She may see it all.
	all := m.get("/api/customers/"+id+"/export").want(t, 200, shape{
		"customer.email": `="xerophina@example.com"`, "customer.phone": `="+` + number + `"`, "transactions.0.reference": "text", "refunds": "list",
		"events.0.type": `="CustomerCreated"`,
	})
	if all.len("transactions") != 3 || !strings.Contains(all.raw, "pinstriped parcel") || !strings.Contains(all.raw, "PaymentReceived") ||
		strings.Count(all.raw, "StatementDifferencesFound") != 4 || strings.Contains(all.raw, "STAYING PERSON") {
		t.Errorf("the export is %.9000s", all.raw)
	}
	eventually(t, 15*time.Second, "the reading is recorded", func() error {
		if r := m.get("/api/audit/events?type=AuditDataRead"); !strings.Contains(r.raw, "customer "+id+" export") {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	newShop(t, in).get("/api/customers/"+id+"/export").want(t, 404, nil)

	// Rules and holds keep it.
	erase := func(body string) reply { return m.post("/api/customers/"+id+"/erase", body) }
	if r := erase(`{"reason":"request 17"}`).wantError(t, 409, "aml keeps it until 20"); r.text("code") != "retention" {
		t.Errorf("refused with %v", r)
	}
	hold := reply{raw: in.cli(t, "hold", "place", id, "--reason", "Quillfeather v. Duka", "--json")}.text("hold")
	if r := erase(`{"reason":"request 17"}`); r.text("code") != "legal_hold" {
		t.Errorf("refused with %v", r)
	}
	if list := in.cli(t, "hold", "list"); !strings.Contains(list, "customer "+id+" ") || !strings.Contains(list, "Quillfeather v. Duka") {
		t.Errorf("hold list: %s", list)
	}
	in.cli(t, "hold", "release", hold)
	in.cli(t, "retention", "set", "--aml", "0")
	if out, code := in.verb(t, "customer", "erase", id, "--reason", "request 17"); code != 1 || !strings.Contains(out, "tax keeps it until 20") {
		t.Errorf("customer erase: exit %d: %s", code, out)
	}
	erase(`{"reason":"for Xerophina"}`).wantError(t, 422, "", "reason")
	erase(`{"reason":"request 17","schedule":true}`).want(t, 202, shape{
		"erasure.state": `="scheduled"`, "erasure.scheduled": "=true", "erasure.when": "time", "erasure.because.0.rule": `="tax"`,
	})
	books := m.balances(t)
	conn := in.readModels(t)
	if found := projectionstest.PlantedInColumns(t, conn, planted); len(found) == 0 {
		t.Fatal("nothing was planted, so nothing is proved")
	}

	// The rule goes, and the schedule is carried out.
	if out := in.cli(t, "retention", "set", "--tax", "0"); !strings.Contains(out, "tax  no rule") {
		t.Errorf("retention set: %s", out)
	}
	var done reply
	eventually(t, 30*time.Second, "she is erased", func() error {
		if done = erase(`{"reason":"request 17"}`); done.status != 200 || done.text("erasure.read_models") != "purged" {
			return fmt.Errorf("%v", done)
		}
		return nil
	})

	// Nowhere: not in answers, tables, files, the log opened, or a new backup.
	if r := m.get("/api/customers/list?search=quillf"); r.text("total") != "0" {
		t.Errorf("a search finds %v", r)
	}
	for path, member := range map[string]string{"customers/" + id + "/export": "customer.email", "transactions/verify/" + card: "transaction.customer.email"} {
		m.get("/api/"+path).want(t, 200, shape{member: `=""`}) // a string as ever
	}
	exported := filepath.Join(t.TempDir(), "events.zst")
	in.cli(t, "events", "export", exported)
	differences := m.get("/api/reconciliation/imports/"+statement+"/differences?limit=100").want(t, 200, shape{"total": "=5"})
	if !strings.Contains(differences.raw, "STAYING PERSON") {
		t.Errorf("the words about somebody else are gone: %v", differences)
	}
	answers := []string{
		differences.raw, unpacked(t, exported),
		m.get("/api/customers/list").raw, m.get("/api/transactions/list").raw, m.get("/api/transactions/verify/" + card).raw,
		m.get("/api/mpesa/stk-status/" + pushed).raw, m.get("/api/transactions/" + card + "/history").raw, m.get("/api/transactions/" + pushed + "/history").raw,
		m.get("/api/customers/" + id + "/export").raw, m.get("/api/transactions/" + card + "/receipt?disclose=all").raw,
		in.cli(t, "events", "tail", "--no-follow", "--last", "1000", "--open", "--json"), in.log(),
	}
	for i, answer := range answers {
		for _, p := range planted {
			if strings.Contains(answer, p) {
				t.Errorf("answer %d tells %q: %.1500s", i, p, answer)
			}
		}
	}
	if found := projectionstest.PlantedInColumns(t, conn, planted); len(found) > 0 {
		t.Errorf("found in %v", found)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	in.cli(t, "backup", backup)
	rewriteTables(t, conn)
	_ = syscall.Kill(in.engine(t), syscall.SIGKILL) // the next one knows how soon it is to remove them
	eventually(t, 60*time.Second, "no file holds any of it", func() error {
		if found := append(projectionstest.PlantedInFiles(t, in.home, planted), projectionstest.PlantedInFiles(t, backup, planted)...); len(found) > 0 {
			return fmt.Errorf("found in %v", found)
		}
		return nil
	})
	if found := projectionstest.PlantedInFiles(t, in.data, []string{"stays@example.com"}); len(found) == 0 {
		t.Error("who stays is in no file either: they are not read right")
	}
	m.get("/api/customers/"+stays+"/export").want(t, 200, shape{"customer.email": `="stays@example.com"`})

	// The money is what it was, and so is what was proved of it.
	m.get("/api/transactions/verify/"+card).want(t, 200, shape{"status": `="completed"`, "transaction.amount_received": "=90.5"})
	m.get("/api/transactions/verify/"+pushed).want(t, 200, shape{"status": `="completed"`, "transaction.amount_received": "=640"})
	if diff := cmp.Diff(books, m.balances(t)); diff != "" {
		t.Errorf("the books changed:\n%s", diff)
	}
	if out := in.cli(t, "receipt", "verify", old, "--key", key); !strings.Contains(out, "has sealed this receipt") {
		t.Errorf("the old receipt: %s", out)
	}
	for _, check := range in.checks() {
		in.cli(t, check)
	}
}

// unpacked is what an export of events holds.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil || len(raw) == 0 {
		t.Fatalf("%d bytes of events: %v", len(raw), err)
	}
	return string(raw)
}
