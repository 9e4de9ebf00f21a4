package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestKeys(t *testing.T) {
	listed := Account{SecretKey: "sk_live_listed00001", Currencies: []string{"NGN"}}
	lenient := newWorld(t, func(o *Options) { o.Accounts = []Account{listed} })
	strict := newWorld(t, func(o *Options) { o.Accounts, o.StrictKeys = []Account{{SecretKey: key}}, true })
	for _, c := range []struct {
		name, header string
		w            *world
		message      string // "" for accepted
		code         any
	}{
		{"none", "", lenient, "No Authorization Header was found", nil},
		{"basic", "Basic abc", lenient, "Format is Authorization: Bearer [secret key]", nil},
		{"bare", "Bearer", lenient, "Format is Authorization: Bearer [secret key]", nil},
		{"junk", "Bearer junk", lenient, "Invalid key", "invalid_Key"},
		{"public key", "Bearer pk_test_0123456789", lenient, "Invalid key", "invalid_Key"},
		{"short", "Bearer sk_test_012345678", lenient, "Invalid key", "invalid_Key"},
		{"magic", "Bearer sk_test_invalid0123456789", lenient, "Invalid key", "invalid_Key"},
		{"unlisted live", "Bearer sk_live_0123456789", lenient, "Invalid key", "invalid_Key"},
		{"any test key", "Bearer sk_test_abcdef0123456789", lenient, "", nil},
		{"listed live", "Bearer " + listed.SecretKey, lenient, "", nil},
		{"unlisted, strict", "Bearer sk_test_abcdef0123456789", strict, "Invalid key", "invalid_Key"},
		{"listed, strict", "Bearer " + key, strict, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.w.do("GET", "/transaction", map[string]string{"Authorization": c.header}, "")
			got := a.json(t)
			if c.message == "" {
				if a.status != 200 || got["status"] != true {
					t.Errorf("got %d %s", a.status, a.body)
				}
				return
			}
			if a.status != 401 || got["status"] != false || got["message"] != c.message || got["code"] != c.code {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	a := lenient.do("POST", "/transaction/initialize", headers(listed.SecretKey), `{"email":"a@b.co","amount":5000,"reference":"live1"}`)
	if a.status != 200 {
		t.Fatal(a.body)
	}
	data := lenient.do("GET", "/transaction/verify/live1", headers(listed.SecretKey), "").data(t)
	if data["domain"] != "live" || data["currency"] != "NGN" {
		t.Errorf("%v", data)
	}
}

func TestInitializeAnswersInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	a := w.initialize(initBody("pay-1"))
	data := a.data(t)
	code, _ := data["access_code"].(string)
	if a.json(t)["message"] != "Authorization URL created" || data["reference"] != "pay-1" || len(data) != 3 ||
		!regexp.MustCompile(`^[0-9a-z]{15}$`).MatchString(code) || data["authorization_url"] != w.paystack.URL+"/checkout/"+code {
		t.Errorf("%s", a.body)
	}
	body := initBody("")
	delete(body, "reference")
	if ref, _ := w.initialize(body).data(t)["reference"].(string); !regexp.MustCompile(`^[0-9A-Za-z]{10}$`).MatchString(ref) {
		t.Errorf("made reference %q", ref)
	}
	public := newWorld(t, func(o *Options) { o.PublicURL = "https://pay.example.com/" })
	if got := public.initialize(initBody("p")).data(t)["authorization_url"].(string); !strings.HasPrefix(got, "https://pay.example.com/checkout/") {
		t.Errorf("authorization_url %s", got)
	}
}

func TestInitializeRefusesAsPaystack(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Accounts = []Account{{SecretKey: key, Currencies: []string{"KES", "USD"}}}
	})
	for _, c := range []struct {
		field   string
		value   any // nil: left out
		message string
		code    string
	}{
		{"email", nil, "Invalid Email Address Passed", "invalid_email_address"},
		{"email", "", "Invalid Email Address Passed", "invalid_email_address"},
		{"email", "customer", "Invalid Email Address Passed", "invalid_email_address"},
		{"email", "a@localhost", "Invalid Email Address Passed", "invalid_email_address"},
		{"email", "A <a@b.co>", "Invalid Email Address Passed", "invalid_email_address"},
		{"email", 5, "Invalid Email Address Passed", "invalid_email_address"},
		{"email", strings.Repeat("a", 250) + "@b.co", "Invalid Email Address Passed", "invalid_email_address"},
		{"amount", nil, "You must specify a valid amount", "invalid_params"},
		{"amount", "", "You must specify a valid amount", "invalid_params"},
		{"amount", 100.5, "Amount must be an integer", "invalid_params"},
		{"amount", "100.00", "Amount must be an integer", "invalid_params"},
		{"amount", "1e3", "Amount must be an integer", "invalid_params"},
		{"amount", true, "Amount must be an integer", "invalid_params"},
		{"amount", 0, "Invalid Amount Sent", "invalid_params"},
		{"amount", -5, "Invalid Amount Sent", "invalid_params"},
		{"amount", json.Number("1000000000001"), "Transaction amount limit exceeded", "invalid_params"},
		{"currency", "NGN", "Currency not supported by merchant", "unsupported_currency"},
		{"currency", "kes", "Currency not supported by merchant", "unsupported_currency"},
		{"currency", 7, "Currency not supported by merchant", "unsupported_currency"},
		{"reference", "pay 1", "Invalid character in transaction reference", "invalid_params"},
		{"reference", "pay/1", "Invalid character in transaction reference", "invalid_params"},
		{"reference", "päy", "Invalid character in transaction reference", "invalid_params"},
		{"reference", 7, "Invalid character in transaction reference", "invalid_params"},
		{"reference", strings.Repeat("a", 201), "Invalid character in transaction reference", "invalid_params"},
		{"callback_url", "/return", "Invalid callback URL", "invalid_params"},
		{"callback_url", "javascript:alert(1)", "Invalid callback URL", "invalid_params"},
		{"channels", "card", "Invalid channels", "invalid_params"},
		{"channels", []string{"cash"}, "Invalid channels", "invalid_params"},
		{"metadata", "no json", "Invalid metadata", "invalid_params"},
		{"metadata", []int{1}, "Invalid metadata", "invalid_params"},
		{"metadata", 5, "Invalid metadata", "invalid_params"},
	} {
		body := initBody("pay-1")
		if body[c.field] = c.value; c.value == nil {
			delete(body, c.field)
		}
		a := w.initialize(body)
		got := a.json(t)
		if a.status != 400 || got["status"] != false || got["message"] != c.message || got["code"] != c.code ||
			got["type"] != "validation_error" || got["meta"].(map[string]any)["nextStep"] == "" {
			t.Errorf("%s = %v: got %d %s", c.field, c.value, a.status, a.body)
		}
	}
	for name, c := range map[string]struct{ contentType, body string }{
		"junk": {"application/json", "{"}, "null": {"application/json", "null"}, "two": {"application/json", "{}{}"},
		"form": {"application/x-www-form-urlencoded", "email=a@b.co"}, "large": {"application/json", `{"a":"` + strings.Repeat("x", maxBodyBytes) + `"}`},
	} {
		h := headers(key)
		h["Content-Type"] = c.contentType
		if a := w.do("POST", "/transaction/initialize", h, c.body); a.status != 400 || a.json(t)["code"] != "invalid_params" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
}

func TestAReferenceIsForOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.open("pay-1")
	body := initBody("pay-1")
	body["amount"] = 77
	a := w.initialize(body)
	got := a.json(t)
	if a.status != 400 || got["message"] != "Duplicate Transaction Reference" || got["code"] != "duplicate_reference" || got["type"] != "validation_error" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := w.do("POST", "/transaction/initialize", headers("sk_test_another0000"), marshal(t, body)); a.status != 200 {
		t.Errorf("in another account: %d %s", a.status, a.body)
	}
}

