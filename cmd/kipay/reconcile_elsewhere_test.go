package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A merchant has two shortcodes, and the confirmations of the one were registered at the other's address. A payment is booked where
// no money came: both statements say so, whichever is compared first.
func TestAPaymentAtTheWrongChannelIsSeenFromBothSides(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newMerchant(t, in)
	open := func(shortcode string) (id, confirmation string) {
		r := m.post("/api/payment-channels/create", mpesaChannel(shortcode)).want(t, 201, nil)
		return r.text("channel.id"), r.text("channel.urls.confirmation")
	}
	first, address := open("174379")
	second, _ := open("600984")
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+second+`,"confirmation_url":"`+address+`","validation_url":"`+address+`"}`).want(t, 200, nil)
	file := func(shortcode, shows string) (out string) {
		eventually(t, 15*time.Second, "the statement shows "+shows, func() error {
			out = send(t.Context(), http.MethodGet, in.sim+"/daraja/__sim/statement?shortcode="+shortcode, "").raw
			if !strings.Contains(out, shows) {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
		return out
	}
	sale := func(amount string) string {
		m.mpesa = first
		m.settles(t, m.push(t, phone(), amount), "completed", 15*time.Second)
		return file("174379", ","+amount+".00,")
	}
	astray := m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+second+`,"amount":75,"phone_number":"254712345678","reference":"STALL"}`).
		want(t, 200, shape{"transaction.status": `="completed"`}).text("transaction.transaction_reference")

	// As long as only one statement is there, it seems to belong to its neighbour: this one is a few seconds long.
	m.mpesa = first
	id := m.imported(t, sale("41"), "done").text("import.id")
	m.difference(t, id, "timing").want(t, 200, shape{"data.0.amount": "=-75", "data.0.references.0": `="` + astray + `"`})

	m.mpesa = second
	id = m.imported(t, file("600984", "STALL"), "done").text("import.id")
	m.difference(t, id, "wrong_account").want(t, 200, shape{"data.0.amount": "=75", "data.0.references.0": `="` + astray + `"`, "data.0.state": `="open"`})

	id = m.imported(t, sale("42"), "done").want(t, 200, shape{"import.unexplained": "=0"}).text("import.id")
	m.difference(t, id, "wrong_account").want(t, 200, shape{
		"data.0.amount": "=-75", "data.0.rule": `="receipt"`, "data.0.line_number": "=null", "data.0.references.0": `="` + astray + `"`, "data.0.state": `="open"`,
	})
}
