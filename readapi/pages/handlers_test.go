package pages

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// noon is when the tests without a browser happen.
var noon = time.Date(2026, 6, 14, 9, 40, 0, 0, time.UTC)

// desk is the checkout without a socket.
type desk struct {
	*testing.T
	*checkouts
	app      *fiber.App
	reported []error
}

func newDesk(t *testing.T, options ...func(*Options)) *desk {
	t.Helper()
	d := &desk{T: t, checkouts: newCheckouts(func() time.Time { return noon }), app: fiber.New()}
	o := Options{
		Now: func() time.Time { return noon }, PublicURL: "https://pay.example",
		Report: func(_ context.Context, err error) { d.reported = append(d.reported, err) },
	}
	for _, set := range options {
		set(&o)
	}
	Register(d.app, d, o)
	d.put(open())
	return d
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	text   string // body with the entities read
}

// ask sends a request; headers come in pairs of name and value.
func (d *desk) ask(method, path, body string, headers ...string) answer {
	d.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "pay.example"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := d.app.Test(r, -1)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(raw), html.UnescapeString(string(raw))}
}

const here = checkoutPath + refOpen

func (a answer) mustSay(t *testing.T, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(a.text, p) {
			t.Errorf("the answer does not say %q:\n%s", p, a.text)
		}
	}
}

func (a answer) mustNotSay(t *testing.T, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(a.text, p) {
			t.Errorf("the answer says %q:\n%s", p, a.text)
		}
	}
}

func (a answer) mustBe(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d:\n%s", a.status, status, a.text)
	}
}

func (a answer) mustLeadTo(t *testing.T, location string) {
	t.Helper()
	a.mustBe(t, http.StatusSeeOther)
	if got := a.header.Get("Location"); got != location {
		t.Errorf("leads to %q, want %q", got, location)
	}
}

func TestThePageSaysWhoAsksHowMuchForWhat(t *testing.T) {
	a := newDesk(t).ask("GET", here, "")
	a.mustBe(t, 200)
	a.mustSay(t, "Savanna Books", "Pay KES 10,000.00", "Order 1042", refOpen, "14 June 2026, 18:04 EAT", `<html lang="en">`,
		`inputmode="tel"`, `autocomplete="tel"`, `method="post"`)
}

func TestEachPhaseHasItsPage(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*View)
		says []string
		not  []string
	}{
		"paid": {paid, []string{"Payment received", "QGR7I8K2LM", "14 June 2026, 12:41 EAT", "M-Pesa"}, []string{"<form", "http-equiv"}},
		"waiting": {func(v *View) {
			v.Phase, v.MaskedPhone, v.AskedAt, v.WaitUntil = Waiting, "2547••••678", noon.Add(-10*time.Second), noon.Add(65*time.Second)
		}, []string{"Check your phone", "2547••••678", "1:05", "65 seconds left", `<noscript><meta http-equiv="refresh" content="5"></noscript>`}, []string{"<form"}},
		"overdue": {func(v *View) {
			v.Phase, v.MaskedPhone, v.WaitUntil = Waiting, "2547••••678", noon.Add(-time.Second)
		}, []string{"longer than usual", "data-overdue>"}, []string{"data-countdown"}},
		"card waiting": {
			func(v *View) { v.Phase, v.Method = Waiting, "card" },
			[]string{"confirming your payment", "Go back to card payment"},
			[]string{"Check your phone"},
		},
		"failed":          {failed("wrong_pin"), []string{"didn’t go through", "The PIN was not right", "Try again", "/mpesa"}, nil},
		"failed for good": {func(v *View) { failed("declined")(v); v.CanRetry = false }, []string{"declined", "another way to pay"}, []string{"<form"}},
		"failed, new code": {
			func(v *View) { failed("quantum")(v); v.FailureReason = "Qubits <lost>" },
			[]string{"Qubits <lost>"},
			[]string{"quantum<"},
		},
		"failed, no reason": {failed(""), []string{"did not say why"}, nil},
		"expired":           {func(v *View) { v.Phase = Expired }, []string{"has expired", "new payment link"}, []string{"<form"}},
		"review": {
			func(v *View) { v.Phase, v.Received, v.Receipt = Review, money.Of(5_000_50, money.KES), "QGR7I8K2LM" },
			[]string{"being checked", "KES 5,000.50", "QGR7I8K2LM"},
			[]string{"<form"},
		},
		"review of another kind": {func(v *View) { v.Phase = Review }, []string{"needs a person"}, []string{"<form"}},
		"no method":              {func(v *View) { v.CanMpesa, v.CanCard = false, false }, []string{"can’t be made here"}, []string{"<form"}},
		"M-Pesa only":            {func(v *View) { v.CanCard = false }, []string{"/mpesa"}, []string{"/card", `type="radio"`}},
		"card only":              {func(v *View) { v.CanMpesa = false }, []string{"/card"}, []string{`name="phone"`, `type="radio"`}},
		"test mode":              {func(v *View) { v.TestMode = true }, []string{"Test mode", "No real money"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.put(open().as(c.edit))
			a := d.ask("GET", here, "")
			a.mustBe(t, 200)
			a.mustSay(t, c.says...)
			a.mustNotSay(t, c.not...)
			a.mustNotSay(t, "ZgotmplZ")
			if strings.Count(a.body, "<h1") != 1 {
				t.Error("not exactly one h1")
			}
		})
	}
}

