package readapi_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
	"github.com/benfex/kipay/projections/report"
)

// business is a few days of a merchant's business, and a little of another's.
func (s *server) business(t testing.TB) (middle eventstore.Position) {
	t.Helper()
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	for day := range 3 {
		s.Set(time.Date(2026, 3, 29+day, 20, 30, 0, 0, time.UTC)) // half an hour before the next day in Nairobi
		ref, _ := s.paid(t, 1, 1000_00, 1000_00)
		s.paid(t, 1, 500_00, 650_50)
		s.Set(time.Date(2026, 3, 29+day, 21, 30, 0, 0, time.UTC))
		failed, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 70_00})
		s.Push(t, 1, failed)
		s.Accept(t, 1, failed)
		s.Fail(t, 1, failed)
		s.Expire(t, 1, failed, s.Now().Add(2*time.Hour))
		s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 33_00})
		s.C2B(t, 1, "RKTQDM7W6"+strconv.Itoa(day), 250_00)
		s.Refund(t, 1, ref, 300_00, true)
		s.Refund(t, 1, ref, 100_00, day != 1)
		if day == 1 {
			middle = s.Head(t)
		}
	}
	alone, _ := s.C2B(t, 1, "RKTQDM7W6X", 1000_00)
	into, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 1000_00})
	s.Merge(t, 1, alone, into, "RKTQDM7W6X")
	charged, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 400_00})
	s.Push(t, 1, charged)
	s.Accept(t, 1, charged)
	s.PayOn(t, 1, charged, 400_00, s.Now(), fee.Terms{Channel: 7, Funds: fee.OfMerchant, Currency: money.KES, Schedule: fee.Schedule{
		Version: 1, Provider: fee.Rule{Parts: 5_500}, Own: fee.Rule{Parts: 10_000, TaxParts: 160_000},
	}})
	s.paid(t, 2, 9_00, 9_00)
	s.compared(t, 1)
	s.wrote(1, s.Head(t))
	return middle
}

// compared is a statement of the merchant that differs from its books in three places, about one of which somebody has decided.
func (s *server) compared(t testing.TB, merchantID int64) {
	t.Helper()
	id, now := s.NextID(), s.Now()
	subject := journal.Stream(id)
	kes := func(minor int64) money.Money { return money.Of(minor, money.KES) }
	difference := func(n int, cause reconciliation.Cause, state reconciliation.State, amount int64) journal.Difference {
		return journal.Difference{
			N: n, Identity: strconv.Itoa(n), Line: n + 6, Kind: reconciliation.KindPayment, Receipt: "RKTQDM7Z" + strconv.Itoa(n), Rule: "receipt",
			Cause: cause, State: state, Amount: kes(amount), Stated: kes(amount), Events: []string{"01a21d08-8b72-79e7-b04a-831efb0257a0"}, At: now, Text: "why",
		}
	}
	_, _, err := s.Log.Append(t.Context(), subject, eventstore.NoStream, eventstore.Metadata{Actor: "key:test", Merchant: merchantID},
		journal.Begun{ID: id, Merchant: merchantID, Mode: domain.ModeTest, Channel: 7, Source: reconciliation.SourceMpesa, Format: "csv", Subject: subject, SHA256: "00", At: now},
		journal.DifferencesFound{ID: id, Subject: subject, At: now, Differences: []journal.Difference{
			difference(1, reconciliation.Fee, "explained", -55_00), difference(2, reconciliation.UnknownPayer, "open", 80_50), difference(3, reconciliation.Unexplained, "open", 1_00),
		}},
		journal.Reconciled{ID: id, From: now, Until: now, Currency: money.KES, Lines: 3, Difference: kes(26_50), Explained: kes(25_50), Unexplained: kes(1_00), Open: 2, Differences: 3, At: now},
		journal.Resolved{ID: id, Subject: subject, Resolutions: []journal.Resolution{{N: 2, Action: "accept"}}, Reason: "It is ours", At: s.Now()})
	if err != nil {
		t.Fatal(err)
	}
}

// reported is a report as it was answered.
type reported struct {
	Name     string
	Position uint64
	Columns  []struct{ Name, Type, From string }
	Rows     []map[string]any
	Totals   map[string]any
	Each     []map[string]any `json:"totals_by_currency"`
}

