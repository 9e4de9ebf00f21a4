package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// callback is an STK callback as Daraja sends it.
func callback(checkout string, result, amount int, receipt string) string {
	if result != 0 {
		return fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"1-1-1","CheckoutRequestID":"%s","ResultCode":%d,"ResultDesc":"no"}}}`, checkout, result)
	}
	return fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"1-1-1","CheckoutRequestID":"%s","ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[`+
		`{"Name":"Amount","Value":%d.00},{"Name":"MpesaReceiptNumber","Value":"%s"},{"Name":"TransactionDate","Value":20260101120000},{"Name":"PhoneNumber","Value":254700000000}]}}}}`, checkout, amount, receipt)
}

// confirmation is a C2B confirmation as Daraja sends it.
func confirmation(shortcode, receipt, account, amount string) string {
	return fmt.Sprintf(`{"TransactionType":"Pay Bill","TransID":"%s","TransTime":"%s","TransAmount":"%s","BusinessShortCode":"%s","BillRefNumber":"%s",`+
		`"InvoiceNumber":"","OrgAccountBalance":"1.00","ThirdPartyTransID":"","MSISDN":"254712345678","FirstName":"A","MiddleName":"","LastName":"B"}`,
		receipt, time.Now().In(time.FixedZone("EAT", 3*3600)).Format("20060102150405"), amount, shortcode, account)
}

func (in *instance) knock(t *testing.T, method, path, body string) reply {
	t.Helper()
	return send(t.Context(), method, in.base+path, body, "Content-Type", "application/json")
}

