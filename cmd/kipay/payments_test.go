package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// initialize opens a checkout and answers its reference.
func (m *merchant) initialize(t *testing.T, body string) string {
	t.Helper()
	return m.post("/api/transactions/initialize", body).want(t, 201, nil).text("reference")
}

// push sends an STK push and answers its reference.
func (m *merchant) push(t *testing.T, phoneNumber, amount string) string {
	t.Helper()
	var r reply
	eventually(t, 15*time.Second, "the phone is free", func() error { // another test may push to the same number just now
		if r = m.post("/api/mpesa/stk-push", m.pushBody(phoneNumber, amount)); strings.Contains(r.raw, `"payer_busy"`) {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	return r.want(t, 200, nil).text("transaction.reference")
}

func (m *merchant) pushBody(phoneNumber, amount string) string {
	return fmt.Sprintf(`{"amount":%s,"phone_number":"%s","payment_channel_id":%s,"reference":"%s","description":"Services"}`, amount, phoneNumber, m.mpesa, unique("R"))
}

// moveTo opens a channel with another shortcode of the sandbox, so that two merchants of one server that both register don't
// take each other's confirmations: the last that registered a shortcode gets them all.
func (m *merchant) moveTo(t *testing.T, shortcode string) {
	t.Helper()
	m.mpesa = m.post("/api/payment-channels/create", mpesaChannel(shortcode)).want(t, 201, nil).text("channel.id")
}

// registerC2B has the simulator report customers' payments of the merchant's M-Pesa channel.
func (m *merchant) registerC2B(t *testing.T) {
	t.Helper()
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.mpesa+`}`).want(t, 200, nil)
}

// settles waits until verify answers the status.
func (m *merchant) settles(t *testing.T, reference, status string, within time.Duration) reply {
	t.Helper()
	var last reply
	eventually(t, within, reference+" is "+status, func() error {
		if last = m.get("/api/transactions/verify/" + reference); last.err != nil || last.text("status") != status {
			return fmt.Errorf("%v", last)
		}
		return nil
	})
	return last
}

// listed are all transactions that the list shows, every page of it.
func (m *merchant) listed(t *testing.T, query string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for page := 1; ; page++ {
		r := m.get(fmt.Sprintf("/api/transactions/list?limit=100&page=%d&%s", page, query)).want(t, 200, shape{"data": "list", "total": "int"})
		rows, _ := r.at("data").([]any)
		for _, row := range rows {
			if object, ok := row.(map[string]any); ok {
				all = append(all, object)
			}
		}
		if len(rows) < 100 {
			return all
		}
	}
}

// delivery is one call that the Daraja simulator made.
type delivery struct {
	ID                int64  `json:"id"`
	Kind              string `json:"kind"`
	URL               string `json:"url"`
	MSISDN            string `json:"msisdn"`
	CheckoutRequestID string `json:"checkout_request_id"`
	Receipt           string `json:"receipt"`
	Body              string `json:"body"`
	Status            int    `json:"status"`
	Reply             string `json:"reply"`
}

// deliveries are the calls that the Daraja simulator has made so far.
func (in *instance) deliveries(t *testing.T) []delivery {
	t.Helper()
	r := send(t.Context(), http.MethodGet, in.sim+"/daraja/__sim/deliveries", "")
	var body struct{ Deliveries []delivery }
	if err := json.Unmarshal([]byte(r.raw), &body); err != nil {
		t.Fatalf("deliveries: %v: %v", err, r)
	}
	return body.Deliveries
}

// deliveriesTo are the STK callbacks to a payment of ours; the callback URL holds the reference in hex.
func (in *instance) deliveriesTo(t *testing.T, reference string) []delivery {
	t.Helper()
	var out []delivery
	for _, d := range in.deliveries(t) {
		if strings.Contains(d.URL, fmt.Sprintf("%x", reference)) {
			out = append(out, d)
		}
	}
	return out
}

// admin sets something at a simulator: provider is daraja or paystack.
func (in *instance) admin(t *testing.T, provider, path, body string) {
	t.Helper()
	r := send(t.Context(), http.MethodPost, in.sim+"/"+provider+"/__sim/"+path, body, "Content-Type", "application/json")
	if r.status != http.StatusOK {
		t.Fatalf("simulator %s: %v", path, r)
	}
}

// head is the last position of the log.
func (in *instance) head(t *testing.T) string {
	t.Helper()
	return reply{raw: strings.TrimSpace(in.cli(t, "events", "tail", "--no-follow", "--last", "1", "--json"))}.text("position")
}

// since are the types of the events after a position, without what the program keeps for itself: the reactors' checkpoints
// and the signed heads, which come when they come.
func (in *instance) since(t *testing.T, position string) []string {
	t.Helper()
	from, err := strconv.Atoi(position)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, line := range strings.Split(strings.TrimSpace(in.cli(t, "events", "tail", "--no-follow", "--last", "200", "--json")), "\n") {
		e := reply{raw: line}
		own := strings.HasPrefix(e.text("stream"), "reactor-") || strings.HasPrefix(e.text("stream"), "transparency-")
		if at, err := strconv.Atoi(e.text("position")); err == nil && at > from && !own {
			types = append(types, e.text("type"))
		}
	}
	return types
}

// events are the types of a stream's events.
func (in *instance) events(t *testing.T, stream string) []string {
	t.Helper()
	var types []string
	for _, line := range strings.Split(strings.TrimSpace(in.cli(t, "events", "stream", stream, "--json")), "\n") {
		types = append(types, reply{raw: line}.text("type"))
	}
	return types
}

// hostedPage is Paystack's page of a payment, in the payer's browser.
type hostedPage struct {
	t    *testing.T
	at   string // its address
	text string
}

// openCardPage presses "pay by card" on the checkout page.
func (in *instance) openCardPage(t *testing.T, reference string) hostedPage {
	t.Helper()
	r := send(t.Context(), http.MethodPost, in.base+"/payment/checkout/"+reference+"/card", "", "Content-Type", "application/x-www-form-urlencoded", "Origin", in.base)
	if r.status != http.StatusSeeOther {
		t.Fatalf("pay by card: %v", r)
	}
	return hostedPage{t: t, at: r.header.Get("Location")}.reload()
}

func (p hostedPage) reload() hostedPage {
	p.t.Helper()
	r := send(p.t.Context(), http.MethodGet, p.at, "")
	if r.status != http.StatusOK {
		p.t.Fatalf("the hosted page %s: %v", p.at, r)
	}
	p.text = r.raw
	return p
}

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	actionOf = regexp.MustCompile(`action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	nameOf   = regexp.MustCompile(`\bname="([^"]*)"`)
	valueOf  = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// submit fills in the page's form that has the field, and sends it. back is where the browser is sent on to, if it is.
func (p hostedPage) submit(values map[string]string) (next hostedPage, back string, status int) {
	p.t.Helper()
	for _, form := range formTag.FindAllString(p.text, -1) {
		fields := url.Values{}
		fitting := true
		for _, tag := range inputTag.FindAllString(form, -1) {
			name, value := nameOf.FindStringSubmatch(tag), valueOf.FindStringSubmatch(tag)
			if name != nil && value != nil && strings.Contains(tag, `type="hidden"`) {
				fields.Set(name[1], html.UnescapeString(value[1]))
			}
		}
		for name, value := range values {
			fitting = fitting && strings.Contains(form, `name="`+name+`"`)
			fields.Set(name, value)
		}
		if !fitting {
			continue
		}
		target, err := url.Parse(p.at)
		if err != nil {
			p.t.Fatal(err)
		}
		if action := actionOf.FindStringSubmatch(form); action != nil && action[1] != "" {
			if target, err = target.Parse(html.UnescapeString(action[1])); err != nil {
				p.t.Fatal(err)
			}
		}
		r := send(context.Background(), http.MethodPost, target.String(), fields.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if r.err != nil {
			p.t.Fatalf("submit %v: %v", values, r)
		}
		return hostedPage{p.t, p.at, r.raw}, r.header.Get("Location"), r.status
	}
	p.t.Fatalf("no form has %v in %.3000s", values, p.text)
	return p, "", 0
}