func TestAnUnknownReferenceLooksLikeAMalformedOne(t *testing.T) {
	d := newDesk(t)
	want := d.ask("GET", checkoutPath+"KIPAY00000000000000AA", "")
	want.mustBe(t, 404)
	want.mustSay(t, "This payment link doesn’t work")
	for _, path := range []string{
		checkoutPath + "x", checkoutPath + "%3Cscript%3E", checkoutPath + "a%20b", checkoutPath + strings.Repeat("A", 300),
		checkoutPath, "/payment/checkout", checkoutPath + "KIPAY0000000000000000/return", checkoutPath + "x/status",
		checkoutPath + "KIPAY0000000000000000/status", checkoutPath + "%FF/mpesa", checkoutPath + "..%2f..%2fetc",
		here + "/nothing", here + "/status/more",
	} {
		got := d.ask("GET", path, "")
		if got.status != 404 || got.body != want.body || got.header.Get("Content-Security-Policy") != want.header.Get("Content-Security-Policy") {
			t.Errorf("%s: %d, and not the same page", path, got.status)
		}
	}
	for _, path := range []string{"KIPAY0000000000000000/mpesa", "KIPAY0000000000000000/card", "%3C/mpesa", "%3C/card"} {
		got := d.ask("POST", checkoutPath+path, "phone=0712345678")
		if got.status != 404 || got.body != want.body {
			t.Errorf("POST %s: %d, and not the same page", path, got.status)
		}
	}
	if len(d.reported) > 0 {
		t.Errorf("reported %v", d.reported)
	}
}

func TestPayingByMpesaAsksOnTheNormalisedPhone(t *testing.T) {
	for _, typed := range []string{"0712345678", "0712 345 678", "+254 712 345 678", "712345678", "254712345678", "(0712) 345-678"} {
		d := newDesk(t)
		d.ask("POST", here+"/mpesa", url.Values{"phone": {typed}}.Encode()).mustLeadTo(t, here)
		if got := d.asked(); len(got) != 1 || got[0] != refOpen+" 254712345678" {
			t.Errorf("%s: asked %v", typed, got)
		}
		d.ask("GET", here, "").mustSay(t, "Check your phone", "2547••••678")
	}
}

func TestAWrongPhoneIsSaidAtTheFieldAndKept(t *testing.T) {
	d := newDesk(t)
	a := d.ask("POST", here+"/mpesa", url.Values{"phone": {`0812 "345" 678`}}.Encode())
	a.mustBe(t, 422)
	a.mustSay(t, "Enter a Kenyan mobile number", `aria-invalid="true"`, `aria-describedby="phone-hint phone-error"`, `role="alert"`,
		`value="0812 "345" 678"`, "<title>Error: Pay")
	a = d.ask("POST", here+"/mpesa", "phone=+", "Accept-Language", "sw-KE,en;q=0.5")
	a.mustSay(t, "Weka nambari ya simu iliyosajiliwa", `<html lang="sw">`)
	a = d.ask("POST", here+"/mpesa", "phone=12", "Accept", "application/json")
	a.mustBe(t, 422)
	var said struct {
		Status, Message string
		Errors          map[string]string
	}
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || said.Status != "error" || said.Errors["phone"] == "" {
		t.Errorf("%v: %s", err, a.body)
	}
	if got := d.asked(); len(got) != 0 {
		t.Errorf("asked %v", got)
	}
}

