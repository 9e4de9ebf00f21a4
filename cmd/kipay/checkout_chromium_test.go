package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The parts of the pages that a payer uses: the checkout's, and those of Paystack's simulated page.
const (
	phoneField   = chromedp.CSS("#phone")
	payButton    = chromedp.CSS(`form[data-form="mpesa"] button[type="submit"]`)
	mpesaTab     = chromedp.CSS("label:has(#by-mpesa)")
	cardTab      = chromedp.CSS("label:has(#by-card)")
	cardButton   = chromedp.CSS(`form[data-form="card"] button[type="submit"]`)
	numberField  = chromedp.CSS("#card_number")
	cardPay      = chromedp.CSS("form.fields button")
	cardProblem  = chromedp.CSS(".problem")
	cancelAtCard = chromedp.CSS(`a[href$="/cancel"]`)
)

// payer is somebody with a link to pay, in a tab of the browser.
type payer struct {
	*tab
	m         *merchant
	reference string
	url       string
}

// newPayer initializes a payment by the API and opens a tab for its payer. The tab may ask the server, and the simulators
// when the payment is one by card.
func newPayer(t *testing.T, browser chromium, m *merchant, body string, byCard bool) *payer {
	t.Helper()
	r := m.post("/api/transactions/initialize", body).want(t, 201, shape{"authorization_url": "~^" + m.base + "/payment/checkout/"})
	origins := []string{m.base}
	if byCard {
		origins = append(origins, m.sim)
	}
	return &payer{tab: openTab(t, browser, origins...), m: m, reference: r.text("reference"), url: r.text("authorization_url")}
}

// at waits until the page shows the phase of a payment.
func at(phase string) action {
	return chromedp.WaitVisible(chromedp.CSS(fmt.Sprintf(`main[data-phase=%q]`, phase)))
}

// payByMpesa types the number over what the field holds, and presses Pay.
func (p *payer) payByMpesa(number string) {
	p.Helper()
	p.run(chromedp.WaitVisible(phoneField))
	eval[string](p.tab, `document.getElementById('phone').value = ''`)
	p.run(chromedp.SendKeys(phoneField, number), chromedp.Click(payButton))
}

// enterCard fills in Paystack's page and sends it.
func (p *payer) enterCard(number, cvv string) {
	p.Helper()
	p.run(chromedp.WaitVisible(numberField), chromedp.SendKeys(numberField, number), chromedp.SendKeys(chromedp.CSS("#expiry"), "12/30"),
		chromedp.SendKeys(chromedp.CSS("#cvv"), cvv), chromedp.Click(cardPay))
}

// mustBePaid checks the page of a payment that is made against what the API says about it.
func (p *payer) mustBePaid(amount, method string) {
	p.Helper()
	p.run(at("paid"))
	v := p.m.settles(p.T, p.reference, "completed", 20*time.Second).want(p.T, 200, shape{
		"transaction.amount": "=" + amount, "transaction.amount_received": "=" + amount, "transaction.payment_method": asPattern(method),
		"transaction.paid_at": "time", "transaction.receipt": "~.+", "transaction.needs_review": "=false", "transaction.failure_code": "=null",
	})
	p.wantText("Payment received")
	if got := eval[string](p.tab, `document.querySelector('.receipt-main dd').textContent`); got != v.text("transaction.receipt") {
		p.Errorf("the page shows the receipt %q, verify answers %v", got, v)
	}
	if n := eval[int](p.tab, `document.querySelectorAll('form').length`); n != 0 {
		p.Errorf("the paid page still has %d forms", n)
	}
	if n := strings.Count(strings.Join(p.m.events(p.T, "transaction-"+p.reference), " "), "PaymentReceived"); n != 1 {
		p.Errorf("the payment counts %d times", n)
	}
}

func TestTheCheckoutInChromium(t *testing.T) {
	t.Parallel()
	// As fast as the providers, so that there is time to see a payment wait; only callbacks tell how it ends.
	in := launch(t, quick(settings{"SANDBOX_SPEED": "1", "PUSH_WINDOW": "2m", "STATUS_QUERY_AFTER": "1m"}))
	m, browser := newShop(t, in), startChromium(t)
	for name, test := range map[string]func(*testing.T, chromium, *merchant){
		"mpesa never reloads":         mpesaNeverReloads,
		"mpesa fails and is retried":  mpesaFailsAndIsRetried,
		"mpesa without scripts":       mpesaWithoutScripts,
		"card":                        cardPays,
		"card declined and retried":   cardDeclinedAndRetried,
		"card without scripts":        cardWithoutScripts,
		"card left for mpesa":         cardLeftForMpesa,
		"unknown reference":           unknownReference,
		"the tab hears what is wrong": tabHearsWhatIsWrong,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, browser, m)
		})
	}
}

