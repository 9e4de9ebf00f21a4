package commands_test

import (
	"testing"

	"github.com/benfex/kipay/domain/transaction"
)

// Daraja's answer to the push was lost, and its callback names no receipt: only the callback tells whom to ask after.
func TestPaidPushIsFoundThoughItsAnswerAndItsReceiptAreLost(t *testing.T) {
	for name, callback := range map[string]string{
		"success without receipt":  `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_1","ResultCode":0,"ResultDesc":"ok"}}}`,
		"a code that nobody knows": `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_1","ResultCode":77,"ResultDesc":"?"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.daraja.be(func(d *daraja) { d.cut = true })
			ref, url := w.push("ORDER123")
			if a, _ := w.state(ref).Attempt(1); !a.Unknown || a.CheckoutRequestID != "" {
				t.Fatalf("%+v", a)
			}
			w.mustPost(url, callback)
			w.daraja.say("0")
			w.askAll()
			if s := w.state(ref); s.Status() != transaction.StatusCompleted || s.Credited.Major() != 1000 {
				t.Errorf("%s, credited %s", s.Status(), s.Credited)
			}
		})
	}
}
