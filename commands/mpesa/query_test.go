package mpesa

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testCheckout = "ws_CO_1007202409152617172396192"

func resultBody(code string) string {
	return `{"ResponseCode":"0","ResponseDescription":"The service request has been accepted successsfully","MerchantRequestID":"1","CheckoutRequestID":"` +
		testCheckout + `","ResultCode":` + code + `,"ResultDesc":"Some words."}`
}

func TestQuerySendsWhatDarajaDocuments(t *testing.T) {
	d := newDaraja(t, always(200, resultBody(`"1032"`)))
	c := d.client(clockAt(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)))
	got, err := c.Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
	if err != nil {
		t.Fatal(err)
	}
	want := QueryResult{State: Failed, ResultCode: "1032", ResultDesc: "Some words.", Outcome: resultOutcomes["1032"], Raw: []byte(resultBody(`"1032"`))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]call{{
		Method: "POST", Path: "/mpesa/stkpushquery/v1/query", Authorization: "Bearer T1", ContentType: "application/json",
		Body: map[string]any{
			"BusinessShortCode": "174379", "Timestamp": "20260101120000", "CheckoutRequestID": testCheckout,
			"Password": "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjYwMTAxMTIwMDAw",
		},
	}}, d.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKnownResultIsNewsExceptStillProcessing(t *testing.T) {
	for code, outcome := range resultOutcomes {
		want := Failed
		switch outcome.Class {
		case ClassSuccess:
			want = Succeeded
		case ClassPending:
			want = Pending
		case ClassFinal, ClassRetry, ClassAmbiguous:
		}
		d := newDaraja(t, always(200, resultBody(fmt.Sprintf("%q", code))))
		got, err := d.client().Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
		if err != nil || got.State != want || got.UnknownCode || got.ResultCode != code {
			t.Errorf("%s: %+v, %v; want %v", code, got, err, want)
		}
	}
}

func TestQueryAnswersThatAreNoNewsLeaveThePaymentPending(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		body      string
		unknown   bool
		throttled bool
	}{
		"4999":                   {200, resultBody(`"4999"`), false, false},
		"4999 as a number":       {200, resultBody(`4999`), false, false},
		"a code nobody knows":    {200, resultBody(`"7777"`), true, false},
		"zeros as text":          {200, resultBody(`"00"`), true, false},
		"minus zero":             {200, resultBody(`-0`), true, false},
		"1001 under 200":         {200, errorBody("500.001.1001", ""), false, false},
		"being processed":        {500, errorBody("500.001.1001", "The transaction is being processed"), false, false},
		"does not exist":         {500, errorBody("500.001.1001", "The transaction does not Exist"), false, false},
		"wrong credentials":      {500, errorBody("500.001.1001", "Wrong credentials"), false, false},
		"internal":               {500, errorBody("500.003.1001", "Internal Server Error"), false, false},
		"spike arrest":           {500, errorBody("500.003.02", "Error Occurred: Spike Arrest Violation"), false, true},
		"quota":                  {500, errorBody("500.003.03", "Error Occurred: Quota Violation"), false, true},
		"429":                    {429, "", false, true},
		"HTML 500":               {500, "<html>", false, false},
		"HTML 200":               {200, "<html>", false, false},
		"no ResultCode":          {200, `{"ResponseCode":"0"}`, false, false},
		"success not accepted":   {200, `{"ResponseCode":"1","ResultCode":"0"}`, false, false},
		"success of another one": {200, `{"ResponseCode":"0","CheckoutRequestID":"ws_CO_other","ResultCode":"0"}`, false, false},
		"boolean code":           {200, resultBody(`true`), false, false},
		"error beside success":   {200, `{"errorCode":"500.001.1001","ResponseCode":"0","ResultCode":"0"}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newDaraja(t, always(test.status, test.body)).client(func(o *Options) { o.Breaker.Failures = 100 })
			got, err := c.Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
			if err != nil || got.State != Pending || got.UnknownCode != test.unknown || got.Throttled != test.throttled || string(got.Raw) != test.body {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestAQueryThatTimesOutIsNoNews(t *testing.T) {
	d := newDaraja(t, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() })
	got, err := d.client(func(o *Options) { o.CallTimeout = time.Second }).Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
	if err != nil || got.State != Pending || len(d.seen()) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnresolvedQueriesNeverOpenTheBreaker(t *testing.T) {
	c := newDaraja(t, always(500, errorBody("500.001.1001", ""))).client(func(o *Options) { o.Breaker.Failures = 1 })
	for range 10 {
		if _, err := c.Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout}); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.BreakerStates()["mpesa/ch-1/query"]; got != "closed" {
		t.Error(got)
	}
}

func TestAQuestionThatCannotBeAskedIsAnError(t *testing.T) {
	d := newDaraja(t, always(400, errorBody("400.002.02", "Bad Request - Invalid CheckoutRequestID")))
	_, err := d.client().Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
	if e := wantError(t, err); e.Kind != Rejected {
		t.Errorf("%v", e)
	}
	_, err = d.client().Query(context.Background(), testChannel, testCredentials(), QueryRequest{})
	if e := wantError(t, err); e.Kind != Rejected {
		t.Errorf("%v", e)
	}
	noPasskey := testCredentials()
	noPasskey.Passkey = ""
	_, err = d.client().Query(context.Background(), testChannel, noPasskey, QueryRequest{testCheckout})
	if e := wantError(t, err); e.Kind != Rejected {
		t.Errorf("%v", e)
	}
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) { say(w, 400, "") }
	got, err := d.client().Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
	if e := wantError(t, err); e.Kind != NotSent || got.State != Pending {
		t.Errorf("%v", e)
	}
}

func TestARefusedTokenIsReplacedForAQueryToo(t *testing.T) {
	d := newDaraja(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			say(w, 404, errorBody("404.001.03", "Invalid Access Token"))
			return
		}
		say(w, 200, resultBody(`"0"`))
	})
	got, err := d.client().Query(context.Background(), testChannel, testCredentials(), QueryRequest{testCheckout})
	if err != nil || got.State != Succeeded || got.Outcome.Class != ClassSuccess {
		t.Errorf("%+v, %v", got, err)
	}
}
