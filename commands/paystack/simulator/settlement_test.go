package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sums are a settlement's amounts in a few words.
func sums(row map[string]any) string {
	return fmt.Sprintf("%s %v: %d - %d - %d = %d of %d, %s", row["currency"], row["settlement_date"], number(row["total_processed"]), number(row["total_fees"]),
		number(row["deductions"]), number(row["effective_amount"]), number(row["total_amount"]), row["status"])
}

func TestADayIsSettledOnTheNextWithoutFeesAndRefunds(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("mon-1", goodCard)
	w.paid("mon-2", goodCard)
	w.refund("transaction", "mon-1", "amount", 3000).data(t)
	w.passes(10 * time.Second)
	w.hears("refund.pending string 3000 false", "refund.processing string 3000 true", "refund.processed string 3000 true")
	if rows := w.rows("/settlement"); len(rows) != 0 {
		t.Errorf("before the day is over: %v", rows)
	}
	w.clock.Advance(24 * time.Hour)
	rows := w.rows("/settlement")
	if len(rows) != 1 || sums(rows[0]) != "KES 2026-01-02T00:00:00.000Z: 20000 - 580 - 3000 = 16420 of 19420, success" || rows[0]["domain"] != "test" {
		t.Fatalf("%v", rows)
	}
	id := fmt.Sprint(number(rows[0]["id"]))
	for _, path := range []string{"/settlement/" + id + "/transactions", "/transaction?settlement=" + id} {
		listed := w.rows(path)
		if len(listed) != 2 || listed[0]["reference"] != "mon-2" || listed[1]["reference"] != "mon-1" || number(listed[0]["fees"]) != 290 {
			t.Errorf("%s: %v", path, listed)
		}
	}
	if listed := w.rows("/settlement/" + id + "/transactions?perPage=1&page=2"); len(listed) != 1 || listed[0]["reference"] != "mon-1" {
		t.Errorf("%v", listed)
	}
	refund := w.rows("/refund")[0]
	if fmt.Sprint(number(refund["settlement"])) != id || refund["fully_deducted"] != true || number(refund["deducted_amount"]) != 3000 {
		t.Errorf("%v", refund)
	}
	for query, want := range map[string]int{
		"?status=success": 1, "?status=pending": 0, "?subaccount=none": 1, "?subaccount=7": 0, "?from=2026-01-02": 1, "?from=2026-01-03": 0, "?to=2026-01-01": 0, "?page=2": 0,
	} {
		if rows := w.rows("/settlement" + query); len(rows) != want {
			t.Errorf("%s: %v", query, rows)
		}
	}
	for _, path := range []string{"/settlement/1/transactions", "/settlement/x/transactions"} {
		if a := w.get(path); a.status != 404 || a.json(t)["message"] != "Settlement not found" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/settlement?perPage=0", "/settlement?from=x", "/settlement/" + id + "/transactions?page=x", "/transaction?settlement=x"} {
		if a := w.get(path); a.status != 400 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if rows := w.do("GET", "/settlement", headers("sk_test_another0000"), "").json(t)["data"].([]any); len(rows) != 0 {
		t.Errorf("another account's: %v", rows)
	}
}

func TestEachDayAndCurrencyHasASettlementAndARefundIsCarriedOver(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("mon-1", goodCard)
	body := initBody("mon-2")
	body["currency"], body["amount"] = "USD", 5000
	w.enter(strings.TrimPrefix(w.initialize(body).data(t)["authorization_url"].(string), w.paystack.URL), goodCard)
	w.clock.Advance(24 * time.Hour)
	w.paid("tue-1", goodCard)
	w.refund("transaction", "mon-1").data(t) // 100.00 go back, but Tuesday brings 97.10
	w.passes(10 * time.Second)
	w.clock.Advance(48 * time.Hour)
	w.paid("thu-1", goodCard)
	w.clock.Advance(18 * time.Hour)
	var got []string
	for _, row := range slices.Backward(w.rows("/settlement")) {
		got = append(got, sums(row))
	}
	want := []string{
		"KES 2026-01-02T00:00:00.000Z: 10000 - 290 - 0 = 9710 of 9710, success",
		"USD 2026-01-02T00:00:00.000Z: 5000 - 145 - 0 = 4855 of 4855, success",
		"KES 2026-01-03T00:00:00.000Z: 10000 - 290 - 9710 = 0 of 9710, success",
		"KES 2026-01-05T00:00:00.000Z: 10000 - 290 - 290 = 9420 of 9710, processing",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if refund := w.rows("/refund")[0]; refund["fully_deducted"] != true || number(refund["deducted_amount"]) != 10000 {
		t.Errorf("%v", refund)
	}
}

func TestTheDayCanBeEndedByHand(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	if a := w.do("POST", "/__sim/settle", nil, ""); a.json(t)["settlements"] != json.Number("1") {
		t.Error(a.body)
	}
	if a := w.do("POST", "/__sim/settle", nil, ""); a.json(t)["settlements"] != json.Number("0") {
		t.Error(a.body)
	}
	if rows := w.rows("/settlement?status=success"); len(rows) != 1 || number(rows[0]["effective_amount"]) != 9710 {
		t.Errorf("%v", rows)
	}
}

func TestListByCursorGivesEachTransactionOnce(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 5 {
		w.open(fmt.Sprintf("pay-%d", i))
	}
	var seen []string
	cursor := ""
	for page := range 3 {
		var got struct {
			Data []struct{ Reference string }
			Meta map[string]any
		}
		a := w.get("/transaction?use_cursor=true&perPage=2&next=" + cursor)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if page == 0 {
			w.open("meanwhile")
		}
		for _, row := range got.Data {
			seen = append(seen, row.Reference)
		}
		next, more := got.Meta["next"].(string)
		if _, counted := got.Meta["pageCount"]; more != (page < 2) || counted {
			t.Fatalf("page %d: %v", page, got.Meta)
		}
		cursor = next
	}
	if text := strings.Join(seen, " "); text != "pay-4 pay-3 pay-2 pay-1 pay-0" {
		t.Error(text)
	}
	for _, cursor := range []string{"x", "YmVmb3JlOng", "$$"} {
		if a := w.get("/transaction?use_cursor=true&next=" + cursor); a.status != 400 {
			t.Errorf("%s: %d %s", cursor, a.status, a.body)
		}
	}
}

// balanced compares every account's book with the payments, refunds and settlements behind it.
func (w *world) balanced(t interface{ Fatalf(string, ...any) }) {
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	for _, a := range w.sim.accounts {
		owed := map[string]int64{}
		type total struct{ processed, fees int64 }
		inside := map[*settlement]*total{}
		for _, st := range a.settlements {
			inside[st] = &total{}
			if st.net() < 0 {
				t.Fatalf("a settlement takes: %+v", st)
			}
		}
		for _, tx := range a.order {
			if !tx.paid() {
				continue
			}
			if st := tx.settlement; st != nil {
				inside[st].processed += tx.amount
				inside[st].fees += tx.fee
			} else {
				owed[tx.currency] += tx.amount - tx.fee
			}
			if tx.committed() > tx.amount {
				t.Fatalf("%d of %d went back", tx.committed(), tx.amount)
			}
			open, back := 0, int64(0)
			for _, r := range tx.refunds {
				switch r.status {
				case refundFailed:
					if r.deducted != 0 {
						t.Fatalf("a failed refund was deducted: %+v", r)
					}
					continue
				case refundProcessed:
					back += r.amount
				default:
					open++
				}
				owed[tx.currency] -= r.amount - r.deducted
			}
			if want := map[bool]string{true: statusReversing, false: statusSuccess}[open > 0]; tx.status != want && (open > 0 || back != tx.amount || tx.status != statusReversed) {
				t.Fatalf("%s is %s with %d of %d back and %d under way", tx.reference, tx.status, back, tx.amount, open)
			}
		}
		deducted, taken := int64(0), int64(0)
		for st, sum := range inside {
			if len(w.sim.order) < w.sim.opts.MaxTransactions && (sum.processed != st.processed || sum.fees != st.fees) {
				t.Fatalf("%+v, not %+v", sum, st)
			}
			deducted += st.deductions
		}
		for _, tx := range a.order {
			for _, r := range tx.refunds {
				taken += r.deducted
			}
		}
		if len(w.sim.order) < w.sim.opts.MaxTransactions && deducted != taken {
			t.Fatalf("settlements deducted %d, refunds were deducted %d", deducted, taken)
		}
		for currency, sum := range a.balance {
			if owed[currency] != sum {
				t.Fatalf("the balance is %d %s, and should be %d", sum, currency, owed[currency])
			}
		}
	}
}

func TestTheBooksAlwaysBalance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		few := rapid.Bool().Draw(rt, "few are kept")
		w := newWorld(t, func(o *Options) {
			o.WebhookURLFor = nil
			o.RefundCredit = rapid.SampledFrom([]int64{-1, 50_00, 1_000_000_00}).Draw(rt, "credit")
			if few {
				o.MaxTransactions = 4
			}
		})
		cards := []string{goodCard, "4084080000671803", "4084080000671902"}
		paid := 0
		reference := func() string { return fmt.Sprintf("pay-%d", rapid.IntRange(1, max(1, paid)).Draw(rt, "which")) }
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0, 1:
				paid++
				w.pay(fmt.Sprintf("pay-%d", paid), rapid.SampledFrom(cards).Draw(rt, "card"), rapid.Int64Range(1, 300_00).Draw(rt, "amount"))
			case 2, 3:
				w.refund("transaction", reference(), "amount", rapid.Int64Range(1, 150_00).Draw(rt, "back"))
			case 4:
				w.clock.Advance(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
				w.settle()
				w.rows("/settlement")
			case 5:
				if id, err := w.sim.OpenDispute(key, reference(), DisputeOptions{Amount: rapid.Int64Range(0, 150_00).Draw(rt, "disputed")}); err == nil && rapid.Bool().Draw(rt, "accepted") {
					w.do("POST", fmt.Sprintf("/__sim/disputes/%d/resolve", id), nil, `{"resolution":"merchant-accepted"}`)
				}
			case 6:
				for _, row := range w.rows("/refund") {
					if row["status"] == refundNeedsAttention {
						w.do("POST", fmt.Sprintf("/refund/retry_with_customer_details/%d", number(row["id"])), headers(key), `{"refund_account_details":{"currency":"KES","account_number":"1234567890","bank_id":"9"}}`)
					}
				}
				w.passes(refundStep)
			}
			w.balanced(rt)
		}
	})
}
