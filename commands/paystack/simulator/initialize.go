package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fields is a request's JSON object.
type fields map[string]any

func readFields(w http.ResponseWriter, r *http.Request) (fields, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, errors.New("no JSON content type")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	dec.UseNumber()
	var f fields
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return f, nil
}

// text is a string field; a missing one or null is "". ok is false when it is something else.
func (f fields) text(name string) (value string, ok bool) {
	v := f[name]
	if v == nil {
		return "", true
	}
	value, ok = v.(string)
	return value, ok
}

// The formats (Paystack, Initialize Transaction). "_" is not documented but taken on the test API.
var (
	referenceFormat = regexp.MustCompile(`^[A-Za-z0-9.=_-]{1,200}$`)
	integerFormat   = regexp.MustCompile(`^-?[0-9]{1,18}$`)
)

// maxAmount stands for Paystack's limit, which depends on the account.
const maxAmount = 10_000_000_000_00

// maxEmailBytes is the longest address there can be (RFC 5321).
const maxEmailBytes = 254

func knownChannels() []string {
	return []string{"card", "bank", "apple_pay", "ussd", "qr", "mobile_money", "bank_transfer", "eft", "capitec_pay", "payattitude"}
}

// initialize is POST /transaction/initialize.
func (s *Simulator) initialize(w http.ResponseWriter, r *http.Request, a *account) *answer {
	f, err := readFields(w, r)
	if err != nil {
		return refused(errJSON)
	}
	t, e := parseInitialize(f, a)
	if e != nil {
		return refused(*e)
	}
	if t.ip, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		t.ip = r.RemoteAddr
	}
	if !s.open(t) {
		return refused(errDuplicate)
	}
	return answered("Authorization URL created", struct {
		AuthorizationURL string `json:"authorization_url"`
		AccessCode       string `json:"access_code"`
		Reference        string `json:"reference"`
	}{s.baseURL(r) + "/checkout/" + t.accessCode, t.accessCode, t.reference}, nil)
}

func (s *Simulator) baseURL(r *http.Request) string {
	if s.opts.PublicURL != "" {
		return strings.TrimRight(s.opts.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func parseInitialize(f fields, a *account) (*transaction, *refusal) {
	t := &transaction{account: a, status: statusAbandoned, gatewayResponse: "The transaction was not completed"}
	var ok bool
	if t.email, ok = f.text("email"); !ok || !emailValid(t.email) {
		return nil, &errEmail
	}
	var e *refusal
	if t.amount, e = parseAmount(f["amount"]); e != nil {
		return nil, e
	}
	t.currency = a.Currencies[0]
	if given, ok := f.text("currency"); !ok || given != "" {
		if !a.takes(given) {
			return nil, &errCurrency
		}
		t.currency = given
	}
	if t.reference, ok = f.text("reference"); !ok || t.reference != "" && !referenceFormat.MatchString(t.reference) {
		return nil, &errReference
	}
	if t.callbackURL, ok = f.text("callback_url"); !ok || t.callbackURL != "" && !webURL(t.callbackURL) {
		return nil, &errCallbackURL
	}
	if t.channels, ok = parseChannels(f["channels"]); !ok {
		return nil, &errChannels
	}
	if t.metadata, t.cancelURL, ok = parseMetadata(f["metadata"]); !ok {
		return nil, &errMetadata
	}
	return t, nil
}

func emailValid(email string) bool {
	if len(email) > maxEmailBytes {
		return false
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || parsed.Name != "" {
		return false
	}
	_, host, _ := strings.Cut(email, "@")
	return strings.Contains(strings.Trim(host, "."), ".")
}

// parseAmount takes an integer, or the same as a string.
func parseAmount(v any) (int64, *refusal) {
	var text string
	switch v := v.(type) {
	case nil:
		return 0, &errAmountAbsent
	case json.Number:
		text = v.String()
	case string:
		if text = v; text == "" {
			return 0, &errAmountAbsent
		}
	default:
		return 0, &errAmountWhole
	}
	if !integerFormat.MatchString(text) {
		return 0, &errAmountWhole
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, &errAmountWhole
	case n <= 0:
		return 0, &errAmountSign
	case n > maxAmount:
		return 0, &errAmountLimit
	}
	return n, nil
}

// webURL keeps a redirect inside the web: no javascript: or relative target.
func webURL(raw string) bool {
	if len(raw) > 2048 || strings.ContainsAny(raw, " \t\r\n") {
		return false
	}
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func parseChannels(v any) ([]string, bool) {
	if v == nil {
		return nil, true
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	channels := []string{}
	for _, each := range list {
		name, ok := each.(string)
		if !ok || !slices.Contains(knownChannels(), name) {
			return nil, false
		}
		channels = append(channels, name)
	}
	return channels, true
}

// open registers t; false when its reference has been used in the account, paid or not.
func (s *Simulator) open(t *transaction) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.reference == "" {
		t.reference = s.letters(10, mixed)
	}
	if t.account.byReference[t.reference] != nil {
		return false
	}
	t.id, t.createdAt = s.nextID(), s.opts.Now()
	for t.accessCode == "" || s.byAccessCode[t.accessCode] != nil {
		t.accessCode = s.letters(15, lower)
	}
	t.account.byReference[t.reference] = t
	t.account.order = append(t.account.order, t)
	s.byAccessCode[t.accessCode] = t
	s.byID[t.id] = t
	s.order = append(s.order, t)
	s.held += t.size()
	s.evict()
	return true
}

// keep counts n more bytes of a client's making that t holds. The caller holds mu.
func (s *Simulator) keep(t *transaction, n int) {
	t.extra += n
	s.held += n
	s.evict()
}

// evict forgets the oldest transactions beyond the limits; the newest stays, however large. The caller holds mu.
func (s *Simulator) evict() {
	for len(s.order) > s.opts.MaxTransactions || s.held > bytesPerTransaction*s.opts.MaxTransactions && len(s.order) > 1 {
		old := s.order[0]
		s.held -= old.size()
		s.order[0] = nil
		s.order = s.order[1:]
		delete(s.byAccessCode, old.accessCode)
		delete(s.byID, old.id)
		s.forget(old)
		delete(old.account.byReference, old.reference)
		old.account.order[0] = nil // the oldest of all is the oldest of its account
		old.account.order = old.account.order[1:]
	}
}