func mpesaNeverReloads(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":1500,"email":"wanjiku@example.com","description":"Order 1042"}`, false)
	p.size(390, 844)
	p.run(chromedp.Navigate(p.url), at("open"))
	p.watch()
	p.screenshot("mpesa-1-open")
	p.payByMpesa("0712345678")
	p.screenshot("mpesa-2-waiting", at("waiting"))
	p.mustBePaid("1500", "mpesa_stk")
	p.screenshot("mpesa-3-paid")

	s := p.watched("open", "waiting", "paid")
	for _, want := range []string{"Check your phone", "2547••••5678", "KES 1,500"} {
		if !strings.Contains(s.Texts["waiting"], want) {
			t.Errorf("the waiting page does not say %q: %s", want, s.Texts["waiting"])
		}
	}
	if len(s.Clocks) < 2 || !slices.IsSortedFunc(s.Clocks, func(a, b string) int { return strings.Compare(b, a) }) ||
		slices.ContainsFunc(s.Clocks, func(c string) bool { return !regexp.MustCompile(`^(1:1[0-5]|1:0\d|0:\d\d)$`).MatchString(c) }) {
		t.Errorf("the countdown showed %q", s.Clocks)
	}
	// Whoever opens the link once more sees that it is paid.
	p.run(chromedp.Navigate(p.url))
	p.mustBePaid("1500", "mpesa_stk")
}

func mpesaFailsAndIsRetried(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":750,"email":"otieno@example.com"}`, false)
	p.size(390, 844)
	p.run(chromedp.Navigate(p.url), at("open"))
	p.watch()
	p.payByMpesa("254700001032")
	p.run(at("failed"))
	p.screenshot("retry-1-failed")
	p.wantText("The payment didn’t go through", "The request was cancelled on the phone.", "Try again")
	p.payByMpesa(phone())
	p.mustBePaid("750", "mpesa_stk")
	p.screenshot("retry-2-paid")
	p.watched("open", "waiting", "failed", "waiting", "paid")
}

func mpesaWithoutScripts(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":320,"email":"achieng@example.com"}`, false)
	p.size(360, 740)
	p.withoutScripts()
	p.run(chromedp.Navigate(p.url), at("open"))
	p.screenshot("noscript-1-open")
	p.payByMpesa("0712345679") // a phone takes one prompt at a time, and the other test may be asking now
	p.run(at("waiting"))
	p.screenshot("noscript-2-waiting")
	p.wantText("Check your phone", "2547••••5679")
	// Nobody touches the page: it refreshes itself until it shows the end.
	p.mustBePaid("320", "mpesa_stk")
	p.screenshot("noscript-3-paid")
	if n := p.loads(); n < 3 {
		t.Errorf("%d pages were loaded, want the form, the wait and its refreshes", n)
	}
}

func cardPays(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":2500.50,"email":"njeri@example.com","payment_channel_id":`+m.card+`}`, true)
	p.run(chromedp.Navigate(p.url), at("open"))
	p.screenshot("card-1-open")
	if eval[bool](p.tab, `document.getElementById('phone') !== null`) {
		t.Error("M-Pesa is offered for an amount with cents")
	}
	p.run(chromedp.Click(cardButton), chromedp.WaitVisible(numberField))
	p.screenshot("card-2-paystack")
	p.wantText("KES 2500.50", "njeri@example.com")
	p.enterCard("4084084084084081", "408")
	p.mustBePaid("2500.5", "card")
	p.screenshot("card-3-paid")
	p.mustBeBack()
}

