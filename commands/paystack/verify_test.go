package paystack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

const verified = `{"status":true,"message":"Verification successful","data":{
 "id":4099260516,"domain":"test","status":"success","reference":"re4lyvq3s3","receipt_number":null,
 "amount":40333,"message":null,"gateway_response":"Successful",
 "paid_at":"2024-08-22T09:15:02.000Z","created_at":"2024-08-22T09:14:24.000Z",
 "channel":"card","currency":"KES","ip_address":"197.210.54.33","metadata":"",
 "log":{"start_time":1724318098,"time_spent":4,"attempts":1,"errors":0,"success":true,"mobile":false,"input":[],"history":[{"type":"action","message":"Attempted to pay with card","time":3}]},
 "fees":1283,"fees_split":null,
 "authorization":{"authorization_code":"AUTH_uh8bcl3zbn","bin":"408408","last4":"4081","exp_month":"12","exp_year":"2030","channel":"card","card_type":"visa ","bank":"TEST BANK","country_code":"KE","brand":"visa","reusable":true,"signature":"SIG_yEXu7dLBeqG0kU7g95Ke","account_name":null},
 "customer":{"id":181873746,"first_name":null,"last_name":null,"email":"demo@test.com","customer_code":"CUS_1rkzaqsv4rrhqo6","phone":null,"metadata":null,"risk_action":"default","international_format_phone":null},
 "plan":null,"split":{},"order_id":null,"paidAt":"2024-08-22T09:15:02.000Z","createdAt":"2024-08-22T09:14:24.000Z",
 "requested_amount":40333,"pos_transaction_data":null,"source":null,"fees_breakdown":null,"connect":null,
 "transaction_date":"2024-08-22T09:14:24.000Z","plan_object":{},"subaccount":{}}}`

func kes(minor int64) *money.Money {
	m := money.Of(minor, money.KES)
	return &m
}

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

