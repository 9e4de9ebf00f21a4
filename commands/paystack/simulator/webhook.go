package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// WebhookScenario is a habit of webhooks: chosen by a card, or by POST /__sim/next.
type WebhookScenario struct {
	Name        string `json:"name"`
	Description string `json:"description"`

	sends []hook
}

// hook is one webhook of a scenario.
type hook struct {
	after          time.Duration // since the attempt, in the provider's time
	beforeRedirect bool          // delivered before the payer's browser is sent back
	spoil          spoil
}

// spoil is what is wrong with a webhook.
type spoil int

const (
	nothingWrong spoil = iota
	wrongAmount
	wrongCurrency
	wrongSignature
	noSignature
	notJSON
	liveDomain
)

// The rhythm of webhooks. Retries follow Paystack's live schedule (every 3 minutes for 4 tries, then hourly, kept up
// here for 10 tries) with a minute made into a second.
const (
	hookAfter     = time.Second
	hookGap       = 300 * time.Millisecond
	hookLate      = 5 * time.Minute
	hookDeadline  = 30 * time.Second // real time: the merchant's server is not simulated
	quickRetries  = 4
	quickPause    = 3 * time.Second
	slowRetries   = 10
	slowPause     = 60 * time.Second
	signatureName = "x-paystack-signature"
)

// WebhookScenarios lists the habits.
func WebhookScenarios() []WebhookScenario {
	at := func(after time.Duration, s spoil) hook { return hook{after: after, spoil: s} }
	return []WebhookScenario{
		{"normal", "one signed charge.success, a second after the payment", []hook{at(hookAfter, nothingWrong)}},
		{"lost", "none comes: only verify tells", nil},
		{"tripled", "three times the same", []hook{at(hookAfter, nothingWrong), at(hookAfter+hookGap, nothingWrong), at(hookAfter+2*hookGap, nothingWrong)}},
		{"before-redirect", "before the payer's browser is sent back", []hook{{beforeRedirect: true}}},
		{"late", "five minutes late", []hook{at(hookLate, nothingWrong)}},
		{"wrong-amount", "signed, with one unit more than was paid", []hook{at(hookAfter, wrongAmount)}},
		{"wrong-currency", "signed, in another currency", []hook{at(hookAfter, wrongCurrency)}},
		{"bad-signature-first", "one with a wrong signature, then the right one", []hook{at(hookAfter, wrongSignature), at(hookAfter+hookGap, nothingWrong)}},
		{"junk-first", "one signed that is no JSON, then the right one", []hook{at(hookAfter, notJSON), at(hookAfter+hookGap, nothingWrong)}},
		{"live-domain", "signed, but says domain live for a test payment", []hook{at(hookAfter, liveDomain)}},
		{"unsigned-first", "one without a signature, then the right one", []hook{at(hookAfter, noSignature), at(hookAfter+hookGap, nothingWrong)}},
		{"forged", "charge.success with a wrong signature for a payment that was declined", []hook{at(hookAfter, wrongSignature)}},
		{reordered, "of a refund or a dispute: all its events at the end, the last one first", []hook{at(hookAfter, nothingWrong)}},
	}
}

func webhookScenario(name string) (WebhookScenario, bool) {
	for _, h := range WebhookScenarios() {
		if h.Name == name {
			return h, true
		}
	}
	return WebhookScenario{}, false
}

// sign is x-paystack-signature: lowercase hex of HMAC-SHA512 over the raw body (Paystack, Webhooks).
func sign(secretKey string, body []byte) string {
	mac := hmac.New(sha512.New, []byte(secretKey))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// follow starts the webhooks of an attempt at moment from, one after the other: at a high Speed two timers would
// race, and the order is what a scenario is about.
func (s *Simulator) follow(t *transaction, sends []hook, from time.Time) {
	if len(sends) == 0 {
		return
	}
	due := from.Add(s.scaled(sends[0].after))
	s.jobs.In(due.Sub(s.opts.Now()), func(ctx context.Context) {
		s.sendHook(ctx, t, sends[0], 1)
		s.follow(t, sends[1:], from)
	})
}

// sendHook delivers one charge.success.
func (s *Simulator) sendHook(ctx context.Context, t *transaction, h hook, attempt int) {
	s.deliver(ctx, t.account, notice{event: "charge.success", reference: t.reference, word: func(wrong spoil) []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.hookBody(t, wrong)
	}}, h, attempt)
}

