package mpesa

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

func TestPasswordIsShortcodePasskeyAndTimestamp(t *testing.T) {
	for at, want := range map[string]string{
		"20160216165627": "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMTYwMjE2MTY1NjI3",
		"20260101120000": "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjYwMTAxMTIwMDAw",
	} {
		if got := password(testCredentials(), at); got != want {
			t.Errorf("password at %s = %s", at, got)
		}
	}
}

func TestPushSendsWhatDarajaDocuments(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	c := d.client(clockAt(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))) // noon in Nairobi
	got, err := c.Push(context.Background(), testChannel, testCredentials(), testPush())
	if err != nil {
		t.Fatal(err)
	}
	want := PushAccepted{
		MerchantRequestID: "2654-4b64-97ff-b827b542881d3130", CheckoutRequestID: "ws_CO_1007202409152617172396192",
		CustomerMessage: "Success. Request accepted for processing", Raw: []byte(acceptedRaw),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]call{{
		Method: "POST", Path: "/mpesa/stkpush/v1/processrequest", Authorization: "Bearer T1", ContentType: "application/json",
		Body: map[string]any{
			"BusinessShortCode": "174379",
			"Password":          "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjYwMTAxMTIwMDAw",
			"Timestamp":         "20260101120000", "TransactionType": "CustomerPayBillOnline", "Amount": "1", "PartyA": testPhone, "PartyB": "174379",
			"PhoneNumber": testPhone, "CallBackURL": "https://pay.example.com/cb/stk/3q2-opaque-token", "AccountReference": "INV0001", "TransactionDesc": "Order 1",
		},
	}}, d.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestPushToATillIsBuyGoodsFromTheStoreNumber(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	cred := testCredentials()
	cred.TillNumber = "5001234"
	r := testPush()
	r.AccountReference, r.Description = "ORDER/2026/000123 é", ""
	if _, err := d.client().Push(context.Background(), testChannel, cred, r); err != nil {
		t.Fatal(err)
	}
	b := d.seen()[0].Body
	for field, want := range map[string]string{
		"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "5001234", "BusinessShortCode": "174379",
		"AccountReference": "ORDER2026000", "TransactionDesc": "Payment",
	} {
		if b[field] != want {
			t.Errorf("%s = %v, want %s", field, b[field], want)
		}
	}
}

func TestPushGoesToTheHostOfItsEnvironment(t *testing.T) {
	sandbox, production := newDaraja(t, always(200, acceptedRaw)), newDaraja(t, always(200, acceptedRaw))
	c := New(Options{SandboxURL: sandbox.URL + "/", ProductionURL: production.URL})
	cred := testCredentials()
	cred.Environment = Production
	if _, err := c.Push(context.Background(), testChannel, cred, testPush()); err != nil {
		t.Fatal(err)
	}
	if len(sandbox.seen()) != 0 || len(production.seen()) != 1 {
		t.Errorf("sandbox got %d, production %d", len(sandbox.seen()), len(production.seen()))
	}
}

