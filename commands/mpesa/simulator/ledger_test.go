package simulator

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/commands/delivery/deliverytest"
)

func TestPaymentsAreCreditedWhetherAnybodyIsToldOrNot(t *testing.T) {
	for name, c := range map[string]struct {
		msisdn string
		cents  int64
	}{
		"success": {ordinary, 500}, "silent": {"254700010000", 500}, "cancelled": {"254700001032", 0}, "response lost": {"254700030001", 500},
		"nothing behind it": {"254700030002", 0}, "paid twice": {"254700020010", 1000}, "late": {"254700020001", 500}, "forged": {"254700020011", 0},
		"before the response": {"254700020006", 500}, "refused": {"254700040001", 0}, "never": {"254700014999", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			_, _ = w.try("POST", pushPath, w.headers(), marshal(t, w.pushBody(c.msisdn)))
			w.clock.Advance(time.Hour)
			if got := w.utility(); got != c.cents {
				t.Errorf("%d cents", got)
			}
		})
	}
}

func TestMoneyIsThereWhenThePromptIsPaidAndNotBefore(t *testing.T) {
	w := newWorld(t, nil)
	w.push("254700020001") // 1037, then paid after 5 minutes
	w.clock.Advance(lateSuccess - time.Millisecond)
	if w.utility() != 0 {
		t.Error("too early")
	}
	w.clock.Advance(time.Millisecond)
	if w.utility() != 500 {
		t.Error("too late")
	}
}

func TestCustomersOwnPaymentsAreCredited(t *testing.T) {
	w := newWorld(t, nil)
	w.post(simulateV2, c2bBody(SandboxShortCode, ordinary))
	if w.utility() != 1000 {
		t.Error("not at once")
	}
	w.post(simulateV2, c2bBody(SandboxShortCode, "254700060005")) // never notified
	if w.utility() != 2000 {
		t.Error("not without a notification")
	}
	w.register(registerV2, "600996", "Cancelled")
	w.merchant.answers(200, `{"ResultCode":"C2B00012"}`)
	w.post(simulateV2, c2bBody("600996", ordinary))
	w.clock.Advance(time.Minute)
	w.settle()
	if b := w.sim.Balances()[3]; b.ShortCode != "600996" || b.Utility != 0 {
		t.Errorf("refused by validation: %+v", b)
	}
	w.merchant.answers(200, `{"ResultCode":"0"}`)
	w.post(simulateV2, c2bBody("600996", ordinary))
	if b := w.sim.Balances()[3]; b.Utility != 0 {
		t.Errorf("before validation: %+v", b)
	}
	w.clock.Advance(time.Minute)
	w.settle()
	if b := w.sim.Balances()[3]; b.Utility != 1000 {
		t.Errorf("after validation: %+v", b)
	}
}

func TestAConfirmationThatComesFirstHasTheBalanceAfterwards(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 100 })
	w.register(registerV2, SandboxShortCode, "Completed")
	w.push("254700060001")
	w.clock.Advance(time.Minute)
	if n := notified(t, w.delivered()); n["OrgAccountBalance"] != "105.00" {
		t.Errorf("%v", n)
	}
	if w.utility() != 105_00 {
		t.Errorf("%d cents", w.utility())
	}
}

func TestChargesAreTakenAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.do("POST", "/__sim/tariff", nil, `{"c2b_basis_points":55}`); a.status != 200 {
		t.Fatal(a.body)
	}
	push := w.pushBody(ordinary)
	push["Amount"] = "1500"
	w.post(pushPath, push)
	w.clock.Advance(time.Minute)
	if got := w.utility(); got != 1500_00-8_25 {
		t.Errorf("%d cents", got)
	}
	for _, wrong := range []string{`{"c2b_basis_points":-1}`, `{"c2b_basis_points":10001}`, `{"b2c_cents":-1}`} {
		if a := w.do("POST", "/__sim/tariff", nil, wrong); a.status != 422 {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}
	if a := w.do("GET", "/__sim/tariff", nil, ""); !contains(a.body, `"c2b_basis_points":55`) {
		t.Error(a.body)
	}
}

