package simulator

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCardsAreDistinctAndNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cards() {
		_, known := webhookScenario(c.Webhook)
		if seen[c.Number] || !cardFormat.MatchString(c.Number) || !cvvFormat.MatchString(c.CVV) || c.Description == "" || !known {
			t.Errorf("%+v", c)
		}
		if c.Own && !luhn(c.Number) {
			t.Errorf("%s: wrong last digit", c.Number)
		}
		seen[c.Number] = true
	}
	if luhn("4084084084084082") || !luhn("5060666666666666666") {
		t.Error("luhn")
	}
}

// steps answers what a card asks for, rightly.
func (w *world) steps(path string, c Card, last response) response {
	w.t.Helper()
	if c.PIN != "" {
		last = w.form(path, "step", "pin", "pin", c.PIN)
	}
	if c.Phone {
		last = w.form(path, "step", "phone", "phone", "0722 000 001")
	}
	if c.OTP != "" {
		last = w.form(path, "step", "otp", "otp", c.OTP)
	}
	if c.BankPage {
		last = w.form(path, "step", "bank", "bank", "accept")
	}
	return last
}

func TestEveryCardDoesWhatItsLineSays(t *testing.T) {
	const redirect = returnPage + "?trxref=pay-1&reference=pay-1"
	for _, c := range Cards() {
		t.Run(c.Number, func(t *testing.T) {
			w := newWorld(t, nil)
			page := w.open("pay-1")
			a := w.enter(page, c.Number)
			if c.PIN != "" || c.BankPage {
				if a.status != 200 || w.verify("pay-1").data(t)["status"] != "ongoing" {
					t.Errorf("first step: %d %s", a.status, a.body)
				}
			}
			a = w.steps(page, c, a)
			data := w.verify("pay-1").data(t)
			if data["gateway_response"] != c.Outcome.gatewayResponse() {
				t.Errorf("gateway_response %v", data["gateway_response"])
			}
			if c.Outcome == Success {
				if a.status != http.StatusSeeOther || a.header.Get("Location") != redirect || data["status"] != "success" {
					t.Errorf("got %d %s, status %v", a.status, a.header.Get("Location"), data["status"])
				}
				return
			}
			want := http.StatusOK
			if c.Outcome == ServerError {
				want = http.StatusInternalServerError
			}
			if a.status != want || data["status"] != "failed" || data["paid_at"] != nil || !strings.Contains(a.body, c.Outcome.gatewayResponse()) ||
				!strings.Contains(a.body, `value="card"`) {
				t.Errorf("got %d, status %v\n%s", a.status, data["status"], a.body)
			}
			if a := w.enter(page, goodCard); a.status != http.StatusSeeOther { // the page lets the payer try again
				t.Errorf("second attempt: %d %s", a.status, a.body)
			}
			log := w.verify("pay-1").data(t)["log"].(map[string]any)
			if log["attempts"] != json.Number("2") || log["errors"] != json.Number("1") || log["success"] != true {
				t.Errorf("log %v", log)
			}
		})
	}
}

func TestWrongAnswersFailTheAttempt(t *testing.T) {
	const pinOnly, both = "507850785078507812", "5060666666666666666"
	for name, c := range map[string]struct {
		play func(w *world, page string) response
		says string
	}{
		"wrong PIN": {func(w *world, page string) response {
			w.enter(page, pinOnly)
			return w.form(page, "step", "pin", "pin", "9999")
		}, "Incorrect PIN or OTP"},
		"wrong OTP": {func(w *world, page string) response {
			w.enter(page, both)
			w.form(page, "step", "pin", "pin", "1234")
			return w.form(page, "step", "otp", "otp", "000000")
		}, "Incorrect PIN or OTP"},
		"wrong CVV": {func(w *world, page string) response {
			return w.form(page, "step", "card", "card_number", goodCard, "expiry", "12/30", "cvv", "409")
		}, "Incorrect CVV"},
		"no test card": {func(w *world, page string) response {
			return w.form(page, "step", "card", "card_number", "4111 1111 1111 1111", "expiry", "12/30", "cvv", "123")
		}, "Please use the test card"},
		"refused by the bank": {func(w *world, page string) response {
			w.enter(page, "5192602720584796")
			return w.form(page, "step", "bank", "bank", "refuse")
		}, "Declined"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			page := w.open("pay-1")
			a := c.play(w, page)
			if a.status != 200 || !strings.Contains(a.body, c.says) || w.verify("pay-1").data(t)["status"] != "failed" {
				t.Errorf("got %d\n%s", a.status, a.body)
			}
			w.nothing()
		})
	}
}

