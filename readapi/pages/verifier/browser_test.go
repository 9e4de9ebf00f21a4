package verifier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	for _, cancel := range slices.Backward(chromium.cancel) {
		cancel()
	}
	if chromium.dir != "" {
		_ = os.RemoveAll(chromium.dir)
	}
	os.Exit(code)
}

// findChromium is the path of a Chromium or Chrome.
func findChromium() (string, error) {
	for _, name := range []string{os.Getenv("KIPAY_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
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
	ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(chromium.dir), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WSURLReadTimeout(30*time.Second),
	)...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	chromium.cancel = append(chromium.cancel, stopProcess, stopBrowser)
	chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
}

// tab is one tab of the browser, with what it asked for and what it complained about.
type tab struct {
	*testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	asked      []string // addresses, in order
}

// openTab opens a tab in a session of its own, 1280 by 900 pixels.
func openTab(t *testing.T) *tab {
	t.Helper()
	chromium.once.Do(startChromium)
	if chromium.err != nil {
		t.Fatalf("Chromium: %v", chromium.err)
	}
	b := &tab{T: t}
	opened, closeTab := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	if err := chromedp.Do(opened); err != nil {
		closeTab()
		t.Fatalf("open a tab: %v", err)
	}
	var stop context.CancelFunc
	b.ctx, stop = context.WithTimeout(opened, tabPatience)
	t.Cleanup(func() {
		stop()
		closeTab()
	})
	b.run(order(audits.Enable, cdp.Empty{}), order(cdplog.Enable, cdp.Empty{}), order(runtime.Enable, cdp.Empty{}),
		order(network.Enable, network.EnableParams{}), size(1280, 900))
	return b
}

// openPage opens the file of the page in a tab without a network. The test fails when the page then asks for anything but
// that file, breaks its content security policy, logs, or throws.
func openPage(t *testing.T) *tab {
	t.Helper()
	b := openTab(t)
	address := fileURL(t)
	b.run(unplugged(), chromedp.Navigate(address))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
		for _, a := range b.asked {
			if a != address {
				t.Errorf("the page asked for %s", a)
			}
		}
		if len(b.asked) == 0 {
			t.Error("not even the page was asked for, so nobody listened")
		}
	})
	return b
}

// fileURL is the address of the page on the disk.
func fileURL(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("verifier.html")
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

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
		if e.Frame.ParentID != "" {
			complain("a frame with %s", e.Frame.URL)
		}
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.asked = append(b.asked, e.URL)
	}
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

// unplugged takes the network away from the tab.
func unplugged() action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}},
		})
		return err
	})
}

// size is a viewport of w by h pixels.
func size(w, h int64) action {
	return order(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: w, Height: h, DeviceScaleFactor: 1})
}

// scheme is what the user prefers, light or dark.
func scheme(name string) action {
	return order(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// eval is the value of an expression in the page, awaited when it is a promise.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("evaluate %.500s: %v", expression, err)
	}
	return v
}

// call is what a function of the page answers for arguments that JSON can write.
func call[T any](b *tab, function string, arguments ...any) T {
	b.Helper()
	given, err := json.Marshal(append([]any{}, arguments...))
	if err != nil {
		b.Fatal(err)
	}
	return eval[T](b, fmt.Sprintf("(%s)(...%s)", function, given))
}

// screenshot writes the whole page to the folder that KIPAY_SCREENSHOTS names, if it names one.
func (b *tab) screenshot(name string) {
	b.Helper()
	dir := os.Getenv("KIPAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatalf("screenshot %s: %v", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.Fatal(err)
	}
}