func (s *server) reported(t testing.TB, merchantID int64, path string, headers ...string) reported {
	t.Helper()
	a := s.get(t, merchantID, "/reports/"+path, headers...)
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	var out struct{ Report reported }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatal(err)
	}
	return out.Report
}

// lineage is all that a link lists, page after page.
func (s *server) lineage(t testing.TB, merchantID int64, link string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for page := 1; ; page++ {
		data, a := s.list(t, merchantID, fmt.Sprintf("%s&limit=60&page=%d", strings.TrimPrefix(link, "/api"), page))
		out = append(out, data...)
		if float64(page) >= a.json["pages"].(float64) {
			return out
		}
	}
}

var rule = regexp.MustCompile(`^(\w+)\((?:([0-9.]+), )?(\w+)(?:, (\w+))?\)$`)

// worth is what a figure's rule makes of the values of facts.
func worth(t testing.TB, from string, facts []map[string]any) float64 {
	t.Helper()
	m := rule.FindStringSubmatch(strings.TrimPrefix(from, "the balance before + "))
	if m == nil {
		t.Fatalf("no rule: %q", from)
	}
	of := func(name string) (values []float64, sum float64, events map[any]bool) {
		events = map[any]bool{}
		for _, f := range facts {
			v := f["values"].(map[string]any)[name].(float64)
			values, sum = append(values, v), sum+v
			if v != 0 {
				events[f["event_id"]] = true
			}
		}
		sort.Float64s(values)
		return values, sum, events
	}
	values, sum, events := of(m[3])
	switch m[1] {
	case "sum":
		return sum
	case "events":
		return float64(len(events))
	case "max":
		return slices.Max(values)
	case "average":
		return sum / float64(len(values))
	case "quantile":
		level, _ := strconv.ParseFloat(m[2], 64)
		return values[int(level*float64(len(values)))]
	case "percent":
		_, per, _ := of(m[4])
		return 100 * sum / per
	}
	t.Fatalf("an unknown rule: %q", from)
	return 0
}

func TestEveryFigureOfEveryReportResolvesToTheFactsBehindIt(t *testing.T) {
	s := newServer(t)
	middle := s.business(t)
	s.besides(t)
	s.Statement(t, 1) // leaves money in suspense
	s.BankStatement(t, 1)
	s.wrote(1, s.Head(t))
	led := map[string]bool{}
	for _, r := range report.All() {
		questions := []string{"", fmt.Sprintf("?date_from=2026-03-30&date_to=2026-03-31&as_of=%d", middle), "?payment_channel_id=7&tz=UTC&effective_at=2026-03-30T20:30:02Z"}
		if len(r.Dims) > 0 {
			questions = append(questions, "?date_from=2026-03-30&date_to=2026-03-30&group_by="+strings.Join(r.DimNames(), ","))
		}
		if _, ok := r.Dim("channel"); ok {
			questions = append(questions, "?group_by=channel")
		}
		rows := 0
		for _, q := range questions {
			rows += s.resolve(t, 1, r.Name+q, led)
		}
		if rows == 0 {
			t.Errorf("%s: no row at all", r.Name)
		}
	}
}

// leads follows a fact's link to what tells of it, and looks for the fact's event there. It follows each link once.
func (s *server) leads(t *testing.T, merchantID int64, fact map[string]any, led map[string]bool) {
	t.Helper()
	if fact["differences"] != nil {
		return // of a statement, which this server keeps none of
	}
	link, ok := fact["history"].(string)
	if !ok {
		link, _ = fact["events"].(string)
	}
	id, _ := fact["event_id"].(string)
	if link == "" || id == "" || led[link+id] {
		if link == "" || id == "" {
			t.Errorf("no link, or no event: %v", fact)
		}
		return
	}
	led[link+id] = true
	if a := s.get(t, merchantID, strings.TrimPrefix(link, "/api")); a.status != http.StatusOK || !strings.Contains(a.body, `"id":"`+id+`"`) {
		t.Errorf("%s does not tell of %s %s: %d %.400s", link, fact["event_type"], id, a.status, a.body)
	}
}

