package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// The vectors are Safaricom's long-published sample and its successor (Daraja, M-Pesa Express, Password).
func TestPasswordVectors(t *testing.T) {
	for timestamp, want := range map[string]string{
		"20160216165627": "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMTYwMjE2MTY1NjI3",
		"20260101120000": "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjYwMTAxMTIwMDAw",
	} {
		if got := password("174379", SandboxPasskey, timestamp); got != want {
			t.Errorf("%s: got %s", timestamp, got)
		}
	}
}

func TestPushIsAcceptedInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	a := w.post(pushPath, w.pushBody("254708374149"))
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := a.json(t)
	for field, format := range map[string]string{
		"MerchantRequestID":   `^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{16}$`,
		"CheckoutRequestID":   `^ws_CO_01012026120000000708374149$`,
		"ResponseCode":        `^0$`,
		"ResponseDescription": `^Success\. Request accepted for processing$`,
		"CustomerMessage":     `^Success\. Request accepted for processing$`,
	} {
		text, _ := got[field].(string)
		if !regexp.MustCompile(format).MatchString(text) {
			t.Errorf("%s is %q", field, text)
		}
	}
}

func TestPushNamesTheFirstBadField(t *testing.T) {
	w := newWorld(t, nil)
	base := w.merchant.URL
	for _, c := range []struct {
		field string
		value any // nil: left out
		named string
	}{
		{"BusinessShortCode", nil, "BusinessShortCode"},
		{"BusinessShortCode", "1234", "BusinessShortCode"},
		{"BusinessShortCode", "12345678", "BusinessShortCode"},
		{"BusinessShortCode", "17437a", "BusinessShortCode"},
		{"BusinessShortCode", []int{1}, "BusinessShortCode"},
		{"Password", nil, "Password"},
		{"Password", "***", "Password"},
		{"Password", 5, "Password"},
		{"Timestamp", nil, "Timestamp"},
		{"Timestamp", "2026010112000", "Timestamp"},
		{"Timestamp", "20261301120000", "Timestamp"},
		{"Timestamp", "20260101090000", "Timestamp"}, // UTC instead of EAT
		{"Timestamp", "20260101130001", "Timestamp"},
		{"TransactionType", nil, "TransactionType"},
		{"TransactionType", "CustomerPayBill", "TransactionType"},
		{"Amount", nil, "Amount"},
		{"Amount", 0, "Amount"},
		{"Amount", -1, "Amount"},
		{"Amount", 1.5, "Amount"},
		{"Amount", "1.00", "Amount"},
		{"Amount", "01", "Amount"},
		{"Amount", "1e3", "Amount"},
		{"Amount", 250_001, "Amount"},
		{"Amount", json.Number("99999999999999999999"), "Amount"},
		{"Amount", true, "Amount"},
		{"PartyA", nil, "PartyA"},
		{"PartyA", "0722000001", "PartyA"},
		{"PartyB", nil, "PartyB"},
		{"PartyB", "1", "PartyB"},
		{"PhoneNumber", nil, "PhoneNumber"},
		{"PhoneNumber", "+254722000001", "PhoneNumber"},
		{"PhoneNumber", "254322000001", "PhoneNumber"},
		{"PhoneNumber", "25472200000", "PhoneNumber"},
		{"CallBackURL", nil, "CallBackURL"},
		{"CallBackURL", "/cb", "CallBackURL"},
		{"CallBackURL", "ftp://pay.example.com/cb", "CallBackURL"},
		{"CallBackURL", base + "/a b", "CallBackURL"},
		{"CallBackURL", base + "/Mpesa/cb", "CallBackURL"},
		{"CallBackURL", base + "/m-PESA/cb", "CallBackURL"},
		{"CallBackURL", base + "/SAFARICOM", "CallBackURL"},
		{"CallBackURL", base + "/x.exe", "CallBackURL"},
		{"CallBackURL", base + "/execute", "CallBackURL"},
		{"CallBackURL", base + "/cmd", "CallBackURL"},
		{"CallBackURL", base + "/sql", "CallBackURL"},
		{"CallBackURL", base + "/cb?Query=1", "CallBackURL"},
		{"CallBackURL", "https://user:pw@pay.example.com/cb", "CallBackURL"},
		{"CallBackURL", "https://pay.example.com/" + strings.Repeat("a", 1024), "CallBackURL"},
		{"AccountReference", nil, "AccountReference"},
		{"AccountReference", "", "AccountReference"},
		{"AccountReference", "INV0000000001", "AccountReference"},
		{"AccountReference", "INV-1", "AccountReference"},
		{"AccountReference", 7, "AccountReference"},
		{"TransactionDesc", "12345678901234", "TransactionDesc"},
		{"TransactionDesc", 7, "TransactionDesc"},
	} {
		body := w.pushBody(ordinary)
		if body[c.field] = c.value; c.value == nil {
			delete(body, c.field)
		}
		a := w.post(pushPath, body)
		got := a.json(t)
		if a.status != 400 || got["errorCode"] != "400.002.02" || got["errorMessage"] != "Bad Request - Invalid "+c.named {
			t.Errorf("%s = %v: got %d %s", c.field, c.value, a.status, a.body)
		}
	}
	w.nothing()
}