func cardDeclinedAndRetried(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":1200,"email":"kamau@example.com","description":"Order 1043"}`, true)
	p.run(chromedp.Navigate(p.url), at("open"), chromedp.Click(cardTab), chromedp.WaitVisible(cardButton))
	p.screenshot("declined-1-card-tab")
	p.run(chromedp.Click(cardButton))
	p.enterCard("4084080000005408", "001")
	p.run(chromedp.WaitVisible(cardProblem))
	p.screenshot("declined-2-paystack")
	p.run(chromedp.Click(cancelAtCard), at("failed"))
	p.screenshot("declined-3-failed")
	p.mustBeBack()
	p.wantText("The payment didn’t go through", "The bank declined the payment.", "Try again")
	p.run(chromedp.Click(cardButton))
	p.enterCard("4084084084084081", "408")
	p.mustBePaid("1200", "card")
	p.screenshot("declined-4-paid")
}

func cardWithoutScripts(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":99.5,"email":"mutua@example.com","payment_channel_id":`+m.card+`}`, true)
	p.withoutScripts()
	p.run(chromedp.Navigate(p.url), at("open"), chromedp.Click(cardButton)) // form-action holds the redirect that follows
	p.enterCard("4084084084084081", "408")
	p.mustBePaid("99.5", "card")
	p.mustBeBack()
}

func cardLeftForMpesa(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":640,"email":"barasa@example.com"}`, true)
	p.run(chromedp.Navigate(p.url), at("open"), chromedp.Click(cardTab), chromedp.Click(cardButton), chromedp.WaitVisible(numberField))
	p.run(chromedp.NavigateBack(), at("open"))
	p.screenshot("back-1-open")
	p.run(chromedp.Click(mpesaTab))
	p.payByMpesa(phone())
	p.mustBePaid("640", "mpesa_stk")
	p.screenshot("back-2-paid")
}

// mustBeBack checks that the browser is on the payment's page, without what Paystack added to the address.
func (p *payer) mustBeBack() {
	p.Helper()
	if address := eval[string](p.tab, `location.href`); address != p.url {
		p.Errorf("back at %s, want %s", address, p.url)
	}
}

func unknownReference(t *testing.T, browser chromium, m *merchant) {
	pushed := m.push(t, phone(), "10") // a payment, but none that was made for the page
	for i, reference := range []string{"KIPAY0000000000000000000", "no-such.payment", pushed} {
		b := openTab(t, browser, m.base)
		response, err := chromedp.Run(b.ctx, chromedp.NavigateResponse(m.base+"/payment/checkout/"+reference))
		if err != nil || response.Status != 404 {
			t.Fatalf("%s: %v, %v; want 404", reference, response, err)
		}
		b.screenshot(fmt.Sprintf("unknown-%d", i))
		b.wantText("This payment link doesn’t work")
		if n := eval[int](b, `document.querySelectorAll('form, [data-phase]').length`); n != 0 {
			t.Errorf("%s: the page has a payment", reference)
		}
		complaints, _ := b.heard()
		for _, c := range complaints {
			if !strings.HasPrefix(c, "network error: Failed to load resource: the server responded with a status of 404") || !strings.HasSuffix(c, reference) {
				t.Errorf("%s: the browser complains: %s", reference, c)
			}
		}
	}
}

// tabHearsWhatIsWrong holds the other tests to account: a tab that heard nothing would pass them all.
func tabHearsWhatIsWrong(t *testing.T, browser chromium, m *merchant) {
	p := newPayer(t, browser, m, `{"amount":10,"email":"a@example.com"}`, false)
	p.run(chromedp.Navigate(p.url), at("open"))
	eval[bool](p.tab, `(() => {
		console.error('deliberately');
		document.body.append(Object.assign(document.createElement('style'), { textContent: 'body{}' }));
		document.body.append(Object.assign(document.createElement('img'), { src: '/payment/assets/0/none.svg' }));
		setTimeout(() => { throw new Error('deliberately') });
		return true;
	})()`)
	var all string
	hears := func(what ...string) {
		eventually(t, 20*time.Second, "the tab hears", func() error {
			complaints, hosts := p.heard()
			all += fmt.Sprintln(complaints, hosts)
			for _, w := range what {
				if !strings.Contains(all, w) {
					return fmt.Errorf("no %q in %s", w, all)
				}
			}
			return nil
		})
	}
	hears("console.error", "policy style-src", "network error", "exception: ")
	p.run(chromedp.Navigate(m.sim + "/paystack/checkout/none"))
	hears(strings.TrimPrefix(m.sim, "http://"), "status of 404")
	if n := p.loads(); n != 2 {
		t.Errorf("%d pages were loaded, want 2", n)
	}
}
