package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// The templates, by the file that defines the main element.
const (
	checkoutPage = "checkout"
	messagePage  = "message"
)

// loadTemplates parses the layout once for each kind of page.
func loadTemplates() (map[string]*template.Template, error) {
	kinds := map[string][]string{
		checkoutPage: {"templates/layout.html", "templates/checkout.html", "templates/phases.html"},
		messagePage:  {"templates/layout.html", "templates/message.html"},
	}
	all := make(map[string]*template.Template, len(kinds))
	for kind, files := range kinds {
		t, err := template.New(kind).Option("missingkey=error").ParseFS(templateFiles, files...)
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", kind, err)
		}
		all[kind] = t
	}
	return all, nil
}

// language is one entry of the language switch.
type language struct{ Code, Name string }

// page is what the templates see: a checkout in one of its phases, or a message such as an error.
type page struct {
	words     catalogue
	assetBase string

	Lang      string
	Languages []language
	// LangQuery is "?lang=…" while the address says the language, for those who refuse the cookie that remembers it.
	LangQuery string
	// Here is the path of the payment's page; empty on a message, which must not tell one payment from another.
	Here  string
	Title string

	View             View
	Version          string
	PollMillis       int64
	Amount, Received amount
	Initial          string
	Method           string
	Reason           string
	ReturnURL        string
	// Refresh is the number of seconds after which a browser without JavaScript asks again, zero for never.
	Refresh int
	// Payable tells whether the forms are shown, CardFirst which of the two comes first, CardAgain whether a card
	// payment that is being waited for may be continued.
	Payable, CardFirst, CardAgain bool
	// Both tells that there are two methods to choose from.
	Both bool
	// Payee is the key of what stands before the merchant's name.
	Payee string
	// OnPhone tells that the customer has something to do on the phone, Countdown that there is time left for it,
	// Overdue that there was.
	OnPhone, Countdown, Overdue bool
	SecondsLeft, SecondsTotal   int
	SecondsText, Clock          string
	// Notice is what went wrong with a form as a whole, PhoneError with its phone number, Phone what was typed.
	Notice, PhoneError, Phone string

	// Icon, Heading and Text make up a message. Continue is the card page that it leads to, Retry what to try again.
	Icon, Heading, Text, Continue, Retry string
}

// T is a text of the catalogue, with its {names} filled in from pairs.
func (pg *page) T(key string, pairs ...string) string { return pg.words.text(key, pairs...) }

// Prose is a text of the catalogue as HTML in which names and amounts are not broken over two lines.
func (pg *page) Prose(key string, pairs ...string) template.HTML {
	s := template.HTMLEscapeString(pg.T(key, pairs...))
	for _, whole := range []string{"M-Pesa", pg.Amount.Text, pg.Received.Text} {
		if whole != "" {
			s = strings.ReplaceAll(s, whole, `<span class="whole-word">`+whole+`</span>`)
		}
	}
	return template.HTML(s) //nolint:gosec // escaped above; what is put in is ours, or digits
}

// Asset is the path of an embedded file.
func (pg *page) Asset(name string) string { return pg.assetBase + name }

// Time is a moment for people, ISO the same for programs.
func (pg *page) Time(t time.Time) string { return pg.words.timeText(t) }

// ISO is a moment in RFC 3339, in Nairobi.
func (pg *page) ISO(t time.Time) string { return t.In(nairobi).Format(time.RFC3339) }

// version is a hash over all of v that shows, so that a page can tell whether it is still current. It changes with
// what the customer sees and with nothing else: not with the passing of time.
func (v View) version() string {
	v.Now = time.Time{}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("pages: a view that is not JSON: %v", err)) // only plain fields
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// noScriptRefresh is how often a page that waits reloads in a browser without JavaScript.
const noScriptRefresh = 5 // seconds

// newPage is what every page has.
func (p *pages) newPage(lang, langQuery string) *page {
	pg := &page{
		words: p.words[lang], assetBase: p.assetBase, Lang: lang, LangQuery: langQuery, Languages: p.languages,
	}
	return pg
}

// checkout is the page of v.
func (p *pages) checkout(lang, langQuery string, v View) *page {
	pg := p.newPage(lang, langQuery)
	if v.Now.IsZero() {
		v.Now = p.now()
	}
	pg.View, pg.Version, pg.Here = v, v.version(), p.path(v.Reference)
	pg.PollMillis = p.poll.Milliseconds()
	pg.Amount, pg.Initial = amountOf(v.Amount), initialOf(v.MerchantName)
	if v.Received.IsPositive() {
		pg.Received = amountOf(v.Received)
	}
	pg.Method, pg.ReturnURL = pg.words.method(v.Method), webAddress(v.ReturnURL)
	can := v.CanMpesa || v.CanCard
	pg.Both = v.CanMpesa && v.CanCard
	pg.Payee = "pay_to"
	switch v.Phase {
	case Waiting:
		pg.Refresh = noScriptRefresh
		pg.OnPhone = v.MaskedPhone != ""
		pg.CardAgain = v.CanCard && v.Method == "card"
		pg.countDown(v)
	case Failed:
		pg.Payable = can && v.CanRetry
		pg.CardFirst = v.Method == "card"
		pg.Reason = pg.words.reason(v.FailureCode, v.FailureReason)
	case Open:
		pg.Payable = can
	case Paid:
		pg.Payee = "paid_to"
	case Expired, Review:
		pg.Payee = "payment_to"
	default:
		panic(fmt.Sprintf("pages: unknown phase %q", v.Phase))
	}
	pg.Title = pg.T("title_"+string(v.Phase), "amount", pg.Amount.Text, "merchant", v.MerchantName)
	return pg
}

// countDown sets how much time the waiting push has left.
func (pg *page) countDown(v View) {
	pg.SecondsLeft = secondsUntil(v.Now, v.WaitUntil)
	pg.Countdown = !v.WaitUntil.IsZero() && pg.SecondsLeft > 0
	pg.Overdue = !v.WaitUntil.IsZero() && pg.SecondsLeft == 0
	pg.SecondsTotal = max(secondsUntil(v.AskedAt, v.WaitUntil), pg.SecondsLeft)
	if v.AskedAt.IsZero() {
		pg.SecondsTotal = pg.SecondsLeft
	}
	pg.SecondsText, pg.Clock = strconv.Itoa(pg.SecondsLeft), clockText(pg.SecondsLeft)
}

// message is a page that stands alone and says nothing about any payment.
func (p *pages) message(lang, langQuery, icon, heading, text string) *page {
	pg := p.newPage(lang, langQuery)
	pg.Icon, pg.Heading, pg.Text = icon, pg.T(heading), pg.T(text)
	pg.Title = pg.Heading
	return pg
}

// execute renders a page whole, so that a broken one is never half sent.
func (p *pages) execute(kind string, pg *page) ([]byte, error) {
	var b bytes.Buffer
	if err := p.templates[kind].ExecuteTemplate(&b, "layout", pg); err != nil {
		return nil, fmt.Errorf("render page %s: %w", kind, err)
	}
	return b.Bytes(), nil
}
