package mpesa

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

func testRegister() RegisterC2BRequest {
	return RegisterC2BRequest{ShortCode: "600996", ConfirmationURL: "https://pay.example.com/cb/c2b/tok/confirm", ValidationURL: "https://pay.example.com/cb/c2b/tok/validate"}
}

func TestRegisterC2BSendsWhatDarajaDocuments(t *testing.T) {
	body := `{"OriginatorCoversationID":"6e86-45dd-91ac-fd5d4178ab523408729","ResponseCode":"0","ResponseDescription":"Success"}`
	d := newDaraja(t, always(200, body))
	got, err := d.client().RegisterC2B(context.Background(), testChannel, testCredentials(), testRegister())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(C2BAccepted{OriginatorConversationID: "6e86-45dd-91ac-fd5d4178ab523408729", Description: "Success", Raw: []byte(body)}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]call{{
		Method: "POST", Path: "/mpesa/c2b/v2/registerurl", Authorization: "Bearer T1", ContentType: "application/json",
		Body: map[string]any{
			"ShortCode": "600996", "ResponseType": "Completed",
			"ConfirmationURL": "https://pay.example.com/cb/c2b/tok/confirm", "ValidationURL": "https://pay.example.com/cb/c2b/tok/validate",
		},
	}}, d.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterC2BForVersionOneAndTheTill(t *testing.T) {
	d := newDaraja(t, always(200, `{"ConversationID":"AG_1","OriginatorConversationID":"1-2-3","ResponseDescription":"success"}`))
	r, cred := testRegister(), testCredentials()
	r.ShortCode, r.Version, r.ResponseType, cred.TillNumber = "", C2BVersion1, ResponseCancelled, "5001234"
	got, err := d.client().RegisterC2B(context.Background(), testChannel, cred, r)
	if err != nil || got.OriginatorConversationID != "1-2-3" || got.ConversationID != "AG_1" {
		t.Errorf("%+v, %v", got, err)
	}
	if c := d.seen()[0]; c.Path != "/mpesa/c2b/v1/registerurl" || c.Body["ShortCode"] != "5001234" || c.Body["ResponseType"] != "Cancelled" {
		t.Errorf("%+v", c)
	}
}

func TestRegisterC2BRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*RegisterC2BRequest, *Credentials)
		failure string
	}{
		"shortcode":             {func(r *RegisterC2BRequest, _ *Credentials) { r.ShortCode = "abc" }, FailureInvalidShortCode},
		"response type":         {func(r *RegisterC2BRequest, _ *Credentials) { r.ResponseType = "completed" }, FailureInvalidRequest},
		"version":               {func(r *RegisterC2BRequest, _ *Credentials) { r.Version = "v3" }, FailureInvalidRequest},
		"no validation URL":     {func(r *RegisterC2BRequest, _ *Credentials) { r.ValidationURL = "" }, FailureInvalidCallbackURL},
		"banned, in production": {func(r *RegisterC2BRequest, c *Credentials) { c.Environment = Production; r.ConfirmationURL += "/MPESA" }, FailureInvalidCallbackURL},
	} {
		d := newDaraja(t, always(200, `{"ResponseCode":"0"}`))
		r, cred := testRegister(), testCredentials()
		test.change(&r, &cred)
		_, err := d.client().RegisterC2B(context.Background(), testChannel, cred, r)
		e := wantError(t, err)
		if code, _ := e.Reason(); e.Kind != Rejected || code != test.failure || len(d.seen()) != 0 {
			t.Errorf("%s: %v, %s, %d calls", name, e, code, len(d.seen()))
		}
	}
}

func TestRegisterC2BAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		body    string
		kind    Kind
		failure string
	}{
		"already registered": {500, errorBody("500.003.1001", "Urls are already registered."), Rejected, FailureURLsAlreadyRegistered},
		"elsewhere":          {500, errorBody("500.003.1001", "Duplicate notification info"), Rejected, FailureShortCodeElsewhere},
		"internal":           {500, errorBody("500.003.1001", "Internal Server Error"), Unknown, FailureProviderUnknownOutcome},
		"bad request":        {400, errorBody("400.003.02", "Bad Request"), Rejected, FailureInvalidRequest},
		"not accepted":       {200, `{"ResponseCode":"1","ResponseDescription":"no"}`, Rejected, FailureRequestRejected},
		"nothing":            {200, `{}`, Unknown, FailureProviderError},
	} {
		d := newDaraja(t, always(test.status, test.body))
		_, err := d.client().RegisterC2B(context.Background(), testChannel, testCredentials(), testRegister())
		e := wantError(t, err)
		if code, _ := e.Reason(); e.Kind != test.kind || code != test.failure {
			t.Errorf("%s: %v, %s", name, e, code)
		}
	}
}