func TestThePortalMovesMoneyWithoutTellingAnybody(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Tariff = Tariff{B2CCents: 2240} })
	receipt := w.paid(ordinary)
	for _, step := range []struct {
		path, body string
		status     int
	}{
		{"deposits", `{"shortcode":"174379","amount":100}`, 200},
		{"deposits", `{"shortcode":"174379","amount":0}`, 422},
		{"deposits", `{"shortcode":"999999","amount":1}`, 422},
		{"reversals", `{"receipt":"` + receipt + `"}`, 200},
		{"reversals", `{"receipt":"` + receipt + `"}`, 422},
		{"reversals", `{"receipt":"SKC82PACB8"}`, 422},
		{"withdrawals", `{"shortcode":"174379","amount":101}`, 422},
		{"withdrawals", `{"shortcode":"174379","amount":40}`, 200},
		{"withdrawals", `{"shortcode":"174379","amount":1,"to":"x"}`, 400},
	} {
		a := w.do("POST", "/__sim/"+step.path, nil, step.body)
		if a.status != step.status || step.status == 200 && !receiptFormat.MatchString(fmt.Sprint(a.json(t)["receipt"])) {
			t.Errorf("%+v: %d %s", step, a.status, a.body)
		}
	}
	if b := w.sim.Balances()[0]; b != (Balance{SandboxShortCode, 60_00, 40_00, 0}) {
		t.Errorf("%+v", b)
	}
	if said, _ := w.status(receipt, ""); said != "Reversed" {
		t.Errorf("status says %s", said)
	}
	w.orders(b2cPath, w.b2cBody("kp-1", ordinary, "10"))
	if _, err := w.sim.Withdraw(SandboxShortCode, 50); err != nil { // the charges are settled out of it
		t.Fatal(err)
	}
	if b := w.sim.Balances()[0]; b != (Balance{SandboxShortCode, 0, 40_00 + 50_00 - 22_40, 0}) {
		t.Errorf("%+v", b)
	}
	w.nothing()
	w.token = w.login()
	if _, err := w.sim.ReverseOnPortal(w.paid(ordinary)); err != nil {
		t.Error(err)
	}
	if r := w.paid(ordinary); func() error {
		_, _ = w.sim.Withdraw(SandboxShortCode, 5)
		_, err := w.sim.ReverseOnPortal(r)
		return err
	}() == nil {
		t.Error("reversed without money")
	}
}