func TestASecondSubmitShowsTheFirst(t *testing.T) {
	d := newDesk(t)
	d.ask("POST", here+"/mpesa", "phone=0712345678").mustLeadTo(t, here)
	d.ask("POST", here+"/mpesa", "phone=0712345678").mustLeadTo(t, here)
	d.ask("POST", here+"/mpesa", "phone=oops").mustLeadTo(t, here)
	d.ask("POST", here+"/card", "x=1").mustLeadTo(t, here)
	d.ask("POST", here+"/mpesa", "phone=0712345678", "Accept", "application/json").mustBe(t, 409)
	if got := d.asked(); len(got) != 1 {
		t.Errorf("asked %v", got)
	}
}

func TestARefusedPaymentSaysWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		status   int
		says     string
		reported int
	}{
		"rate limit":    {&domain.Error{Code: domain.CodeRateLimited}, 429, "too many tries", 0},
		"unavailable":   {domain.Unavailable("store", nil), 503, "can’t reach the payment system", 0},
		"refused":       {&domain.Error{Code: domain.CodeProviderRefused, Message: "secret detail"}, 502, "did not accept", 0},
		"refused, why":  {&domain.Error{Code: domain.CodeProviderRefused, Reason: "subscriber_busy"}, 502, "Another M-Pesa request", 0},
		"phone refused": {domain.Invalid("phone", "secret detail"), 422, "M-Pesa can’t use this number", 0},
		"other field":   {domain.Invalid("amount", "secret detail"), 422, "did not accept", 0},
		"our fault":     {errors.New("secret detail"), 500, "If no request arrives", 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.payErr = c.err
			a := d.ask("POST", here+"/mpesa", "phone=0712345678")
			a.mustBe(t, c.status)
			a.mustSay(t, c.says, `value="0712345678"`)
			a.mustNotSay(t, "secret detail")
			j := d.ask("POST", here+"/mpesa", "phone=0712345678", "Accept", "application/json")
			j.mustBe(t, c.status)
			j.mustSay(t, `"status":"error"`)
			j.mustNotSay(t, "secret detail")
			if len(d.reported) != 2*c.reported {
				t.Errorf("reported %v", d.reported)
			}
		})
	}
}

func TestTheCardPageIsReachedDirectlyOrByALink(t *testing.T) {
	d := newDesk(t)
	d.ask("POST", here+"/card", "x=1").mustLeadTo(t, "https://checkout.paystack.com/nkdks46nymizns7")
	d.ask("POST", here+"/card", "x=1", "Accept", "application/json").mustSay(t, `"redirect":"https://checkout.paystack.com/nkdks46nymizns7"`)

	d.cardPage = "https://cards.elsewhere.example/a?b=1&c=2"
	a := d.ask("POST", here+"/card", "x=1")
	a.mustBe(t, 200)
	a.mustSay(t, `href="https://cards.elsewhere.example/a?b=1&c=2"`, `content="0;url=https://cards.elsewhere.example/a?b=1&c=2"`)

	d.cardPage = "javascript:alert(1)"
	a = d.ask("POST", here+"/card", "x=1")
	a.mustBe(t, 500)
	a.mustNotSay(t, "javascript:")
	if len(d.reported) != 1 {
		t.Errorf("reported %v", d.reported)
	}
}

