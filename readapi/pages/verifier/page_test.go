package verifier_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/readapi/pages/verifier"
)

// The parts of the page that a person uses.
const (
	fileField      = chromedp.CSS("#file")
	keysField      = chromedp.CSS("#keys")
	moreSummary    = chromedp.CSS("#more summary")
	witnessesField = chromedp.CSS("#witnesses")
	checkButton    = chromedp.CSS("#check button")
)

// verdictIs waits until the page shows the verdict, whenever the page changes.
func (b *tab) verdictIs(verdict string) {
	b.Helper()
	eval[bool](b, fmt.Sprintf(`new Promise((done) => {
		const box = document.getElementById('verdict');
		const met = () => !box.hidden && box.dataset.verdict === %q;
		if (met()) return done(true);
		const watch = new MutationObserver(() => { if (met()) { watch.disconnect(); done(true); } });
		watch.observe(box, { attributes: true });
	})`, verdict))
}

// chosen is the page with a vector's file and keys in its fields.
func (b *tab) choose(v vector) {
	b.Helper()
	path, err := filepath.Abs(filepath.Join(vectorsDir, v.File))
	if err != nil {
		b.Fatal(err)
	}
	b.run(chromedp.SetUploadFiles(fileField, []string{path}), chromedp.SendKeys(keysField, strings.Join(v.Keys, "\n")))
}

func (b *tab) wantText(texts ...string) {
	b.Helper()
	shown := eval[string](b, `document.querySelector('main').innerText`)
	for _, want := range texts {
		if !strings.Contains(shown, want) {
			b.Errorf("the page does not say %q: %s", want, shown)
		}
	}
}

func TestAPersonChoosesAFilePastesAKeyAndReadsTheVerdict(t *testing.T) {
	b := openPage(t)
	b.run(chromedp.Click(checkButton))
	b.wantText("Choose a receipt file first.", "Paste the operator’s key first.")
	if got := eval[string](b, `document.activeElement.id`); got != "file" {
		t.Errorf("the focus is on %q, not on the first field that is wrong", got)
	}

	v := vectorNamed(t, "good-disclosed.json")
	b.choose(v)
	b.run(chromedp.Click(checkButton))
	b.verdictIs("verified")
	b.wantText("Verified", "These 2 events stand in the log pay.example/kipay", "1. TransactionInitialized", "Leaf 300 of 336, counted from 0",
		"transaction-KIPAY7Q2M4X9C1B5D8", "/data/phone", "254712345678", "/data/payer/first~1name", "Wanjiku", "2. PaymentReceived", "Leaf 305 of 336",
		"Signed by the log\npay.example/kipay, key e51bd5be", "None whose key you gave", `"amount":1000000`)
	if got := eval[string](b, `document.getElementById('live').textContent`); !strings.HasPrefix(got, "Verified. These 2 events") {
		t.Errorf("a screen reader hears %q", got)
	}
	for _, s := range []string{"light", "dark"} {
		b.run(scheme(s))
		b.screenshot("verified-1280-" + s)
	}

	// A verdict is about what the fields hold, and about nothing else.
	b.run(chromedp.SendKeys(keysField, "x"))
	if !eval[bool](b, `document.getElementById('verdict').hidden`) {
		t.Error("the verdict outlives the keys that it is about")
	}
	b.run(chromedp.Click(checkButton))
	b.verdictIs("refused")
	b.wantText("Refused", "This is no verifier key: pay.example/kipay+", "Ask the operator for the right key")
	if eval[int](b, `document.querySelectorAll('.event').length`) != 0 {
		t.Error("events are shown of a receipt that is refused")
	}
}

