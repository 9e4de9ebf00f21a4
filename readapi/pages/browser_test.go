package pages

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/gofiber/fiber/v2"
)

// chromium is the browser that the tests drive, started once for all of them.
var chromium struct {
	once   sync.Once
	ctx    context.Context
	err    error
	cancel []context.CancelFunc
	dir    string
}

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(chromium.cancel) - 1; i >= 0; i-- {
		chromium.cancel[i]()
	}
	if chromium.dir != "" {
		_ = os.RemoveAll(chromium.dir)
	}
	os.Exit(code)
}

// findChromium is the path of a Chromium or Chrome.
func findChromium() (string, error) {
	names := []string{os.Getenv("KIPAY_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	for _, name := range names {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("these tests need a real Chromium: install it (Debian, Ubuntu: apt-get install chromium), or name it in KIPAY_CHROMIUM")
}

func startChromium() {
	path, err := findChromium()
	if err != nil {
		chromium.err = err
		return
	}
	if chromium.dir, chromium.err = os.MkdirTemp("", "kipay-chromium-"); chromium.err != nil {
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(chromium.dir),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WSURLReadTimeout(30*time.Second),
	)
	ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	chromium.cancel = append(chromium.cancel, stopProcess, stopBrowser)
	chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
}

// site is the checkout over a socket, with the card provider beside it.
type site struct {
	*checkouts
	url      string
	provider *httptest.Server
}

// newSite serves the checkout to a browser. The provider's card page leads back, as the real one does.
func newSite(t *testing.T, options func(*Options)) *site {
	t.Helper()
	s := &site{checkouts: newCheckouts(time.Now)}
	s.provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("X-Seen-Referer", r.Referer())
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Card page</title><p id="referrer">%q</p>
			<a id="back" href="%s/return?trxref=%s&reference=FORGED">Pay</a>`, r.Referer(), s.page(refOpen), refOpen)
	}))
	t.Cleanup(s.provider.Close)
	s.cardPage = s.provider.URL + "/access-code"

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	o := Options{
		PollInterval: 100 * time.Millisecond, PublicURL: s.url, CardHosts: []string{s.provider.URL},
		Report: func(_ context.Context, err error) { t.Errorf("reported: %v", err) },
	}
	if options != nil {
		options(&o)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	Register(app, s, o)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := app.ShutdownWithTimeout(5 * time.Second); err != nil {
			t.Logf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// page is the address of a payment's page.
func (s *site) page(reference string) string { return s.url + checkoutPath + reference }

// tab is one tab of the browser, with what it complained about.
type tab struct {
	*testing.T
	ctx context.Context

	mu          sync.Mutex
	complaints  []string
	navigations int
	hosts       map[string]bool
}

// newTab opens a tab in a profile of its own, 1280 by 900 pixels. The test fails when anything in it breaks the content
// security policy, throws, or is asked from a host that is not allowed.
func newTab(t *testing.T, hosts ...string) *tab {
	t.Helper()
	chromium.once.Do(startChromium)
	if chromium.err != nil {
		t.Fatalf("Chromium: %v", chromium.err)
	}
	b := &tab{T: t, hosts: map[string]bool{}}
	opened, closeTab := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	if err := chromedp.Do(opened); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	var stop context.CancelFunc
	b.ctx, stop = context.WithTimeout(opened, time.Minute)
	t.Cleanup(func() {
		stop()
		closeTab()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
		for host := range b.hosts {
			allowed := false
			for _, h := range hosts {
				allowed = allowed || strings.HasSuffix(h, host)
			}
			if !allowed {
				t.Errorf("the page asked %s", host)
			}
		}
	})
	b.run(order(audits.Enable, cdp.Empty{}), order(cdplog.Enable, cdp.Empty{}),
		order(network.Enable, network.EnableParams{}), size(1280, 900))
	return b
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		// A refused form is an answer 4xx, which the browser notes as an error of the network.
		if e.Entry.Source != cdplog.EntrySourceNetwork {
			b.complaints = append(b.complaints, fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text))
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			b.complaints = append(b.complaints, fmt.Sprintf("policy %s of %s", d.ViolatedDirective, d.BlockedURL))
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
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

// loads is how many pages the tab went to.
func (b *tab) loads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.navigations
}

func (b *tab) run(steps ...action) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("browser: %v", err)
	}
}

// action is a step in a tab.
type action = chromedp.Action[chromedp.Void]

// order is a command of the DevTools protocol as a step.
func order[P any](command cdp.Command[P, cdp.Empty], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// size is a viewport of w by h pixels.
func size(w, h int64) action {
	return order(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: w, Height: h, DeviceScaleFactor: 1})
}

// media sets what the user prefers, in pairs such as prefers-color-scheme, dark.
func media(pairs ...string) action {
	var p emulation.SetEmulatedMediaParams
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	return order(emulation.SetEmulatedMedia, p)
}

// languages is what the browser asks for.
func languages(accept string) action {
	return order(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Kipay test", AcceptLanguage: accept})
}

// scripts turns JavaScript on or off.
func scripts(on bool) action {
	return order(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// in waits until the page shows the phase.
func in(phase Phase) action {
	return chromedp.WaitVisible(chromedp.CSS(fmt.Sprintf(`main[data-phase=%q]`, phase)))
}

// eval is the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// until waits for a condition in the page, which is looked at whenever the page changes.
func (b *tab) until(condition string) {
	b.Helper()
	script := fmt.Sprintf(`new Promise(done => {
		const met = () => { try { return %s } catch { return false } };
		if (met()) return done(true);
		const watch = new MutationObserver(() => { if (met()) { watch.disconnect(); done(true) } });
		watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		document.addEventListener('focusin', () => { if (met()) done(true) });
	})`, condition)
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
		b.Fatalf("until %s: %v", condition, err)
	}
}

// screenshot writes the whole page to the folder that KIPAY_SCREENSHOTS names, if it names one.
func (b *tab) screenshot(name string) {
	b.Helper()
	dir := os.Getenv("KIPAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
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