func TestPushRefusesBeforeSendingWhatDarajaWouldRefuse(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	c := d.client()
	for name, test := range map[string]struct {
		change  func(*PushRequest, *Credentials)
		failure string
	}{
		"zero":                  {func(r *PushRequest, _ *Credentials) { r.Amount.Minor = 0 }, FailureAmountTooLow},
		"negative":              {func(r *PushRequest, _ *Credentials) { r.Amount.Minor = -100 }, FailureAmountTooLow},
		"half a shilling":       {func(r *PushRequest, _ *Credentials) { r.Amount.Minor = 150 }, FailureInvalidAmount},
		"over the limit":        {func(r *PushRequest, _ *Credentials) { r.Amount.Minor = 250_001_00 }, FailureAmountTooHigh},
		"dollars":               {func(r *PushRequest, _ *Credentials) { r.Amount.Currency = money.USD }, FailureInvalidAmount},
		"local number":          {func(r *PushRequest, _ *Credentials) { r.Phone = "0708374149" }, FailureInvalidPhone},
		"plus":                  {func(r *PushRequest, _ *Credentials) { r.Phone = "+254708374149" }, FailureInvalidPhone},
		"callback with a space": {func(r *PushRequest, _ *Credentials) { r.CallbackURL = "https://pay.example.com/a b" }, FailureInvalidCallbackURL},
		"no callback":           {func(r *PushRequest, _ *Credentials) { r.CallbackURL = "" }, FailureInvalidCallbackURL},
		"http in production": {func(r *PushRequest, c *Credentials) {
			c.Environment = Production
			r.CallbackURL = "http://pay.example.com/x"
		}, FailureInvalidCallbackURL},
		"unknown environment":    {func(_ *PushRequest, c *Credentials) { c.Environment = "live" }, FailureChannelMisconfigured},
		"no consumer key":        {func(_ *PushRequest, c *Credentials) { c.ConsumerKey = "" }, FailureChannelMisconfigured},
		"no consumer secret":     {func(_ *PushRequest, c *Credentials) { c.ConsumerSecret = "" }, FailureChannelMisconfigured},
		"no passkey":             {func(_ *PushRequest, c *Credentials) { c.Passkey = "" }, FailureChannelMisconfigured},
		"shortcode with letters": {func(_ *PushRequest, c *Credentials) { c.ShortCode = "17437x" }, FailureChannelMisconfigured},
		"till too long":          {func(_ *PushRequest, c *Credentials) { c.TillNumber = "12345678" }, FailureChannelMisconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			r, cred := testPush(), testCredentials()
			test.change(&r, &cred)
			_, err := c.Push(context.Background(), testChannel, cred, r)
			e := wantError(t, err)
			if code, sentence := e.Reason(); e.Kind != Rejected || e.Retryable || code != test.failure || !strings.HasSuffix(sentence, ".") {
				t.Errorf("%v: kind %v, code %s, %q", e, e.Kind, code, sentence)
			}
		})
	}
	if len(d.seen()) != 0 || d.minted() != 0 {
		t.Error("something was sent")
	}
	if _, err := c.Push(context.Background(), testChannel, testCredentials(), PushRequest{
		Amount: money.Of(250_000_00, money.KES), Phone: "254110000000", CallbackURL: "http://127.0.0.1:8080/mpesa/callback",
	}); err != nil {
		t.Errorf("the largest amount, a 01 number and a local sandbox callback: %v", err)
	}
}

