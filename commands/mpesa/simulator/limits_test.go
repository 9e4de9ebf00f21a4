package simulator

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestAScriptedCodeThatIsNoJSONNumberIsCalledBackAsAText(t *testing.T) {
	for _, code := range []string{"007", "+5", "00", "9", "-1"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, nil)
			if err := w.sim.Script(Next{ResultCode: code}); err != nil {
				t.Fatal(err)
			}
			w.push(ordinary)
			w.clock.Advance(paidAfter)
			want := code
			if code != "9" && code != "-1" {
				want = `"` + code + `"`
			}
			if got, _ := callback(t, w.delivered()); got != want {
				t.Errorf("called back as %s, want %s", got, want)
			}
		})
	}
}

func TestReceiptsOfCustomersOwnPaymentsAreForgottenToo(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 3 })
	w.register(registerV2, SandboxShortCode, "Completed")
	for range 50 {
		w.payFromTheMenu(t, http.StatusOK)
		w.clock.Advance(time.Minute)
		w.settle()
	}
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	if n := len(w.sim.receipts); n > 3 {
		t.Errorf("%d receipts are kept, of at most 3 payments", n)
	}
}

func TestWhatWaitsToBeDeliveredIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 3 })
	w.register(registerV2, SandboxShortCode, "Completed")
	for range 6 {
		w.payFromTheMenu(t, http.StatusOK)
	}
	w.payFromTheMenu(t, http.StatusInternalServerError)
	if a := w.post(pushPath, w.pushBody(ordinary)); a.json(t)["errorCode"] != "500.003.02" {
		t.Errorf("a push beyond the bound: %d %s", a.status, a.body)
	}
	w.clock.Advance(time.Minute)
	w.settle()
	w.payFromTheMenu(t, http.StatusOK)
}

// payFromTheMenu simulates one C2B payment.
func (w *world) payFromTheMenu(t *testing.T, status int) {
	t.Helper()
	a := w.post(simulateV2, map[string]any{
		"ShortCode": SandboxShortCode, "CommandID": "CustomerPayBillOnline", "Amount": 5, "Msisdn": ordinary, "BillRefNumber": simulateBill,
	})
	if a.status != status {
		t.Fatalf("simulate: %d %s, want %s", a.status, a.body, fmt.Sprint(status))
	}
}