func TestTheReturnTrustsNothingThatTheBrowserBrings(t *testing.T) {
	d := newDesk(t)
	d.put(open().as(func(v *View) { v.Reference = refOther }))
	d.ask("GET", here+"/return?trxref="+refOther+"&reference="+refOther+"&status=success", "").mustLeadTo(t, here)
	if got := d.askedAfter(); len(got) != 1 || got[0] != refOpen {
		t.Errorf("asked after %v", got)
	}
	d.ask("GET", here, "").mustSay(t, "How would you like to pay?")
	d.returnErr = errors.New("boom")
	d.ask("GET", here+"/return", "").mustLeadTo(t, here)
	if len(d.reported) != 1 {
		t.Errorf("reported %v", d.reported)
	}
}

func TestStatusSaysOnlyWhetherThereIsNews(t *testing.T) {
	d := newDesk(t)
	a := d.ask("GET", here+"/status", "")
	a.mustBe(t, 200)
	var said map[string]any
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || len(said) != 2 || said["phase"] != "open" {
		t.Errorf("%v: %s", err, a.body)
	}
	d.ask("GET", here, "").mustSay(t, `data-version="`+said["version"].(string)+`"`)
	tag := a.header.Get("ETag")
	d.ask("GET", here+"/status", "", "If-None-Match", tag).mustBe(t, 304)
	d.change(refOpen, paid)
	a = d.ask("GET", here+"/status", "", "If-None-Match", tag)
	a.mustBe(t, 200)
	a.mustNotSay(t, "QGR7I8K2LM", "Savanna")
	d.ask("GET", checkoutPath+"KIPAY0000/status", "", "Accept", "application/json").mustSay(t, `"status":"error"`)
}

func TestErrorsOfTheWriteSideHavePages(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{&domain.Error{Code: domain.CodeRateLimited}, 429, "Too many requests"},
		{domain.Unavailable("the event store", nil), 503, "We’ll be right back"},
		{errors.New("secret detail"), 500, "Something went wrong here"},
	} {
		d := newDesk(t)
		d.viewErr = c.err
		for _, path := range []string{here, here + "/status"} {
			a := d.ask("GET", path, "")
			a.mustBe(t, c.status)
			a.mustSay(t, c.says)
			a.mustNotSay(t, "secret detail", refOpen)
			if (a.header.Get("Retry-After") == "") != (c.status == 500) {
				t.Errorf("%d: Retry-After %q", c.status, a.header.Get("Retry-After"))
			}
		}
	}
}