func TestAFormFilledInWronglyIsNoAttempt(t *testing.T) {
	w := newWorld(t, nil)
	page := w.open("pay-1")
	for _, c := range [][3]string{
		{"", "12/30", "408"},
		{"4084", "12/30", "408"},
		{"4084084084084082", "12/30", "408"},
		{"４０８４084084084081", "12/30", "408"},
		{goodCard, "", "408"},
		{goodCard, "13/30", "408"},
		{goodCard, "12/25", "408"},
		{goodCard, "1230x", "408"},
		{goodCard, "12/30", ""},
		{goodCard, "12/30", "4x8"},
	} {
		a := w.form(page, "step", "card", "card_number", c[0], "expiry", c[1], "cvv", c[2])
		if a.status != 422 || !strings.Contains(a.body, `role="alert"`) || strings.Contains(a.body, `value="`+goodCard) {
			t.Errorf("%v: got %d\n%s", c, a.status, a.body)
		}
	}
	if data := w.verify("pay-1").data(t); data["status"] != "abandoned" || data["log"] != nil {
		t.Errorf("%v", data)
	}
	w.enter(page, "507850785078507804")
	w.form(page, "step", "pin", "pin", "0000")
	if a := w.form(page, "step", "phone", "phone", "12"); a.status != 422 {
		t.Errorf("short phone: %d", a.status)
	}
	// January 2026 is this month: a card that expires now is good.
	other := w.open("pay-2")
	if a := w.form(other, "step", "card", "card_number", "4084 0840 8408 4081", "expiry", "1 / 2026", "cvv", "408"); a.status != http.StatusSeeOther {
		t.Errorf("this month: %d", a.status)
	}
}

