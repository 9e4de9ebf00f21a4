package main_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tabPatience is how long a tab may take for everything that is done in it: much, for machines that are busy elsewhere.
const tabPatience = time.Minute

// findChromium is the path of a Chromium or Chrome.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("KIPAY_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test needs a real Chromium: install it (Debian, Ubuntu: apt-get install chromium), or name it in KIPAY_CHROMIUM")
	return ""
}

// chromium is a running browser.
type chromium struct {
	ctx context.Context // what its tabs open in
}

// startChromium starts a headless browser with a new profile, which lives as long as the test.
func startChromium(t *testing.T) chromium {
	t.Helper()
	path := findChromium(t)
	profile, err := os.MkdirTemp("", "kipay-chromium-") // not t.TempDir: a browser that ends may still write into it
	if err != nil {
		t.Fatal(err)
	}
	ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		stopBrowser()
		stopProcess()
		_ = os.RemoveAll(profile)
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return chromium{ctx}
}

// tab is one tab of the browser, with what it complained about.
type tab struct {
	*testing.T
	ctx context.Context

	mu          sync.Mutex
	complaints  []string
	navigations int
	hosts       map[string]bool
}

// openTab opens a tab in a session of its own. The test fails when a page in it breaks its content security policy, logs
// or throws anything, fails to load something, or asks a host that is not one of these origins.
func openTab(t *testing.T, browser chromium, origins ...string) *tab {
	t.Helper()
	b := &tab{T: t, hosts: map[string]bool{}}
	opened, closeTab := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	if err := chromedp.Do(opened); err != nil {
		closeTab()
		t.Fatalf("open a tab: %v", err)
	}
	var stop context.CancelFunc
	b.ctx, stop = context.WithTimeout(opened, tabPatience)
	t.Cleanup(func() {
		stop()
		closeTab()
		heard, hosts := b.heard()
		for _, c := range heard {
			t.Errorf("the browser complains: %s", c)
		}
		for _, o := range origins {
			delete(hosts, strings.TrimPrefix(o, "http://"))
		}
		for host := range hosts {
			t.Errorf("a page asked %s", host)
		}
	})
	b.run(order(audits.Enable, cdp.Empty{}), order(cdplog.Enable, cdp.Empty{}), order(runtime.Enable, cdp.Empty{}),
		order(network.Enable, network.EnableParams{}))
	b.size(1280, 900)
	return b
}

// hear notes what happens in the tab.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complain := func(format string, a ...any) { b.complaints = append(b.complaints, fmt.Sprintf(format, a...)) }
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		complain("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			complain("policy %s of %s", d.ViolatedDirective, d.BlockedURL)
		}
	case *runtime.EventExceptionThrown:
		complain("exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		complain("console.%s", e.Type)
	case *cdppage.EventFrameNavigated:
		if e.Frame.ParentID == "" && e.Frame.URL != "about:blank" {
			b.navigations++
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Host != "" {
			b.hosts[u.Host] = true
		}
	}
}

// heard is what the tab complained about and which hosts it asked since this was last called.
func (b *tab) heard() (complaints []string, hosts map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complaints, hosts = b.complaints, b.hosts
	b.complaints, b.hosts = nil, map[string]bool{}
	return complaints, hosts
}

// loads is how many pages the tab went to; a page that goes on by script stays one.
func (b *tab) loads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.navigations
}

// action is a step in a tab.
type action = chromedp.Action[chromedp.Void]

// run takes the steps. When one fails, or takes too long, it shows what the page said.
func (b *tab) run(steps ...action) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("browser: %v; the page: %s", err, b.describe())
	}
}

// describe is the address and the text of the page as it is, for a failed test's log.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// order is a command of the DevTools protocol as a step.
func order[P any](command cdp.Command[P, cdp.Empty], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// size makes the tab w by h pixels.
func (b *tab) size(w, h int64) {
	b.Helper()
	b.run(order(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: w, Height: h, DeviceScaleFactor: 1}))
}

// withoutScripts turns JavaScript off.
func (b *tab) withoutScripts() {
	b.Helper()
	b.run(order(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}

// eval is the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("evaluate %s: %v; the page: %s", expression, err, b.describe())
	}
	return v
}

// wantText checks that the page's main element says all of these.
func (b *tab) wantText(want ...string) {
	b.Helper()
	text := eval[string](b, `document.querySelector('main').innerText`)
	for _, w := range want {
		if !strings.Contains(text, w) {
			b.Errorf("the page does not say %q: %s", w, text)
		}
	}
}

// story is what a page showed, from watch on.
type story struct {
	Phases []string          `json:"phases"`
	Clocks []string          `json:"clocks"`
	Texts  map[string]string `json:"texts"` // of each phase, when it came first
}

// watch notes each phase and each second of the countdown that the page shows, however short a time it shows them. What it
// noted is lost when the page is left: a reload does not go unseen.
func (b *tab) watch() {
	b.Helper()
	eval[bool](b, `(() => {
		const story = window.story = { phases: [], clocks: [], texts: {} };
		const look = () => {
			const main = document.getElementById('main'), phase = main.dataset.phase, clock = main.querySelector('[data-clock]');
			if (story.phases.at(-1) !== phase) { story.phases.push(phase); story.texts[phase] ??= main.innerText; }
			if (clock && story.clocks.at(-1) !== clock.textContent) story.clocks.push(clock.textContent);
		};
		new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
		return true;
	})()`)
}

// watched is what the page showed. It must be these phases, on one page.
func (b *tab) watched(phases ...string) story {
	b.Helper()
	s := eval[story](b, `window.story`)
	if !slices.Equal(s.Phases, phases) {
		b.Errorf("the page showed %q, want %q", s.Phases, phases)
	}
	if n := b.loads(); n != 1 {
		b.Errorf("%d pages were loaded, want 1", n)
	}
	return s
}

// screenshot writes the whole page to the folder that KIPAY_SCREENSHOTS names, if it names one: after the steps, which are
// not taken otherwise, and without motion.
func (b *tab) screenshot(name string, after ...action) {
	b.Helper()
	dir := os.Getenv("KIPAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	b.run(append(after, order(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	}))...)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		b.Fatal(err)
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatalf("screenshot %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.Fatal(err)
	}
}
