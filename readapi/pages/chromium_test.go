package pages

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// The parts of the page that the tests use.
const (
	phoneField = chromedp.CSS("#phone")
	payButton  = chromedp.CSS(`form[data-form="mpesa"] button[type="submit"]`)
	cardButton = chromedp.CSS(`form[data-form="card"] button[type="submit"]`)
)

// retype puts another number into the phone field, key by key.
func retype(number string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := chromedp.Evaluate[string](`document.getElementById('phone').value = ''`)(ctx, t); err != nil {
			return err
		}
		_, err := chromedp.SendKeys(phoneField, number)(ctx, t)
		return err
	})
}

func TestPayingByMpesaNeverReloadsThePage(t *testing.T) {
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)), in(Open))
	b.run(chromedp.SendKeys(phoneField, "0812345678"), chromedp.Click(payButton))
	b.until(`document.getElementById('phone-error').textContent.startsWith('Enter a Kenyan mobile number')`)
	b.until(`document.activeElement.id === 'phone' && document.activeElement.value === '0812345678'`)
	b.screenshot("phone-error-en-1280-light")
	b.run(retype("0712 345 678"), chromedp.Click(payButton), in(Waiting))

	b.until(`document.activeElement.id === 'heading' && document.activeElement.textContent === 'Check your phone'`)
	if title := eval[string](b, `document.title`); !strings.HasPrefix(title, "Waiting for KES") {
		t.Errorf("title %q", title)
	}
	b.until(`/^(1:1[0-4]|1:0\d|0:\d\d)$/.test(document.querySelector('[data-clock]').textContent)`)

	s.change(refOpen, paid)
	b.run(in(Paid))
	b.until(`document.activeElement.id === 'heading' && document.activeElement.textContent === 'Payment received'`)
	if text := eval[string](b, `document.querySelector('main').innerText`); !strings.Contains(text, "QGR7I8K2LM") {
		t.Errorf("no receipt in %q", text)
	}
	if !eval[bool](b, `!document.querySelector('[data-print]').hidden`) {
		t.Error("the receipt can't be printed")
	}
	if got := b.loads(); got != 1 {
		t.Errorf("%d pages were loaded, want 1", got)
	}
	if got := s.asked(); len(got) != 1 || got[0] != refOpen+" 254712345678" {
		t.Errorf("asked %v", got)
	}
}

func TestAFailureCanBeTriedAgainWithoutTypingAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)), chromedp.SendKeys(phoneField, "0712345678"), chromedp.Click(payButton), in(Waiting))
	s.change(refOpen, failed("cancelled_by_user"))
	b.run(in(Failed))
	if text := eval[string](b, `document.querySelector('main').innerText`); !strings.Contains(text, "cancelled on the phone") {
		t.Errorf("no reason in %q", text)
	}
	b.run(chromedp.Click(payButton), in(Waiting))
	s.change(refOpen, paid)
	b.run(in(Paid))
	if got := b.loads(); got != 1 {
		t.Errorf("%d pages were loaded, want 1", got)
	}
	if got := s.asked(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("asked %v", got)
	}
}

func TestAButtonPressedTwiceAsksOnce(t *testing.T) {
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)), chromedp.SendKeys(phoneField, "0712345678"))
	disabled := eval[bool](b, `(() => {
		const button = document.querySelector('form[data-form=mpesa] button');
		button.click(); button.click(); button.click();
		return button.getAttribute('aria-disabled') === 'true';
	})()`)
	b.run(in(Waiting))
	if !disabled {
		t.Error("the button stays enabled")
	}
	if got := s.asked(); len(got) != 1 {
		t.Errorf("asked %v", got)
	}
}

