package paystack

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// answering is a client whose every call gets one answer, once.
func answering(status int, body []byte) (*Client, *sayer) {
	p := &sayer{status: status, body: body}
	return New(Options{
		HTTPClient: &http.Client{Transport: p}, Breaker: BreakerOptions{Failures: math.MaxUint32}, Attempts: 1,
		Sleep: func(context.Context, time.Duration) error { return errors.New("no patience in a fuzz test") },
	}), p
}

// FuzzRefundAnswer is whatever may come back for a refund: only Paystack's plain yes about our payment is one, nothing
// is sent twice, and an answer that was recorded reads the same again.
func FuzzRefundAnswer(f *testing.F) {
	for _, s := range []string{
		refunded, fetchedRefund, "", "<html>", `{"status":true,"data":{"transaction":"pay-01J","status":"pending","amount":"5","currency":"KES","id":1}}`,
		`{"status":false,"message":"Transaction has been fully reversed"}`, `{"status":true,"data":[]}`, resolvedDispute,
	} {
		f.Add(uint16(0), []byte(s))
		f.Add(uint16(200), []byte(s))
		f.Add(uint16(300), []byte(s))
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		c, p := answering(200+int(status)%400, body)
		var said map[string]json.RawMessage
		_ = json.Unmarshal(body, &said)
		yes := p.status/100 == 2 && string(said["status"]) == "true"
		ctx := context.Background()

		made, err := c.CreateRefund(ctx, testChannel, testCredentials(), testRefund())
		if err == nil && (!yes || made.ID == "" || made.Status == "" || made.Amount.Minor < 0 || made.Amount.Currency == "" || made.isOfAnother("pay-01J")) {
			t.Errorf("%+v was read in %d %q", made, p.status, body)
		}
		checkRefundFailure(t, err, p)
		if err == nil {
			again, err := DecodeRefundNotice(made.Raw)
			if again.Raw = made.Raw; err != nil || again.Status != made.Status || again.Amount != made.Amount || again.ID != made.ID {
				t.Errorf("what was recorded reads otherwise: %+v, %v", again, err)
			}
		}
		p.calls = 0
		_, err = c.RetryRefundWithCustomerDetails(ctx, testChannel, testCredentials(), "3018284", RefundAccount{"KES", "1234567890", "9"})
		checkRefundFailure(t, err, p)
		p.calls = 0
		_, err = c.ResolveDispute(ctx, testChannel, testCredentials(), "624", Resolve{Resolution: AcceptDispute, Message: "m", RefundAmount: *kes(1)})
		checkRefundFailure(t, err, p)
		fetched, err := c.FetchRefund(ctx, testChannel, testCredentials(), "3018284")
		if err == nil && (!yes || fetched.ID != "3018284") {
			t.Errorf("%+v was read in %d %q", fetched, p.status, body)
		}
		checkFailure(t, err)
	})
}

// checkRefundFailure holds what is promised of an order that moves money.
func checkRefundFailure(t *testing.T, err error, p *sayer) {
	t.Helper()
	checkFailure(t, err)
	if p.calls != 1 {
		t.Errorf("it was sent %d times: %d %q", p.calls, p.status, p.body)
	}
	if err == nil {
		return
	}
	e := wantError(t, err)
	if e.Kind == Unknown && e.Retryable || e.Kind != Unknown && (p.status >= 500 || p.status == 408) {
		t.Errorf("%v (retryable %v) for %d %q", e, e.Retryable, p.status, p.body)
	}
}

// FuzzList is whatever may come back for a page: rows are yielded or told as unreadable, and nothing but an error or
// what was promised ends a list.
func FuzzList(f *testing.F) {
	for _, s := range []string{
		listOf(row("a"), "7", rowOf(fetchedRefund), rowOf(resolvedDispute)), pageOf(`{"next":"c"}`, row("a")), pageOf(`{"pageCount":"99999999999"}`), pageOf(`[]`), `{"status":true,"data":{}}`,
		listOf(`{"id":1,"currency":"KES","total_amount":-1,"effective_amount":"2","settlement_date":"2022-11-09"}`), "", "<html>", `{"status":true,"data":[null]}`,
	} {
		f.Add(uint16(0), []byte(s))
		f.Add(uint16(229), []byte(s))
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		c, p := answering(200+int(status)%400, body)
		ctx, n := context.Background(), 0
		took := func(err error) bool {
			var junk *upstream.DecodeError
			if err != nil && !errors.As(err, &junk) {
				checkFailure(t, err)
			}
			n++
			return n < 50
		}
		q := TransactionQuery{}
		for tx, err := range c.Transactions(ctx, testChannel, testCredentials(), q) {
			if err == nil && (tx.Reference == "" || tx.Amount.Currency == "" || tx.Amount.Minor < 0 || !json.Valid(tx.Raw)) {
				t.Errorf("%+v in %q", tx, body)
			}
			if !took(err) {
				break
			}
		}
		for st, err := range c.Settlements(ctx, testChannel, testCredentials(), SettlementQuery{}) {
			if err == nil && (st.ID == "" || st.Currency == "") {
				t.Errorf("%+v in %q", st, body)
			}
			if !took(err) {
				break
			}
		}
		for d, err := range c.Disputes(ctx, testChannel, testCredentials(), DisputeQuery{}) {
			if err == nil && (d.ID == "" || d.Status == "") {
				t.Errorf("%+v in %q", d, body)
			}
			if !took(err) {
				break
			}
		}
		refunds, err := c.ListRefunds(ctx, testChannel, testCredentials(), "1004723697")
		for _, r := range refunds {
			if r.TransactionID != "1004723697" || r.ID == "" || err != nil {
				t.Errorf("%+v in %q", r, body)
			}
		}
		checkFailure(t, err)
		if p.status/100 != 2 && n > 3 {
			t.Errorf("%d rows in %d %q", n, p.status, body)
		}
	})
}

// FuzzPauseAsked is whatever a header may say: a pause is never negative, nor longer than a day.
func FuzzPauseAsked(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "60", "9223372036854775807", "Thu, 01 Jan 2026 09:00:07 GMT", "Thu, 01 Jan 9999 09:00:07 GMT", "1767258042", "x"} {
		f.Add(429, s, s)
		f.Add(503, s, "")
		f.Add(200, s, s)
	}
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, after, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}}
		pause := pauseAsked(status, h, now)
		if pause < 0 || pause > longestAsked || pause != 0 && status != 429 && status < 500 {
			t.Errorf("%d %q %q: %v", status, after, reset, pause)
		}
		if strings.TrimSpace(after) == "" && pause != 0 && status != 429 {
			t.Errorf("a %d waits for a reset: %v", status, pause)
		}
	})
}
