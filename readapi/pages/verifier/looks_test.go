package verifier_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// The contrasts that WCAG 2.2 asks for at level AA: 1.4.3 for text, 1.4.11 for the edges of fields.
const (
	contrastText  = 4.5
	contrastShape = 3.0
)

// pale finds text, and edges of fields, that stand out too little from what is behind them, as the browser paints them.
const pale = `(leastText, leastShape) => {
	const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
	const found = [];
	let looked = 0;
	const look = (e, what, front, back, least) => {
		looked++;
		const got = contrast(rgb(front), back);
		if (!(got >= least)) found.push(what + ' ' + got.toFixed(2) + ': ' + e.outerHTML.slice(0, 200));
	};
	for (const e of document.querySelectorAll('body *')) {
		if (!e.getClientRects().length || e.closest('.spoken, script')) continue;
		const style = getComputedStyle(e);
		if ([...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) look(e, 'text', style.color, behind(e), leastText);
		if (e.matches('textarea, input[type=number], .drop')) look(e, 'edge', style.borderTopColor, behind(e.parentElement), leastShape);
		if (e.matches('textarea, input, button, summary')) look(e, 'focus', getComputedStyle(document.documentElement).getPropertyValue('--focus')
			.replace(/^#(..)(..)(..)$/, (_, r, g, b) => [r, g, b].map((h) => parseInt(h, 16)).join(' ')), behind(e.parentElement), leastShape);
	}
	return looked < 20 ? ['only ' + looked + ' things were looked at'] : found;
}`

// untouchable finds what can be touched and is less than 44 pixels high, or has no name.
const untouchable = `() => [...document.querySelectorAll('a, button, input, textarea, summary')]
	.filter((e) => e.getClientRects().length && !e.matches('.skip'))
	.filter((e) => e.getBoundingClientRect().height < 44 || !(e.textContent.trim() || (e.labels && e.labels.length)))
	.map((e) => e.outerHTML)`

// misplaced finds details that do not stand under, or beside, their term.
const misplaced = `() => [...document.querySelectorAll('dd')].filter((d) => {
	const term = (e) => (e.tagName === 'DT' ? e : term(e.previousElementSibling));
	const [a, b] = [term(d), d].map((e) => e.getBoundingClientRect());
	return d.getClientRects().length && !(b.left >= a.right || (b.left === a.left && b.top >= a.bottom));
}).map((e) => e.outerHTML)`

func TestThePageFitsAPhoneAndCanBeReadInBothSchemes(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	for _, file := range []string{"good-cosigned.json", "good-odd-events.json", "pending-some.json", "altered-amount.json"} {
		v := vectorNamed(t, file)
		b.run(chromedp.Navigate(fileURL(t)))
		b.choose(v)
		b.run(chromedp.Click(moreSummary), chromedp.Click(checkButton))
		b.verdictIs(v.Verdict)
		eval[bool](b, `[...document.querySelectorAll('details')].every((d) => { d.open = true; return true; })`)
		for _, width := range []int64{320, 360, 1280} {
			b.run(size(width, 740))
			if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s is %d px wide on %d px", file, wide, width)
			}
			for _, small := range call[[]string](b, untouchable) {
				t.Errorf("%s at %d px, hard to touch or without a name: %s", file, width, small)
			}
			for _, m := range call[[]string](b, misplaced) {
				t.Errorf("%s at %d px, not beside its term: %s", file, width, m)
			}
			for _, s := range []string{"light", "dark"} {
				b.run(scheme(s))
				if width == 360 {
					for _, p := range call[[]string](b, pale, contrastText, contrastShape) {
						t.Errorf("%s, %s: too pale: %s", file, s, p)
					}
				}
				if file != "good-odd-events.json" {
					b.screenshot(fmt.Sprintf("%s-%d-%s", file, width, s))
				}
			}
		}
	}
}

func TestTheKeyboardIsEnough(t *testing.T) {
	b := openPage(t)
	order := []string{"skip", "file", "keys", "summary", "button"}
	for _, want := range order {
		b.run(chromedp.KeyEvent("\t"))
		got := eval[string](b, `(() => { const e = document.activeElement; return e.id || e.className === 'skip' && 'skip' || e.tagName.toLowerCase(); })()`)
		if got != want {
			t.Fatalf("the focus is on %q, want %q", got, want)
		}
		if style := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); style != "solid" {
			t.Errorf("the focus on %s does not show: %s", want, style)
		}
	}
}