func TestTheKeyboardIsEnough(t *testing.T) {
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	press := func(keys string, focused string) {
		t.Helper()
		b.run(chromedp.KeyEvent(keys))
		b.until(fmt.Sprintf(`document.activeElement.matches(%q)`, focused))
	}
	b.run(chromedp.Navigate(s.page(refOpen)))
	press(kb.Tab, ".skip")
	press(kb.Enter, "main")
	press(kb.Tab, "#by-mpesa")
	b.screenshot("keyboard-en-1280-light")
	press(kb.ArrowRight, "#by-card")
	if !eval[bool](b, `getComputedStyle(document.querySelector('.by-mpesa')).display === 'none'`) {
		t.Error("the other method still shows")
	}
	b.screenshot("card-en-1280-light")
	press(kb.ArrowLeft, "#by-mpesa")
	press(kb.Tab, "#phone")
	b.run(chromedp.KeyEvent("0112345678"))
	press(kb.Tab, "form[data-form=mpesa] button")
	if eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`) != "solid" {
		t.Error("the focus does not show")
	}
	b.run(chromedp.KeyEvent(kb.Enter), in(Waiting))
	b.until(`document.activeElement.id === 'heading'`)
	press(kb.Tab, "[data-check]")
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById('live').textContent === 'Still waiting.'`)
	s.change(refOpen, paid)
	b.run(in(Paid))
	if got := s.asked(); len(got) != 1 || got[0] != refOpen+" 254112345678" {
		t.Errorf("asked %v", got)
	}
}

func TestItWorksWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(scripts(false), chromedp.Navigate(s.page(refOpen)), in(Open))
	b.run(chromedp.SendKeys(phoneField, "12"), chromedp.Click(payButton), chromedp.WaitVisible(chromedp.CSS("#phone[aria-invalid=true]")))
	b.run(retype("+254 712 345678"), chromedp.Click(payButton), in(Waiting))
	b.run(chromedp.WaitVisible(chromedp.CSS("[data-check]")), chromedp.WaitNotPresent(chromedp.CSS("[data-print]:not([hidden])")))
	s.change(refOpen, failed("insufficient_funds"))
	b.run(chromedp.Click(chromedp.CSS("[data-check]")), in(Failed))
	b.run(chromedp.SendKeys(phoneField, "0712345678"), chromedp.Click(payButton), in(Waiting))
	s.change(refOpen, paid)
	b.run(in(Paid)) // by the page's own refresh
	if got := s.asked(); len(got) != 2 {
		t.Errorf("asked %v", got)
	}
}

func TestTheCardPageAndBack(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", on), func(t *testing.T) { cardAndBack(t, on, nil) })
	}
	t.Run("by a link", func(t *testing.T) {
		cardAndBack(t, false, func(o *Options) { o.CardHosts = nil })
	})
}

func cardAndBack(t *testing.T, on bool, options func(*Options)) {
	s := newSite(t, options)
	s.put(open())
	s.onReturn = func(v *View) { paid(v); v.Method = "card" }
	b := newTab(t, s.url, s.provider.URL)
	b.run(scripts(on), chromedp.Navigate(s.page(refOpen)), chromedp.Click(chromedp.CSS("label:has(#by-card)")), chromedp.Click(cardButton),
		chromedp.WaitVisible(chromedp.CSS("#back")))
	referrer, err := chromedp.Run(b.ctx, chromedp.TextContent(chromedp.CSS("#referrer")))
	if err != nil || referrer != `""` {
		t.Errorf("the card page learns where its visitor comes from: %s, %v", referrer, err)
	}
	b.run(chromedp.Click(chromedp.CSS("#back")), in(Paid))
	if address, err := chromedp.Run(b.ctx, chromedp.Location()); err != nil || address != s.page(refOpen) {
		t.Errorf("back at %s, %v", address, err)
	}
	if got := s.askedAfter(); len(got) != 1 || got[0] != refOpen {
		t.Errorf("asked after %v", got)
	}
}

