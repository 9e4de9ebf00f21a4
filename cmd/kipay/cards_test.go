package main_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// cardFate is what must become of a checkout that is paid with a card.
type cardFate struct {
	status string
	// noReturn: the payer's browser is not followed back, so that only the webhook tells.
	noReturn bool
	// review: somebody has to look, when only the webhook tells.
	review bool
}

// webhookFates are the defined outcomes of the habits of webhooks, while the payer does not come back.
func webhookFates() map[string]cardFate {
	return map[string]cardFate{
		"normal": {status: "completed", noReturn: true}, "lost": {status: "completed"}, "tripled": {status: "completed", noReturn: true},
		"before-redirect": {status: "completed", noReturn: true}, "late": {status: "completed", noReturn: true},
		"wrong-amount": {status: "completed", noReturn: true, review: true}, "wrong-currency": {status: "pending", noReturn: true, review: true},
		"bad-signature-first": {status: "completed", noReturn: true}, "junk-first": {status: "completed", noReturn: true},
		"live-domain": {status: "pending", noReturn: true}, "unsigned-first": {status: "completed", noReturn: true},
	}
}

// payByCard pays on the hosted page, step by step as the card asks. back is where the browser is sent on to.
func payByCard(page hostedPage, card paystacksim.Card) (shown hostedPage, back string, status int) {
	shown, back, status = page.submit(map[string]string{"card_number": card.Number, "expiry": "12/34", "cvv": card.CVV})
	if card.PIN != "" {
		shown, back, status = shown.submit(map[string]string{"pin": card.PIN})
	}
	if card.Phone {
		shown, back, status = shown.submit(map[string]string{"phone": "0712345678"})
	}
	if card.OTP != "" {
		shown, back, status = shown.submit(map[string]string{"otp": card.OTP})
	}
	if card.BankPage {
		shown, back, status = shown.submit(map[string]string{"bank": "accept"})
	}
	return shown, back, status
}

// newCardShop is a merchant whose Paystack account has its webhook URL set at the simulator.
func newCardShop(t *testing.T, in *instance) *merchant {
	t.Helper()
	m := newMerchant(t, in)
	r := m.post("/api/payment-channels/create", cardChannel(m.id)).want(t, 201, nil)
	m.card = r.text("channel.id")
	in.admin(t, "paystack", "webhooks", `{"url":"`+r.text("channel.urls.webhook")+`","secret_key":"`+cardSecret(m.id)+`"}`)
	return m
}

func TestEveryCardEndsAsDefined(t *testing.T) {
	t.Parallel()
	in := common(t, "cards", quick(nil))
	m := newCardShop(t, in)
	type paid struct {
		card      paystacksim.Card
		want      cardFate
		reference string
		back      string
	}
	var all []*paid
	for i, card := range paystacksim.Cards() {
		p := &paid{card: card, want: webhookFates()[card.Webhook]}
		if card.Outcome != paystacksim.Success {
			p.want = cardFate{status: "pending"} // a declined card fails the attempt; the payer may try again
		}
		p.reference = m.initialize(t, fmt.Sprintf(`{"amount":%d.5,"email":"c%d@example.com"}`, 100+i, i))
		_, back, status := payByCard(in.openCardPage(t, p.reference), card)
		p.back = back
		switch {
		case card.Outcome == paystacksim.Success && (status != http.StatusSeeOther || !strings.HasPrefix(back, in.base+"/payment/checkout/"+p.reference+"/return")):
			t.Errorf("%s: the browser is sent to %q, status %d", card.Description, back, status)
		case card.Outcome != paystacksim.Success && status == http.StatusSeeOther:
			t.Errorf("%s: a card that fails paid", card.Description)
		}
		if p.back != "" && !p.want.noReturn {
			if r := send(t.Context(), http.MethodGet, p.back, ""); r.status != http.StatusSeeOther && r.status != http.StatusOK {
				t.Errorf("%s: the return page: %v", card.Description, r)
			}
		}
		all = append(all, p)
	}
	for _, p := range all {
		eventually(t, 30*time.Second, p.card.Description, func() error {
			r := m.get("/api/transactions/verify/" + p.reference)
			if r.text("status") != p.want.status || r.text("transaction.needs_review") != fmt.Sprint(p.want.review) {
				return fmt.Errorf("want %+v, got %v", p.want, r)
			}
			return nil
		})
	}
	for i, p := range all {
		r := m.get("/api/transactions/verify/" + p.reference)
		if p.want.status == "completed" {
			r.want(t, 200, shape{"transaction.payment_method": `="card"`, "transaction.receipt": "~.+", "transaction.paid_at": "time", "transaction.amount": fmt.Sprintf("=%d.5", 100+i)})
			continue
		}
		if p.want.review {
			// Money of another currency than was asked: it shows, it is credited to nothing, and a person decides.
			r.want(t, 200, shape{"transaction.receipt": "~.+", "transaction.amount_received": "=0", "transaction.failure_code": `="currency_differs"`})
			continue
		}
		r.want(t, 200, shape{"transaction.receipt": "=null", "transaction.paid_at": "=null"})
		if p.card.Outcome != paystacksim.Success {
			continue
		}
		// What the webhook garbled, the provider tells when it is asked.
		send(t.Context(), http.MethodGet, p.back, "")
		m.settles(t, p.reference, "completed", 10*time.Second)
	}
	if rows := m.listed(t, ""); len(rows) != len(all) {
		t.Errorf("%d transactions are listed, want %d", len(rows), len(all))
	}
}