func TestPushTakesWhatDarajaTakes(t *testing.T) {
	w := newWorld(t, nil)
	for i, change := range []map[string]any{
		{"BusinessShortCode": "174379"},
		{"Amount": 250_000},
		{"Amount": "1"},
		{"PartyA": json.Number("254110000001"), "PhoneNumber": json.Number("254110000001")},
		{"TransactionDesc": nil},
		{"TransactionDesc": ""},
		{"AccountReference": "ABCDEF123456"},
		{"CallBackURL": "http://kipay:8080/cb"},
		{"CallBackURL": "https://mpesa.example.com/cb"}, // the word is looked for behind the host
		{"TransactionType": "CustomerBuyGoodsOnline", "PartyB": SandboxTill},
	} {
		body := w.pushBody("25472200010" + string(rune('0'+i)))
		for k, v := range change {
			body[k] = v
		}
		if a := w.post(pushPath, body); a.status != 200 {
			t.Errorf("%v: got %d %s", change, a.status, a.body)
		}
	}
}

func TestURLRulesCanBeMovedBothWays(t *testing.T) {
	strict := newWorld(t, func(o *Options) { o.RequireHTTPS = true })
	body := strict.pushBody(ordinary)
	body["CallBackURL"] = "http://pay.example.com/cb"
	if a := strict.post(pushPath, body); a.status != 400 {
		t.Errorf("http in strict mode: %d %s", a.status, a.body)
	}
	strict.push(ordinary) // loopback
	lenient := newWorld(t, func(o *Options) { o.AllowBannedWords = true })
	body = lenient.pushBody(ordinary)
	body["CallBackURL"] = lenient.merchant.URL + "/mpesa/callback"
	if a := lenient.post(pushPath, body); a.status != 200 {
		t.Errorf("banned word when allowed: %d %s", a.status, a.body)
	}
}