func TestALostConnectionIsSaidAndSurvived(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Report = nil })
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)), chromedp.SendKeys(phoneField, "0712345678"))
	s.checkouts.fail(domain.Unavailable("the event store", nil))
	b.run(chromedp.Click(payButton))
	b.until(`document.querySelector('form[data-form=mpesa] [data-alert]').textContent.includes('try again')`)
	if eval[bool](b, `document.querySelector('form[data-form=mpesa] button').hasAttribute('aria-disabled')`) {
		t.Error("the button stays disabled")
	}
	s.checkouts.fail(nil)
	b.run(chromedp.Click(payButton), in(Waiting))
	s.checkouts.failView(&domain.Error{Code: domain.CodeInternal, Message: "boom"})
	b.until(`document.getElementById('live').textContent.startsWith('The connection is lost')`)
	s.checkouts.failView(nil)
	s.change(refOpen, paid)
	b.run(in(Paid))
}

func TestTheCountdownEndsInAWordOfAdvice(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.now = func() time.Time { return noon } // at the server it stays so late; the browser counts by itself
	s.put(open().as(func(v *View) {
		v.Phase, v.MaskedPhone, v.AskedAt, v.WaitUntil = Waiting, "2547••••678", noon.Add(-time.Minute), noon.Add(2*time.Second)
	}))
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)), in(Waiting), chromedp.WaitVisible(chromedp.CSS("[data-overdue]")),
		chromedp.WaitNotVisible(chromedp.CSS("[data-countdown]")))
	b.until(`document.getElementById('live').textContent.startsWith('This takes longer')`)
	if got := b.loads(); got != 1 {
		t.Errorf("%d pages were loaded, want 1", got)
	}
}

func TestSwahiliIsPickedAndRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)))
	if cookies := eval[int](b, `document.cookie.length`); cookies != 0 {
		t.Error("a cookie before any choice")
	}
	b.run(chromedp.Click(chromedp.CSS(`nav a[hreflang="sw"]`)), chromedp.WaitVisible(chromedp.CSS(`html[lang="sw"]`)))
	b.run(chromedp.Navigate(s.page(refOpen)), chromedp.WaitVisible(chromedp.CSS(`html[lang="sw"]`)))
	b.run(chromedp.SendKeys(phoneField, "0712345678"), chromedp.Click(payButton), in(Waiting))
	s.change(refOpen, paid)
	b.run(in(Paid))
	b.until(`document.getElementById('heading').textContent === 'Malipo yamepokelewa'`)

	kenyan := newTab(t, s.url)
	kenyan.run(languages("sw-KE"), chromedp.Navigate(s.page(refOpen)), chromedp.WaitVisible(chromedp.CSS(`html[lang="sw"]`)))
}