func TestVerifyReadsWhatPaystackDocuments(t *testing.T) {
	s := newServer(t, always(200, verified))
	got, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
	if err != nil {
		t.Fatal(err)
	}
	want := Transaction{
		ID: "4099260516", Domain: Test, Status: "success", Reference: "re4lyvq3s3", Amount: *kes(40333), RequestedAmount: kes(40333),
		CreatedAt: at("2024-08-22T09:14:24Z"), PaidAt: at("2024-08-22T09:15:02Z"), Channel: "card", GatewayResponse: "Successful", Fees: kes(1283),
		CardBrand: "visa", CardLast4: "4081", CustomerEmail: "demo@test.com", Raw: []byte(verified),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.State() != Succeeded || !testCredentials().Belongs(got.Domain) {
		t.Error("not a success of this channel")
	}
	if diff := cmp.Diff([]call{{Method: "GET", URI: "/transaction/verify/re4lyvq3s3", Authorization: "Bearer sk_test_0123456789"}}, s.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyIsLenientAboutWhatMovesNoMoney(t *testing.T) {
	for name, pairs := range map[string][]string{
		"metadata object":       {`"metadata":""`, `"metadata":{"order_id":"42"}`},
		"metadata zero":         {`"metadata":""`, `"metadata":0`},
		"metadata null":         {`"metadata":""`, `"metadata":null`},
		"log null":              {`"log":{`, `"log":null,"x":{`},
		"authorization empty":   {`"authorization":{`, `"authorization":{},"x":{`},
		"authorization null":    {`"authorization":{`, `"authorization":null,"x":{`},
		"customer null":         {`"customer":{`, `"customer":null,"x":{`},
		"fees null":             {`"fees":1283`, `"fees":null`},
		"fees odd":              {`"fees":1283`, `"fees":{"a":1}`},
		"requested amount odd":  {`"requested_amount":40333`, `"requested_amount":"x"`},
		"paid_at missing":       {`"paid_at":"2024-08-22T09:15:02.000Z",`, ``},
		"paid_at null":          {`"paid_at":"2024-08-22T09:15:02.000Z"`, `"paid_at":null`},
		"amount as text":        {`"amount":40333,"message"`, `"amount":"40333","message"`},
		"currency in lowercase": {`"currency":"KES"`, `"currency":"kes"`},
		"exp as numbers":        {`"exp_month":"12","exp_year":"2030"`, `"exp_month":12,"exp_year":2030`},
		"last4 as number":       {`"last4":"4081"`, `"last4":4081`},
		"id as text":            {`"id":4099260516`, `"id":"4099260516"`},
		"largest id":            {`"id":4099260516`, `"id":18446744073709551615`},
		"no id":                 {`"id":4099260516,`, ``},
	} {
		s := newServer(t, always(200, strings.NewReplacer(pairs...).Replace(verified)))
		got, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
		if err != nil || got.State() != Succeeded || got.Amount != *kes(40333) || len(s.seen()) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if name == "largest id" && got.ID != "18446744073709551615" {
			t.Errorf("id %s", got.ID)
		}
	}
}

// A time that no book can hold is none: whoever hears of the payment dates it by when that was.
func TestATimeThatNoBookCanHoldIsNone(t *testing.T) {
	for _, text := range []string{"0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2000-01-01T00:00:00+03:00"} {
		s := newServer(t, always(200, strings.ReplaceAll(verified, "2024-08-22T09:15:02.000Z", text)))
		if got, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3"); err != nil || got.PaidAt != nil {
			t.Errorf("%s: paid at %v, %v", text, got.PaidAt, err)
		}
		if got := dayOrTime([]byte(`"` + text[:10] + `"`)); text[:4] != "2000" && got != nil {
			t.Errorf("the day %s: %v", text[:10], got)
		}
	}
}

func TestVerifyAnswersThatCannotBeTrustedAreNoNews(t *testing.T) {
	for name, pairs := range map[string][]string{
		"another reference":   {`"reference":"re4lyvq3s3"`, `"reference":"other"`},
		"no reference":        {`"reference":"re4lyvq3s3"`, `"reference":null`},
		"no status":           {`"status":"success"`, `"x":1`},
		"no amount":           {`"amount":40333,"message"`, `"message"`},
		"fractional amount":   {`"amount":40333,"message"`, `"amount":403.33,"message"`},
		"negative amount":     {`"amount":40333,"message"`, `"amount":-1,"message"`},
		"absurd amount":       {`"amount":40333,"message"`, `"amount":99999999999999999,"message"`},
		"exponent":            {`"amount":40333,"message"`, `"amount":4e5,"message"`},
		"unknown currency":    {`"currency":"KES"`, `"currency":"ABC"`},
		"no currency":         {`"currency":"KES"`, `"x":""`},
		"negative id":         {`"id":4099260516`, `"id":-1`},
		"id of another type":  {`"id":4099260516`, `"id":[]`},
		"status of type list": {`"status":"success"`, `"status":["success"]`},
		"data is a list":      {`"data":{`, `"data":[],"x":{`},
	} {
		s := newServer(t, always(200, strings.NewReplacer(pairs...).Replace(verified)))
		_, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
		if e := wantError(t, err); e.Kind != Unknown || !e.Retryable || len(s.seen()) != 1 {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func TestAnUnknownReferenceIsNotFoundUnderEitherStatus(t *testing.T) {
	for _, status := range []int{400, 404} {
		for _, code := range []string{"transaction_not_found", ""} {
			s := newServer(t, always(status, `{"status":false,"message":"Transaction reference not found.","code":"`+code+`"}`))
			_, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "x")
			if e := wantError(t, err); e.Kind != NotFound || e.Retryable || len(s.seen()) != 1 {
				t.Errorf("%d %q: %v", status, code, e)
			}
		}
	}
	s := newServer(t, always(404, "<html>"))
	_, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "x")
	if e := wantError(t, err); e.Kind != Rejected {
		t.Errorf("a 404 that is not Paystack's: %v", e)
	}
}

func TestAReferenceStaysInItsPlaceOfThePath(t *testing.T) {
	s := newServer(t, always(200, verified))
	c := s.client()
	for _, ref := range []string{"", ".", "..", "...", strings.Repeat("x", 101)} {
		_, err := c.Verify(context.Background(), testChannel, testCredentials(), ref)
		if e := wantError(t, err); e.Kind != Rejected {
			t.Errorf("%q: %v", ref, e)
		}
	}
	_, _ = c.Verify(context.Background(), testChannel, testCredentials(), "../../refund?x=1#y")
	if got := s.seen(); len(got) != 1 || got[0].URI != "/transaction/verify/..%2F..%2Frefund%3Fx=1%23y" {
		t.Errorf("%+v", got)
	}
}

func TestAGetIsRepeatedWithGrowingWaits(t *testing.T) {
	for name, bad := range map[string]func(http.ResponseWriter, *http.Request, int){
		"own 500":  always(500, `{"status":false,"message":"x"}`),
		"HTML 502": always(502, "<html>"),
		"lost":     func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) },
		"cut off":  always(200, verified[:100]),
	} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if n < 3 {
				bad(w, r, n)
				return
			}
			say(w, 200, verified)
		})
		c := s.client()
		got, err := c.Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
		if err != nil || got.State() != Succeeded || len(s.seen()) != 3 {
			t.Errorf("%s: %v after %d", name, err, len(s.seen()))
		}
		if diff := cmp.Diff([]time.Duration{backoff, 4 * backoff}, s.waits); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		s = newServer(t, bad)
		c = s.client()
		_, err = c.Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
		if e := wantError(t, err); e.Kind != Unknown || !e.Retryable || len(s.seen()) != 3 {
			t.Errorf("%s: %v after %d", name, e, len(s.seen()))
		}
	}
}

