package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// admin adds the routes that Paystack has not. They answer {"error":"…"} when something is wrong.
//
//	GET  /__sim/cards                          the test cards
//	GET  /__sim/scenarios                      the habits of webhooks
//	POST /__sim/next                           script an API call or an attempt to pay (Next)
//	GET  /__sim/deliveries?after=0&wait=10     webhooks that were sent; wait: seconds to hold on for something new
//	GET  /__sim/transactions                   the latest payments
//	GET  /__sim/webhooks                       the webhook URLs, by SHA-256 of the secret key
//	POST /__sim/webhooks                       set one: {"url"} with the key as Bearer, or with secret_key_sha256, secret_key or public_key
//	GET  /__sim/faults                         the switches
//	POST /__sim/faults                         set the ones that are named
//	POST /__sim/disputes                       let the payer of a reference complain (disputeRequest)
//	POST /__sim/disputes/{id}/remind           send a reminder
//	POST /__sim/disputes/{id}/resolve          decide in the bank's place: {"resolution"}
//	POST /__sim/settle                         settle what was paid so far, as if the day were over
//	POST /__sim/reset                          forget everything but webhook URLs and the delivery log
func (s *Simulator) admin(mux *http.ServeMux) {
	// A web page elsewhere must not play with the sandbox of whoever looks at it.
	guard := http.NewCrossOriginProtection()
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, guard.Handler(h)) }

	handle("GET /__sim/cards", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"cards": Cards()})
	})
	handle("GET /__sim/scenarios", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"scenarios": WebhookScenarios(), "outcomes": outcomes(), "refunds": refundOutcomes()})
	})
	handle("POST /__sim/next", s.adminNext)
	handle("GET /__sim/deliveries", s.adminDeliveries)
	handle("GET /__sim/transactions", s.adminTransactions)
	handle("GET /__sim/webhooks", s.adminWebhooks)
	handle("POST /__sim/webhooks", s.adminSetWebhook)
	handle("GET /__sim/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Faults()) })
	handle("POST /__sim/faults", s.adminFaults)
	handle("POST /__sim/disputes", s.adminOpenDispute)
	handle("POST /__sim/disputes/{id}/remind", s.adminRemind)
	handle("POST /__sim/disputes/{id}/resolve", s.adminResolve)
	handle("POST /__sim/settle", s.adminSettle)
	handle("POST /__sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		writeJSON(w, http.StatusOK, map[string]any{"reset": true})
	})
	mux.HandleFunc("/__sim/", func(w http.ResponseWriter, _ *http.Request) {
		adminError(w, http.StatusNotFound, "no such admin route")
	})
}

func adminError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

// readAdmin decodes a bounded JSON body onto v, unknown names refused: a misspelt switch must not pass for set.
func readAdmin(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		adminError(w, http.StatusBadRequest, "body: "+err.Error())
		return false
	}
	return true
}

func (s *Simulator) adminNext(w http.ResponseWriter, r *http.Request) {
	var n Next
	if !readAdmin(w, r, &n) {
		return
	}
	if err := s.Script(n); err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"next": n})
}

func (s *Simulator) adminFaults(w http.ResponseWriter, r *http.Request) {
	f := s.Faults()
	if !readAdmin(w, r, &f) {
		return
	}
	if err := s.SetFaults(f); err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, f)
}

// shownTransactions bounds GET /__sim/transactions.
const shownTransactions = 100

func (s *Simulator) adminTransactions(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	list := []map[string]any{}
	for i := len(s.order) - 1; i >= 0 && len(list) < shownTransactions; i-- {
		t := s.order[i]
		list = append(list, map[string]any{
			"reference": t.reference, "access_code": t.accessCode, "status": t.status, "amount": t.amount,
			"currency": t.currency, "gateway_response": t.gatewayResponse, "attempts": t.attempts,
			"created_at": stamp(t.createdAt), "secret_key_sha256": fingerprint(t.account.SecretKey),
		})
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"transactions": list})
}

func (s *Simulator) adminWebhooks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	urls := map[string]string{}
	for key, url := range s.webhooks {
		urls[key] = url
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"webhooks": urls})
}

// webhookSetting names an account in one of four ways.
type webhookSetting struct {
	URL             string `json:"url"`
	SecretKeySHA256 string `json:"secret_key_sha256"`
	SecretKey       string `json:"secret_key"`
	PublicKey       string `json:"public_key"` // of an account in Options only: nothing else ties the two keys
}

func (s *Simulator) adminSetWebhook(w http.ResponseWriter, r *http.Request) {
	var set webhookSetting
	if !readAdmin(w, r, &set) {
		return
	}
	key := strings.ToLower(set.SecretKeySHA256)
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case key != "":
	case set.SecretKey != "":
		key = fingerprint(set.SecretKey)
	case set.PublicKey != "":
		for _, a := range s.opts.Accounts {
			if a.PublicKey == set.PublicKey {
				key = fingerprint(a.SecretKey)
			}
		}
	case found:
		key = fingerprint(bearer)
	}
	if err := s.setWebhookURL(key, set.URL); err != nil {
		adminError(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"secret_key_sha256": key, "url": set.URL})
}

var fingerprintFormat = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s *Simulator) setWebhookURL(key, url string) error {
	if !fingerprintFormat.MatchString(key) {
		return errors.New("name an account: secret_key_sha256 (64 hex digits), secret_key, a known public_key, or the key as Bearer")
	}
	if url != "" && !webURL(url) {
		return errors.New("url: an absolute http or https URL, or empty for none")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.webhooks[key]; !known && len(s.webhooks) >= maxAccounts {
		return errors.New("too many accounts have webhook URLs")
	}
	s.webhooks[key] = url
	return nil
}

// longestWait bounds a held-on request for deliveries, in seconds of real time.
const longestWait = 60

func (s *Simulator) adminDeliveries(w http.ResponseWriter, r *http.Request) {
	after, errAfter := wholeNumber(r, "after")
	wait, errWait := wholeNumber(r, "wait")
	if errAfter != nil || errWait != nil || wait > longestWait {
		adminError(w, http.StatusBadRequest, "after and wait are whole numbers, wait at most 60")
		return
	}
	over := time.NewTimer(time.Duration(wait) * time.Second)
	defer over.Stop()
	for {
		list, changed := s.book.Watch(after)
		if len(list) > 0 || wait == 0 {
			writeJSON(w, http.StatusOK, map[string]any{"deliveries": list, "scheduled": s.Pending()})
			return
		}
		select {
		case <-changed:
		case <-over.C:
			wait = 0
		case <-s.ctx.Done():
			wait = 0
		case <-r.Context().Done():
			return
		}
	}
}

func wholeNumber(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	return int64(n), err
}