func TestPushChecksInDarajasOrder(t *testing.T) {
	w := newWorld(t, nil)
	good := marshal(t, w.pushBody(ordinary))
	other := w.pushBody(ordinary)
	other["BusinessShortCode"] = "999999"
	till := w.pushBody(ordinary)
	till["BusinessShortCode"] = SandboxTill // a till owns no passkey
	wrong := w.pushBody(ordinary)
	wrong["Password"] = password(SandboxShortCode, "other", wrong["Timestamp"].(string))
	stale := w.pushBody(ordinary)
	stale["Timestamp"] = "20260101120001"
	json400 := "400.002.05"
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
		code, message                   string
	}{
		"wrong verb":        {"GET", pushPath, "application/json", good, 405, "405.001", "Method Not Allowed"},
		"wrong path":        {"POST", "/mpesa/stkpush/v2/processrequest", "application/json", good, 404, "404.001.01", "Resource not found"},
		"not simulated":     {"POST", "/mpesa/b2b/v1/paymentrequest", "application/json", good, 404, "404.001.01", "Resource not found"},
		"no content type":   {"POST", pushPath, "", good, 400, "400.002.02", "Bad Request - Invalid BusinessShortCode"},
		"form content type": {"POST", pushPath, "application/x-www-form-urlencoded", good, 400, "400.002.02", "Bad Request - Invalid BusinessShortCode"},
		"no JSON":           {"POST", pushPath, "application/json", "{", 400, json400, "Invalid Request Payload"},
		"null":              {"POST", pushPath, "application/json", "null", 400, json400, "Invalid Request Payload"},
		"array":             {"POST", pushPath, "application/json", "[]", 400, json400, "Invalid Request Payload"},
		"two values":        {"POST", pushPath, "application/json", good + good, 400, json400, "Invalid Request Payload"},
		"too large":         {"POST", pushPath, "application/json", `{"a":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 400, json400, "Invalid Request Payload"},
		"unknown shortcode": {"POST", pushPath, "application/json", marshal(t, other), 500, "500.001.1001", "Merchant does not exist"},
		"till as shortcode": {"POST", pushPath, "application/json", marshal(t, till), 500, "500.001.1001", "Merchant does not exist"},
		"wrong passkey":     {"POST", pushPath, "application/json", marshal(t, wrong), 500, "500.001.1001", "Wrong credentials"},
		"two timestamps":    {"POST", pushPath, "application/json", marshal(t, stale), 500, "500.001.1001", "Wrong credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			h := w.headers()
			if h["Content-Type"] = c.contentType; c.contentType == "" {
				delete(h, "Content-Type")
			}
			a := w.do(c.method, c.path, h, c.body)
			got := a.json(t)
			if a.status != c.status || got["errorCode"] != c.code || got["errorMessage"] != c.message {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

func TestASubscriberHasOnePromptAtATime(t *testing.T) {
	w := newWorld(t, nil)
	w.push(ordinary)
	a := w.post(pushPath, w.pushBody(ordinary))
	if got := a.json(t); a.status != 500 || got["errorCode"] != "500.001.1001" || !contains(a.body, "Unable to lock subscriber") {
		t.Errorf("second push: %d %s", a.status, a.body)
	}
	w.push("254722000009")
	w.clock.Advance(paidAfter)
	w.push(ordinary)
}

func TestAWrongPartyBEndsWith2028(t *testing.T) {
	w := newWorld(t, nil)
	for i, change := range []map[string]any{
		{"PartyB": "600984"},
		{"TransactionType": "CustomerBuyGoodsOnline"},
		{"PartyB": SandboxTill},
	} {
		body := w.pushBody("25472200010" + string(rune('0'+i)))
		for k, v := range change {
			body[k] = v
		}
		if a := w.post(pushPath, body); a.status != 200 {
			t.Fatalf("%v: %d %s", change, a.status, a.body)
		}
		w.clock.Advance(failedAfter)
		if code, _ := callback(t, w.delivered()); code != "2028" {
			t.Errorf("%v: ResultCode %s", change, code)
		}
	}
}

func TestSuccessCallbackHasTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	id := w.push(ordinary)
	w.clock.Advance(paidAfter - time.Millisecond)
	if n := len(w.sim.Deliveries()); n != 0 {
		t.Fatalf("%d deliveries too early", n)
	}
	w.clock.Advance(time.Millisecond)
	d := w.delivered()
	if d.Status != http.StatusOK || d.CheckoutRequestID != id || !regexp.MustCompile(`^UA1[0-9A-Z]{7}$`).MatchString(d.Receipt) {
		t.Errorf("delivery %+v", d)
	}
	want := `{"Body":{"stkCallback":{"MerchantRequestID":"` + merchantID(t, d) + `","CheckoutRequestID":"` + id + `","ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":[` +
		`{"Name":"Amount","Value":5.00},{"Name":"MpesaReceiptNumber","Value":"` + d.Receipt + `"},{"Name":"Balance"},` +
		`{"Name":"TransactionDate","Value":20260101120002},{"Name":"PhoneNumber","Value":254722000001}]}}}}`
	if d.Body != want {
		t.Errorf("body\n%s\nwant\n%s", d.Body, want)
	}
	w.merchant.mu.Lock()
	defer w.merchant.mu.Unlock()
	if got := w.merchant.header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.merchant.header.Get("Businessshortcode"); got != "174379" {
		t.Errorf("Businessshortcode %q", got)
	}
}

func merchantID(t *testing.T, d Delivery) string {
	t.Helper()
	m := regexp.MustCompile(`"MerchantRequestID":"([^"]+)"`).FindStringSubmatch(d.Body)
	if m == nil {
		t.Fatalf("no MerchantRequestID in %s", d.Body)
	}
	return m[1]
}