func TestARefusedGetIsNotRepeated(t *testing.T) {
	for _, status := range []int{400, 401, 404, 429} {
		s := newServer(t, always(status, `{"status":false,"message":"no"}`))
		_, err := s.client().Verify(context.Background(), testChannel, testCredentials(), "x")
		if e := wantError(t, err); e.Kind != Rejected || len(s.seen()) != 1 || e.Retryable != (status == 429) {
			t.Errorf("%d: %v after %d", status, e, len(s.seen()))
		}
	}
}

func TestRepetitionsEndWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request, _ int) { cancel(); say(w, 500, "") })
	_, err := s.client().Verify(ctx, testChannel, testCredentials(), "x")
	if e := wantError(t, err); e.Kind != Unknown || len(s.seen()) != 1 {
		t.Errorf("%v after %d", e, len(s.seen()))
	}
}

func TestTheDefaultSleepWaitsOrEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := sleep(context.Background(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := sleep(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestProbeTellsAWrongKey(t *testing.T) {
	s := newServer(t, always(200, `{"status":true,"message":"Transactions retrieved","data":[],"meta":{"total":0}}`))
	if err := s.client().Probe(context.Background(), testChannel, testCredentials()); err != nil {
		t.Error(err)
	}
	if got := s.seen()[0]; got.Method != "GET" || got.URI != "/transaction?perPage=1&page=1" {
		t.Errorf("%+v", got)
	}
	s.answer = always(401, `{"status":false,"message":"Invalid key","code":"invalid_Key"}`)
	e := wantError(t, s.client().Probe(context.Background(), testChannel, testCredentials()))
	if code, _ := e.Reason(); code != FailureInvalidCredentials || e.Call != "probe" {
		t.Errorf("%v", e)
	}
}

func TestTheBreakerCountsOnlySilenceAndForeign5xx(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"own 500":     {500, `{"status":false,"message":"x"}`, "closed"},
		"rejection":   {400, `{"status":false,"message":"x"}`, "closed"},
		"foreign 4xx": {403, "<html>", "closed"},
		"foreign 5xx": {502, "<html>", "open"},
	} {
		s := newServer(t, always(test.status, test.body))
		c := s.client(func(o *Options) { o.Breaker.Failures = 2; o.Attempts = 1 })
		var last error
		for range 3 {
			_, last = c.Verify(context.Background(), testChannel, testCredentials(), "x")
		}
		if got := c.BreakerStates(); got["paystack/ch-1/verify"] != test.want || len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
		if test.want == "open" {
			if e := wantError(t, last); e.Kind != NotSent || !e.Retryable || len(s.seen()) != 2 {
				t.Errorf("%v after %d", e, len(s.seen()))
			}
			if _, err := c.Initialize(context.Background(), testChannel, testCredentials(), testInitialize()); wantError(t, err).Kind != Unknown {
				t.Errorf("initialize has a breaker of its own: %v", err)
			}
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheBreakerLetsATrialThroughLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		c := New(Options{Breaker: BreakerOptions{Failures: 2, OpenFor: 20 * time.Second}, HTTPClient: &http.Client{
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if down.Load() {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(verified))}, nil
			}),
		}})
		ask := func() error {
			_, err := c.Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
			return err
		}
		if e := wantError(t, ask()); e.Kind != Unknown {
			t.Fatal(e)
		}
		if e := wantError(t, ask()); e.Kind != NotSent {
			t.Fatal(e)
		}
		<-time.After(21 * time.Second) // of the bubble
		down.Store(false)
		if err := ask(); err != nil || c.BreakerStates()["paystack/ch-1/verify"] != "closed" {
			t.Errorf("%v, %v", err, c.BreakerStates())
		}
	})
}

func TestSlotsAndChannelsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		c := New(Options{Concurrency: 1, Channels: 2, HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			sent.Add(1)
			_, _ = io.ReadAll(r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}})
		first := make(chan error, 1)
		go func() {
			_, err := c.Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.Initialize(ctx, testChannel, testCredentials(), testInitialize())
		if e := wantError(t, err); e.Kind != NotSent || sent.Load() != 1 {
			t.Errorf("%v, sent %d", e, sent.Load())
		}
		if e := wantError(t, <-first); e.Kind != Unknown {
			t.Error(e)
		}
		for i := range 10 {
			c.lanes.Get(fmt.Sprint(i), "verify")
		}
		if n := len(c.BreakerStates()); n != 2*laneNames {
			t.Errorf("%d lanes", n)
		}
	})
}

func TestObserveIsToldHowOperationsEnd(t *testing.T) {
	s := newServer(t, always(400, `{"status":false,"message":"Duplicate Transaction Reference","code":"duplicate_reference"}`))
	var got []string
	c := s.client(func(o *Options) {
		o.Observe = func(call, outcome string, _ time.Duration) { got = append(got, call+" "+outcome) }
	})
	_, _ = c.Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
	s.answer = always(200, verified)
	_, _ = c.Verify(context.Background(), testChannel, testCredentials(), "re4lyvq3s3")
	_ = c.Probe(context.Background(), testChannel, testCredentials())
	if diff := cmp.Diff([]string{"initialize duplicate_reference", "verify ok", "probe ok"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeNoticeReadsVerifysAnswerAndAWebhook(t *testing.T) {
	for raw, reference := range map[string]string{verified: "re4lyvq3s3", charge: "qTPrJoy9Bx"} {
		if got, err := DecodeNotice([]byte(raw)); err != nil || got.Reference != reference || got.State() != Succeeded {
			t.Errorf("%+v, %v", got, err)
		}
	}
	for raw, want := range map[string]upstream.DecodeError{
		"": {Problem: upstream.NotJSON, Field: ""}, "[]": {Problem: upstream.NotJSON, Field: ""}, "{}": {Problem: upstream.WrongType, Field: "data"}, `{"data":{}}`: {Problem: upstream.MissingField, Field: "status"},
		strings.Repeat(" ", MaxWebhookBytes+1): {Problem: upstream.TooLarge, Field: ""},
	} {
		_, err := DecodeNotice([]byte(raw))
		var got *upstream.DecodeError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%.20q: %v, want %v", raw, err, &want)
		}
	}
}
