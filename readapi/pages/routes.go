package pages

import (
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Options are the settings of the pages. The zero value works.
type Options struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// PollInterval is how often an open page first asks for news while a payment waits; it then asks less and less
	// often. 2 s when zero.
	PollInterval time.Duration
	// PublicURL is the address of this install as customers see it. Its path, if any, goes before every link.
	PublicURL string
	// CardHosts are the origins of the provider's card pages; https://checkout.paystack.com when nil. A form may lead
	// there directly. Any other address gets a page with a link in between, because browsers hold the redirect that
	// answers a form to the page's form-action.
	CardHosts []string
	// Report is told of every failure that is our own fault, for the log; it may be nil.
	Report func(ctx context.Context, err error)
}

// defaultPoll is the first interval between two questions for news.
const defaultPoll = 2 * time.Second

// The paths.
const (
	checkoutPath = "/payment/checkout/"
	assetsPath   = "/payment/assets/"
)

// paystackCheckout is where Paystack takes cards (Paystack, "Accept payments", authorization_url).
const paystackCheckout = "https://checkout.paystack.com"

// pages is what the handlers share. Nothing in it changes after Register.
type pages struct {
	checkouts Checkout
	templates map[string]*template.Template
	words     map[string]catalogue
	languages []language
	assets    map[string]asset
	assetHash string
	assetBase string

	now       func() time.Time
	poll      time.Duration
	public    *url.URL
	base      string // the path before every link, without a slash at the end
	cardHosts map[string]bool
	policy    string
	report    func(ctx context.Context, err error)
}

// Register puts the checkout's routes on r:
//
//	GET  /payment/checkout/{reference}         the page; ?lang=en or sw picks a language
//	POST /payment/checkout/{reference}/mpesa   asks on the phone of the form, then leads back to the page
//	POST /payment/checkout/{reference}/card    leads to the provider's card page
//	GET  /payment/checkout/{reference}/return  where the card page leads back to
//	GET  /payment/checkout/{reference}/status  what an open page asks for news
//	GET  /payment/assets/{hash}/{name}         style sheet, script, images; immutable
//
// A POST that accepts application/json is answered in JSON. It panics when the files that it embeds are broken.
func Register(r fiber.Router, c Checkout, o Options) {
	p, err := newPages(c, o)
	if err != nil {
		panic(fmt.Sprintf("pages: %v", err))
	}
	r.Get(assetsPath+":hash/:name", p.serveAsset)

	ref := checkoutPath + ":reference"
	r.Get(ref, p.guarded(p.showPage))
	r.Post(ref+"/mpesa", p.guarded(p.payByMpesa))
	r.Post(ref+"/card", p.guarded(p.payByCard))
	r.Get(ref+"/return", p.guarded(p.cardReturned))
	r.Get(ref+"/status", p.guarded(p.showStatus))
	// A form's answer that is reloaded or bookmarked.
	r.Get(ref+"/mpesa", p.guarded(p.backToPage))
	r.Get(ref+"/card", p.guarded(p.backToPage))
	r.All(checkoutPath+"*", p.guarded(p.notFound))
	r.All(strings.TrimSuffix(checkoutPath, "/"), p.guarded(p.notFound))
}

// newPages loads what is embedded and reads the options.
func newPages(c Checkout, o Options) (*pages, error) {
	p := &pages{checkouts: c, now: o.Now, poll: o.PollInterval, report: o.Report, cardHosts: map[string]bool{}}
	if p.now == nil {
		p.now = time.Now
	}
	if p.poll <= 0 {
		p.poll = defaultPoll
	}
	if p.report == nil {
		p.report = func(context.Context, error) {}
	}
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		if err != nil {
			return nil, fmt.Errorf("public URL: %w", err)
		}
		p.public, p.base = u, strings.TrimRight(u.EscapedPath(), "/")
	}
	hosts := o.CardHosts
	if hosts == nil {
		hosts = []string{paystackCheckout}
	}
	var origins []string
	for _, h := range hosts {
		origin := originOf(h)
		if origin == "" {
			return nil, fmt.Errorf("card host %q is not an origin such as %s", h, paystackCheckout)
		}
		p.cardHosts[origin] = true
		origins = append(origins, origin)
	}
	p.policy = contentSecurityPolicy(origins)

	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	if p.assets, p.assetHash, err = loadAssets(files); err != nil {
		return nil, err
	}
	p.assetBase = p.base + assetsPath + p.assetHash + "/"
	if p.words, err = loadCatalogues(); err != nil {
		return nil, err
	}
	for _, code := range languageCodes {
		p.languages = append(p.languages, language{Code: code, Name: p.words[code].text("language_name")})
	}
	p.templates, err = loadTemplates()
	return p, err
}

// path is the path of a payment's page.
func (p *pages) path(reference string) string {
	return p.base + checkoutPath + url.PathEscape(reference)
}
