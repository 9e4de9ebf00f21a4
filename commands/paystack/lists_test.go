package paystack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// gathered are the references of a list of transactions, with the errors among them.
func gathered(list iter.Seq2[Transaction, error]) (references []string, errs []error) {
	for t, err := range list {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		references = append(references, t.Reference)
	}
	return references, errs
}

func row(reference string) string {
	return strings.Replace(rowOf(verified), "re4lyvq3s3", reference, 1)
}

func pageOf(meta string, rows ...string) string {
	return `{"status":true,"message":"Transactions retrieved","data":[` + strings.Join(rows, ",") + `],"meta":` + meta + `}`
}

func TestTransactionsAreReadByCursor(t *testing.T) {
	pages := []string{
		pageOf(`{"next":"c1","previous":null,"perPage":2}`, row("a"), row("b")), pageOf(`{"next":"c2","previous":"c0","perPage":2}`), pageOf(`{"next":null,"previous":"c1","perPage":2}`, row("c")),
	}
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request, n int) { say(w, 200, pages[n-1]) })
	q := TransactionQuery{
		From: *at("2026-01-01T00:00:00Z"), To: *at("2026-01-02T00:00:00Z"), Status: "success", Customer: "7", Amount: *kes(100), Channel: "card", Settlement: "9", PerPage: 2,
	}
	got, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), q))
	if !slices.Equal(got, []string{"a", "b", "c"}) || errs != nil {
		t.Errorf("%v %v", got, errs)
	}
	const filter = "amount=100&channel=card&currency=KES&customer=7&from=2026-01-01T00%3A00%3A00.000Z"
	var uris []string
	for _, c := range s.seen() {
		uris = append(uris, c.URI)
	}
	want := []string{
		"/transaction?" + filter + "&perPage=2&settlement=9&status=success&to=2026-01-02T00%3A00%3A00.000Z&use_cursor=true",
		"/transaction?" + filter + "&next=c1&perPage=2&settlement=9&status=success&to=2026-01-02T00%3A00%3A00.000Z&use_cursor=true",
		"/transaction?" + filter + "&next=c2&perPage=2&settlement=9&status=success&to=2026-01-02T00%3A00%3A00.000Z&use_cursor=true",
	}
	if diff := cmp.Diff(want, uris); diff != "" {
		t.Error(diff)
	}
}

func TestNumbersFollowWhereThereIsNoCursor(t *testing.T) {
	for numbered, first := range map[bool]string{false: "/transaction?perPage=100&use_cursor=true", true: "/transaction?page=1&perPage=100"} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			say(w, 200, pageOf(fmt.Sprintf(`{"page":%d,"pageCount":3}`, n), row(fmt.Sprint("p", n))))
		})
		got, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{Numbered: numbered}))
		if !slices.Equal(got, []string{"p1", "p2", "p3"}) || errs != nil {
			t.Errorf("%v %v", got, errs)
		}
		if calls := s.seen(); len(calls) != 3 || calls[0].URI != first || calls[2].URI != "/transaction?page=3&perPage=100" {
			t.Errorf("%+v", calls)
		}
	}
}

func TestWithoutACountAListEndsWithAPageThatIsNotFull(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		say(w, 200, pageOf(`null`, slices.Repeat([]string{row(fmt.Sprint("p", n))}, 3-n)...))
	})
	got, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{Numbered: true, PerPage: 2}))
	if !slices.Equal(got, []string{"p1", "p1", "p2"}) || errs != nil {
		t.Errorf("%v %v", got, errs)
	}
}

func TestARowThatCannotBeReadIsToldAndTheListGoesOn(t *testing.T) {
	bad := strings.Replace(row("bad"), `"currency":"KES"`, `"currency":"XOF"`, 1)
	s := newServer(t, always(200, listOf(row("a"), bad, "[]", row("b"))))
	got, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{}))
	if !slices.Equal(got, []string{"a", "b"}) || len(errs) != 2 {
		t.Fatalf("%v %v", got, errs)
	}
	for i, want := range []upstream.DecodeError{{Problem: upstream.BadValue, Field: "currency"}, {Problem: upstream.WrongType, Field: "data"}} {
		var junk *upstream.DecodeError
		if !errors.As(errs[i], &junk) || *junk != want {
			t.Errorf("%v, want %v", errs[i], &want)
		}
	}
	for tx, err := range s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{}) {
		if err != nil {
			if tx.Reference != "bad" || string(tx.Raw) != bad {
				t.Errorf("what could be read of it: %+v", tx)
			}
			break // and nothing more is yielded to who has left
		}
		if again, err := DecodeNotice(tx.Raw); err != nil || again.Reference != tx.Reference {
			t.Errorf("%+v, %v", again, err)
		}
	}
}

