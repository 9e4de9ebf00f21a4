package commands_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

func (w *world) openChannel(merchant int64, config string) {
	w.t.Helper()
	if err := w.write.CreateChannelFor(w.t.Context(), merchant, []byte(`{"name":"c",`+config+`}`)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) openMerchant() int64 {
	w.t.Helper()
	id, _, err := w.write.CreateMerchant(w.t.Context(), commands.NewMerchant{Name: "Other", Email: "other@example.com"})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func signed(secret, body string) []string {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(body))
	return []string{"X-Paystack-Signature", hex.EncodeToString(mac.Sum(nil))}
}

// A merchant knows its own secret key, and may learn the reference of somebody else's payment.
func TestCardNoticeCountsOnlyUnderTheKeyOfItsOwnChannel(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.openCheckout() // channel 2, sk_test_x
	w.payByCard(ref)
	w.openChannel(w.openMerchant(), `"provider":"paystack","config":{"public_key":"pk_test_y","secret_key":"sk_test_y"}`)
	body := fmt.Sprintf(`{"event":"charge.success","data":{"id":4099260516,"domain":"test","status":"success","reference":"%s-1","amount":100000,"currency":"KES","channel":"card"}}`, ref)
	door := func(channel string) string {
		return "/hooks/card/" + channel + "/" + w.write.CardToken(channel)
	}
	for name, c := range map[string]struct {
		path    string
		headers []string
	}{
		"another's door and key":                   {door("3"), signed("sk_test_y", body)},
		"another's key at its own door":            {door("2"), signed("sk_test_y", body)},
		"another's key at the door of all":         {"/paystack/webhook", signed("sk_test_y", body)},
		"no signature at its own door":             {door("2"), nil},
		"no signature at the door of all":          {"/paystack/webhook", nil},
		"an empty signature at the door of all":    {"/paystack/webhook", []string{"X-Paystack-Signature", ""}},
		"the signature of another body":            {door("2"), signed("sk_test_x", body+" ")},
		"its own key at another's door":            {door("3"), signed("sk_test_x", body)},
		"its own key at a door with a wrong token": {door("2")[:len(door("2"))-1] + "x", signed("sk_test_x", body)},
	} {
		w.post(c.path, body, c.headers...)
		if s := w.state(ref); s.Status() != transaction.StatusPending || len(s.Payments) != 0 {
			t.Fatalf("%s: %s", name, s.Status())
		}
	}
	if status, answer := w.post(door("2"), body, signed("sk_test_x", body)...); status != 200 || w.state(ref).Status() != transaction.StatusCompleted {
		t.Errorf("its own key at its own door: %d %s, %s", status, answer, w.state(ref).Status())
	}
}

// Whoever learns a receipt number must not be able to take it from another merchant by naming it first.
func TestReceiptOfAProductionChannelIsItsOwn(t *testing.T) {
	w := newWorld(t, "production")
	first := w.c2bToken()
	w.openChannel(w.openMerchant(), `"provider":"mpesa","config":{"environment":"production","consumer_key":"ck","consumer_secret":"cs","shortcode":"600200","passkey":"pk"}`)
	other := "/hooks/c2b/2/" + w.write.C2BToken("2") + "/confirmation"
	w.mustPost(other, strings.Replace(confirmation("X", "QGR7I8K2LM", "1.00"), "600100", "600200", 1))
	w.mustPost(first, confirmation("ORDER123", "QGR7I8K2LM", "1000.00"))
	credited := map[int64]int64{}
	for _, s := range w.listed() {
		credited[s.Merchant] += s.Credited.Major()
	}
	if credited[w.merchant] != 1000 || len(credited) != 2 {
		t.Errorf("credited %v by merchant", credited)
	}
}

// A notice that names another request than ours must not even claim the receipt: it would hide whose it is.
func TestReceiptThatAMistakenNoticeNamesStaysFree(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	ref, url := w.push("ORDER123")
	w.mustPost(url, paid("ws_CO_another", "QGR7I8K2LM"))
	if s := w.state(ref); s.Status() != transaction.StatusPending || len(s.Conflicts) != 1 {
		t.Errorf("%s, %v", s.Status(), s.Conflicts)
	}
	w.mustPost("/mpesa/confirmation", confirmation("somebody", "QGR7I8K2LM", "1000.00"))
	for r, s := range w.listed() {
		if want := map[bool]transaction.Status{true: transaction.StatusPending, false: transaction.StatusCompleted}[r == ref]; s.Status() != want {
			t.Errorf("%s is %s, want %s", r, s.Status(), want)
		}
	}
}

func TestChannelOfAnotherMerchantIsUnknown(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.openChannel(w.openMerchant(), `"provider":"mpesa","config":{"environment":"sandbox","consumer_key":"ck","consumer_secret":"cs","shortcode":"600200","passkey":"pk"}`)
	for path, body := range map[string]string{
		"/api/transactions/initialize": `{"amount":5,"email":"a@example.com","payment_channel_id":2}`,
		"/api/mpesa/stk-push":          `{"amount":5,"phone_number":"254712345678","payment_channel_id":2}`,
		"/api/mpesa/register-c2b-urls": `{"payment_channel_id":2}`,
		"/api/mpesa/simulate-c2b":      `{"payment_channel_id":2,"amount":5,"phone_number":"254712345678","reference":"X"}`,
	} {
		if status, answer := w.post(path, body); status != 400+int(domain.CodeInvalid) || !strings.Contains(answer, "payment_channel_id: does not exist") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}

// The payer of a trial is never sent to a page that takes real money, nor the other way round.
func TestCheckoutOffersChannelsOfItsOwnModeOnly(t *testing.T) {
	w := newWorld(t, "sandbox")
	status, body := w.post("/api/transactions/initialize", `{"amount":1000,"email":"jane@example.com"}`)
	if status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	w.openChannel(w.merchant, `"provider":"paystack","config":{"public_key":"pk_live_x","secret_key":"sk_live_x"}`)
	for ref := range w.listed() {
		c, err := w.write.Checkout(t.Context(), string(ref))
		if err != nil || c.Mpesa != 1 || c.Card != 0 {
			t.Errorf("offers M-Pesa by %d and cards by %d (%v)", c.Mpesa, c.Card, err)
		}
		if _, err := w.write.PayByCard(t.Context(), string(ref)); domain.CodeOf(err) != domain.CodeConflict {
			t.Errorf("a card is taken: %v", err)
		}
	}
}