func TestUntouchedPaymentVerifiesAsAbandoned(t *testing.T) {
	w := newWorld(t, nil)
	w.open("pay-1")
	a := w.verify("pay-1")
	data := a.data(t)
	if a.json(t)["message"] != "Verification successful" {
		t.Error(a.body)
	}
	for field, want := range map[string]any{
		"status": "abandoned", "domain": "test", "reference": "pay-1", "amount": json.Number("10000"), "currency": "KES",
		"paid_at": nil, "paidAt": nil, "created_at": "2026-01-01T09:00:00.000Z", "fees": nil, "log": nil, "message": nil,
		"requested_amount": json.Number("10000"), "receipt_number": nil,
	} {
		got, present := data[field]
		if got != want || !present {
			t.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	for field, want := range map[string]string{"authorization": `{}`, "metadata": `{"order_id":"42"}`, "plan_object": `{}`, "split": `{}`} {
		if got := marshal(t, data[field]); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	if id, err := data["id"].(json.Number).Int64(); err != nil || id <= 1<<32 {
		t.Errorf("id %v", data["id"])
	}
	byID := w.do("GET", "/transaction/"+data["id"].(json.Number).String(), headers(key), "")
	if byID.data(t)["reference"] != "pay-1" {
		t.Error(byID.body)
	}
}

func TestMetadataIsEchoed(t *testing.T) {
	w := newWorld(t, nil)
	for i, c := range []struct {
		given any
		want  string
	}{
		{nil, `""`},
		{"", `""`},
		{`{"a":1,"b":[2.5,{"c":3}]}`, `{"a":"1","b":["2.5",{"c":"3"}]}`},
		{map[string]any{"a": 12345678901234567, "b": "x", "c": true}, `{"a":"12345678901234567","b":"x","c":true}`},
	} {
		body := initBody(fmt.Sprintf("m-%d", i))
		body["metadata"] = c.given
		w.initialize(body)
		if got := marshal(t, w.verify(body["reference"].(string)).data(t)["metadata"]); got != c.want {
			t.Errorf("%v: got %s, want %s", c.given, got, c.want)
		}
	}
}

func TestUnknownReference(t *testing.T) {
	for status, w := range map[int]*world{400: newWorld(t, nil), 404: newWorld(t, func(o *Options) { o.UnknownReferenceStatus = 404 })} {
		a := w.verify("nosuch")
		if got := a.json(t); a.status != status || got["message"] != "Transaction reference not found." || got["code"] != "transaction_not_found" {
			t.Errorf("got %d %s", a.status, a.body)
		}
		w.open("mine")
		if a := w.do("GET", "/transaction/verify/mine", headers("sk_test_another0000"), ""); a.status != status {
			t.Errorf("another account's: %d %s", a.status, a.body)
		}
	}
}

func TestListPagesAndFilters(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 5 {
		page := w.open(fmt.Sprintf("pay-%d", i))
		if i == 2 {
			w.enter(page, goodCard)
		}
		w.clock.Advance(time.Hour)
	}
	w.do("POST", "/transaction/initialize", headers("sk_test_another0000"), marshal(t, initBody("theirs")))
	for query, want := range map[string]string{
		"":                               "pay-4 pay-3 pay-2 pay-1 pay-0 of 5 on 1",
		"?perPage=2":                     "pay-4 pay-3 of 5 on 3",
		"?perPage=2&page=3":              "pay-0 of 5 on 3",
		"?perPage=2&page=9":              "of 5 on 3",
		"?status=success":                "pay-2 of 1 on 1",
		"?status=reversed":               "of 0 on 0",
		"?currency=USD":                  "of 0 on 0",
		"?amount=10000&channel=card":     "pay-4 pay-3 pay-2 pay-1 pay-0 of 5 on 1",
		"?channel=bank":                  "of 0 on 0",
		"?from=2026-01-01T12:00:00.000Z": "pay-4 pay-3 of 2 on 1",
		"?to=2026-01-01T10:00:00.000Z":   "pay-1 pay-0 of 2 on 1",
		"?from=2026-01-01&to=2026-01-01": "pay-4 pay-3 pay-2 pay-1 pay-0 of 5 on 1",
	} {
		a := w.do("GET", "/transaction"+query, headers(key), "")
		var got struct {
			Message string
			Data    []struct{ Reference string }
			Meta    listMeta
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Message != "Transactions retrieved" {
			t.Fatalf("%s: %d %s", query, a.status, a.body)
		}
		text := ""
		for _, row := range got.Data {
			text += row.Reference + " "
		}
		if text += fmt.Sprintf("of %d on %d", got.Meta.Total, got.Meta.PageCount); text != want {
			t.Errorf("%s: got %q, want %q", query, text, want)
		}
	}
	for _, query := range []string{"?perPage=0", "?perPage=x", "?page=-1", "?perPage=1001", "?from=yesterday", "?amount=x", "?customer=x"} {
		if a := w.do("GET", "/transaction"+query, headers(key), ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestWhatIsNotSimulatedSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range [][2]string{{"POST", "/transfer"}, {"GET", "/balance"}, {"POST", "/charge"}, {"POST", "/transaction/verify/x"}} {
		if a := w.do(c[0], c[1], headers(key), "{}"); a.status != 404 || a.json(t)["status"] != false {
			t.Errorf("%s %s: %d %s", c[0], c[1], a.status, a.body)
		}
	}
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Faults.RateLimit = 2 })
	for i, want := range []int{400, 400, 429} {
		a := w.verify("x")
		if a.status != want || a.header.Get("x-ratelimit-limit") != "2" || a.header.Get("x-ratelimit-remaining") != fmt.Sprint(max(0, 1-i)) ||
			a.header.Get("x-ratelimit-reset") != "60" {
			t.Errorf("call %d: %d %v", i, a.status, a.header)
		}
		if want == 429 && (a.json(t)["code"] != "rate_limited" || a.json(t)["message"] != "Rate limit exceeded!") {
			t.Error(a.body)
		}
	}
	if a := w.do("GET", "/transaction", headers("sk_test_another0000"), ""); a.status != 200 {
		t.Errorf("another account: %d", a.status)
	}
	w.clock.Advance(time.Minute)
	if a := w.verify("x"); a.status != 400 {
		t.Errorf("a minute later: %d", a.status)
	}
}