// resolve takes every figure of a report apart and answers how many rows it has.
func (s *server) resolve(t *testing.T, merchantID int64, path string, led map[string]bool) int {
	t.Helper()
	r := s.reported(t, merchantID, path)
	for _, row := range append(append([]map[string]any{r.Totals}, r.Each...), r.Rows...) {
		facts := s.lineage(t, merchantID, row["lineage"].(string))
		for _, f := range facts {
			s.leads(t, merchantID, f, led)
		}
		for _, c := range r.Columns {
			got, ok := row[c.Name].(float64)
			if c.From == "" || !ok {
				continue
			}
			if r.Name == "merchant_statement" && (row["kind"] == "line" && c.Name == "balance" || row["kind"] == nil) {
				continue // it runs: TestAStatementRuns
			}
			if len(facts) == 0 && got == 0 {
				continue
			}
			if want := worth(t, c.From, facts); math.Abs(got-want) > 0.006 || (c.Type != "decimal" && math.Abs(got-want) > 0.0001) {
				t.Errorf("%s: %s of %v is %v; its %d facts come to %v", path, c.Name, row, got, len(facts), want)
			}
		}
	}
	return len(r.Rows)
}

func TestALineageNamesTheEntriesAndEventsThatOtherAnswersHave(t *testing.T) {
	s := newServer(t)
	s.business(t)
	entries := map[any]map[string]any{}
	for page := 1; page <= 2; page++ {
		data, _ := s.list(t, 1, fmt.Sprintf("/ledger/entries?limit=100&page=%d", page))
		for _, e := range data {
			entries[e["id"]] = e
		}
	}
	var postings int
	for _, f := range s.lineage(t, 1, "/api/reports/trial_balance/lineage?tz=UTC") {
		postings++
		e := entries[f["id"]]
		for _, member := range []string{"event_id", "event_type", "position", "reference", "account", "debit", "credit", "effective_at", "recorded_at", "period"} {
			if e[member] != f[member] {
				t.Errorf("posting %v: %s is %v; the ledger says %v", f["id"], member, f[member], e[member])
			}
		}
	}
	if postings != len(entries) {
		t.Errorf("%d postings; the ledger has %d", postings, len(entries))
	}
	for _, f := range s.lineage(t, 1, "/api/reports/summary/lineage?payment_channel_id=7&status=completed") {
		a := s.get(t, 1, strings.TrimPrefix(f["history"].(string), "/api"))
		events := a.json["events"].([]any)
		last := events[len(events)-1].(map[string]any)
		if last["id"] != f["event_id"] || last["position"] != f["position"] || last["type"] != f["event_type"] {
			t.Errorf("payment %v: its last event is %v", f, last)
		}
	}
}

