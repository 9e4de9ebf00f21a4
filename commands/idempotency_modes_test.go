package commands_test

import (
	"testing"

	"github.com/benfex/kipay/domain"
)

// A merchant tries its integration with a test key and then goes live: the same order under the same Idempotency-Key is
// another payment, not the simulated one again.
func TestIdempotencyKeysOfTestAndLiveAreIndependent(t *testing.T) {
	w := newWorld(t, "sandbox")
	body := `{"amount":1000,"phone_number":"254712345678","reference":"ORDER1"}`
	if status, answer := w.post("/api/mpesa/stk-push", body, "Idempotency-Key", "order 1"); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	w.mode = domain.ModeLive
	if status, answer := w.post("/api/mpesa/stk-push", body, "Idempotency-Key", "order 1"); status != 400+int(domain.CodeForbidden) {
		t.Errorf("a live key on the sandbox channel is answered %d %s", status, answer)
	}
	if err := w.write.CreateChannelFor(t.Context(), w.merchant, []byte(`{"name":"live","provider":"mpesa","is_default":true,"config":{"environment":"production",`+
		`"consumer_key":"ck","consumer_secret":"cs","shortcode":"600100","passkey":"pk"}}`)); err != nil {
		t.Fatal(err)
	}
	if status, answer := w.post("/api/mpesa/stk-push", body, "Idempotency-Key", "order 1"); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	if n := len(w.daraja.pushed()); n != 2 {
		t.Errorf("%d prompts, want one of the test and one of the live order", n)
	}
	modes := map[domain.Mode]int{}
	for _, s := range w.listed() {
		modes[s.Mode]++
	}
	if modes[domain.ModeTest] != 1 || modes[domain.ModeLive] != 1 {
		t.Errorf("%v", modes)
	}
}
