package simulator

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed checkout.html
var checkoutSource string

//go:embed home.html
var homeSource string

//go:embed style.css
var styleSource []byte

// checkout adds the hosted page: forms, no script; and a page that says what this is.
func (s *Simulator) checkout(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.show(w, http.StatusOK, homeSource, Cards()) })
	mux.HandleFunc("GET /checkout/{code}", s.showCheckout)
	mux.HandleFunc("POST /checkout/{code}", s.pay)
	mux.HandleFunc("GET /checkout/{code}/cancel", s.cancelCheckout)
	mux.HandleFunc("/checkout/", func(w http.ResponseWriter, _ *http.Request) { s.render(w, http.StatusNotFound, checkoutPage{}) })
	mux.HandleFunc("GET /checkout/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styleSource)
	})
}

// checkoutPage is what the template shows; without a Code it says that there is no such payment.
type checkoutPage struct {
	Code, Email, Price, Message, ReturnURL string
	Step                                   step
	Card                                   string // last four digits of the attempt under way
	TakesCards                             bool
	Cards                                  []Card
}

func (s *Simulator) byCode(r *http.Request) *transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byAccessCode[r.PathValue("code")]
}

func (s *Simulator) showCheckout(w http.ResponseWriter, r *http.Request) {
	t := s.byCode(r)
	if t == nil {
		s.render(w, http.StatusNotFound, checkoutPage{})
		return
	}
	s.render(w, http.StatusOK, s.checkoutPage(t, ""))
}

// pay is the form of every step.
func (s *Simulator) pay(w http.ResponseWriter, r *http.Request) {
	t := s.byCode(r)
	if t == nil {
		s.render(w, http.StatusNotFound, checkoutPage{})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		s.render(w, http.StatusBadRequest, s.checkoutPage(t, "The form could not be read."))
		return
	}
	if s.crowded() {
		s.render(w, http.StatusServiceUnavailable, s.checkoutPage(t, "Too many webhooks wait to be delivered. Try again shortly."))
		return
	}
	result := s.submit(t, r.PostForm)
	for _, h := range result.before {
		s.sendHook(s.ctx, t, h, 1)
	}
	s.follow(t, result.after, result.at)
	if result.dispute {
		s.complainLater(t)
	}
	switch {
	case result.step == stepPaid && t.callbackURL != "":
		http.Redirect(w, r, withReference(t.callbackURL, t.reference), http.StatusSeeOther)
	case result.outcome == ServerError:
		s.render(w, http.StatusInternalServerError, s.checkoutPage(t, result.message))
	case result.message != "" && result.outcome == "":
		s.render(w, http.StatusUnprocessableEntity, s.checkoutPage(t, result.message))
	default:
		s.render(w, http.StatusOK, s.checkoutPage(t, result.message))
	}
}

// cancelCheckout sends the browser to metadata.cancel_action, else back to the merchant. Nothing changes: a payment
// that was left verifies as abandoned, or failed after an attempt.
func (s *Simulator) cancelCheckout(w http.ResponseWriter, r *http.Request) {
	t := s.byCode(r)
	switch {
	case t == nil:
		s.render(w, http.StatusNotFound, checkoutPage{})
	case t.cancelURL != "":
		http.Redirect(w, r, t.cancelURL, http.StatusSeeOther)
	case t.callbackURL != "":
		http.Redirect(w, r, withReference(t.callbackURL, t.reference), http.StatusSeeOther)
	default:
		s.render(w, http.StatusOK, s.checkoutPage(t, "Cancelled. You can close this page."))
	}
}

// withReference adds trxref and reference behind whatever query the callback URL has.
func withReference(callback, reference string) string {
	u, err := url.Parse(callback)
	if err != nil { // initialize has parsed it before
		panic(fmt.Sprintf("simulator: callback URL %q: %v", callback, err))
	}
	added := "trxref=" + url.QueryEscape(reference) + "&reference=" + url.QueryEscape(reference)
	if u.RawQuery != "" {
		added = u.RawQuery + "&" + added
	}
	u.RawQuery = added
	return u.String()
}

func (s *Simulator) checkoutPage(t *transaction, message string) checkoutPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := checkoutPage{
		Code: t.accessCode, Email: t.email, Message: message, Step: t.current(), Cards: Cards(),
		Price:      fmt.Sprintf("%s %d.%02d", t.currency, t.amount/100, t.amount%100),
		TakesCards: len(t.channels) == 0 || slices.Contains(t.channels, "card"),
	}
	if t.instrument != nil {
		page.Card = t.instrument.last4
	}
	if t.callbackURL != "" {
		page.ReturnURL = withReference(t.callbackURL, t.reference)
	}
	return page
}

// checkoutCSP allows forms to end on any web address: browsers apply form-action to every redirect that follows, and
// the merchant's own page may redirect on.
const checkoutCSP = "default-src 'none'; style-src 'self'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'"

func (s *Simulator) render(w http.ResponseWriter, status int, page checkoutPage) {
	s.show(w, status, checkoutSource, page)
}

func (s *Simulator) show(w http.ResponseWriter, status int, source string, data any) {
	var out bytes.Buffer
	tmpl, err := template.New("page").Parse(source)
	if err == nil {
		err = tmpl.Execute(&out, data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", checkoutCSP)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimLeft(out.Bytes(), "\n"))
}

// Spaced shows a card number in groups.
func (c Card) Spaced() string {
	var b strings.Builder
	for i, d := range c.Number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}