// livePush is a push that waits on a simulated phone for a person, and the path of its callback.
func livePush(t *testing.T, m *merchant, amount int) (reference, checkout, door string) {
	t.Helper()
	m.admin(t, "daraja", "next", `{"scenario":"manual"}`)
	r := m.post("/api/mpesa/stk-push", m.pushBody(phone(), fmt.Sprint(amount))).want(t, 200, nil)
	checkout = r.text("transaction.checkout_request_id")
	m.admin(t, "daraja", "prompts/"+checkout+"/cancel", "")
	reference = r.text("transaction.reference")
	m.settles(t, reference, "failed", 15*time.Second)
	var delivered []delivery // the status query may have known before the callback came
	eventually(t, 15*time.Second, "a callback is delivered", func() error {
		if delivered = m.deliveriesTo(t, reference); len(delivered) == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	u, err := url.Parse(delivered[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	return reference, checkout, u.Path
}

func TestClosedDoorsChangeNothing(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	t.Run("what is no callback is refused", func(t *testing.T) { refuseJunk(t, in) })
	t.Run("a wrong token is unknown", func(t *testing.T) { refuseTokens(t, in) })
}

func refuseJunk(t *testing.T, in *instance) {
	t.Helper()
	m := newShop(t, in)
	channel := m.post("/api/payment-channels/create", mpesaChannel("600000")).want(t, 201, nil)
	card := m.post("/api/payment-channels/create", cardChannel(m.id)).want(t, 201, nil)
	ref, checkout, push := livePush(t, m, 70)
	path := func(r reply, name string) string { return strings.TrimPrefix(r.text("channel.urls."+name), in.base) }
	doors := []string{
		push, path(channel, "confirmation"), path(channel, "validation"), path(card, "webhook"),
		"/mpesa/confirmation", "/mpesa/validation", "/hooks/c2b/confirmation", "/hooks/c2b/validation", "/paystack/webhook",
	}
	junk := []string{
		"", "{", "nonsense", "null", "[]", "7", `"x"`, "{}", `{"Body":null}`, `{"Body":{"stkCallback":[]}}`, `{"Body":{"stkCallback":{"ResultCode":{}}}}`,
		strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat(`{"Body":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		`{"TransID":7,"TransAmount":{},"BusinessShortCode":[],"TransTime":true}`, `{"TransID":"","TransAmount":"","BusinessShortCode":""}`,
		`{"TransID":"AAAAAAAAAA","TransAmount":"-5","BusinessShortCode":"174379","TransTime":"20260101120000"}`,
		`{"TransID":"../../etc","TransAmount":"5","BusinessShortCode":"999999","TransTime":"x"}`,
		`{"event":"charge.success","data":{"reference":"` + ref + `-1","status":"success","amount":1}}`, "\x00\xff\xfe", `{"Body":"` + strings.Repeat("x", 100_000) + `"}`,
		callback(checkout, 0, 70, ""), callback(checkout, 0, 70, strings.Repeat("R", 5000)),
	}
	validations := map[string]bool{"/mpesa/validation": true, "/hooks/c2b/validation": true, path(channel, "validation"): true}
	before := in.head(t)
	for _, door := range doors {
		for i, body := range junk {
			r := in.knock(t, http.MethodPost, door, body)
			// The last two are well-formed for the push's own door: claims that prove nothing.
			if door == push && i >= len(junk)-2 {
				continue
			}
			if r.err != nil || r.status >= 500 || r.status < 400 && !validations[door] {
				t.Errorf("POST %s with %.60q: %v", door, body, r)
			}
		}
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"} {
			if r := in.knock(t, method, door, ""); r.status >= 500 || r.status < 400 && method != "OPTIONS" {
				t.Errorf("%s %s: %v", method, door, r)
			}
		}
		for _, size := range []int{1 << 20, 3 << 20} {
			if r := in.knock(t, http.MethodPost, door, `{"x":"`+strings.Repeat("x", size)+`"}`); r.status != 413 {
				t.Errorf("POST %s with %d bytes: %v", door, size, r)
			}
		}
	}
	// The push's own door has recorded two claims that prove nothing.
	if added := in.since(t, before); strings.ReplaceAll(strings.Join(added, ""), "CallbackReceived", "") != "" || len(added) > 2 {
		t.Errorf("the doors have written %q", added)
	}
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"status": `="failed"`, "transaction.amount_received": "=0"})
}

func refuseTokens(t *testing.T, in *instance) {
	t.Helper()
	m := newShop(t, in)
	ref, checkout, push := livePush(t, m, 71)
	channel := m.post("/api/payment-channels/create", mpesaChannel("600984")).want(t, 201, nil)
	door := strings.TrimPrefix(channel.text("channel.urls.confirmation"), in.base)
	before := in.head(t)
	good := callback(checkout, 0, 71, "QZZ1234567")
	for _, path := range []string{
		push[:len(push)-1] + "0", push[:len(push)-32] + strings.Repeat("0", 32), push + "0", strings.Replace(push, "/1/", "/2/", 1), strings.Replace(push, "/1/", "/-1/", 1),
		strings.Replace(push, "/1/", "/99999999999999999999/", 1), "/hooks/push/" + ref + "/1/" + push[len(push)-32:], strings.ToUpper(push),
		"/hooks/push/zz/1/" + push[len(push)-32:], "/hooks/push//1/", "/hooks/push/%00/1/%00", strings.Replace(push, "/hooks", "/hooks/../hooks/push", 1),
	} {
		if path == push {
			continue
		}
		r := in.knock(t, http.MethodPost, path, good)
		if r.status != 404 && r.status != 400 {
			t.Errorf("%s: %v", path, r)
		}
	}
	id := channel.text("channel.id")
	for _, path := range []string{
		strings.Replace(door, "/"+id+"/", "/1/", 1), strings.Replace(door, "/"+id+"/", "/999999/", 1), strings.Replace(door, "/"+id+"/", "/0"+id+"x/", 1),
		door[:len(door)-len("0/confirmation")] + "x/confirmation", strings.Replace(door, "/c2b/", "/card/", 1),
	} {
		if r := in.knock(t, http.MethodPost, path, confirmation("600984", "QZZ7654321", "ANY", "5.00")); r.status != 404 {
			t.Errorf("%s: %v", path, r)
		}
	}
	if added := in.since(t, before); len(added) != 0 {
		t.Errorf("the doors have written %q", added)
	}
}

func TestUntokenedNoticeOfAProductionShortcodeCreditsNothing(t *testing.T) {
	t.Parallel()
	in := common(t, "doors", quick(nil))
	m := newMerchant(t, in)
	shortcode := fmt.Sprint(4000000 + clients.Add(1))
	channel := m.post("/api/payment-channels/create", liveChannel(shortcode)).want(t, 201, nil)
	live := m.as(m.live)
	for i, path := range []string{"/mpesa/confirmation", "/hooks/c2b/confirmation"} {
		in.knock(t, http.MethodPost, path, confirmation(shortcode, fmt.Sprintf("QFORGED%03d", i), "ORDER1", "90000.00")).want(t, 200, nil)
	}
	for _, row := range live.listed(t, "") {
		if row["status"] != "pending" || asJSON(row["amount_received"]) != "0" || row["receipt"] != nil {
			t.Errorf("a notice from anywhere counts: %s", asJSON(row))
		}
	}
	live.get("/api/transactions/list?status=completed").want(t, 200, shape{"total": "=0"})
	m.get("/api/transactions/list").want(t, 200, shape{"total": "=0"})
	// The same receipt through the channel's own door is money, once, whatever the forger had claimed.
	door := strings.TrimPrefix(channel.text("channel.urls.confirmation"), in.base)
	in.knock(t, http.MethodPost, door, confirmation(shortcode, "QFORGED000", "ORDER1", "900.00")).want(t, 200, nil)
	live.get("/api/transactions/list?status=completed").want(t, 200, shape{"total": "=1", "data.0.amount": "=900", "data.0.receipt": `="QFORGED000"`})
	if rows := live.listed(t, ""); len(rows) != 2 {
		t.Errorf("%d transactions are listed, want the payment and the other notice: %v", len(rows), rows)
	}
}

func TestCallbackReplayedAtOnceIsOnePayment(t *testing.T) {
	t.Parallel()
	in := common(t, "doors", quick(nil))
	m := newShop(t, in)
	ref, checkout, door := livePush(t, m, 72)
	receipt := fmt.Sprintf("QREPLAY%03d", clients.Add(1))
	body := callback(checkout, 0, 72, receipt)
	sideBySide(rounds(t, 50), func(int) {
		if r := in.knock(t, http.MethodPost, door, body); r.status != 200 || r.text("ResultCode") != "0" {
			t.Errorf("a genuine callback: %v", r)
		}
	})
	m.settles(t, ref, "completed", 10*time.Second).want(t, 200, shape{"transaction.amount_received": "=72", "transaction.receipt": fmt.Sprintf("=%q", receipt), "transaction.needs_review": "=false"})
	received := 0
	for _, e := range in.events(t, "transaction-"+ref) {
		if e == "PaymentReceived" || e == "TransactionMerged" {
			received++
		}
	}
	if received != 1 {
		t.Errorf("%d payments of one: %v", received, in.events(t, "transaction-"+ref))
	}
	m.get("/api/transactions/list?status=completed").want(t, 200, shape{"total": "=1"})
}

func TestOneReceiptThroughAllDoorsAtOnceIsOnePayment(t *testing.T) {
	t.Parallel()
	in := common(t, "doors", quick(nil))
	m := newShop(t, in)
	for round := range rounds(t, 3) {
		ref, checkout, door := livePush(t, m, 500+round)
		receipt := fmt.Sprintf("QDOORS%04d", clients.Add(1))
		account := m.get("/api/transactions/verify/" + ref).text("transaction.merchant_reference")
		m.registerC2B(t)
		sideBySide(24, func(i int) {
			if i%2 == 0 {
				in.knock(t, http.MethodPost, door, callback(checkout, 0, 500+round, receipt))
			} else {
				in.knock(t, http.MethodPost, "/mpesa/confirmation", confirmation("174379", receipt, account, fmt.Sprintf("%d.00", 500+round)))
			}
		})
		m.settles(t, ref, "completed", 10*time.Second).want(t, 200, shape{"transaction.receipt": asPattern(receipt), "transaction.needs_review": "=false"})
		check := func() error {
			n := 0
			for _, row := range m.listed(t, "") {
				if row["receipt"] == receipt {
					n++
				}
			}
			if n != 1 {
				return fmt.Errorf("%d listed payments have the receipt", n)
			}
			return nil
		}
		eventually(t, 5*time.Second, "one payment", check)
	}
}

func TestCallbacksAreAnsweredWhileClickHouseStandsStill(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newShop(t, in)
	ref, checkout, door := livePush(t, m, 73)
	engine := in.engine(t)
	if err := syscall.Kill(engine, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(engine, syscall.SIGCONT) }()
	var took []time.Duration
	for range 30 {
		r := in.knock(t, http.MethodPost, door, callback(checkout, 0, 73, "QSTOPPED01")).want(t, 200, nil)
		took = append(took, r.took)
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("callbacks take %s (median), %s at worst", median, took[len(took)-1])
	}
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"status": `="completed"`})
}
