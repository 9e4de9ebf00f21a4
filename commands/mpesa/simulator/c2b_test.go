package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// The vectors were checked against a sandbox payload (Daraja, C2B v1, MSISDN).
func TestMSISDNIsHashedInV1AndMaskedInV2(t *testing.T) {
	for _, c := range []struct {
		msisdn  string
		version int
		want    string
	}{
		{"254705912645", 1, "94c392c311d522da950619227b3361752a42042db7e1e699b26e628305c68a88"},
		{"254708374149", 1, "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"},
		{"254708374149", 2, "2547 ***** 149"},
	} {
		if got := hideMSISDN(c.msisdn, c.version); got != c.want {
			t.Errorf("%s v%d: got %s", c.msisdn, c.version, got)
		}
	}
}

func TestRegisterNamesTheBadField(t *testing.T) {
	w := newWorld(t, nil)
	base := w.merchant.URL
	right := func() map[string]any {
		return map[string]any{"ShortCode": "600984", "ResponseType": "Completed", "ConfirmationURL": base + "/c", "ValidationURL": base + "/v"}
	}
	for _, c := range []struct {
		field string
		value any
	}{
		{"ShortCode", nil},
		{"ShortCode", "123456"},
		{"ShortCode", "abc"},
		{"ResponseType", nil},
		{"ResponseType", "completed"},
		{"ResponseType", "Canceled"},
		{"ConfirmationURL", nil},
		{"ConfirmationURL", "confirm"},
		{"ConfirmationURL", base + "/mpesa/confirmation"},
		{"ConfirmationURL", "https://mpesa.example.com/c"},
		{"ConfirmationURL", 5},
		{"ValidationURL", nil},
		{"ValidationURL", base + "/QUERY"},
		{"ValidationURL", "ftp://a.example/v"},
	} {
		body := right()
		if body[c.field] = c.value; c.value == nil {
			delete(body, c.field)
		}
		for _, path := range []string{registerV1, registerV2} {
			a := w.post(path, body)
			got := a.json(t)
			if a.status != 400 || got["errorCode"] != "400.003.02" || got["errorMessage"] != "Bad Request - Invalid "+c.field {
				t.Errorf("%s %s = %v: got %d %s", path, c.field, c.value, a.status, a.body)
			}
		}
	}
	if a := w.do("POST", registerV1, w.headers(), "{"); a.json(t)["errorCode"] != "400.002.05" {
		t.Errorf("junk: %d %s", a.status, a.body)
	}
	if a := w.do("POST", "/mpesa/c2b/v3/registerurl", w.headers(), "{}"); a.status != 404 || a.json(t)["errorCode"] != "404.003.01" {
		t.Errorf("v3: %d %s", a.status, a.body)
	}
	if a := w.do("GET", registerV1, w.headers(), "{}"); a.status != 405 {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
	a := w.post(registerV1, right())
	got := a.json(t)
	id, _ := got["OriginatorCoversationID"].(string)
	if a.status != 200 || got["ResponseCode"] != "0" || got["ResponseDescription"] != "Success" ||
		!regexp.MustCompile(`^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{19}$`).MatchString(id) {
		t.Errorf("right: %d %s", a.status, a.body)
	}
	if a := w.post(registerV2, right()); a.status != 200 { // the sandbox lets one register at will
		t.Errorf("again: %d %s", a.status, a.body)
	}
}

func TestRegistrationIsOnceInProduction(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OneTimeRegistration = true })
	w.register(registerV2, "600984", "Completed")
	a := w.post(registerV2, map[string]any{"ShortCode": "600984", "ResponseType": "Completed", "ConfirmationURL": w.merchant.URL + "/c", "ValidationURL": w.merchant.URL + "/v"})
	if a.status != 500 || a.json(t)["errorCode"] != "500.003.1001" || !contains(a.body, "already registered") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func c2bBody(shortCode, msisdn string) map[string]any {
	return map[string]any{
		"ShortCode": json.Number(shortCode), "CommandID": "CustomerPayBillOnline", "Amount": 10,
		"Msisdn": json.Number(msisdn), "BillRefNumber": simulateBill,
	}
}