func TestReportsAgreeWithTheStateOfEachPaymentAndWithTheLedger(t *testing.T) {
	s := newServer(t)
	s.business(t)
	sum := s.reported(t, 1, "summary").Totals
	want := map[string]any{
		"currency": "KES", "payments": 17.0, "completed": 10.0, "failed": 3.0, "pending": 4.0,
		"amount": 3*(1000.0+500+70+33+250) + 1400, "received": 3*(1000+650.5+250) + 400, "credited": 3*(1000.0+500+250) + 400, "surplus": 3 * 150.5, "refunded": 300.0*3 + 200,
	}
	for name, v := range want {
		if sum[name] != v {
			t.Errorf("summary: %s is %v; want %v", name, sum[name], v)
		}
	}
	// Half past eleven at night in Nairobi is another day there.
	var days []string
	for _, r := range s.reported(t, 1, "summary").Rows {
		days = append(days, fmt.Sprint(r["day"], " ", r["payments"]))
	}
	if got := strings.Join(days, ", "); got != "2026-03-29 2, 2026-03-30 5, 2026-03-31 5, 2026-04-01 5" {
		t.Errorf("by day: %s", got)
	}
	data, _ := s.list(t, 1, "/ledger/balances")
	trial := map[any]map[string]any{}
	for _, r := range s.reported(t, 1, "trial_balance").Rows {
		trial[r["account"]] = r
	}
	if len(trial) != len(data) {
		t.Errorf("%d accounts; the ledger has %d", len(trial), len(data))
	}
	for _, b := range data {
		r := trial[b["account"]]
		sign := 1.0
		if k := ledger.TypeOf(ledger.Account(b["account"].(string))); k == ledger.Liability || k == ledger.Income {
			sign = -1
		}
		if r["debit"] != b["debit"] || r["credit"] != b["credit"] || r["balance"] != sign*b["balance"].(float64) {
			t.Errorf("the trial balance says %v; the ledger %v", r, b)
		}
	}
	refunds := s.reported(t, 1, "refunds").Totals
	for name, v := range map[string]any{"requested": 1200.0, "completed": 1100.0, "failed": 0.0, "outstanding": 100.0, "requests": 6.0, "completions": 5.0} {
		if refunds[name] != v {
			t.Errorf("refunds: %s is %v; want %v", name, refunds[name], v)
		}
	}
	settled := s.reported(t, 1, "settlement").Totals
	if settled["received"] != 3*(1000+650.5+250)+400 || settled["refunded"] != 1100.0 || settled["provider_fee"] != 2.2 ||
		settled["net"] != 3*(1000+650.5+250)-1100+400-2.2 || settled["other"] != 0.0 {
		t.Errorf("settlement: %v", settled)
	}
	conversion := s.reported(t, 1, "conversion?group_by=origin").Rows
	if len(conversion) != 1 || conversion[0]["initiated"] != 14.0 || conversion[0]["paid"] != 7.0 || conversion[0]["conversion"] != 50.0 {
		t.Errorf("conversion: %v", conversion)
	}
	failed := s.reported(t, 1, "failures").Rows
	if len(failed) != 1 || failed[0]["failed"] != 3.0 || failed[0]["failure_code"] == nil {
		t.Errorf("failures: %v", failed)
	}
	differ := s.reported(t, 1, "reconciliation")
	if got := differ.Totals; len(differ.Rows) != 3 || got["differences"] != 3.0 || got["open"] != 1.0 || got["amount"] != 26.5 || got["explained"] != 25.5 || got["unexplained"] != 1.0 {
		t.Errorf("reconciliation: %v", got)
	}
	if none := s.reported(t, 2, "reconciliation"); len(none.Rows) != 0 {
		t.Errorf("the other merchant's reconciliation: %v", none.Rows)
	}
	if other := s.reported(t, 2, "summary").Totals; other["payments"] != 1.0 || other["amount"] != 9.0 {
		t.Errorf("the other merchant's summary: %v", other)
	}
	if live := s.reported(t, 1, "summary", "X-Mode", "live"); len(live.Rows) != 0 || live.Totals["payments"] != 0.0 {
		t.Errorf("the live summary: %v", live)
	}
}

func TestAReportAsOfAPositionIsTheOneThatWasAnsweredThen(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	first := map[string]string{}
	s.paid(t, 1, 1000_00, 1000_00)
	pending, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 70_00})
	s.Push(t, 1, pending)
	at := s.Accept(t, 1, pending)
	s.wrote(1, at)
	text := func(name, q string) string {
		r := s.reported(t, 1, name+q)
		raw, err := json.Marshal([]any{r.Rows, r.Totals})
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`aged_at=[^&"]*`).ReplaceAllString(string(raw), "")
	}
	for _, r := range report.All() {
		if r.Name != "ageing" { // whose ages go on
			first[r.Name] = text(r.Name, fmt.Sprintf("?as_of=%d", at))
		}
	}
	s.wrote(1, s.Pay(t, 1, pending, 70_00))
	for name, before := range first {
		if again := text(name, fmt.Sprintf("?as_of=%d", at)); again != before {
			t.Errorf("%s as of %d was\n%s\nand is\n%s", name, at, before, again)
		}
	}
	if now := s.reported(t, 1, "summary"); now.Totals["completed"] != 2.0 {
		t.Errorf("now: %v", now.Totals)
	}
}