// notice is an event that an account is told. word puts it into JSON, with something wrong if so asked; it takes mu
// itself if it needs it.
type notice struct {
	event     string
	reference string // of the transaction
	word      func(spoil) []byte
}

// deliver makes one webhook, and again later while the answer is not 200. A spoilt one is not repeated.
func (s *Simulator) deliver(ctx context.Context, a *account, n notice, h hook, attempt int) {
	url := s.webhookURL(a)
	if url == "" {
		return
	}
	body := n.word(h.spoil)
	d := Delivery{Kind: n.event, URL: url, Reference: n.reference, Attempt: attempt, Body: string(body)}
	switch h.spoil {
	case wrongSignature:
		d.Signature = sign("sk_test_not_the_key", body)
	case noSignature:
	case nothingWrong, wrongAmount, wrongCurrency, notJSON, liveDomain:
		d.Signature = sign(a.SecretKey, body)
	}
	d = s.post(ctx, d)
	if pause, again := retryAfter(attempt); again && d.Status != http.StatusOK && h.spoil == nothingWrong {
		s.jobs.In(s.scaled(pause), func(ctx context.Context) { s.deliver(ctx, a, n, h, attempt+1) })
	}
}

func retryAfter(attempt int) (pause time.Duration, again bool) {
	switch {
	case attempt <= quickRetries:
		return quickPause, true
	case attempt <= quickRetries+slowRetries:
		return slowPause, true
	}
	return 0, false
}

// hookBody words the webhook. The caller holds mu.
func (s *Simulator) hookBody(t *transaction, wrong spoil) []byte {
	data := s.webhookView(t)
	wrong.into(&data.Amount, &data.Currency, &data.Domain)
	return eventBody("charge.success", data, wrong)
}

// into puts what is wrong into the fields of an event.
func (wrong spoil) into(amount *int64, currency, domain *string) {
	switch wrong {
	case wrongAmount:
		*amount += 100
	case wrongCurrency:
		if *currency == "USD" {
			*currency = "NGN"
		} else {
			*currency = "USD"
		}
	case liveDomain:
		*domain = "live"
	case nothingWrong, wrongSignature, noSignature, notJSON:
	}
}

// eventBody is the JSON of a webhook, cut off when that is what is wrong.
func eventBody(event string, data any, wrong spoil) []byte {
	body, err := json.Marshal(struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{event, data})
	if err != nil {
		panic("simulator: a webhook does not marshal: " + err.Error())
	}
	if wrong == notJSON {
		return body[:bytes.Index(body, []byte(`"data":{`))+len(`"data":{`)]
	}
	return body
}

// post sends d and logs the delivery.
func (s *Simulator) post(ctx context.Context, d Delivery) Delivery {
	ctx, cancel := context.WithTimeout(ctx, hookDeadline)
	defer cancel()
	d.At = s.opts.Now()
	d.Status, d.Reply, d.Error = s.exchange(ctx, d)
	s.book.Add(d)
	s.log.Info("paystack delivers", "event", d.Kind, "reference", d.Reference, "attempt", d.Attempt,
		"status", d.Status, "error", d.Error)
	return d
}

func (s *Simulator) exchange(ctx context.Context, d Delivery) (status int, reply, failure string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewBufferString(d.Body))
	if err != nil {
		return 0, "", err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kipay-paystack-simulator")
	if d.Signature != "" {
		req.Header.Set(signatureName, d.Signature)
	}
	resp, err := s.opts.HTTPClient.Do(req)
	if err != nil {
		return 0, "", err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	echo, err := io.ReadAll(io.LimitReader(resp.Body, maxEchoBytes))
	if err != nil {
		return resp.StatusCode, string(echo), err.Error()
	}
	return resp.StatusCode, string(echo), ""
}
