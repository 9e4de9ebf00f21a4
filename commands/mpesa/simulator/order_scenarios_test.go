package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMagicNumbersOfInitiatorsAreNumbersAndUnique(t *testing.T) {
	numbers, names := map[string]bool{}, map[string]bool{}
	for _, sc := range Scenarios() {
		numbers[sc.MSISDN], names[sc.Name] = true, true
	}
	for _, sc := range InitiatorScenarios() {
		if !msisdnFormat.MatchString(sc.MSISDN) || numbers[sc.MSISDN] || sc.Name == "" || names[sc.Name] || sc.Description == "" {
			t.Errorf("%+v", sc)
		}
		if !strings.HasPrefix(sc.MSISDN, "25470008") && !strings.HasPrefix(sc.MSISDN, "25470009") {
			t.Errorf("%s is outside of the blocks", sc.MSISDN)
		}
		numbers[sc.MSISDN], names[sc.Name] = true, true
	}
}

// ending is what a scenario has to do: what is posted ("ResultCode", or a kind), when the last of it, and whether the
// money moves.
type ending struct {
	answer string // "accepted", "lost", or "status errorCode"
	posts  string
	last   time.Duration
	moved  bool
}

func endings() map[string]ending {
	const s = time.Second
	all := map[string]ending{
		"order-lost-done": {"lost", "0", 2 * s, true}, "order-lost-nothing": {"lost", "", 0, false},
		"order-html-500-done": {"html", "0", 2 * s, true}, "order-html-500": {"html", "", 0, false}, "order-empty-500": {"500", "", 0, false},
		"order-cut-done": {"cut", "0", 2 * s, true}, "order-lost-silent": {"lost", "", 0, true}, "order-lost-failed": {"lost", "1", 2 * s, false},

		"order-silent": {"accepted", "", 0, true}, "order-never": {"accepted", "", 0, false}, "order-duplicated": {"accepted", "0 0 0", 2600 * time.Millisecond, true},
		"order-before-response": {"accepted", "0", 0, true}, "order-late": {"accepted", "0", 600 * s, true},
		"order-junk": {"accepted", "junk-callback 0", 2300 * time.Millisecond, true}, "order-odd-types": {"accepted", `"0"`, 2 * s, true},
		"order-failure-then-success": {"accepted", "1 0", 2300 * time.Millisecond, true}, "order-forged": {"accepted", "forged-callback 1", 2300 * time.Millisecond, false},
		"order-wrong-amount": {"accepted", "0 for 11.00", 2 * s, true},

		"order-timeout": {"accepted", "queue-timeout", 5 * s, false}, "order-timeout-done": {"accepted", "queue-timeout", 5 * s, true},
		"order-timeout-then-result": {"accepted", "queue-timeout 0", 10 * s, true}, "order-timeout-flat": {"accepted", "queue-timeout", 5 * s, false},
		"order-timeout-junk": {"accepted", "junk-timeout", 5 * s, false},

		"order-refused-maintenance": {"500 500.002.1001", "", 0, false}, "order-refused-busy": {"500 500.003.02", "", 0, false},
		"order-refused-spike": {"500 500.003.02", "", 0, false}, "order-refused-quota": {"500 500.003.03", "", 0, false},
		"order-refused-internal": {"500 500.003.1001", "", 0, false}, "order-refused-duplicate": {"500 500.002.1001", "", 0, false},
		"order-refused-product": {"401 no apiproduct", "", 0, false}, "order-token-expired-once": {"token", "0", 2 * s, true},
		"order-not-zero": {`200 "ResponseCode":"1"`, "", 0, false},
	}
	for _, r := range InitiatorResults() {
		if r.Code != "0" && len(r.Code) <= 4 {
			all["order-"+r.Code] = ending{"accepted", r.Code, 2 * s, false}
		}
	}
	for name, code := range map[string]string{"order-r000001": "R000001", "order-r000002": "R000002", "order-sfc-ic0003": "SFC_IC0003"} {
		all[name] = ending{"accepted", `"` + code + `"`, 2 * s, false}
	}
	return all
}

// TestEveryMagicNumberOfInitiatorsDoesWhatItsLineSays runs each scenario as a payout of KES 10, and as the reversal of a
// payment of KES 10.
func TestEveryMagicNumberOfInitiatorsDoesWhatItsLineSays(t *testing.T) {
	want := endings()
	for _, sc := range InitiatorScenarios() {
		if sc.Name == "order-slow" {
			continue // a test of its own
		}
		for _, api := range []OrderAPI{B2C, Reversal} {
			t.Run(sc.Name+"/"+string(api), func(t *testing.T) {
				t.Parallel()
				c, listed := want[sc.Name]
				if !listed {
					t.Fatal("no ending is expected of this scenario: add it")
				}
				w := newWorld(t, nil)
				w.fund(100)
				path, body := b2cPath, w.b2cBody("kp-1", sc.MSISDN, "10")
				if api == Reversal {
					push := w.pushBody(sc.MSISDN)
					push["Amount"] = "10"
					w.post(pushPath, push)
					w.clock.Advance(paidAfter)
					path, body = reversalPath, w.reversalBody(w.delivered().Receipt, "10")
				}
				before, started := w.utility(), w.clock.Now()
				w.submits(path, body, c.answer)
				said := []string{}
				last := started
				for _, step := range []time.Duration{0, orderAfter, copyGap, copyGap, timeoutAfter - orderAfter - 2*copyGap, timeoutAfter, resultLate} {
					w.clock.Advance(step)
					w.settle()
					for more := true; more; {
						select {
						case d := <-w.sim.Delivered():
							said = append(said, toldOfOrder(t, d))
							last = d.At
						default:
							more = false
						}
					}
				}
				if got := strings.Join(said, " "); got != strings.Split(c.posts, " for ")[0] || c.posts != "" && last.Sub(started) > c.last+10*time.Second {
					t.Errorf("posted %q at %s, want %q at %s", got, last.Sub(started), c.posts, c.last)
				}
				if strings.Contains(c.posts, " for ") && !contains(fmt.Sprint(w.sim.Deliveries()), "11.00") {
					t.Errorf("no wrong amount in %+v", w.sim.Deliveries())
				}
				moved := before - w.utility()
				if c.moved != (moved == 1000) || !c.moved && moved != 0 {
					t.Errorf("%d cents moved", moved)
				}
				w.nothing()
			})
		}
	}
}

