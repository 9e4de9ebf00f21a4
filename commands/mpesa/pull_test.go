package mpesa

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

const pulledRow = `{"transactionId":"SKC82PACB8","trxDate":"2026-01-01T05:13:00Z","msisdn":722000001,"sender":"JOHN","transactiontype":"c2b-pay-bill-debit",` +
	`"billreference":"inv 7","amount":"168.00","organizationname":"Example Shop"}`

func noonInNairobi() time.Time { return time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC) }

func testPull() PullRequest {
	return PullRequest{From: noonInNairobi().Add(-PullWindow), To: noonInNairobi()}
}

func pulled(rows string) string {
	return `{"ResponseRefID":"26178-42530161-2","ResponseCode":"1000","ResponseMessage":"Success","Response":` + rows + `}`
}

func TestPullSendsWhatDarajaDocumentsAndReadsItsRows(t *testing.T) {
	d := newDaraja(t, always(200, pulled("[["+pulledRow+"]]")))
	got, err := d.client(clockAt(noonInNairobi())).Pull(context.Background(), testChannel, testCredentials(), testPull())
	want := PullPage{
		Transactions: []PulledTransaction{{
			Receipt: "SKC82PACB8", At: paidAt(2026, 1, 1, 5, 13, 0), Amount: money.Of(16800, money.KES), MSISDN: "722000001", Sender: "JOHN",
			Type: "c2b-pay-bill-debit", BillRef: "inv 7", BillRefNormalised: "INV7", Organisation: "Example Shop",
		}},
		Rows: 1, ResponseRefID: "26178-42530161-2", Raw: []byte(pulled("[[" + pulledRow + "]]")),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.Transactions[0].IsPayment() {
		t.Error(err, diff)
	}
	if diff := cmp.Diff([]call{{
		Method: "POST", Path: "/pulltransactions/v1/query", Authorization: "Bearer T1", ContentType: "application/json",
		Body: map[string]any{"ShortCode": "174379", "StartDate": "2025-12-30 12:00:00", "EndDate": "2026-01-01 12:00:00", "OffSetValue": "0"},
	}}, d.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestPulledRowsAreReadInWhateverTheyAreWrapped(t *testing.T) {
	other := replaced(pulledRow, "SKC82PACB8", "SKC82PACB9")
	odd := replaced(pulledRow, "SKC82PACB8", "yzlyrEsRG1")
	for name, test := range map[string]struct {
		body             string
		read, unreadable int
	}{
		"a list in a list": {pulled("[[" + pulledRow + "," + other + "]]"), 2, 0},
		"several lists":    {pulled("[[" + pulledRow + "],[" + other + "]]"), 2, 0},
		"a list":           {pulled("[" + pulledRow + "]"), 1, 0},
		"one row":          {pulled(pulledRow), 1, 0},
		"a text of a list": {pulled(`"[[` + strings.ReplaceAll(pulledRow, `"`, `\"`) + `]]"`), 1, 0},
		"an empty list":    {pulled("[[]]"), 0, 0},
		"an empty text":    {pulled(`"[[]]"`), 0, 0},
		"nothing":          {pulled("null"), 0, 0},
		"a small receipt":  {pulled("[[" + odd + "," + pulledRow + "]]"), 1, 1},
		"no amount":        {pulled("[[" + replaced(pulledRow, `"168.00"`, `null`) + "]]"), 0, 1},
		"no rows at all":   {pulled("[[7,true]]"), 0, 2},
		"too deep":         {pulled(strings.Repeat("[", 8) + pulledRow + strings.Repeat("]", 8)), 0, 0},
		"none, says it":    {`{"ResponseRefID":"1","ResponseCode":1001,"Response":[[]]}`, 0, 0},
		"capital names":    {pulled("[[" + replaced(pulledRow, "transactionId", "TransactionId", "trxDate", "TrxDate") + "]]"), 1, 0},
	} {
		got, err := newDaraja(t, always(200, test.body)).client(clockAt(noonInNairobi())).Pull(context.Background(), testChannel, testCredentials(), testPull())
		if err != nil || len(got.Transactions) != test.read || got.Unreadable != test.unreadable || got.Rows != test.read+test.unreadable {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestPulledTimesAreReadWithTheirZoneOrAsEastAfrica(t *testing.T) {
	for in, want := range map[string]*time.Time{
		"2026-01-01T05:13:00Z": paidAt(2026, 1, 1, 5, 13, 0), "2026-01-01T08:13:00+03:00": paidAt(2026, 1, 1, 5, 13, 0), "2026-01-01 08:13:00": paidAt(2026, 1, 1, 5, 13, 0),
		"20260101081300": paidAt(2026, 1, 1, 5, 13, 0), "yesterday": nil, "0001-01-01T00:00:00Z": nil,
	} {
		if diff := cmp.Diff(want, pulledAt([]byte(`"`+in+`"`))); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func TestOnlyACustomersPaymentIsAPayment(t *testing.T) {
	for kind, want := range map[string]bool{"c2b-pay-bill-debit": true, "C2B-Buy-Goods-Debit": true, "c2b-reversal": false, "": false, "b2c": false} {
		if (PulledTransaction{Type: kind}).IsPayment() != want {
			t.Error(kind)
		}
	}
}

func TestWrongPullsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	d := newDaraja(t, always(200, pulled("[[]]")))
	c := d.client(clockAt(noonInNairobi()))
	for name, change := range map[string]func(*PullRequest){
		"49 hours":   func(r *PullRequest) { r.From = r.To.Add(-49 * time.Hour) },
		"backwards":  func(r *PullRequest) { r.From, r.To = r.To, r.From },
		"an instant": func(r *PullRequest) { r.From = r.To },
		"offset":     func(r *PullRequest) { r.Offset = -1 },
		"shortcode":  func(r *PullRequest) { r.ShortCode = "1" },
	} {
		r := testPull()
		change(&r)
		_, err := c.Pull(context.Background(), testChannel, testCredentials(), r)
		if e := wantError(t, err); e.Kind != Rejected {
			t.Errorf("%s: %v", name, e)
		}
	}
	if len(d.seen()) != 0 {
		t.Error("something was sent")
	}
}

func TestRegisterPull(t *testing.T) {
	r := RegisterPullRequest{NominatedNumber: testPhone, CallbackURL: "https://pay.example.com/cb/pull/1"}
	for body, already := range map[string]bool{
		`{"ResponseRefID":"feb5","ResponseStatus":"1000","ShortCode":"174379","ResponseDescription":"Shortcode Registered Successfully"}`: false,
		`{"ResponseRefID":"feb5","ResponseStatus":1001,"ShortCode":"174379","ResponseDescription":"ShortCode already Registered"}`:        true,
	} {
		d := newDaraja(t, always(200, body))
		got, err := d.client().RegisterPull(context.Background(), testChannel, testCredentials(), r)
		if err != nil || got.Already != already || got.ResponseRefID != "feb5" {
			t.Errorf("%+v, %v", got, err)
		}
		if diff := cmp.Diff(map[string]any{"ShortCode": "174379", "RequestType": "Pull", "NominatedNumber": testPhone, "CallBackURL": r.CallbackURL}, d.seen()[0].Body); diff != "" {
			t.Error(diff)
		}
	}
	for name, change := range map[string]func(*RegisterPullRequest){
		"phone": func(r *RegisterPullRequest) { r.NominatedNumber = "0722" }, "url": func(r *RegisterPullRequest) { r.CallbackURL = "x" }, "code": func(r *RegisterPullRequest) { r.ShortCode = "x" },
	} {
		wrong := r
		change(&wrong)
		_, err := newDaraja(t, always(200, "{}")).client().RegisterPull(context.Background(), testChannel, testCredentials(), wrong)
		if e := wantError(t, err); e.Kind != Rejected || strings.Contains(e.Error(), testPhone) {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func TestRefusedPulls(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		body    string
		kind    Kind
		failure string
	}{
		"not registered": {400, errorBody("400.001", "Invalid ShortCode"), Rejected, FailureInvalidShortCode},
		"token":          {401, errorBody("401.001", "Invalid Access Token"), Rejected, FailureTokenRejected},
		"another code":   {200, `{"ResponseCode":"1002"}`, Rejected, FailureRequestRejected},
		"no code":        {200, `{}`, Unknown, FailureProviderUnknownOutcome},
		"HTML":           {502, `<html>`, Unknown, FailureProviderUnknownOutcome},
	} {
		c := newDaraja(t, always(test.status, test.body)).client(clockAt(noonInNairobi()))
		_, err := c.Pull(context.Background(), testChannel, testCredentials(), testPull())
		e := wantError(t, err)
		if code, sentence := e.Reason(); e.Kind != test.kind || code != test.failure || strings.Contains(sentence, "prompted") {
			t.Errorf("%s: %v, %s", name, e, sentence)
		}
	}
}