func TestABrokenListEndsWithAnError(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, int){
		"no list":         always(200, `{"status":true,"data":{}}`),
		"data null":       always(200, `{"status":true,"data":null}`),
		"a circle":        always(200, pageOf(`{"next":"c1"}`, row("a"))),
		"an early end":    always(200, pageOf(`{"page":1,"pageCount":2}`)),
		"refused":         always(400, `{"status":false,"message":"no"}`),
		"one page, silly": always(200, `[]`),
	} {
		s := newServer(t, answer)
		_, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{}))
		if len(errs) != 1 {
			t.Fatalf("%s: %v", name, errs)
		}
		if e := wantError(t, errs[0]); e.Call != "list_transactions" || (e.Kind == Unknown) != (name != "refused") || len(s.seen()) > 5 {
			t.Errorf("%s: %v after %d", name, e, len(s.seen()))
		}
	}
}

func TestAListEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newServer(t, always(200, pageOf(`{"page":1,"pageCount":9}`, row("a"), row("b"))))
	var got []string
	var last error
	for tx, err := range s.client().Transactions(ctx, testChannel, testCredentials(), TransactionQuery{}) {
		got, last = append(got, tx.Reference), err
		cancel()
	}
	if len(got) != 2 || got[0] != "a" || !errors.Is(last, context.Canceled) || wantError(t, last).Kind != NotSent || len(s.seen()) != 1 {
		t.Errorf("%v %v %d", got, last, len(s.seen()))
	}
	for _, err := range s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{}) {
		if err != nil {
			t.Error(err)
		}
		break // a caller who has enough asks for no second page
	}
	if len(s.seen()) != 2 {
		t.Errorf("%d calls", len(s.seen()))
	}
}

func TestAPageWaitsAsLongAsARateLimitAsks(t *testing.T) {
	type reply struct {
		status int
		name   string
		value  string
		body   string
	}
	const busy, limit = `{"status":false,"message":"Rate limit exceeded!","code":"rate_limited"}`, "x-ratelimit-reset"
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		replies []reply
		waits   []time.Duration
		kind    string
	}{
		"reset":                      {[]reply{{429, limit, "42", busy}}, []time.Duration{42 * time.Second}, ""},
		"reset as a moment":          {[]reply{{429, limit, fmt.Sprint(now.Unix() + 42), busy}}, []time.Duration{42 * time.Second}, ""},
		"Retry-After":                {[]reply{{429, "Retry-After", "7", busy}}, []time.Duration{7 * time.Second}, ""},
		"Retry-After as a date":      {[]reply{{503, "Retry-After", now.Add(9 * time.Second).Format(http.TimeFormat), ""}}, []time.Duration{9 * time.Second}, ""},
		"nothing said":               {[]reply{{429, "", "", busy}, {429, limit, "0", busy}, {429, limit, "soon", busy}}, []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}, ""},
		"5xx":                        {[]reply{{500, limit, "50", `{"status":false,"message":"x"}`}, {502, "", "", "<html>"}}, []time.Duration{time.Second, 4 * time.Second}, ""},
		"bounded":                    {slices.Repeat([]reply{{429, limit, "60", busy}}, 9), slices.Repeat([]time.Duration{time.Minute}, 2), "rejected"},
		"longer than a list waits":   {[]reply{{429, limit, "3600", busy}}, nil, "rejected"},
		"what waiting does not mend": {[]reply{{401, "Retry-After", "7", `{"status":false,"message":"Invalid key","code":"invalid_Key"}`}}, nil, "rejected"},
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			if n <= len(test.replies) {
				r := test.replies[n-1]
				w.Header().Set(r.name, r.value)
				say(w, r.status, r.body)
				return
			}
			say(w, 200, listOf(row("a")))
		})
		c := s.client(func(o *Options) { o.Now = func() time.Time { return now } })
		got, errs := gathered(c.Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{}))
		if name == "bounded" {
			test.waits = append(test.waits, time.Minute, 64*time.Second)
		}
		if diff := cmp.Diff(test.waits, s.waits); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if test.kind == "" {
			if errs != nil || !slices.Equal(got, []string{"a"}) {
				t.Errorf("%s: %v %v", name, got, errs)
			}
			continue
		}
		e := wantError(t, errs[0])
		if e.Kind.String() != test.kind || name == "longer than a list waits" && (e.RetryAfter != time.Hour || !e.Retryable) {
			t.Errorf("%s: %v, retry after %v", name, e, e.RetryAfter)
		}
	}
}