// submits makes an order and holds its answer.
func (w *world) submits(path string, body map[string]any, want string) {
	w.t.Helper()
	a, err := w.try("POST", path, w.headers(), marshal(w.t, body))
	switch want {
	case "lost":
		if err == nil {
			w.t.Errorf("answered %d %s", a.status, a.body)
		}
		return
	case "accepted":
		if err != nil || a.status != 200 || a.json(w.t)["ResponseCode"] != "0" {
			w.t.Errorf("%d %s %v", a.status, a.body, err)
		}
		return
	case "html", "500":
		if err != nil || a.status != 500 || strings.HasPrefix(a.body, "<html>") != (want == "html") {
			w.t.Errorf("%d %s %v", a.status, a.body, err)
		}
		return
	case "cut":
		if err != nil || a.status != 200 || json.Valid([]byte(a.body)) || a.body == "" {
			w.t.Errorf("%d %s %v", a.status, a.body, err)
		}
		return
	case "token":
		if err != nil || !contains(a.body, "Invalid Access Token") {
			w.t.Errorf("%d %s %v", a.status, a.body, err)
		}
		w.token = w.login()
		w.submits(path, body, "accepted")
		return
	}
	status, part, _ := strings.Cut(want, " ")
	if err != nil || fmt.Sprint(a.status) != status || !contains(a.body, part) {
		w.t.Errorf("%d %s %v, want %s", a.status, a.body, err, want)
	}
}

// toldOfOrder is a delivery in the words of an ending.
func toldOfOrder(t *testing.T, d Delivery) string {
	t.Helper()
	if d.Kind != ResultCallback {
		return string(d.Kind)
	}
	var got struct {
		Result struct{ ResultCode json.RawMessage }
	}
	if err := json.Unmarshal([]byte(d.Body), &got); err != nil {
		t.Fatalf("%q: %v", d.Body, err)
	}
	return string(got.Result.ResultCode)
}

func TestASlowOrderIsCarriedOutAllTheSame(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 100 })
	body := w.b2cBody("kp-1", "254700090007", "10")
	answered := make(chan answer, 1)
	go func() {
		a, _ := w.try("POST", b2cPath, w.headers(), marshal(t, body))
		answered <- a
	}()
	w.clock.AwaitTimers(2) // the answer's and the result's
	w.clock.Advance(orderAfter)
	if r := resulted(t, w.delivered()); r.code != "0" {
		t.Errorf("%+v", r)
	}
	w.clock.Advance(slowness)
	if a := <-answered; a.status != 200 || !contains(a.body, "kp-1") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAResultComesBeforeTheResponseToAnOrder(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.OpeningBalance = 100 })
	seen := make(chan int, 1)
	w.merchant.during = func() { seen <- len(w.sim.Deliveries()) }
	w.post(b2cPath, w.b2cBody("kp-1", "254700090013", "10"))
	select {
	case <-seen:
	default:
		t.Error("the answer came first")
	}
	if r := resulted(t, w.delivered()); r.code != "0" || r.originatorID != "kp-1" {
		t.Errorf("%+v", r)
	}
}

func TestTimeoutNoticesHaveTheShapesThatIntegratorsAssume(t *testing.T) {
	for msisdn, prefix := range map[string]string{"254700090020": `{"Result":{"ResultType":1,`, "254700090023": `{"ResultType":1,`, "254700090024": "The service request"} {
		w := newWorld(t, func(o *Options) { o.OpeningBalance = 100 })
		w.post(b2cPath, w.b2cBody("kp-1", msisdn, "10"))
		w.clock.Advance(timeoutAfter)
		if d := w.delivered(); !strings.HasPrefix(d.Body, prefix) || d.URL != w.merchant.URL+"/t/0a1b2c" {
			t.Errorf("%+v", d)
		}
		if said, _ := w.status("", "kp-1"); said != "R000002" {
			t.Errorf("the status says %s of what never was", said)
		}
	}
}

func TestWhatIsDoneSilentlyIsToldByStatus(t *testing.T) {
	for _, msisdn := range []string{"254700090008", "254700090010", "254700090021"} {
		w := newWorld(t, func(o *Options) { o.OpeningBalance = 100 })
		_, _ = w.try("POST", b2cPath, w.headers(), marshal(t, w.b2cBody("kp-1", msisdn, "10")))
		w.clock.Advance(timeoutAfter)
		w.settle()
		for len(w.sim.Delivered()) > 0 {
			<-w.sim.Delivered()
		}
		if said, r := w.status("", "kp-1"); said != "Completed" {
			t.Errorf("%s: %s %+v", msisdn, said, r)
		}
		list := w.sim.Orders()
		if list[0].API != B2C || list[0].ResultCode != "0" || list[0].Receipt == "" || list[1].API != TransactionStatus {
			t.Errorf("%+v", list)
		}
	}
}