func TestDeclinedCardThenAnotherPays(t *testing.T) {
	t.Parallel()
	m := newCardShop(t, common(t, "cards", quick(nil)))
	ref := m.initialize(t, `{"amount":75.25,"email":"again@example.com"}`)
	page, _, _ := m.openCardPage(t, ref).submit(map[string]string{"card_number": "4084080000005408", "expiry": "12/34", "cvv": "001"})
	if !strings.Contains(page.text, "Declined") {
		t.Errorf("the hosted page says %.500s", page.text)
	}
	if _, _, status := page.submit(map[string]string{"card_number": "4084084084084081", "expiry": "12/34", "cvv": "408"}); status != http.StatusSeeOther {
		t.Errorf("the second card: status %d", status)
	}
	m.settles(t, ref, "completed", 15*time.Second).want(t, 200, shape{"transaction.amount_received": "=75.25"})
	if r := send(t.Context(), http.MethodGet, m.base+"/payment/checkout/"+ref, ""); r.status != 200 || strings.Contains(r.raw, `name="phone"`) {
		t.Errorf("a paid page still asks for money: %v", r)
	}
}

// sign is Paystack's signature.
func sign(secret, body string) string {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestOnlySignedWebhooksCount(t *testing.T) {
	t.Parallel()
	in := common(t, "cards", quick(nil))
	m, other := newCardShop(t, in), newCardShop(t, in)
	hook := m.post("/api/payment-channels/create", cardChannel(m.id)).want(t, 201, nil).text("channel.urls.webhook")
	ref := m.initialize(t, `{"amount":500,"email":"hook@example.com","payment_channel_id":`+m.card+`}`)
	in.openCardPage(t, ref)
	body := `{"event":"charge.success","data":{"id":4099260516,"domain":"test","status":"success","reference":"` + ref + `-1","amount":50000,"currency":"KES","channel":"card","paid_at":"2026-01-01T10:00:00.000Z"}}`
	before := in.events(t, "transaction-"+ref)
	for _, door := range []string{in.base + "/paystack/webhook", hook} {
		for what, signature := range map[string]string{
			"none": "", "wrong": strings.Repeat("0", 128), "another merchant's": sign(cardSecret(other.id), body), "of another body": sign(cardSecret(m.id), body+" "), "short": "00",
		} {
			r := send(t.Context(), http.MethodPost, door, body, "Content-Type", "application/json", "X-Paystack-Signature", signature)
			if r.status != 401 && r.status != 400 && r.status != 404 {
				t.Errorf("%s: signature %s: %v", door, what, r)
			}
		}
	}
	if after := in.events(t, "transaction-"+ref); len(after) != len(before) {
		t.Fatalf("unsigned webhooks changed %q to %q", before, after)
	}
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"status": `="pending"`})
	// Another channel's key signs for another channel's payments only, also where the merchant is the same.
	sideBySide(rounds(t, 20), func(int) {
		if r := send(t.Context(), http.MethodPost, in.base+"/paystack/webhook", body, "Content-Type", "application/json", "X-Paystack-Signature", sign(cardSecret(m.id), body)); r.status != 200 {
			t.Errorf("the right signature: %v", r)
		}
	})
	m.settles(t, ref, "completed", 10*time.Second).want(t, 200, shape{"transaction.amount_received": "=500", "transaction.needs_review": "=false"})
	received := 0
	for _, e := range in.events(t, "transaction-"+ref) {
		if e == "PaymentReceived" {
			received++
		}
	}
	if received != 1 {
		t.Errorf("a webhook repeated at once counts %d times", received)
	}
}

// Found by trying: with the simulators inside, nobody had told Paystack's where webhooks go, and none ever came.
func TestSandboxSendsCardWebhooksByItself(t *testing.T) {
	t.Parallel()
	m := newShop(t, common(t, "cards", quick(nil)))
	ref := m.initialize(t, `{"amount":31.5,"email":"self@example.com","payment_channel_id":`+m.card+`}`)
	if _, _, status := m.openCardPage(t, ref).submit(map[string]string{"card_number": "4084084084084081", "expiry": "12/34", "cvv": "408"}); status != http.StatusSeeOther {
		t.Fatalf("the card page answers %d", status)
	}
	m.settles(t, ref, "completed", 15*time.Second)
}
