package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// paid is a payment of 100.00 by card, and its webhook is out of the way.
func (w *world) paid(reference, card string) {
	w.t.Helper()
	if !w.pay(reference, card, 100_00) {
		w.t.Fatal("not paid")
	}
	w.clock.Advance(hookAfter)
	if d := w.delivered(); d.Kind != "charge.success" {
		w.t.Fatalf("%+v", d)
	}
}

// pay is false when too many webhooks wait.
func (w *world) pay(reference, card string, amount int64) bool {
	w.t.Helper()
	body := initBody(reference)
	body["amount"] = amount
	url := w.initialize(body).data(w.t)["authorization_url"].(string)
	a := w.enter(url[len(w.paystack.URL):], card)
	if a.status != http.StatusSeeOther && a.status != http.StatusServiceUnavailable {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	return a.status == http.StatusSeeOther
}

func (w *world) refund(pairs ...any) response {
	w.t.Helper()
	body := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		body[pairs[i].(string)] = pairs[i+1]
	}
	return w.do("POST", "/refund", headers(key), marshal(w.t, body))
}

func (w *world) get(path string) response {
	w.t.Helper()
	return w.do("GET", path, headers(key), "")
}

// rows are the rows of a list.
func (w *world) rows(path string) []map[string]any {
	w.t.Helper()
	a := w.get(path)
	var got struct {
		Status bool
		Data   []map[string]any
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || !got.Status {
		w.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return got.Data
}

func idIn(t *testing.T, data map[string]any) string {
	t.Helper()
	n, ok := data["id"].(json.Number)
	if !ok {
		t.Fatalf("no id in %v", data)
	}
	return n.String()
}

// heard is the next event in a few words: its name, amount and refund_reference, when it is one of a refund.
func (w *world) heard() string {
	w.t.Helper()
	d := w.delivered()
	var got struct {
		Event string
		Data  struct {
			Amount          any
			RefundReference *string `json:"refund_reference"`
			RefundAmount    *int64  `json:"refund_amount"`
			Status          string
			Resolution      *string
			Currency        string
			Domain          string
		}
	}
	signature := ""
	if d.Signature != sign(key, []byte(d.Body)) {
		signature = " badly signed"
	}
	if json.Unmarshal([]byte(d.Body), &got) != nil {
		return "junk" + signature
	}
	text := got.Event
	if got.Data.RefundAmount != nil {
		text += fmt.Sprintf(" %d %s", *got.Data.RefundAmount, got.Data.Status)
		if got.Data.Resolution != nil {
			text += " " + *got.Data.Resolution
		}
	} else {
		text += fmt.Sprintf(" %T %v %v", got.Data.Amount, got.Data.Amount, got.Data.RefundReference != nil)
	}
	if got.Data.Currency != "KES" {
		text += " " + got.Data.Currency
	}
	if got.Data.Domain != "test" {
		text += " " + got.Data.Domain
	}
	return text + signature
}

// hears compares the next events.
func (w *world) hears(want ...string) {
	w.t.Helper()
	for _, text := range want {
		if got := w.heard(); got != text {
			w.t.Errorf("heard %q, want %q", got, text)
		}
	}
}

// passes lets time pass in small steps, and what is due in each be done: webhooks and states follow from one another.
func (w *world) passes(d time.Duration) {
	w.t.Helper()
	const stride = 500 * time.Millisecond
	for ; d > 0; d -= stride {
		w.clock.Advance(min(d, stride))
		w.settle()
	}
}

func (w *world) status(reference string) string {
	w.t.Helper()
	return w.verify(reference).data(w.t)["status"].(string)
}

func number(v any) int64 {
	switch v := v.(type) {
	case json.Number:
		n, _ := strconv.ParseInt(v.String(), 10, 64)
		return n
	case float64:
		return int64(v)
	}
	return -1
}