func TestAStatementRuns(t *testing.T) {
	s := newServer(t)
	s.business(t)
	r := s.reported(t, 1, "merchant_statement?date_from=2026-03-30&date_to=2026-03-31")
	if len(r.Rows) < 6 || r.Rows[0]["kind"] != "opening" || r.Rows[len(r.Rows)-1]["kind"] != "closing" {
		t.Fatalf("the statement is %v", r.Rows)
	}
	if r.Rows[0]["balance"] != 1650.5 {
		t.Errorf("it opens with %v", r.Rows[0]["balance"])
	}
	balance := r.Rows[0]["balance"].(float64)
	for _, row := range r.Rows[1 : len(r.Rows)-1] {
		balance += row["money_in"].(float64) - row["money_out"].(float64)
		if math.Abs(balance-row["balance"].(float64)) > 0.001 || row["reference"] == nil || row["description"] == nil {
			t.Errorf("%v; want the balance %v", row, balance)
		}
	}
	last := r.Rows[len(r.Rows)-1]
	if last["balance"] != r.Totals["closing"] || r.Totals["opening"] != r.Rows[0]["balance"] || last["money_in"] != nil {
		t.Errorf("it closes with %v, and the totals are %v", last, r.Totals)
	}
}

func TestWrongQuestionsToReportsAreNamed(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	if a := s.get(t, 1, "/reports/profit"); a.status != http.StatusNotFound || !strings.Contains(a.body, "trial_balance") {
		t.Errorf("%d %s", a.status, a.body)
	}
	a := s.get(t, 1, "/reports/summary?group_by=day,day&format=pdf&tz=../etc/passwd&as_of=x&effective_at=x&date_from=x&payment_channel_id=x")
	errs, _ := a.json["errors"].(map[string]any)
	if a.status != http.StatusUnprocessableEntity || len(errs) != 7 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, path := range []string{"summary?group_by=shoe_size", "summary?tz=Local", "summary?format=docx", "merchant_statement?group_by=day"} {
		if a := s.get(t, 1, "/reports/"+path); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.get(t, 1, "/reports/summary", "X-Scope", "write"); a.status != http.StatusForbidden {
		t.Errorf("a key that may not read was answered %d", a.status)
	}
}

func TestAMerchantsReportsAreCountedInFewTimeZones(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	zone := func(merchant int64, n int) int {
		return s.get(t, merchant, fmt.Sprintf("/reports/summary?tz=Etc/GMT-%d", n)).status
	}
	for n := range 14 {
		if got := zone(1, n+1); got != http.StatusOK {
			t.Errorf("zone %d: %d", n+1, got)
		}
	}
	for _, c := range []struct {
		merchant int64
		tz       string
		want     int
	}{
		{1, "UTC", 200}, {1, "Africa/Lagos", 200}, {1, "Africa/Cairo", 422}, {1, "UTC", 200}, {1, "Africa/Nairobi", 200}, {2, "Africa/Cairo", 200},
	} {
		if a := s.get(t, c.merchant, "/reports/summary?tz="+c.tz); a.status != c.want {
			t.Errorf("%s for merchant %d: %d %s", c.tz, c.merchant, a.status, a.body)
		}
	}
}

func TestAStatementOfMoneyInThePoolIsWhatTheOperatorOwes(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	id := s.NextID()
	projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(id), channel.Create{Created: channel.Created{
		ID: id, Merchant: 1, Name: "pool", Provider: channel.Mpesa, Environment: channel.Sandbox, Currency: money.KES, ShortCode: "174379",
		Funds: fee.OfPool, At: s.Now(),
	}})
	ref, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 1000_00})
	s.Push(t, 1, ref)
	s.Accept(t, 1, ref)
	s.wrote(1, s.PayOn(t, 1, ref, 1000_00, s.Now(), fee.Terms{Channel: id, Funds: fee.OfPool, Currency: money.KES, Schedule: fee.Schedule{
		Version: 1, Provider: fee.Rule{Parts: 5_500}, Own: fee.Rule{Parts: 20_000},
	}}))
	r := s.reported(t, 1, "merchant_statement")
	if len(r.Rows) != 4 || r.Rows[1]["money_in"] != 1000.0 || r.Rows[2]["money_out"] != 20.0 || r.Totals["closing"] != 980.0 {
		t.Errorf("the statement is %v, in all %v", r.Rows, r.Totals)
	}
}