func TestQuestionsThatPaystackWouldNotUnderstandAreNotAsked(t *testing.T) {
	s := newServer(t, always(200, listOf()))
	c, ctx := s.client(), context.Background()
	for name, q := range map[string]TransactionQuery{
		"page size": {PerPage: 1001}, "negative": {PerPage: -1}, "customer": {Customer: "CUS_1"}, "settlement": {Settlement: "x"}, "currency": {Amount: *kes(1), Currency: money.USD},
	} {
		if _, errs := gathered(c.Transactions(ctx, testChannel, testCredentials(), q)); len(errs) != 1 || wantError(t, errs[0]).Kind != Rejected {
			t.Errorf("%s: %v", name, errs)
		}
	}
	for _, id := range []string{"", "x", "../dispute"} {
		if _, errs := gathered(c.SettlementTransactions(ctx, testChannel, testCredentials(), id)); len(errs) != 1 || wantError(t, errs[0]).Kind != Rejected {
			t.Errorf("settlement %q: %v", id, errs)
		}
	}
	for _, err := range c.Settlements(ctx, testChannel, testCredentials(), SettlementQuery{PerPage: 1001}) {
		if wantError(t, err).Kind != Rejected {
			t.Error(err)
		}
	}
	for _, err := range c.Refunds(ctx, testChannel, testCredentials(), RefundQuery{PerPage: 1001}) {
		if wantError(t, err).Kind != Rejected {
			t.Error(err)
		}
	}
	for _, q := range []DisputeQuery{{PerPage: 1001}, {Transaction: "pay-01J"}} {
		for _, err := range c.Disputes(ctx, testChannel, testCredentials(), q) {
			if wantError(t, err).Kind != Rejected {
				t.Error(err)
			}
		}
	}
	if n := len(s.seen()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestSettlementsAreReadWithWhatIsThere(t *testing.T) {
	full := `{"id":3090024,"domain":"live","status":"success","currency":"KES","integration":463433,"total_amount":995,"effective_amount":900,"total_fees":5,"total_processed":1000,"deductions":"95","settlement_date":"2022-11-09T00:00:00.000Z","settled_by":null,"createdAt":"2022-11-09T01:00:00.000Z","updatedAt":"2022-11-09T02:00:00.000Z"}`
	least := `{"id":"7","status":"pending","currency":"KES","total_amount":null,"deductions":-95,"total_fees":{},"settlement_date":"2022-11-09"}`
	s := newServer(t, always(200, listOf(full, least, `{"status":"x","currency":"KES"}`, `{"id":8}`)))
	var got []Settlement
	var errs []error
	q := SettlementQuery{From: *at("2022-11-01T00:00:00Z"), Status: "success", Subaccount: "none", PerPage: 10}
	for st, err := range s.client().Settlements(context.Background(), testChannel, testCredentials(), q) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got = append(got, st)
	}
	want := []Settlement{
		{
			ID: "3090024", Domain: Live, Status: "success", Currency: money.KES, TotalProcessed: kes(1000), TotalFees: kes(5), TotalAmount: kes(995), Deductions: kes(95), EffectiveAmount: kes(900),
			SettlementDate: at("2022-11-09T00:00:00Z"), CreatedAt: at("2022-11-09T01:00:00Z"), UpdatedAt: at("2022-11-09T02:00:00Z"), Raw: []byte(full),
		},
		{ID: "7", Status: "pending", Currency: money.KES, Deductions: kes(-95), SettlementDate: at("2022-11-09T00:00:00Z"), Raw: []byte(least)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(errs) != 2 || !got[0].Paid() || got[1].Paid() {
		t.Errorf("%v", errs)
	}
	if uri := s.seen()[0].URI; uri != "/settlement?from=2022-11-01T00%3A00%3A00.000Z&page=1&perPage=10&status=success&subaccount=none" {
		t.Error(uri)
	}
}

func TestTheTransactionsOfASettlementHaveVerifysShape(t *testing.T) {
	s := newServer(t, always(200, listOf(row("a"))))
	for tx, err := range s.client().SettlementTransactions(context.Background(), testChannel, testCredentials(), "3090024") {
		net, known := tx.Net()
		if err != nil || tx.Reference != "a" || net != *kes(40333 - 1283) || !known {
			t.Errorf("%+v, %v, %v", tx, net, err)
		}
	}
	if uri := s.seen()[0].URI; uri != "/settlement/3090024/transactions?page=1&perPage=100" {
		t.Error(uri)
	}
	s.answer = always(404, `{"status":false,"message":"Settlement not found"}`)
	_, errs := gathered(s.client().SettlementTransactions(context.Background(), testChannel, testCredentials(), "1"))
	if code, _ := wantError(t, errs[0]).Reason(); code != FailureSettlementNotFound || wantError(t, errs[0]).Kind != NotFound {
		t.Error(errs)
	}
	if _, known := (Transaction{Amount: *kes(1)}).Net(); known {
		t.Error("a net without fees")
	}
}

func TestAPageLargerThanAnAnswerCanBeRead(t *testing.T) {
	large := strings.Replace(row("a"), `"metadata":""`, `"metadata":"`+strings.Repeat("x", maxResponseBytes)+`"`, 1)
	s := newServer(t, always(200, listOf(large)))
	if got, errs := gathered(s.client().Transactions(context.Background(), testChannel, testCredentials(), TransactionQuery{})); len(got) != 1 || errs != nil {
		t.Errorf("%v %v", got, errs)
	}
}