func TestAPostFromAStrangersPageIsRefused(t *testing.T) {
	for _, c := range []struct {
		headers []string
		ok      bool
	}{
		{nil, true},
		{[]string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, true},
		{[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://pay.example"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site"}, false},
		{[]string{"Origin", "https://pay.example"}, true},
		{[]string{"Origin", "https://PAY.example"}, true},
		{[]string{"Origin", "null"}, false},
		{[]string{"Origin", "https://evil.example"}, false},
		{[]string{"Origin", "https://pay.example.evil.example"}, false},
		{[]string{"Origin", "https://pay.example:8443"}, false},
		{[]string{"Origin", "%zz"}, false},
	} {
		for _, path := range []string{"/mpesa", "/card"} {
			a := newDesk(t).ask("POST", here+path, "phone=0712345678", c.headers...)
			if want := map[bool]int{true: 303, false: 403}[c.ok]; a.status != want {
				t.Errorf("%s with %q: %d, want %d", path, c.headers, a.status, want)
			}
		}
	}
}

func TestBehindAProxyTheOriginIsThePublicOne(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.PublicURL = "https://shop.example/pay/" })
	d.ask("POST", here+"/mpesa", "phone=0712345678", "Origin", "https://shop.example").mustLeadTo(t, "/pay"+here)
	d.ask("GET", here, "").mustSay(t, `href="/pay/payment/assets/`, `data-status="/pay`+here+`/status"`)
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	d := newDesk(t)
	for _, a := range []answer{
		d.ask("GET", here, ""), d.ask("GET", here+"/status", ""), d.ask("GET", checkoutPath+"no", ""), d.ask("GET", here+"/return", ""),
		d.ask("POST", here+"/mpesa", "phone=1"), d.ask("POST", here+"/card", "x=1"), d.ask("PUT", here, ""), d.ask("GET", here+"/mpesa", ""),
	} {
		policy := a.header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'",
			"form-action 'self' https://checkout.paystack.com;",
		} {
			if !strings.Contains(policy, want) {
				t.Errorf("policy lacks %s: %s", want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Error(policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if a.header.Get("Permissions-Policy") == "" || a.header.Get("Set-Cookie") != "" {
			t.Error(a.header)
		}
		for _, inline := range []string{"<style", " style=", "<script>", " onclick", " onload", " onsubmit", "javascript:"} {
			a.mustNotSay(t, inline)
		}
	}
}

func TestWhatTheMerchantWritesIsTextAndNothingElse(t *testing.T) {
	d := newDesk(t)
	d.put(open().as(func(v *View) {
		v.MerchantName, v.Description = `<script>alert("m")</script>`, `"><img src=x onerror=alert(1)>`
		v.ReturnURL = "javascript:alert(2)"
	}))
	a := d.ask("GET", here, "")
	for _, bad := range []string{"<script>", "<img src=x", "javascript:"} {
		if strings.Contains(a.body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
}

func TestTheLanguageIsTheAddressesThenTheCookiesThenTheBrowsers(t *testing.T) {
	d := newDesk(t)
	d.ask("GET", here, "", "Accept-Language", "fr, sw;q=0.8, en;q=0.2").mustSay(t, `<html lang="sw">`, "Ungependa kulipa vipi?")
	d.ask("GET", here, "", "Accept-Language", "de").mustSay(t, `<html lang="en">`)
	d.ask("GET", here, "", "Accept-Language", "en", "Cookie", "kipay_lang=sw").mustSay(t, `<html lang="sw">`)
	d.ask("GET", here+"?lang=xx", "", "Cookie", "kipay_lang=../").mustSay(t, `<html lang="en">`)
	a := d.ask("GET", here+"?lang=sw", "", "Accept-Language", "en")
	a.mustSay(t, `<html lang="sw">`, here+"/mpesa?lang=sw")
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"kipay_lang=sw", "SameSite=Lax", "HttpOnly", "secure", "path=/payment/checkout"} {
		if !strings.Contains(strings.ToLower(cookie), strings.ToLower(want)) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	d.ask("POST", here+"/mpesa?lang=sw", "phone=0712345678").mustLeadTo(t, here+"?lang=sw")
}

func TestAssetsAreNamedByTheirContent(t *testing.T) {
	d := newDesk(t)
	page := d.ask("GET", here, "").body
	_, rest, _ := strings.Cut(page, assetsPath)
	hash := rest[:assetHashSize]
	for name, kind := range map[string]string{"checkout.css": "text/css", "checkout.js": "text/javascript", "wordmark.svg": "image/svg+xml"} {
		a := d.ask("GET", assetsPath+hash+"/"+name, "")
		a.mustBe(t, 200)
		if !strings.Contains(a.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(a.header.Get("Content-Type"), kind) {
			t.Error(name, a.header)
		}
	}
	for _, path := range []string{hash + "/../doc.go", hash + "/nothing.css", "0000000000000000/checkout.css", hash + "/%2e%2e%2fdoc.go"} {
		d.ask("GET", assetsPath+path, "").mustBe(t, 404)
	}
}

func TestTheScriptMakesNoHTMLAndKeepsNothing(t *testing.T) {
	raw, err := assetFiles.ReadFile("assets/checkout.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"innerHTML", "outerHTML", "insertAdjacent", "document.write", "DOMParser", "eval(", "Function(", "localStorage", "sessionStorage",
		"document.cookie", "sendBeacon", "http:", "https:",
	} {
		if strings.Contains(string(raw), bad) {
			t.Errorf("the script uses %s", bad)
		}
	}
}

func TestAFormsAddressLeadsBackToThePage(t *testing.T) {
	d := newDesk(t)
	d.ask("GET", here+"/mpesa?lang=sw", "").mustLeadTo(t, here+"?lang=sw")
	d.ask("GET", here+"/card", "").mustLeadTo(t, here)
}

func TestACardHostThatIsNoOriginStopsTheStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it started")
		}
	}()
	Register(fiber.New(), newCheckouts(time.Now), Options{CardHosts: []string{"checkout.paystack.com"}})
}