func TestThePageSaysWhoSignedTheHeadAndWhen(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	v := vectorNamed(t, "good-cosigned.json")
	witnesses := v.Keys[2:]
	v.Keys = v.Keys[:1]
	b.choose(v)
	b.run(chromedp.Click(moreSummary), chromedp.SendKeys(witnessesField, witnesses[0]+"\n"+newSigner("witness.example/w3", ofWitness, 3).key()))
	eval[string](b, `document.getElementById('asked').value = '1'`)
	b.run(chromedp.Click(checkButton))
	b.verdictIs("verified")
	b.wantText("witness.example/w1, key 58873745, at 2026-03-02 08:00:00 UTC", "2 signatures by keys that you did not give", "Not on this head\nwitness.example/w3")

	eval[string](b, `document.getElementById('asked').value = '2'`)
	b.run(chromedp.Click(checkButton))
	b.verdictIs("refused")
	b.wantText("You asked for 2 witnesses whose keys you gave, and 1 of them have signed the head.")
}

func TestThePageSaysWhichEventsWaitForAHead(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	b.choose(vectorNamed(t, "pending-some.json"))
	b.run(chromedp.Click(checkButton))
	b.verdictIs("not yet signed")
	b.wantText("Not yet signed", "no signed head covers 1 of its 2 events yet", "Leaf 0 of 1, counted from 0", "No signed head yet: the log’s word only", "20 bytes that are no text: 62 79")
}

func TestAFileCanBeDropped(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	v := vectorNamed(t, "forged-value.json")
	call[bool](b, `(receipt, keys) => {
		const data = new DataTransfer();
		data.items.add(new File([Uint8Array.from(atob(receipt), (c) => c.charCodeAt(0))], 'receipt.json'));
		document.getElementById('keys').value = keys;
		return document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
	}`, v.receipt(t), v.Keys[0])
	b.run(chromedp.Click(checkButton))
	b.verdictIs("refused")
	b.wantText("A disclosed value is not the one that the event sealed", "do not rely on this receipt", "stopped at this step: disclosure")
}

func TestWhatAReceiptSaysBecomesTextAndNothingElse(t *testing.T) {
	t.Parallel()
	b := openPage(t)
	d := newDraft()
	d.events[0].Stream = `<img src=x onerror="document.title='gone'">`
	d.events[0].Type = "Paid\u202etsol <b>"
	d.events[0].Data = []byte(`{"a":"` + sealed("<script>document.title='gone'</script>") + `"}`)
	d.disclosures = []disclosure{{0, "/data/a", salt, []byte("<script>document.title='gone'</script>")}}
	path := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(path, d.issue(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.SetUploadFiles(fileField, []string{path}), chromedp.SendKeys(keysField, d.log.key()), chromedp.Click(checkButton))
	b.verdictIs("verified")
	b.wantText(d.events[0].Stream, `Paid\u{202e}tsol <b>`, "<script>document.title='gone'</script>", `{"a":"(sealed)"}`)
	if got := eval[int](b, `document.querySelectorAll('main img, main script, main b').length`); got != 0 {
		t.Errorf("%d elements came out of the receipt", got)
	}
	if title := eval[string](b, `document.title`); title != "Check a receipt · Kipay" {
		t.Errorf("the title is %q", title)
	}
}

func TestABrowserThatCannotCheckIsToldSo(t *testing.T) {
	t.Parallel()
	for without, want := range map[string]string{
		`crypto.subtle.importKey = async () => { throw new DOMException('Unrecognized name.', 'NotSupportedError'); }`: "This browser can’t check Ed25519 signatures.",
		`crypto.subtle.verify = async () => true`:                                     "This browser can’t check Ed25519 signatures.",
		`Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })`: "The browser offers no cryptography here.",
	} {
		b := openTab(t)
		b.run(unplugged(), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: without})
			return err
		}), chromedp.Navigate(fileURL(t)))
		b.verdictIs("unable")
		b.wantText("Not checked", want, "This says nothing about the receipt.")
		v := vectorNamed(t, "good-closed.json")
		if got := verifyAll(b, asked{Receipt: v.receipt(t), Keys: v.Keys[0]})[0]; got.Verdict != "unable" || !strings.HasPrefix(got.Reason, want) {
			t.Errorf("a good receipt is %+v", got)
		}
	}
}