func TestDarkAndLightFollowTheSystem(t *testing.T) {
	s := newSite(t, nil)
	s.put(open())
	b := newTab(t, s.url)
	b.run(chromedp.Navigate(s.page(refOpen)))
	for scheme, want := range map[string]string{"light": "rgb(243, 241, 234)", "dark": "rgb(13, 21, 18)"} {
		b.run(media("prefers-color-scheme", scheme))
		if got := eval[string](b, `getComputedStyle(document.body).backgroundColor`); got != want {
			t.Errorf("%s: %s, want %s", scheme, got, want)
		}
	}
	b.run(media("prefers-reduced-motion", "reduce"))
	s.change(refOpen, paid)
	b.run(chromedp.Navigate(s.page(refOpen)), in(Paid))
	if got := eval[string](b, `getComputedStyle(document.querySelector('.emblem')).animationName`); got != "none" {
		t.Errorf("motion %s", got)
	}
	b.run(media("forced-colors", "active", "prefers-reduced-motion", "reduce"))
	b.screenshot("paid-forced-colors")
	b.run(order(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	b.screenshot("paid-print")
}

// mustFit checks that nothing has to be scrolled sideways, and that nothing is cut off at the edge of the ticket.
func (b *tab) mustFit(width int64) {
	b.Helper()
	if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > width {
		b.Errorf("%s is %d px wide on %d px", eval[string](b, `document.title`), wide, width)
	}
	cut := eval[[]string](b, `[...document.querySelectorAll('main *')].filter(e => e.getClientRects().length && !e.closest('.spoken'))
		.filter(e => e.getBoundingClientRect().right > document.querySelector('.ticket').getBoundingClientRect().right
			|| (e.closest('.stub') && e.getBoundingClientRect().right > document.querySelector('.stub').getBoundingClientRect().right))
		.map(e => e.outerHTML)`)
	for _, c := range cut {
		b.Errorf("cut off at %d px: %s", width, c)
	}
}

// mustBeTouchable checks that whatever can be touched is 44 pixels high, and has a name.
func (b *tab) mustBeTouchable() {
	b.Helper()
	small := eval[[]string](b, `[...document.querySelectorAll('a, button, input, label.tab')]
		.filter(e => e.getClientRects().length && !e.matches('.skip'))
		.filter(e => e.getBoundingClientRect().height < 44 || !(e.textContent.trim() || e.labels?.length))
		.map(e => e.outerHTML)`)
	for _, s := range small {
		b.Errorf("hard to touch or without a name: %s", s)
	}
}

// TestEveryPhaseFitsAPhone looks at every phase in both languages on 320 and 360 pixels. When KIPAY_SCREENSHOTS names
// a folder it writes them all there, light and dark, and for a desk too.
func TestEveryPhaseFitsAPhone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.PollInterval = time.Hour })
	base := open().as(func(v *View) { v.ReturnURL = "https://savanna.example/thanks"; v.TestMode = false })
	phases := []struct {
		name string
		view View
	}{
		{"open", base.as(func(v *View) { v.TestMode = true })},
		{"long", base.as(func(v *View) {
			v.MerchantName = "Mwananchi Agricultural Cooperative Society of Trans-Nzoia"
			v.Amount = money.Of(1_234_567_890_12, money.KES)
			v.Description = strings.Repeat("INVOICE-2026-", 9)
		})},
		{"large", base.as(func(v *View) { v.Amount = money.Of(1_250_000_00, money.KES) })},
		{"mpesa-only", base.as(func(v *View) { v.CanCard = false; v.ReturnURL = "" })},
		{"waiting", base.as(func(v *View) {
			v.Phase, v.MaskedPhone, v.Method = Waiting, "2547••••678", "mpesa_stk"
			v.AskedAt, v.WaitUntil = time.Now().Add(-15*time.Second), time.Now().Add(48*time.Second)
		})},
		{"overdue", base.as(func(v *View) {
			v.Phase, v.MaskedPhone, v.Method = Waiting, "2547••••678", "mpesa_stk"
			v.AskedAt, v.WaitUntil = time.Now().Add(-95*time.Second), time.Now().Add(-20*time.Second)
		})},
		{"confirming", base.as(func(v *View) { v.Phase, v.Method = Waiting, "card" })},
		{"paid", base.as(paid)},
		{"failed", base.as(failed("insufficient_funds"))},
		{"expired", base.as(func(v *View) { v.Phase = Expired })},
		{"review", base.as(func(v *View) {
			v.Phase, v.Received, v.Receipt = Review, money.Of(5_000_00, money.KES), "QGR7I8K2LM"
		})},
		{"unknown", View{}},
	}
	sizes := []struct{ w, h int64 }{{360, 740}, {320, 640}, {1280, 800}}
	shots := os.Getenv("KIPAY_SCREENSHOTS") != ""
	if !shots {
		sizes = sizes[:2]
	}
	b := newTab(t, s.url)
	for _, p := range phases {
		p.view.Reference = refOpen
		s.put(p.view)
		address := s.page(refOpen)
		if p.name == "unknown" {
			address = s.page(refOther)
		}
		for _, lang := range languageCodes {
			b.run(chromedp.Navigate(address + "?lang=" + lang))
			for _, z := range sizes {
				b.run(size(z.w, z.h))
				b.mustFit(z.w)
				b.mustBeTouchable()
				if !shots {
					continue
				}
				for _, scheme := range []string{"light", "dark"} {
					b.run(media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce"))
					b.screenshot(fmt.Sprintf("%s-%s-%d-%s", p.name, lang, z.w, scheme))
				}
			}
		}
	}
}
