package pages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/phone"
)

// The limits of what a customer sends.
const (
	maxReference = 64 // characters
	maxPhone     = 24 // characters of what was typed that are shown again
)

// referenceIn is the reference in the path, false when it can't be one: then nobody is asked about it.
func referenceIn(c *fiber.Ctx) (string, bool) {
	s := c.Params("reference")
	if s == "" || len(s) > maxReference {
		return "", false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case b >= '0' && b <= '9', b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b == '-', b == '_':
		default:
			return "", false
		}
	}
	return strings.Clone(s), true
}

// showPage answers the page of a payment, in whatever phase it is.
func (p *pages) showPage(c *fiber.Ctx) error {
	lang, query := p.language(c)
	p.rememberLanguage(c, query)
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	v, err := p.checkouts.View(c.UserContext(), ref)
	if err != nil {
		return p.fail(c, err)
	}
	return p.send(c, fiber.StatusOK, checkoutPage, p.checkout(lang, query, v))
}

// status is the JSON that an open page asks for: whether what it shows is still so. The rest it takes from the page.
type status struct {
	Phase   Phase  `json:"phase"`
	Version string `json:"version"`
}

// showStatus answers whether there is news, 304 when the caller's If-None-Match says what is so already.
func (p *pages) showStatus(c *fiber.Ctx) error {
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	v, err := p.checkouts.View(c.UserContext(), ref)
	if err != nil {
		return p.fail(c, err)
	}
	version := v.version()
	tag := `"` + version + `"`
	c.Set("ETag", tag)
	if c.Get("If-None-Match") == tag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return c.JSON(status{Phase: v.Phase, Version: version})
}

// payByMpesa asks for the payment on the phone that the form names.
func (p *pages) payByMpesa(c *fiber.Ctx) error {
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	if !p.sameOrigin(c) {
		return p.sendMessage(c, fiber.StatusForbidden)
	}
	typed := cut(c.FormValue("phone"), maxPhone)
	number, err := phone.NormaliseMpesa(typed)
	if err != nil {
		key := "phone_wrong"
		if strings.TrimSpace(typed) == "" {
			key = "phone_missing"
		}
		return p.refuse(c, ref, refusal{status: fiber.StatusUnprocessableEntity, phoneKey: key, typed: typed})
	}
	err = p.checkouts.PayByMpesa(c.UserContext(), ref, number)
	if err == nil {
		return p.accepted(c, ref)
	}
	return p.refused(c, ref, err, refusal{typed: typed, unknownKey: "try_later_phone"})
}

// payByCard leads to the provider's card page.
func (p *pages) payByCard(c *fiber.Ctx) error {
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	if !p.sameOrigin(c) {
		return p.sendMessage(c, fiber.StatusForbidden)
	}
	target, err := p.checkouts.PayByCard(c.UserContext(), ref)
	if err == nil && webAddress(target) == "" {
		err = fmt.Errorf("card page of %s is at %q, which is no web address", ref, target)
	}
	if err != nil {
		return p.refused(c, ref, err, refusal{byCard: true, unknownKey: "try_later"})
	}
	switch {
	case wantsJSON(c):
		return c.JSON(fiber.Map{"status": "success", "redirect": target})
	case p.cardHosts[originOf(target)]:
		return c.Redirect(target, fiber.StatusSeeOther)
	default:
		lang, query := p.language(c)
		pg := p.message(lang, query, "card", "leaving", "leaving_note")
		pg.Here, pg.Continue = p.path(ref), target
		return p.send(c, fiber.StatusOK, messagePage, pg)
	}
}

// cardReturned asks what became of the card payment and shows it. What the address says about it is not read: it comes
// from the customer's browser.
func (p *pages) cardReturned(c *fiber.Ctx) error {
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	if err := p.checkouts.CardReturned(c.UserContext(), ref); err != nil {
		if domain.CodeOf(err) == domain.CodeNotFound {
			return p.fail(c, err)
		}
		// The page tells what is known; what isn't yet is found out without the customer.
		if domain.CodeOf(err) == domain.CodeInternal {
			p.report(c.UserContext(), fmt.Errorf("card payment of %s returned: %w", ref, err))
		}
	}
	return c.Redirect(p.path(ref), fiber.StatusSeeOther)
}