func TestPushAnswersAreClassedByWhatIsKnownOfTheirFate(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		body    string
		kind    Kind
		retry   bool
		failure string
	}{
		"invalid phone":            {400, errorBody("400.002.02", "Bad Request - Invalid PhoneNumber"), Rejected, false, FailureInvalidPhone},
		"invalid party A":          {400, errorBody("400.002.02", "Bad Request - Invalid PartyA"), Rejected, false, FailureInvalidPhone},
		"invalid amount":           {400, errorBody("400.002.02", "Bad Request - Invalid Amount"), Rejected, false, FailureInvalidAmount},
		"invalid shortcode":        {400, errorBody("400.002.02", "Bad Request - Invalid BusinessShortCode"), Rejected, false, FailureInvalidShortCode},
		"invalid party B":          {400, errorBody("400.002.02", "Bad Request - Invalid PartyB"), Rejected, false, FailureInvalidShortCode},
		"invalid URL":              {400, errorBody("400.002.02", "Bad Request - Invalid CallBackURL"), Rejected, false, FailureInvalidCallbackURL},
		"invalid type":             {400, errorBody("400.002.02", "Bad Request - Invalid TransactionType"), Rejected, false, FailureNotPermitted},
		"invalid timestamp":        {400, errorBody("400.002.02", "Bad Request - Invalid Timestamp"), Rejected, false, FailureInvalidRequest},
		"payload":                  {400, errorBody("400.002.05", "Invalid Request Payload"), Rejected, false, FailureInvalidRequest},
		"wrong path":               {404, errorBody("404.001.01", "Resource not found"), Rejected, false, FailureInvalidRequest},
		"wrong verb":               {405, errorBody("405.001", "Method Not Allowed"), Rejected, false, FailureInvalidRequest},
		"no merchant":              {500, errorBody("500.001.1001", "Merchant does not exist"), Rejected, false, FailureInvalidShortCode},
		"wrong credentials":        {500, errorBody("500.001.1001", "[MerchantValidate] - Wrong credentials"), Rejected, false, FailureInvalidPasskey},
		"wrong password":           {500, errorBody("500.001.1001", "The Password parameter provided is invalid"), Rejected, false, FailureInvalidPasskey},
		"payer busy":               {500, errorBody("500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber"), Rejected, true, FailurePayerBusy},
		"unexplained 1001":         {500, errorBody("500.001.1001", ""), Unknown, false, FailureProviderUnknownOutcome},
		"maintenance":              {500, errorBody("500.002.1001", "Service is currently under maintenance"), Rejected, true, FailureProviderMaintenance},
		"busy":                     {500, errorBody("500.003.02", "System is busy. Please try again..."), Rejected, true, FailureProviderBusy},
		"spike":                    {500, errorBody("500.003.02", "Error Occurred: Spike Arrest Violation"), Rejected, true, FailureProviderBusy},
		"quota":                    {500, errorBody("500.003.03", "Error Occurred: Quota Violation"), Rejected, true, FailureQuotaExceeded},
		"internal":                 {500, errorBody("500.003.1001", "Internal Server Error"), Unknown, false, FailureProviderUnknownOutcome},
		"no product":               {403, errorBody("", "Invalid API call as no apiproduct match found"), Rejected, false, FailureProductNotEnabled},
		"no product, as a fault":   {401, `{"fault":{"faultstring":"Invalid API call as no apiproduct match found","detail":{"errorcode":"x"}}}`, Rejected, false, FailureProductNotEnabled},
		"spike, as a fault":        {500, `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : 5ps"}}`, Rejected, true, FailureProviderBusy},
		"gateway timeout fault":    {504, `{"fault":{"faultstring":"Gateway Timeout"}}`, Unknown, false, FailureProviderUnknownOutcome},
		"new 4xx code":             {400, errorBody("400.009.99", "Something new"), Rejected, false, FailureRequestRejected},
		"new 5xx code":             {500, errorBody("500.009.99", "Something new"), Unknown, false, FailureProviderUnknownOutcome},
		"4xx code under a 200":     {200, errorBody("400.009.99", "Something new"), Rejected, false, FailureRequestRejected},
		"5xx code under a 200":     {200, errorBody("500.001.1001", ""), Unknown, false, FailureProviderUnknownOutcome},
		"HTML 500":                 {500, "<html>oops</html>", Unknown, false, FailureProviderUnknownOutcome},
		"HTML 502":                 {502, "<html>oops</html>", Unknown, false, FailureProviderUnknownOutcome},
		"HTML 403":                 {403, "<html>blocked</html>", Rejected, false, FailureRequestRejected},
		"HTML 429":                 {429, "<html>slow down</html>", Rejected, true, FailureProviderBusy},
		"timeout 408":              {408, "", Unknown, false, FailureProviderUnknownOutcome},
		"redirect":                 {302, "", Unknown, false, FailureProviderUnknownOutcome},
		"HTML 200":                 {200, "<html>incident</html>", Unknown, false, FailureProviderUnknownOutcome},
		"empty 200":                {200, "", Unknown, false, FailureProviderUnknownOutcome},
		"array":                    {200, "[]", Unknown, false, FailureProviderUnknownOutcome},
		"cut JSON":                 {200, acceptedRaw[:len(acceptedRaw)-9], Unknown, false, FailureProviderUnknownOutcome},
		"deep JSON":                {200, strings.Repeat("[", 64) + strings.Repeat("]", 64), Unknown, false, FailureProviderUnknownOutcome},
		"huge":                     {200, `{"x":"` + strings.Repeat("x", maxResponseBytes) + `"}`, Unknown, false, FailureProviderUnknownOutcome},
		"no ResponseCode":          {200, `{"CheckoutRequestID":"ws_CO_1","MerchantRequestID":"1"}`, Unknown, false, FailureProviderUnknownOutcome},
		"null ResponseCode":        {200, `{"ResponseCode":null,"CheckoutRequestID":"ws_CO_1"}`, Unknown, false, FailureProviderUnknownOutcome},
		"object ResponseCode":      {200, `{"ResponseCode":{},"CheckoutRequestID":"ws_CO_1"}`, Unknown, false, FailureProviderUnknownOutcome},
		"other ResponseCode":       {200, `{"ResponseCode":"1","ResponseDescription":"Rejected","CheckoutRequestID":"ws_CO_1"}`, Rejected, false, FailureRequestRejected},
		"no CheckoutRequestID":     {200, `{"ResponseCode":"0"}`, Unknown, false, FailureProviderUnknownOutcome},
		"absurd CheckoutRequestID": {200, `{"ResponseCode":"0","CheckoutRequestID":"` + strings.Repeat("x", 300) + `"}`, Unknown, false, FailureProviderUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaraja(t, always(test.status, test.body))
			_, err := d.client().Push(context.Background(), testChannel, testCredentials(), testPush())
			e := wantError(t, err)
			code, sentence := e.Reason()
			if e.Kind != test.kind || e.Retryable != test.retry || code != test.failure || sentence == "" || e.HTTPStatus != test.status {
				t.Errorf("%v: kind %v, retryable %v, code %s, status %d", e, e.Kind, e.Retryable, code, e.HTTPStatus)
			}
			if len(test.body) <= maxResponseBytes && string(e.Raw) != test.body {
				t.Errorf("raw is %.100q", e.Raw)
			}
			if n := len(d.seen()); n != 1 && code != FailureTokenRejected {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestPushTakesANumericResponseCodeAndMissingExtras(t *testing.T) {
	d := newDaraja(t, always(200, `{"ResponseCode":0,"CheckoutRequestID":"ws_CO_191220191020363925","surprise":[1,{"a":null}]}`))
	got, err := d.client().Push(context.Background(), testChannel, testCredentials(), testPush())
	if err != nil || got.CheckoutRequestID != "ws_CO_191220191020363925" || got.MerchantRequestID != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestErrorTextsHoldNoSecretTokenOrPhone(t *testing.T) {
	cred := testCredentials()
	pw := password(cred, "20260101120000")
	echo := strings.Join([]string{"T1", cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, pw, testPhone, "0712345678", "+254712345678", testPush().CallbackURL}, " ; ")
	d := newDaraja(t, always(400, errorBody("400.002.02", echo+"\x00\nend")))
	d.token = func(w http.ResponseWriter, _ *http.Request, _ int) {
		say(w, 200, `{"access_token":"tok-abcdef","expires_in":3599}`)
	}
	d.answer = always(400, errorBody("400.002.02", strings.ReplaceAll(echo, "T1", "tok-abcdef")+" end"))
	_, err := d.client(clockAt(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))).Push(context.Background(), testChannel, cred, testPush())
	e := wantError(t, err)
	for _, private := range []string{"tok-abcdef", cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, pw, testPhone, "712345678", "opaque-token"} {
		if strings.Contains(e.Error(), private) || strings.Contains(e.Message, private) {
			t.Errorf("%q is in %q", private, e.Error())
		}
	}
	if !strings.HasSuffix(e.Message, "end") {
		t.Errorf("the rest is gone: %q", e.Message)
	}
}

func TestTheTokenThatTheBalanceAPIEchoesIsRedacted(t *testing.T) {
	got := newCleaner().text("Error Occurred - Invalid Access Token - c9SQxWWhmdVRlyh0zh8gZDTkubVF")
	if got != "Error Occurred - Invalid Access Token - [redacted]" {
		t.Error(got)
	}
}

func TestMessagesAreBounded(t *testing.T) {
	if got := newCleaner().text(strings.Repeat("é\x01", 5000)); len([]rune(got)) > maxMessageRunes+1 {
		t.Errorf("%d runes", len([]rune(got)))
	}
}

func TestObserveIsToldOfEveryCall(t *testing.T) {
	d := newDaraja(t, always(500, errorBody("500.003.02", "busy")))
	var got []string
	c := d.client(func(o *Options) {
		o.Observe = func(call, outcome string, _ time.Duration) { got = append(got, call+" "+outcome) }
	})
	_, _ = c.Push(context.Background(), testChannel, testCredentials(), testPush())
	_, _ = c.Query(context.Background(), testChannel, testCredentials(), QueryRequest{"ws_CO_1"})
	if diff := cmp.Diff([]string{"oauth ok", "push rejected", "query pending"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsUnwrapToTheirCause(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := newDaraja(t, always(200, acceptedRaw)).client().Push(ctx, testChannel, testCredentials(), testPush())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