func TestSimulateNamesTheBadField(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		field string
		value any
	}{
		{"ShortCode", 123456},
		{"CommandID", "PayBill"},
		{"Amount", 0},
		{"Amount", "1.5"},
		{"Amount", 250_001},
		{"Msisdn", "0722000001"},
		{"BillRefNumber", ""},
		{"BillRefNumber", "123456789012345678901"},
	} {
		body := c2bBody("600984", ordinary)
		body[c.field] = c.value
		a := w.post(simulateV2, body)
		if a.status != 400 || a.json(t)["errorMessage"] != "Bad Request - Invalid "+c.field {
			t.Errorf("%s = %v: got %d %s", c.field, c.value, a.status, a.body)
		}
	}
	goods := c2bBody(SandboxTill, ordinary)
	goods["CommandID"] = "CustomerBuyGoodsOnline"
	if a := w.post(simulateV2, goods); a.json(t)["errorMessage"] != "Bad Request - Invalid BillRefNumber" {
		t.Errorf("till with an account: %d %s", a.status, a.body)
	}
}

// notified reads a C2B notification: every value has to be a string.
func notified(t *testing.T, d Delivery) map[string]string {
	t.Helper()
	var n map[string]string
	if err := json.Unmarshal([]byte(d.Body), &n); err != nil {
		t.Fatalf("%s: %v", d.Body, err)
	}
	if n["TransID"] != d.Receipt {
		t.Errorf("receipt %s in %s", d.Receipt, d.Body)
	}
	return n
}

func TestSimulateConfirmsWithStringsOnly(t *testing.T) {
	w := newWorld(t, nil)
	w.register(registerV2, "600984", "Completed")
	a := w.post(simulateV2, c2bBody("600984", ordinary))
	if got := a.json(t); a.status != 200 || got["ResponseCode"] != "0" || got["ResponseDescription"] != "Accept the service request successfully." {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.clock.Advance(confirmC2B)
	d := w.delivered()
	if d.Kind != C2BConfirmation || d.URL != w.merchant.URL+"/c2b/confirm" {
		t.Errorf("%+v", d)
	}
	want := `{"TransactionType":"Pay Bill","TransID":"` + d.Receipt + `","TransTime":"20260101120000","TransAmount":"10.00",` +
		`"BusinessShortCode":"600984","BillRefNumber":"INVOICE8","InvoiceNumber":"","OrgAccountBalance":"10.00","ThirdPartyTransID":"",` +
		`"MSISDN":"2547 ***** 001","FirstName":"John","MiddleName":"","LastName":"Doe"}`
	if d.Body != want {
		t.Errorf("body\n%s\nwant\n%s", d.Body, want)
	}
	goods := c2bBody("600984", ordinary)
	goods["CommandID"], goods["BillRefNumber"] = "CustomerBuyGoodsOnline", nil
	w.post(simulateV2, goods)
	w.clock.Advance(confirmC2B)
	if n := notified(t, w.delivered()); n["TransactionType"] != "Buy Goods" || n["BillRefNumber"] != "" || n["OrgAccountBalance"] != "20.00" {
		t.Errorf("%v", n)
	}
	w.nothing()
}

func TestNothingIsNotifiedWithoutURLs(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.post(simulateV2, c2bBody("600984", ordinary)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.nothing()
}

func TestC2BMagicNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		copies int
		after  time.Duration
	}{
		"confirmation-never":   {0, time.Hour},
		"confirmation-tripled": {3, 5 * time.Second},
		"confirmation-last":    {1, 61 * time.Second},
		"confirmation-bare":    {1, 5 * time.Second},
		"public-test-number":   {1, confirmC2B},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.register(registerV1, "600984", "Completed")
			w.post("/mpesa/c2b/v1/simulate", c2bBody("600984", w.sim.scenarios[name].MSISDN))
			w.clock.Advance(c.after - time.Millisecond)
			w.settle()
			if name == "confirmation-last" && len(w.sim.Deliveries()) > 0 {
				t.Error("it came too early")
			}
			w.clock.Advance(time.Millisecond)
			first := ""
			for i := range c.copies {
				d := w.delivered()
				if i == 0 {
					first = d.Body
				}
				n := notified(t, d)
				if d.Body != first || d.Attempt != i+1 {
					t.Errorf("copy %d: %+v", i, d)
				}
				_, named := n["FirstName"]
				if bare := name == "confirmation-bare"; bare == named || bare != (n["MSISDN"] == "") {
					t.Errorf("%s", d.Body)
				}
				if i+1 < c.copies {
					w.clock.AwaitTimers(1)
					w.clock.Advance(copyGap)
				}
			}
			w.nothing()
		})
	}
}