func TestThePageIsPlainAndMarked(t *testing.T) {
	w := newWorld(t, nil)
	body := initBody("pay-1")
	body["email"] = "o'neil+<b>@b.co" // refused: no page ever shows markup
	if a := w.initialize(body); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	page := w.open("pay-1")
	a := w.do("GET", page, nil, "")
	for _, want := range []string{"SIMULATED", "KES 100.00", "customer@email.com", `method="post"`, "4084 0840 8408 4081", `href="` + page[strings.LastIndexByte(page, '/')+1:] + `/cancel"`, `for="card_number"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(a.body, "<script") || strings.Contains(a.body, "style=") || !strings.HasPrefix(a.body, "<!doctype html>") {
		t.Error(a.body)
	}
	csp := a.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.header)
	}
	if css := w.do("GET", "/checkout/style.css", nil, ""); css.status != 200 || css.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style: %d", css.status)
	}
	for _, path := range []string{"/checkout/nosuch", "/checkout/nosuch/cancel", "/checkout/a/b/c"} {
		if a := w.do("GET", path, nil, ""); a.status != 404 || !strings.Contains(a.body, "no such payment") {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := w.form("/checkout/nosuch", "step", "card"); a.status != 404 {
		t.Errorf("POST: %d", a.status)
	}
	if a := w.form(page, "step", strings.Repeat("x", maxFormBytes)); a.status != 400 {
		t.Errorf("large form: %d", a.status)
	}
	mobile := initBody("pay-3")
	mobile["channels"] = []string{"mobile_money"}
	path := strings.TrimPrefix(w.initialize(mobile).data(t)["authorization_url"].(string), w.paystack.URL)
	if a := w.do("GET", path, nil, ""); strings.Contains(a.body, "card_number") {
		t.Error("a card form without the card channel")
	}
}

func TestPaidPageSendsTheBrowserBackOnceMore(t *testing.T) {
	w := newWorld(t, nil)
	page := w.open("pay-1")
	w.enter(page, goodCard)
	if a := w.enter(page, "4084080000005408"); a.status != http.StatusSeeOther { // the back button, another card
		t.Errorf("got %d", a.status)
	}
	if data := w.verify("pay-1").data(t); data["status"] != "success" {
		t.Errorf("%v", data["status"])
	}
	if a := w.do("GET", page, nil, ""); a.status != 200 || !strings.Contains(a.body, "Payment successful") {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.clock.Advance(time.Minute)
	w.delivered()
	w.nothing()
}

func TestAStepFromBeforeChangesNothing(t *testing.T) {
	w := newWorld(t, nil)
	page := w.open("pay-1")
	w.enter(page, "507850785078507812")
	if a := w.enter(page, goodCard); a.status != 200 || !strings.Contains(a.body, `value="pin"`) {
		t.Errorf("card while the PIN is asked: %d %s", a.status, a.body)
	}
	if a := w.form(page, "step", "otp", "otp", ""); a.status != 200 || w.verify("pay-1").data(t)["status"] != "ongoing" {
		t.Errorf("otp while the PIN is asked: %d", a.status)
	}
}

func TestReturnAndCancelAddresses(t *testing.T) {
	if got := withReference("https://a.example/r?x=1#top", "p=1"); got != "https://a.example/r?x=1&trxref=p%3D1&reference=p%3D1#top" {
		t.Error(got)
	}
	w := newWorld(t, nil)
	page := w.open("pay-1")
	if a := w.do("GET", page+"/cancel", nil, ""); a.status != 303 || a.header.Get("Location") != returnPage+"?trxref=pay-1&reference=pay-1" {
		t.Errorf("cancel: %d %v", a.status, a.header)
	}
	body := initBody("pay-2")
	body["metadata"] = map[string]any{"cancel_action": "https://shop.example.com/cancelled"}
	path := strings.TrimPrefix(w.initialize(body).data(t)["authorization_url"].(string), w.paystack.URL)
	if a := w.do("GET", path+"/cancel", nil, ""); a.header.Get("Location") != "https://shop.example.com/cancelled" {
		t.Errorf("cancel_action: %d %v", a.status, a.header)
	}
	bare := initBody("pay-3")
	delete(bare, "callback_url")
	path = strings.TrimPrefix(w.initialize(bare).data(t)["authorization_url"].(string), w.paystack.URL)
	if a := w.do("GET", path+"/cancel", nil, ""); a.status != 200 || !strings.Contains(a.body, "Cancelled") {
		t.Errorf("cancel without a callback: %d", a.status)
	}
	if a := w.enter(path, goodCard); a.status != 200 || !strings.Contains(a.body, "Payment successful") {
		t.Errorf("paid without a callback: %d", a.status)
	}
	if w.verify("pay-1").data(t)["status"] != "abandoned" {
		t.Error("cancelling is no failure")
	}
}

func TestPaidTransactionInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	page := w.open("pay-1")
	w.clock.Advance(90 * time.Second)
	w.enter(page, goodCard)
	data := w.verify("pay-1").data(t)
	auth := data["authorization"].(map[string]any)
	for field, format := range map[string]string{
		"authorization_code": `^AUTH_[0-9a-z]{10}$`, "bin": `^408408$`, "last4": `^4081$`, "exp_month": `^12$`, "exp_year": `^2030$`,
		"channel": `^card$`, "card_type": `^visa $`, "country_code": `^KE$`, "brand": `^visa$`, "signature": `^SIG_[0-9A-Za-z]{20}$`,
	} {
		if text, _ := auth[field].(string); !regexp.MustCompile(format).MatchString(text) {
			t.Errorf("%s is %q", field, text)
		}
	}
	if name, present := auth["account_name"]; auth["reusable"] != true || name != nil || !present {
		t.Errorf("%v", auth)
	}
	if data["paid_at"] != "2026-01-01T09:01:30.000Z" || data["fees"] != json.Number("290") {
		t.Errorf("paid_at %v, fees %v", data["paid_at"], data["fees"])
	}
	customer := data["customer"].(map[string]any)
	if code, _ := customer["customer_code"].(string); !regexp.MustCompile(`^CUS_[0-9a-f]{15}$`).MatchString(code) || customer["risk_action"] != "default" {
		t.Errorf("%v", customer)
	}
}

func TestFees(t *testing.T) {
	f := Fees{BasisPoints: 290, Cap: 2000_00}
	for amount, want := range map[int64]int64{10000: 290, 17: 0, 18: 1, 40333: 1170, 10_000_000_00: 2000_00} {
		if got := f.of(amount); got != want {
			t.Errorf("%d: %d, want %d", amount, got, want)
		}
	}
	if got := (Fees{BasisPoints: 290}).of(10_000_000_00); got != 290_000_00 {
		t.Errorf("without a cap: %d", got)
	}
}

func TestNoCardNumberIsLoggedOrKept(t *testing.T) {
	var out bytes.Buffer
	w := newWorld(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	page := w.open("pay-1")
	w.form(page, "step", "card", "card_number", "4111111111111111", "expiry", "12/30", "cvv", "123")
	w.enter(page, goodCard)
	w.clock.Advance(time.Minute)
	body := w.delivered().Body
	w.settle()
	everything := out.String() + body + w.verify("pay-1").body + w.do("GET", "/__sim/transactions", nil, "").body
	for _, secret := range []string{"4111111111111111", goodCard, key} {
		if strings.Contains(everything, secret) {
			t.Errorf("%s shows up", secret)
		}
	}
}

func TestABrowserThatOpensTheSimulatorIsToldWhatItIs(t *testing.T) {
	w := newWorld(t, nil)
	page := w.do("GET", "/", nil, "")
	for _, want := range []string{"SIMULATED", "4084 0840 8408 4081", "sk_test_", "POST transaction/initialize"} {
		if page.status != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%d, without %q: %s", page.status, want, page.body)
		}
	}
	if page.header.Get("Content-Security-Policy") == "" {
		t.Error("no policy")
	}
	if a := w.do("GET", "/nothing", nil, ""); a.status != 401 {
		t.Errorf("a call without a key: %d", a.status)
	}
}