// inline finds what stands between the tags of a name.
func inline(t *testing.T, tag string, want int) []string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(string(verifier.Page()), -1)
	if len(found) != want {
		t.Fatalf("the page has %d times <%s>, want %d", len(found), tag, want)
	}
	var bodies []string
	for _, f := range found {
		bodies = append(bodies, f[1])
	}
	return bodies
}

func TestThePolicyAllowsWhatStandsInThePageAndNothingElse(t *testing.T) {
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	scripts, styles := inline(t, "script", 2), inline(t, "style", 1)
	want := strings.Join([]string{
		"default-src 'none'", "script-src " + digest(scripts[0]) + " " + digest(scripts[1]), "style-src " + digest(styles[0]), "img-src data:", "base-uri 'none'",
		"form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
	policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(string(verifier.Page()))
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	if d := cmp.Diff(want, policy[1]); d != "" {
		t.Errorf("the policy (-what it has to be +what it is):\n%s", d)
	}
	for _, never := range []string{"http:", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "import(", "@import", "url("} {
		if strings.Contains(string(verifier.Page()), never) {
			t.Errorf("the page has %s", never)
		}
	}
	for _, ofPages := range []string{"document", "window", "location", "navigator", "fetch", "localStorage"} {
		if regexp.MustCompile(`\b` + ofPages + `\b[.(]`).MatchString(scripts[0]) {
			t.Errorf("the verifier knows %s", ofPages)
		}
	}
}

// TestThePageCanReachNobodyEvenIfItTries serves the page from a server, with the network plugged in, and has it try.
func TestThePageCanReachNobodyEvenIfItTries(t *testing.T) {
	t.Parallel()
	var pages, others atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/verifier" {
			others.Add(1)
			return
		}
		pages.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(verifier.Page())
	}))
	t.Cleanup(server.Close)
	b := openTab(t)
	b.run(chromedp.Navigate(server.URL + "/verifier"))
	v := vectorNamed(t, "good-disclosed.json")
	if got := verifyAll(b, asked{Receipt: v.receipt(t), Keys: v.Keys[0]})[0]; got.Verdict != "verified" {
		t.Errorf("served by a server, the page finds a good receipt %+v", got)
	}
	refused := call[[]string](b, `async (to) => {
		const refused = [];
		document.addEventListener('securitypolicyviolation', (e) => refused.push(e.effectiveDirective));
		const all = [];
		const load = (name, attributes) => {
			const e = document.createElement(name);
			all.push(new Promise((done) => { e.onload = e.onerror = done; }));
			for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
			document.body.append(e);
		};
		all.push(fetch(to + 'fetch').catch(() => {}));
		load('img', { src: to + 'image' });
		load('link', { rel: 'stylesheet', href: to + 'style' });
		new WebSocket(to.replace('http', 'ws') + 'socket').onerror = () => {};
		new EventSource(to + 'events').onerror = () => {};
		navigator.sendBeacon(to + 'beacon');
		new Audio(to + 'audio').load();
		const form = document.createElement('form');
		form.action = to + 'form';
		form.method = 'post';
		document.body.append(form);
		form.submit();
		const frame = document.createElement('iframe');
		frame.src = to + 'frame';
		document.body.append(frame);
		await Promise.all(all);
		while (new Set(refused).size < 6) await new Promise((done) => document.addEventListener('securitypolicyviolation', done, { once: true }));
		return [...new Set(refused)].sort();
	}`, server.URL+"/")
	if d := cmp.Diff([]string{"connect-src", "form-action", "frame-src", "img-src", "media-src", "style-src-elem"}, refused); d != "" {
		t.Errorf("what the policy refused (-want +got):\n%s", d)
	}
	if others.Load() != 0 || pages.Load() != 1 {
		t.Errorf("the server was asked %d times for the page and %d times for something else", pages.Load(), others.Load())
	}
	// And without the network the tab reaches not even the page: the other tests really run unplugged.
	if err := chromedp.Do(b.ctx, unplugged(), chromedp.Navigate(server.URL+"/verifier")); err == nil || pages.Load() != 1 {
		t.Errorf("an unplugged tab reached the server: %v", err)
	}
}