func TestTheCertificateIsOneOfItsOwnAndEnds(t *testing.T) {
	life := 10 * 24 * time.Hour
	one, other := New(Options{Now: noon, CertificateLife: life}), New(Options{})
	block, rest := pem.Decode(one.Certificate())
	if block == nil || len(bytes.TrimSpace(rest)) != 0 || bytes.Equal(one.Certificate(), other.Certificate()) || !bytes.Equal(one.Certificate(), one.Certificate()) {
		t.Fatal("not one certificate, always the same")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() != 2048 || !cert.NotAfter.Equal(noon().Add(life)) || !cert.NotBefore.Before(noon()) {
		t.Errorf("%v %v", cert.NotBefore, cert.NotAfter)
	}
	one.Reset()
	if again, _ := pem.Decode(one.Certificate()); !bytes.Equal(again.Bytes, block.Bytes) {
		t.Error("a reset makes credentials void")
	}
}

func TestOptionsThatCannotBePanic(t *testing.T) {
	for name, o := range map[string]Options{"tariff": {Tariff: Tariff{C2BBasisPoints: -1}}, "opening": {OpeningBalance: -1}, "too much": {OpeningBalance: maxOpeningBalance + 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			New(o)
		}()
	}
}

func TestTheBookIsBoundedAndItsBalancesStay(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions, o.OpeningBalance = 3, 1000 })
	for i := range 20 {
		w.post(simulateV2, c2bBody(SandboxShortCode, ordinary))
		w.post(b2cPath, w.b2cBody(fmt.Sprintf("kp-%d", i), ordinary, "10"))
		w.clock.Advance(time.Minute)
		w.settle()
	}
	w.sim.mu.Lock()
	kept, orders, asked := len(w.sim.ledger.movements), len(w.sim.orders), len(w.sim.asked)
	receipts, conversations := len(w.sim.ledger.byReceipt), len(w.sim.ledger.byConversation)
	w.sim.mu.Unlock()
	if kept != 6 || orders != 3 || asked != 3 || receipts != 6 || conversations > 3 {
		t.Errorf("%d movements, %d orders, %d asked, %d receipts, %d conversations", kept, orders, asked, receipts, conversations)
	}
	if w.utility() != 1000_00 {
		t.Errorf("%d cents", w.utility())
	}
	st, err := w.sim.Statement(StatementQuery{ShortCode: SandboxShortCode})
	if err != nil || len(st.Rows) != 6 || st.Closing != 1000_00 || st.Opening+st.PaidIn-st.Withdrawn != st.Closing {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestWhatIsStillToHappenIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions, o.OpeningBalance = 2, 1000 })
	status := 200
	for i := range 5 {
		if i == 4 {
			status = 500
		}
		if a := w.post(b2cPath, w.b2cBody(fmt.Sprintf("kp-%d", i), "254700090010", "10")); a.status != status {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
	w.clock.Advance(orderAfter)
	if a := w.post(b2cPath, w.b2cBody("kp-9", ordinary, "10")); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestNoMoneyIsMadeOrLost moves money at random and holds that the book adds up: every balance is the sum of its lines,
// every statement goes from its opening to its closing balance, and times that follow on one another share no row.
func TestNoMoneyIsMadeOrLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clk := deliverytest.NewClock(noon())
		sim := New(Options{
			Now: clk.Now, AfterFunc: clk.AfterFunc, Rand: rand.NewChaCha8([32]byte{9}), HTTPClient: &http.Client{Transport: nowhere{}},
			OpeningBalance: 100, Tariff: Tariff{C2BBasisPoints: 55, B2CCents: 2240}, MaxTransactions: rapid.SampledFrom([]int{4, 1000}).Draw(t, "kept"),
		})
		app := &sim.opts.Apps[0]
		var paid, cut []string
		bounds := []time.Time{clk.Now()}
		expected := int64(100_00)
		number, _ := app.shortCode(SandboxShortCode)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			amount := rapid.Int64Range(1, 5000).Draw(t, "amount")
			clk.Advance(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			before := sim.Balances()[0].Utility
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				sim.payC2B(c2bRequest{shortCode: SandboxShortCode, msisdn: ordinary, billRef: "INV1", amount: amount}, app)
				expected += amount*100 - amount*100*55/10_000
				sim.mu.Lock()
				last := sim.ledger.movements[len(sim.ledger.movements)-1]
				sim.mu.Unlock()
				paid = append(paid, last.receipt)
			case 1:
				if len(paid) == 0 {
					continue
				}
				receipt := rapid.SampledFrom(paid).Draw(t, "receipt")
				sim.mu.Lock()
				m := sim.ledger.byReceipt[receipt]
				o := &order{api: Reversal, shortCode: SandboxShortCode, receipt: receipt, acceptedAt: clk.Now(), originatorID: sim.originatorID()}
				cents := int64(100)
				if m != nil {
					cents = m.cents
				}
				done := sim.workReversal(o, cents, clk.Now())
				sim.mu.Unlock()
				if done.code == "0" {
					expected -= cents
					for _, again := range cut {
						if again == receipt {
							t.Fatalf("%s was reversed twice", receipt)
						}
					}
					cut = append(cut, receipt)
				}
			case 2:
				o := &order{api: B2C, shortCode: SandboxShortCode, msisdn: ordinary, acceptedAt: clk.Now(), originatorID: sim.originatorID()}
				sim.mu.Lock()
				done := sim.workB2C(o, number, "BusinessPayment", amount, clk.Now())
				sim.mu.Unlock()
				if done.code == "0" {
					expected -= amount * 100
				}
			case 3:
				if _, err := sim.Withdraw(SandboxShortCode, amount); err == nil {
					expected -= amount * 100
				}
			case 4:
				if _, err := sim.Deposit(SandboxShortCode, amount); err != nil {
					t.Fatal(err)
				}
				expected += amount * 100
			case 5:
				bounds = append(bounds, clk.Now())
			}
			if got := sim.Balances()[0].Utility; got != expected || got < 0 {
				t.Fatalf("from %d to %d, want %d", before, got, expected)
			}
		}
		checkStatements(t, sim, append(bounds, clk.Now().Add(time.Second)))
		if err := sim.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func checkStatements(t *rapid.T, sim *Simulator, bounds []time.Time) {
	now := sim.Balances()[0]
	for account, have := range map[string]int64{"utility": now.Utility, "working": now.Working, "charges": now.ChargesPaid} {
		whole, err := sim.Statement(StatementQuery{ShortCode: SandboxShortCode, Account: account, From: bounds[0], To: bounds[len(bounds)-1]})
		if err != nil || whole.Closing != have || whole.Available != have || whole.Opening+whole.PaidIn-whole.Withdrawn != whole.Closing {
			t.Fatalf("%s: %+v, %v, have %d", account, whole, err, have)
		}
		balance := whole.Opening
		for _, row := range whole.Rows {
			if balance += row.PaidIn - row.Withdrawn; row.Balance != balance || row.PaidIn < 0 || row.Withdrawn < 0 || (row.PaidIn == 0) == (row.Withdrawn == 0) {
				t.Fatalf("%s: %+v, balance %d", account, row, balance)
			}
		}
		rows, last := 0, whole.Opening
		for i := range bounds[1:] {
			if !bounds[i].Before(bounds[i+1]) {
				continue
			}
			part, err := sim.Statement(StatementQuery{ShortCode: SandboxShortCode, Account: account, From: bounds[i], To: bounds[i+1]})
			if err != nil || part.Opening != last {
				t.Fatalf("%s: %+v, %v, opens after %d", account, part, err, last)
			}
			rows, last = rows+len(part.Rows), part.Closing
		}
		if rows != len(whole.Rows) || last != whole.Closing {
			t.Fatalf("%s: the parts have %d rows and end at %d", account, rows, last)
		}
	}
}
