package simulator

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestMagicNumbersAreNumbersAndUnique(t *testing.T) {
	format := regexp.MustCompile(`^254[17]\d{8}$`)
	numbers, names := map[string]bool{}, map[string]bool{}
	for _, sc := range Scenarios() {
		if !format.MatchString(sc.MSISDN) || numbers[sc.MSISDN] {
			t.Errorf("%s: number %q", sc.Name, sc.MSISDN)
		}
		if sc.Name == "" || names[sc.Name] || sc.Description == "" || sc.API == "" {
			t.Errorf("name %q, description %q, api %q", sc.Name, sc.Description, sc.API)
		}
		numbers[sc.MSISDN], names[sc.Name] = true, true
	}
}

// asked is what the query says at a moment after the push.
type asked struct {
	at   time.Duration
	want string
}

const (
	flapping   = "Internal Server Error 500.001.1001 "
	processing = "Internal Server Error 500.001.1001 The transaction is being processed"
	noWords    = "OK 500.001.1001 "
)

// sequence is what a scenario has to do: the queries in time, and what is posted: "ResultCode" or a kind.
type sequence struct {
	asks  []asked
	posts []string
}

// ended is the plain rhythm of a prompt.
func ended(code string, after time.Duration) sequence {
	return sequence{[]asked{{0, "4999"}, {after - time.Millisecond, "4999"}, {after, code}}, []string{code}}
}

func sequences() map[string]sequence {
	const s = time.Second
	all := map[string]sequence{
		"success":     ended("0", paidAfter),
		"result-1032": {[]asked{{0, noWords}, {3 * s, "1032"}}, []string{"1032"}},
		"result-1037": {[]asked{{0, "4999"}, {13 * s, "4999"}, {14 * s, "1037"}}, []string{"1037"}},

		"silent-success": {[]asked{{0, "4999"}, {2 * s, "0"}}, nil},
		"silent-cancel":  {[]asked{{0, "4999"}, {3 * s, "1032"}}, nil},
		"silent-timeout": {[]asked{{0, "4999"}, {14 * s, "1037"}}, nil},
		"never":          {[]asked{{0, "4999"}, {2 * s, "4999"}, {time.Minute, "4999"}, {24 * time.Hour, "4999"}}, nil},

		"late-success":           {[]asked{{0, "4999"}, {14 * s, "1037"}, {299 * s, "1037"}, {300 * s, "0"}}, []string{"1037", "0"}},
		"late-success-quiet":     {[]asked{{0, "4999"}, {14 * s, "1037"}, {299 * s, "1037"}, {300 * s, "0"}}, []string{"0"}},
		"duplicated":             {[]asked{{2 * s, "0"}}, []string{"0", "0", "0"}},
		"failure-then-success":   {[]asked{{2 * s, "0"}}, []string{"1032", "0"}},
		"success-then-failure":   {[]asked{{2 * s, "0"}}, []string{"0", "1032"}},
		"before-response":        {[]asked{{0, "0"}}, []string{"0"}},
		"cancel-before-response": {[]asked{{0, "1032"}}, []string{"1032"}},
		"junk-then-success":      {[]asked{{2 * s, "0"}}, []string{"junk-callback", "0"}},
		"wrong-amount":           {[]asked{{2 * s, "0"}}, []string{"0 for 6.00"}},
		"two-receipts":           {[]asked{{2 * s, "0"}}, []string{"0", "0"}},
		"forged":                 {[]asked{{3 * s, "1032"}}, []string{"forged-callback", "1032"}},
		"odd-types":              {[]asked{{2 * s, "0"}}, []string{`"0" for "5"`}},
		"redelivered":            {[]asked{{2 * s, "0"}}, []string{"0"}},

		"slow-response": {[]asked{{2 * s, "0"}}, []string{"0"}},

		"query-flapping":           {[]asked{{0, flapping}, {0, "4999"}, {2 * s, flapping}, {2 * s, "0"}, {3 * s, flapping}, {3 * s, "0"}}, nil},
		"query-processing":         {[]asked{{0, processing}, {19 * s, processing}, {20 * s, "0"}}, nil},
		"query-token-expired-once": {[]asked{{2 * s, "Not Found 404.001.03 Invalid Access Token"}, {2 * s, "0"}}, nil},
		"query-broken":             {[]asked{{0, "html"}, {time.Minute, "html"}}, []string{"0"}},

		"confirmation-first":   {nil, []string{"c2b-confirmation", "0"}},
		"confirmation-last":    {nil, []string{"0", "c2b-confirmation"}},
		"confirmation-only":    {nil, []string{"c2b-confirmation"}},
		"confirmation-tripled": {nil, []string{"0", "c2b-confirmation", "c2b-confirmation", "c2b-confirmation"}},
		"confirmation-never":   {[]asked{{2 * s, "0"}}, []string{"0"}},
		"confirmation-bare":    {nil, []string{"0", "c2b-confirmation"}},
		"validation-lost":      {nil, []string{"0", "c2b-confirmation"}},
	}
	all["public-test-number"] = all["result-1037"]
	for _, r := range Results() {
		if _, special := all["result-"+r.Code]; r.Code == "0" || special {
			continue
		}
		all["result-"+r.Code] = ended(r.Code, failedAfter)
	}
	all["result-sfc-ic0003"] = sequence{[]asked{{0, "4999"}, {3 * time.Second, "SFC_IC0003"}}, []string{`"SFC_IC0003"`}}
	delete(all, "result-SFC_IC0003")
	return all
}

