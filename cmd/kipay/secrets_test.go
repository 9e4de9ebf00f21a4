package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/projections/chdb"
)

// planted are strings that stand nowhere else, by what they are.
type planted map[string]string

// disguises are the forms in which a text may hide in bytes.
func disguises(text string) map[string][]byte {
	out := map[string][]byte{
		"plain": []byte(text), "hex": []byte(hex.EncodeToString([]byte(text))), "HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))),
		"URL": []byte(url.QueryEscape(text)),
	}
	// Base64 of a longer text that holds it: the middle is the same for one of three offsets.
	for shift := range 3 {
		for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			whole := enc.EncodeToString([]byte(strings.Repeat("x", shift) + text))
			from, to := (shift*8+5)/6+1, len(whole)-2
			if to-from > 8 {
				out[fmt.Sprintf("%s at %d", name, shift)] = []byte(whole[from:to])
			}
		}
	}
	return out
}

// find reports which of the planted strings stand in the bytes.
func (p planted) find(raw []byte) []string {
	var found []string
	for what, text := range p {
		for form, needle := range disguises(text) {
			if bytes.Contains(raw, needle) {
				found = append(found, what+" ("+form+")")
			}
		}
	}
	return found
}

func TestNoSecretAndNoPersonIsInTheClearWhereItMustNotBe(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	secrets := planted{
		"consumer key": "sandbox-consumer-key", "consumer secret": "sandbox-consumer-secret", "passkey": sandboxPasskey,
		"wrong consumer secret": "Qz7planted-consumer-secret", "wrong passkey": "Qz7planted-passkey-0001", "Paystack secret": "sk_test_Qz7plantedsecretkey01",
		"live secret": "Qz7planted-live-secret", "card number": "4084084084084081",
	}
	people := planted{
		"email": "qz7.wanjiru.planted@example.com", "first name": "Qz7Wanjiru", "last name": "Qz7Kamau", "contact phone": "+254799123877",
		"payer phone": "254799555123", "description": "Qz7 medicine for the rash", "merchant reference": "QZ7ORDER99", "customer email": "qz7.other.planted@example.org",
		"C2B account": "QZ7ACCT42", "wrong email": "qz7-not-an-address", "C2B phone": "254799777456",
	}
	m := newMerchant(t, in)
	for _, key := range []string{m.key, m.live, m.password} {
		secrets["key or password "+key[:8]] = key
	}
	secrets["another key"] = reply{raw: in.cli(t, "key", "issue", "--merchant", m.id, "--json")}.text("api_key")
	answers := plant(t, m, secrets, people)

	for _, a := range answers {
		if found := secrets.find([]byte(a.raw)); len(found) > 0 {
			t.Errorf("an answer holds %v: %.300s", found, a.raw)
		}
	}
	eventually(t, 30*time.Second, "the log is projected", func() error {
		if r := m.get("/api/transactions/list"); r.status != 200 || r.text("total") == "0" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	scanTables(t, in, secrets, people)

	all := planted{}
	for what, text := range secrets {
		all[what] = text
	}
	for what, text := range people {
		all[what] = text
	}
	if found := all.find([]byte(serverLog(in))); len(found) > 0 {
		t.Errorf("the server's log holds %v", found)
	}
	metrics := send(t.Context(), http.MethodGet, in.base+"/metrics", "")
	if found := all.find([]byte(metrics.raw)); len(found) > 0 || metrics.status != 200 {
		t.Errorf("the metrics hold %v: %d", found, metrics.status)
	}
	scanFiles(t, filepath.Join(in.data, "events"), all)
	in.kill() // what was not flushed in order must be sealed too
	scanFiles(t, filepath.Join(in.data, "events"), all)
	scanFiles(t, filepath.Join(in.data, "readmodel"), secrets)
}

// serverLog is the log without the lines that are there to show the demo's key and the magic cards to a person.
func serverLog(in *instance) string {
	raw, _ := os.ReadFile(filepath.Join(in.home, "err.log"))
	return string(raw)
}

// plant sends the strings in through every door, and answers what was answered.
func plant(t *testing.T, m *merchant, secrets, people planted) []reply {
	t.Helper()
	var all []reply
	say := func(status int, r reply) reply {
		t.Helper()
		if r.status != status {
			t.Fatalf("got %v, want %d", r, status)
		}
		all = append(all, r)
		return r
	}
	m.mpesa = say(201, m.post("/api/payment-channels/create", mpesaChannel("174379"), "Idempotency-Key", "plant")).text("channel.id")
	say(201, m.post("/api/payment-channels/create", mpesaChannel("174379"), "Idempotency-Key", "plant"))
	m.card = say(201, m.post("/api/payment-channels/create", `{"name":"Cards","provider":"paystack","config":{"public_key":"pk_test_Qz7plantedpublic001","secret_key":"`+secrets["Paystack secret"]+`"}}`)).text("channel.id")
	for _, config := range []string{`"consumer_secret":"` + secrets["wrong consumer secret"] + `","passkey":"` + sandboxPasskey, `"consumer_secret":"sandbox-consumer-secret","passkey":"` + secrets["wrong passkey"]} {
		id := say(201, m.post("/api/payment-channels/create", `{"name":"Wrong","provider":"mpesa","config":{"environment":"sandbox","consumer_key":"sandbox-consumer-key","shortcode":"174379",`+config+`"}}`)).text("channel.id")
		say(502, m.post("/api/mpesa/stk-push", `{"amount":5,"phone_number":"`+people["payer phone"]+`","payment_channel_id":`+id+`}`))
	}
	say(201, m.post("/api/payment-channels/create", strings.Replace(liveChannel("4999123"), `"s"`, `"`+secrets["live secret"]+`"`, 1)))
	say(422, m.post("/api/payment-channels/create", `{"name":"x","provider":"paystack","config":{"public_key":"x","secret_key":"`+secrets["live secret"]+`"}}`))
	say(200, m.get("/api/payment-channels/list"))
	say(200, m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.mpesa+`}`))

	person := fmt.Sprintf(`"email":"%s","first_name":"%s","last_name":"%s","phone":"%s"`, people["email"], people["first name"], people["last name"], people["contact phone"])
	ref := say(201, m.post("/api/transactions/initialize", `{"amount":150,"reference":"`+people["merchant reference"]+`","description":"`+people["description"]+`","payment_channel_id":`+m.card+`,`+person+`}`, "Idempotency-Key", "plant 2")).text("reference")
	payByCardAndReturn(t, m.instance, ref)
	say(200, m.settles(t, ref, "completed", 20*time.Second))
	say(201, m.post("/api/customers/create", `{"email":"`+people["customer email"]+`","first_name":"`+people["first name"]+`"}`, "Idempotency-Key", "plant 3"))
	say(200, m.get("/api/customers/list?search="+people["first name"]))
	say(422, m.post("/api/customers/create", `{"email":"`+people["wrong email"]+`"}`))
	say(401, m.as(secrets["another key"]+"x").get("/api/customers/list"))

	pushed := say(200, m.post("/api/mpesa/stk-push", `{"amount":151,"phone_number":"`+people["payer phone"]+`","payment_channel_id":`+m.mpesa+`,"reference":"`+people["merchant reference"]+`","description":"`+people["description"]+`"}`)).text("transaction.reference")
	say(200, m.settles(t, pushed, "completed", 20*time.Second))
	say(200, m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":152,"phone_number":"`+people["C2B phone"]+`","reference":"`+people["C2B account"]+`"}`))
	page := send(t.Context(), http.MethodPost, m.base+"/payment/checkout/"+m.initialize(t, `{"amount":153,`+person+`,"payment_channel_id":`+m.mpesa+`}`)+"/mpesa",
		"phone="+people["payer phone"], "Content-Type", "application/x-www-form-urlencoded", "Origin", m.base)
	all = append(all, page, send(t.Context(), http.MethodPost, m.base+"/mpesa/confirmation", `{"junk":"`+people["C2B account"]+`"}`, "Content-Type", "application/json"))
	say(404, m.get("/api/transactions/verify/"+people["merchant reference"]))
	return all
}

func payByCardAndReturn(t *testing.T, in *instance, reference string) {
	t.Helper()
	_, back, status := in.openCardPage(t, reference).submit(map[string]string{"card_number": "4084084084084081", "expiry": "12/34", "cvv": "408"})
	if status != http.StatusSeeOther {
		t.Fatalf("the card page answers %d", status)
	}
	send(t.Context(), http.MethodGet, back, "")
}

func scanFiles(t *testing.T, dir string, p planted) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // a file that was compacted away meanwhile
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		files++
		if found := p.find(raw); len(found) > 0 {
			t.Errorf("%s holds %v", path, found)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files below %s: %v", files, dir, err)
	}
}

// readModels asks the server's own ClickHouse engine, through its socket.
func readModels(t *testing.T, in *instance) driver.Conn {
	t.Helper()
	socket, err := chdb.SocketPath(filepath.Join(in.data, "readmodel"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{"readmodel.kipay.internal:80"}, Auth: clickhouse.Auth{Database: chdb.Database, Username: "default"},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// scanTables looks through every column of every table: secrets are in none, people in none that holds raw events.
func scanTables(t *testing.T, in *instance, secrets, people planted) {
	t.Helper()
	conn := readModels(t, in)
	tables, err := conn.Query(t.Context(), "SELECT name FROM system.tables WHERE database = currentDatabase()")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	events, control := 0, 0
	for _, name := range names {
		var text []string
		if err := conn.QueryRow(t.Context(), "SELECT groupArray(line) FROM (SELECT formatRowNoNewline('JSONEachRow', *) AS line FROM `"+name+"`)").Scan(&text); err != nil {
			t.Errorf("read %s: %v", name, err)
			continue
		}
		all := strings.Join(text, "\n")
		if found := secrets.find([]byte(all)); len(found) > 0 {
			t.Errorf("the table %s holds %v", name, found)
		}
		control += len(people.find([]byte(all)))
		if strings.HasPrefix(name, "events") {
			events += len(text)
			if found := people.find([]byte(all)); len(found) > 0 {
				t.Errorf("the table %s holds %v", name, found)
			}
		}
	}
	if control == 0 {
		t.Error("the scan finds nobody even where names are kept for the search")
	}
	if events < 20 {
		t.Errorf("only %d raw events in %v", events, names)
	}
}
