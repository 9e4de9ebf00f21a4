package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// fields is a request's JSON object. Names are compared exactly, as Daraja does.
type fields map[string]any

var errNotJSON = errors.New("no JSON content type")

// readFields reads a bounded JSON object. errNotJSON means that the body was not looked at.
func readFields(w http.ResponseWriter, r *http.Request) (fields, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, errNotJSON
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	dec.UseNumber() // a 14-digit number must not become a float
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

// scalar is a field as text: Daraja takes numbers and numeric strings alike.
func (f fields) scalar(name string) string {
	switch v := f[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// text is a field that must be a string; ok is false when it is something else. A missing field is "".
func (f fields) text(name string) (value string, ok bool) {
	v, present := f[name]
	if !present || v == nil {
		return "", true
	}
	value, ok = v.(string)
	return value, ok
}

// The formats (Daraja, M-Pesa Express, C2B and Reversal, request parameters).
var (
	shortCodeFormat = regexp.MustCompile(`^[0-9]{5,7}$`)
	amountFormat    = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
	msisdnFormat    = regexp.MustCompile(`^254[17][0-9]{8}$`)
	referenceFormat = regexp.MustCompile(`^[A-Za-z0-9]{1,12}$`)
	billRefFormat   = regexp.MustCompile(`^[^\x00-\x1f]{1,20}$`)
	receiptFormat   = regexp.MustCompile(`^[A-Z0-9]{6,20}$`)
)

// maxAmount is the limit of one transaction, in shillings (Daraja FAQ; older texts say less).
const maxAmount = 250_000

// caller is who makes a request, by its token.
type caller struct {
	app   *App
	token string
}

// handler is an API call whose token has been accepted.
type handler func(w http.ResponseWriter, r *http.Request, by caller)

// api guards h: the fault switches, then the token, then the verb.
func (s *Simulator) api(rejection refusal, fault func(Faults) Fault, h handler) http.HandlerFunc {
	return s.verbs(rejection, fault, h, http.MethodPost)
}

// verbs is api for a call that may be made with any of several verbs.
func (s *Simulator) verbs(rejection refusal, fault func(Faults) Fault, h handler, allowed ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switched := fault(s.Faults())
		if s.misbehave(w, r, switched) {
			return
		}
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !found || token == "" {
			s.refuse(w, errNoBearer)
			return
		}
		app := s.appOf(token)
		if app == nil || switched == Rejected {
			s.refuseToken(w, rejection, token)
			return
		}
		if !slices.Contains(allowed, r.Method) {
			s.refuse(w, errVerb)
			return
		}
		h(w, r, caller{app, token})
	}
}