// TestEveryMagicNumberDoesWhatItsLineSays runs each scenario that starts a prompt and answers the submit.
func TestEveryMagicNumberDoesWhatItsLineSays(t *testing.T) {
	want := sequences()
	for _, sc := range Scenarios() {
		if sc.Name == "manual" || sc.Name == "slow-response" || strings.HasPrefix(sc.Name, "refused-") ||
			sc.plan.reply.kind != replyAccept {
			continue // tests of their own
		}
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			seq, listed := want[sc.Name]
			if !listed {
				t.Fatal("no sequence is expected of this scenario: add it")
			}
			w := newWorld(t, nil)
			if strings.Contains(strings.Join(seq.posts, " "), "c2b") || sc.Name == "confirmation-never" {
				w.register(registerV2, SandboxShortCode, "Completed")
			}
			id := w.push(sc.MSISDN)
			elapsed := time.Duration(0)
			for _, ask := range seq.asks {
				w.clock.Advance(ask.at - elapsed)
				elapsed = ask.at
				if elapsed > 50*time.Minute {
					w.token = w.login()
				}
				if got := w.asks(id); got != ask.want {
					t.Errorf("after %s the query says %q, want %q", ask.at, got, ask.want)
				}
				if strings.Contains(ask.want, "404.001.03") {
					w.token = w.login()
				}
			}
			w.clock.Advance(10 * time.Minute)
			for i, post := range seq.posts {
				if got := told(t, w.delivered(), post); got != post {
					t.Errorf("delivery %d is %q, want %q", i+1, got, post)
				}
			}
			w.nothing()
		})
	}
}

// told is a delivery in the words of a sequence: "ResultCode", with "for Amount" when like has it.
func told(t *testing.T, d Delivery, like string) string {
	t.Helper()
	if d.Kind != STKCallback {
		return string(d.Kind)
	}
	code, items := callback(t, d)
	if strings.Contains(like, " for ") {
		return code + " for " + items["Amount"]
	}
	return code
}

func TestTwoReceiptsDiffer(t *testing.T) {
	w := newWorld(t, nil)
	w.push("254700020010")
	w.clock.Advance(time.Minute)
	first, second := w.delivered(), w.delivered()
	if first.Receipt == second.Receipt || first.CheckoutRequestID != second.CheckoutRequestID {
		t.Errorf("%+v\n%+v", first, second)
	}
}

func TestDuplicatesAreIdentical(t *testing.T) {
	w := newWorld(t, nil)
	w.push("254700020003")
	w.clock.Advance(time.Minute)
	first := w.delivered()
	for range 2 {
		if next := w.delivered(); next.Body != first.Body {
			t.Errorf("got %s, first %s", next.Body, first.Body)
		}
	}
}

func TestForgedCallbackNamesACheckoutThatNeverWas(t *testing.T) {
	w := newWorld(t, nil)
	id := w.push("254700020011")
	w.clock.Advance(time.Minute)
	forged := w.delivered()
	if code, items := callback(t, forged); code != "0" || items["Amount"] != "5.00" || forged.CheckoutRequestID == id {
		t.Errorf("%s", forged.Body)
	}
	if got := w.asks(forged.CheckoutRequestID); got != "Internal Server Error 500.001.1001 The transaction does not Exist" {
		t.Errorf("query says %q", got)
	}
}

func TestCallbackComesBeforeTheResponse(t *testing.T) {
	for _, msisdn := range []string{"254700020006", "254700020007"} {
		w := newWorld(t, nil)
		before := make(chan bool, 1)
		var answered atomic.Bool
		w.merchant.during = func() { before <- !answered.Load() }
		w.push(msisdn)
		answered.Store(true)
		if !<-before {
			t.Errorf("%s: the callback came after the response", msisdn)
		}
		w.delivered()
	}
}

func TestRedeliveredUntilItGets200(t *testing.T) {
	w := newWorld(t, nil)
	w.merchant.answers(503, "")
	w.push("254700020013")
	w.clock.Advance(paidAfter)
	for attempt := 1; attempt <= 2; attempt++ {
		if d := w.delivered(); d.Attempt != attempt || d.Status != 503 {
			t.Errorf("%+v", d)
		}
		if attempt == 2 {
			w.merchant.answers(200, "{}")
		}
		w.clock.AwaitTimers(1)
		w.clock.Advance(retryPause)
	}
	if d := w.delivered(); d.Attempt != 3 || d.Status != 200 {
		t.Errorf("%+v", d)
	}
	w.nothing()
}