func TestARefusedTokenIsReplacedForC2BToo(t *testing.T) {
	d := newDaraja(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			say(w, 400, errorBody("400.003.01", "Invalid Access Token"))
			return
		}
		say(w, 200, `{"ResponseCode":"0"}`)
	})
	if _, err := d.client().RegisterC2B(context.Background(), testChannel, testCredentials(), testRegister()); err != nil {
		t.Error(err)
	}
}

func TestSimulateC2BSendsWhatDarajaDocuments(t *testing.T) {
	d := newDaraja(t, always(200, `{"OriginatorCoversationID":"53e3","ResponseCode":"0","ResponseDescription":"Accept the service request successfully."}`))
	c := d.client()
	r := SimulateC2BRequest{ShortCode: "600996", Amount: money.Of(100, money.KES), Phone: testPhone, BillRef: "invoice008"}
	if _, err := c.SimulateC2B(context.Background(), testChannel, testCredentials(), r); err != nil {
		t.Fatal(err)
	}
	r.BuyGoods, r.Version = true, C2BVersion1
	if _, err := c.SimulateC2B(context.Background(), testChannel, testCredentials(), r); err != nil {
		t.Fatal(err)
	}
	common := call{Method: "POST", Authorization: "Bearer T1", ContentType: "application/json"}
	paybill, till := common, common
	paybill.Path, paybill.Body = "/mpesa/c2b/v2/simulate", map[string]any{
		"ShortCode": 600996.0, "CommandID": "CustomerPayBillOnline", "Amount": 1.0, "Msisdn": 254708374149.0, "BillRefNumber": "invoice008",
	}
	till.Path, till.Body = "/mpesa/c2b/v1/simulate", map[string]any{
		"ShortCode": 600996.0, "CommandID": "CustomerBuyGoodsOnline", "Amount": 1.0, "Msisdn": 254708374149.0, "BillRefNumber": nil,
	}
	if diff := cmp.Diff([]call{paybill, till}, d.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestSimulateC2BRefusals(t *testing.T) {
	good := SimulateC2BRequest{ShortCode: "600996", Amount: money.Of(100, money.KES), Phone: testPhone, BillRef: "x"}
	for name, test := range map[string]struct {
		change  func(*SimulateC2BRequest, *Credentials)
		failure string
	}{
		"production": {func(_ *SimulateC2BRequest, c *Credentials) { c.Environment = Production }, FailureSandboxOnly},
		"shortcode":  {func(r *SimulateC2BRequest, _ *Credentials) { r.ShortCode = "1" }, FailureInvalidShortCode},
		"version":    {func(r *SimulateC2BRequest, _ *Credentials) { r.Version = "2" }, FailureInvalidRequest},
		"cents":      {func(r *SimulateC2BRequest, _ *Credentials) { r.Amount.Minor = 101 }, FailureInvalidAmount},
		"too much":   {func(r *SimulateC2BRequest, _ *Credentials) { r.Amount.Minor = 250_001_00 }, FailureInvalidAmount},
		"phone":      {func(r *SimulateC2BRequest, _ *Credentials) { r.Phone = "07" }, FailureInvalidPhone},
	} {
		d := newDaraja(t, always(200, `{"ResponseCode":"0"}`))
		r, cred := good, testCredentials()
		test.change(&r, &cred)
		_, err := d.client().SimulateC2B(context.Background(), testChannel, cred, r)
		e := wantError(t, err)
		if code, _ := e.Reason(); e.Kind != Rejected || code != test.failure || len(d.seen()) != 0 {
			t.Errorf("%s: %v, %s", name, e, code)
		}
	}
}