func TestValidationDecides(t *testing.T) {
	for name, c := range map[string]struct {
		msisdn       string
		responseType string
		status       int
		reply        string
		paid         bool
		third        string
	}{
		"accepted":               {ordinary, "Cancelled", 200, `{"ResultCode":"0","ResultDesc":"Accepted"}`, true, ""},
		"accepted with a number": {ordinary, "Cancelled", 200, `{"ResultCode":0,"ThirdPartyTransID":"T1"}`, true, "T1"},
		"refused":                {ordinary, "Completed", 200, `{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`, false, ""},
		"refused the old way":    {ordinary, "Completed", 200, `{"ResultCode":1}`, false, ""},
		"500, then Completed":    {ordinary, "Completed", 500, ``, true, ""},
		"500, then Cancelled":    {ordinary, "Cancelled", 500, ``, false, ""},
		"junk, then Cancelled":   {ordinary, "Cancelled", 200, `<html>`, false, ""},
		"lost, then Completed":   {"254700060007", "Completed", 200, `{"ResultCode":"C2B00012"}`, true, ""},
		"lost, then Cancelled":   {"254700060007", "Cancelled", 200, `{"ResultCode":"0"}`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.register(registerV2, "600996", c.responseType)
			w.merchant.answers(c.status, c.reply)
			w.post(simulateV2, c2bBody("600996", c.msisdn))
			w.clock.Advance(5 * time.Second)
			d := w.delivered()
			if n := notified(t, d); d.Kind != C2BValidation || d.URL != w.merchant.URL+"/c2b/validate" || n["OrgAccountBalance"] != "" {
				t.Fatalf("first: %+v", d)
			}
			if c.paid {
				d := w.delivered()
				if n := notified(t, d); d.Kind != C2BConfirmation || n["ThirdPartyTransID"] != c.third || n["OrgAccountBalance"] != "10.00" {
					t.Errorf("second: %+v", d)
				}
			}
			w.nothing()
		})
	}
}

func TestPaidPushIsConfirmedWithTheSameReceipt(t *testing.T) {
	for path, msisdn := range map[string]string{registerV1: hideMSISDN(ordinary, 1), registerV2: "2547 ***** 001"} {
		w := newWorld(t, nil)
		w.register(path, SandboxShortCode, "Completed")
		w.push(ordinary)
		w.clock.Advance(time.Minute)
		stk, c2b := w.delivered(), w.delivered()
		n := notified(t, c2b)
		if stk.Kind != STKCallback || c2b.Kind != C2BConfirmation || stk.Receipt != c2b.Receipt || n["TransAmount"] != "5.00" ||
			n["BillRefNumber"] != "INV0001" || n["MSISDN"] != msisdn || n["BusinessShortCode"] != SandboxShortCode {
			t.Errorf("%+v\n%+v", stk, c2b)
		}
		w.nothing()
	}
}

func TestTillPaymentIsConfirmedToTheTill(t *testing.T) {
	w := newWorld(t, nil)
	w.register(registerV2, SandboxTill, "Completed")
	body := w.pushBody(ordinary)
	body["TransactionType"], body["PartyB"] = "CustomerBuyGoodsOnline", SandboxTill
	w.post(pushPath, body)
	w.clock.Advance(time.Minute)
	w.delivered()
	if n := notified(t, w.delivered()); n["TransactionType"] != "Buy Goods" || n["BusinessShortCode"] != SandboxTill || n["BillRefNumber"] != "" {
		t.Errorf("%v", n)
	}
}

func TestFailedPushIsNotConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	w.register(registerV2, SandboxShortCode, "Completed")
	w.push("254700001032")
	w.clock.Advance(time.Minute)
	if d := w.delivered(); d.Kind != STKCallback || d.Status != http.StatusOK {
		t.Errorf("%+v", d)
	}
	w.nothing()
}