func TestPlainCallbackIsNotRetried(t *testing.T) {
	w := newWorld(t, nil)
	w.merchant.answers(500, "")
	w.push(ordinary)
	w.clock.Advance(paidAfter)
	if d := w.delivered(); d.Status != 500 {
		t.Errorf("%+v", d)
	}
	w.nothing()
}

func TestRefusedSubmits(t *testing.T) {
	w := newWorld(t, nil)
	for _, sc := range Scenarios() {
		if !strings.HasPrefix(sc.Name, "refused-") {
			continue
		}
		a := w.post(pushPath, w.pushBody(sc.MSISDN))
		if sc.Name == "refused-product" {
			if a.status != 401 || !contains(a.body, "no apiproduct match found") || contains(a.body, "errorCode") {
				t.Errorf("%s: %d %s", sc.Name, a.status, a.body)
			}
			continue
		}
		got := a.json(t)
		text := fmt.Sprintf("HTTP %d, %s %s", a.status, got["errorCode"], got["errorMessage"])
		if want := sc.Description; text != want && sc.Name != "refused-token" {
			t.Errorf("%s: got %q, want %q", sc.Name, text, want)
		}
	}
	if a := w.post(pushPath, w.pushBody("254700040017")); a.status != 200 || a.json(t)["ResponseCode"] != "1" {
		t.Errorf("not-zero: %d %s", a.status, a.body)
	}
	w.nothing()
}

func TestTokenExpiredOnceWorksWithANewOne(t *testing.T) {
	w := newWorld(t, nil)
	const msisdn = "254700040016"
	for range 2 { // each round begins anew
		for range 2 { // the same token stays dead
			if a := w.post(pushPath, w.pushBody(msisdn)); a.status != 404 || a.json(t)["errorCode"] != "404.001.03" {
				t.Fatalf("first: %d %s", a.status, a.body)
			}
		}
		w.token = w.login()
		w.push(msisdn)
		w.clock.Advance(paidAfter)
		if code, _ := callback(t, w.delivered()); code != "0" {
			t.Errorf("ResultCode %s", code)
		}
	}
}

func TestLostAndBrokenAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int // 0: no answer
		body   string
		posts  string // ResultCode, "" for nothing
	}{
		"response-lost-success":        {0, "", "0"},
		"response-lost-nothing":        {0, "", ""},
		"html-500":                     {500, "<html>", ""},
		"empty-500":                    {500, "", ""},
		"html-500-success":             {500, "<html>", "0"},
		"cut-response-success":         {200, `{"MerchantRequestID":`, "0"},
		"response-lost-cancel":         {0, "", "1032"},
		"response-lost-silent-success": {0, "", "c2b-confirmation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if c.posts == "c2b-confirmation" {
				w.register(registerV2, SandboxShortCode, "Completed")
			}
			a, err := w.try("POST", pushPath, w.headers(), marshal(t, w.pushBody(w.sim.scenarios[name].MSISDN)))
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("answered %d %s", a.status, a.body)
			case c.status != 0 && (err != nil || a.status != c.status || !strings.HasPrefix(a.body, c.body)):
				t.Errorf("got %d %q, %v", a.status, a.body, err)
			case c.body == "" && a.body != "":
				t.Errorf("body %q", a.body)
			}
			if strings.HasSuffix(a.body, "}") {
				t.Errorf("body %q is whole", a.body)
			}
			w.clock.Advance(time.Minute)
			if c.posts != "" {
				if got := told(t, w.delivered(), ""); got != c.posts {
					t.Errorf("delivered %q", got)
				}
			}
			w.nothing()
		})
	}
}

func TestSlowSubmitIsCalledBackBeforeItIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	got := make(chan answer, 1)
	body := marshal(t, w.pushBody("254700030005"))
	go func() {
		a, _ := w.try("POST", pushPath, w.headers(), body)
		got <- a
	}()
	w.clock.AwaitTimers(2) // the callback and the answer
	w.clock.Advance(paidAfter)
	d := w.delivered()
	select {
	case a := <-got:
		t.Fatalf("answered too early: %s", a.body)
	default:
	}
	w.clock.Advance(slowness)
	if a := <-got; a.status != 200 || !contains(a.body, d.CheckoutRequestID) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestEverySuccessThatIsCalledBackNamesAReceipt(t *testing.T) {
	for _, sc := range Scenarios() {
		if sc.API == ForC2B || sc.plan.manual || sc.plan.refuses() || sc.plan.reply.kind != replyAccept {
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.push(sc.MSISDN)
			for range 10 {
				w.clock.Advance(time.Minute)
				w.settle()
			}
			for _, d := range w.sim.Deliveries() {
				if d.Kind != STKCallback {
					continue
				}
				code, items := callback(t, d)
				if strings.Trim(code, `"`) == "0" && len(items["MpesaReceiptNumber"]) != len(`"NLJ7RT61SV"`) {
					t.Errorf("a success names the receipt %s: %s", items["MpesaReceiptNumber"], d.Body)
				}
			}
		})
	}
}