// backToPage leads to the payment's page.
func (p *pages) backToPage(c *fiber.Ctx) error {
	ref, ok := referenceIn(c)
	if !ok {
		return p.notFound(c)
	}
	_, query := p.language(c)
	return c.Redirect(p.path(ref)+query, fiber.StatusSeeOther)
}

// serveAsset answers an embedded file. Its path holds a hash of the content, so it never has to be asked for again.
func (p *pages) serveAsset(c *fiber.Ctx) error {
	a, ok := p.assets[c.Params("name")]
	if !ok || c.Params("hash") != p.assetHash {
		return c.Status(fiber.StatusNotFound).SendString("Not found")
	}
	c.Set("Content-Type", a.contentType)
	c.Set("Cache-Control", "public, max-age=31536000, immutable")
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("Content-Security-Policy", "default-src 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set("Referrer-Policy", "no-referrer")
	return c.Send(a.body)
}

// refusal is how a form is answered that led to nothing.
type refusal struct {
	status int
	// noticeKey says what went wrong as a whole, phoneKey with the phone number, unknownKey what to say of a failure
	// of ours.
	noticeKey, phoneKey, unknownKey string
	// reason is the provider's stable word for it, when it gave one.
	reason string
	typed  string
	byCard bool
}

// refused turns the error of a payment into what the customer is told.
func (p *pages) refused(c *fiber.Ctx, ref string, err error, r refusal) error {
	var e *domain.Error
	_ = errors.As(err, &e)
	switch code := domain.CodeOf(err); code {
	case domain.CodeNotFound:
		return p.fail(c, err)
	case domain.CodeConflict:
		// It waits or is over already, for example because a button was pressed twice: the page shows it.
		return p.settled(c, ref, fiber.StatusConflict)
	case domain.CodeInvalid:
		r.status = fiber.StatusUnprocessableEntity
		if e.Fields["phone"] != "" {
			r.phoneKey = "phone_refused"
		} else {
			r.noticeKey = "refused"
		}
	case domain.CodeProviderRefused:
		r.status, r.noticeKey, r.reason = fiber.StatusBadGateway, "refused", e.Reason
	case domain.CodeRateLimited:
		r.status, r.noticeKey = fiber.StatusTooManyRequests, "too_many"
	case domain.CodeUnavailable:
		r.status, r.noticeKey = fiber.StatusServiceUnavailable, "unavailable"
	default:
		p.report(c.UserContext(), fmt.Errorf("checkout %s: %w", ref, err))
		r.status, r.noticeKey = fiber.StatusInternalServerError, r.unknownKey
	}
	return p.refuse(c, ref, r)
}

// refuse shows the payment's page again with what was wrong, or says it in JSON.
func (p *pages) refuse(c *fiber.Ctx, ref string, r refusal) error {
	v, err := p.checkouts.View(c.UserContext(), ref)
	if err != nil {
		return p.fail(c, err)
	}
	lang, query := p.language(c)
	pg := p.checkout(lang, query, v)
	if !pg.Payable && !pg.CardAgain {
		return p.settled(c, ref, fiber.StatusConflict)
	}
	pg.CardFirst, pg.Phone = r.byCard, r.typed
	if r.phoneKey != "" {
		pg.PhoneError = pg.T(r.phoneKey)
	}
	if r.noticeKey != "" {
		pg.Notice = pg.T(r.noticeKey)
	}
	if r.reason != "" && pg.words.explains(r.reason) {
		pg.Notice = pg.words.reason(r.reason, "")
	}
	retryAfter(c, r.status)
	if wantsJSON(c) {
		answer := fiber.Map{"status": "error", "message": pg.Notice}
		if pg.PhoneError != "" {
			answer["message"] = pg.PhoneError
			answer["errors"] = fiber.Map{"phone": pg.PhoneError}
		}
		return c.Status(r.status).JSON(answer)
	}
	pg.Title = pg.T("title_error", "title", pg.Title)
	return p.send(c, r.status, checkoutPage, pg)
}

// accepted leads on from a request that was sent.
func (p *pages) accepted(c *fiber.Ctx, ref string) error { return p.settled(c, ref, fiber.StatusOK) }

// settled leads to the payment's page, which shows how it stands; over JSON the caller fetches it.
func (p *pages) settled(c *fiber.Ctx, ref string, status int) error {
	_, query := p.language(c)
	page := p.path(ref) + query
	if !wantsJSON(c) {
		return c.Redirect(page, fiber.StatusSeeOther)
	}
	word := "success"
	if status != fiber.StatusOK {
		word = "error"
	}
	return c.Status(status).JSON(fiber.Map{"status": word, "page": page})
}

// fail answers an error that leaves no page of a payment to show.
func (p *pages) fail(c *fiber.Ctx, err error) error {
	switch domain.CodeOf(err) {
	case domain.CodeNotFound:
		return p.notFound(c)
	case domain.CodeRateLimited:
		return p.sendMessage(c, fiber.StatusTooManyRequests)
	case domain.CodeUnavailable:
		return p.sendMessage(c, fiber.StatusServiceUnavailable)
	default:
		p.report(c.UserContext(), fmt.Errorf("checkout: %w", err))
		return p.sendMessage(c, fiber.StatusInternalServerError)
	}
}

// notFound answers that there is no such payment, in the same words for one that never was and for what can't be one.
func (p *pages) notFound(c *fiber.Ctx) error { return p.sendMessage(c, fiber.StatusNotFound) }

// messageIcons are the standing messages, by HTTP status. Their texts are error_ and the status in the catalogue.
var messageIcons = map[int]string{
	fiber.StatusForbidden:           "lock",
	fiber.StatusNotFound:            "search",
	fiber.StatusTooManyRequests:     "clock",
	fiber.StatusInternalServerError: "alert",
	fiber.StatusServiceUnavailable:  "clock",
}

// sendMessage answers a standing message.
func (p *pages) sendMessage(c *fiber.Ctx, status int) error {
	lang, query := p.language(c)
	key := "error_" + strconv.Itoa(status)
	retryAfter(c, status)
	if wantsJSON(c) {
		return c.Status(status).JSON(fiber.Map{"status": "error", "message": p.words[lang].text(key)})
	}
	pg := p.message(lang, query, messageIcons[status], key, key+"_text")
	if status != fiber.StatusNotFound && status != fiber.StatusForbidden {
		pg.Retry = "?" + strings.TrimPrefix(query, "?")
	}
	return p.send(c, status, messagePage, pg)
}

// retryAfter says how many seconds to wait before trying again, where that helps.
func retryAfter(c *fiber.Ctx, status int) {
	switch status {
	case fiber.StatusTooManyRequests:
		c.Set("Retry-After", "60")
	case fiber.StatusServiceUnavailable:
		c.Set("Retry-After", "15")
	}
}

// send renders and answers a page.
func (p *pages) send(c *fiber.Ctx, status int, kind string, pg *page) error {
	body, err := p.execute(kind, pg)
	if err != nil {
		return err
	}
	c.Set("Content-Type", "text/html; charset=utf-8")
	c.Set("Content-Language", pg.Lang)
	return c.Status(status).Send(body)
}

// wantsJSON tells whether the caller is the script.
func wantsJSON(c *fiber.Ctx) bool { return strings.Contains(c.Get("Accept"), "application/json") }

// languageCookie remembers the language that the customer picked. It says nothing else.
const languageCookie = "kipay_lang"

// languageCookieAge is how long it is remembered, in seconds.
const languageCookieAge = 365 * 24 * 60 * 60

// language is the language of the answer: the address's, else the one picked before, else the browser's. query is the
// address's, as "?lang=…".
func (p *pages) language(c *fiber.Ctx) (lang, query string) {
	if code, ok := knownLanguage(c.Query("lang")); ok {
		return code, "?lang=" + code
	}
	if code, ok := knownLanguage(c.Cookies(languageCookie)); ok {
		return code, ""
	}
	return negotiate(c.Get("Accept-Language")), ""
}

// rememberLanguage sets the cookie when the address picks a language.
func (p *pages) rememberLanguage(c *fiber.Ctx, query string) {
	code, ok := strings.CutPrefix(query, "?lang=")
	if !ok {
		return
	}
	c.Cookie(&fiber.Cookie{
		Name: languageCookie, Value: code, Path: p.base + strings.TrimSuffix(checkoutPath, "/"),
		MaxAge: languageCookieAge, SameSite: fiber.CookieSameSiteLaxMode, HTTPOnly: true,
		Secure: p.public != nil && p.public.Scheme == "https",
	})
}
