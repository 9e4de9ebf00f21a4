package paystack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

const resolvedDispute = `{"status":true,"message":"Dispute successfully resolved","data":{
 "currency":"KES","last4":null,"bin":null,"transaction_reference":null,"merchant_transaction_reference":null,"refund_amount":1002,"status":"resolved","domain":"test",
 "resolution":"merchant-accepted","category":"general","note":null,"attachments":"attachment","id":624,
 "transaction":{"id":5991760,"domain":"test","status":"success","reference":"asjck8gf76zd1dr","amount":39100,"currency":"KES","fees":587},
 "created_by":30,"evidence":21,"resolvedAt":"2019-08-28T15:23:31.000Z","createdAt":"2019-08-28T14:14:41.000Z","updatedAt":"2019-08-28T15:23:31.000Z","dueAt":null,
 "message":{"dispute":624,"sender":"demo@test.co","body":"Merchant accepted"}}}`

func theDispute() Dispute {
	return Dispute{
		ID: "624", Domain: Test, Status: "resolved", Resolution: "merchant-accepted", Category: "general", TransactionID: "5991760", TransactionReference: "asjck8gf76zd1dr",
		TransactionAmount: kes(39100), RefundAmount: kes(1002), ResolvedAt: at("2019-08-28T15:23:31Z"), CreatedAt: at("2019-08-28T14:14:41Z"), UpdatedAt: at("2019-08-28T15:23:31Z"),
		EvidenceID: "21", Raw: []byte(resolvedDispute),
	}
}

func TestResolveDisputeSendsAndReadsWhatPaystackDocuments(t *testing.T) {
	s := newServer(t, always(200, resolvedDispute))
	r := Resolve{Resolution: AcceptDispute, Message: "Merchant accepted", RefundAmount: *kes(1002), UploadedFilename: "qesp8a4df1xejihd9x5q", Evidence: "21"}
	got, err := s.client().ResolveDispute(context.Background(), testChannel, testCredentials(), "624", r)
	if diff := cmp.Diff(theDispute(), got); err != nil || diff != "" {
		t.Errorf("%s %v", diff, err)
	}
	if got.State() != DisputeAccepted || !got.State().Final() {
		t.Error(got.State())
	}
	r = Resolve{Resolution: DeclineDispute, Message: "delivered"}
	if _, err := s.client().ResolveDispute(context.Background(), testChannel, testCredentials(), "624", r); err != nil {
		t.Fatal(err)
	}
	common := call{Method: "PUT", URI: "/dispute/624/resolve", Authorization: "Bearer sk_test_0123456789", ContentType: "application/json"}
	accept, decline := common, common
	accept.Body = map[string]any{"resolution": "merchant-accepted", "message": "Merchant accepted", "refund_amount": 1002.0, "uploaded_filename": "qesp8a4df1xejihd9x5q", "evidence": 21.0}
	decline.Body = map[string]any{"resolution": "declined", "message": "delivered", "refund_amount": 0.0}
	if diff := cmp.Diff([]call{accept, decline}, s.seen()); diff != "" {
		t.Error(diff)
	}
	again, err := DecodeDisputeNotice(got.Raw)
	again.Raw = got.Raw
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("what was recorded reads otherwise: %s %v", diff, err)
	}
}

// Accepting a dispute moves money, so that what may have been carried out is not sent again.
func TestAResolutionOfUnknownOutcomeIsSentOnce(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, int){
		"lost":           func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) },
		"500":            always(500, `{"status":false,"message":"An error occurred"}`),
		"no data":        always(200, `{"status":true}`),
		"two of them":    always(200, `{"status":true,"data":[{},{}]}`),
		"another":        always(200, strings.Replace(resolvedDispute, `"id":624`, `"id":625`, 1)),
		"of no payment":  always(200, strings.Replace(resolvedDispute, `"transaction":{`, `"x":{`, 1)),
		"without status": always(200, strings.Replace(resolvedDispute, `"status":"resolved"`, `"x":1`, 1)),
	} {
		s := newServer(t, answer)
		_, err := s.client().ResolveDispute(context.Background(), testChannel, testCredentials(), "624", Resolve{Resolution: AcceptDispute, Message: "m", RefundAmount: *kes(1)})
		if e := wantError(t, err); e.Kind != Unknown || e.Retryable || len(s.seen()) != 1 {
			t.Errorf("%s: %v after %d", name, e, len(s.seen()))
		}
	}
	s := newServer(t, always(200, strings.TrimSuffix(strings.Replace(resolvedDispute, `"data":{`, `"data":[{`, 1), "}")+"]}"))
	if _, err := s.client().FetchDispute(context.Background(), testChannel, testCredentials(), "624"); err != nil {
		t.Errorf("a list of one: %v", err)
	}
	s.answer = always(400, `{"status":false,"message":"Dispute has already been resolved"}`)
	_, err := s.client().ResolveDispute(context.Background(), testChannel, testCredentials(), "624", Resolve{Resolution: DeclineDispute, Message: "m"})
	if code, _ := wantError(t, err).Reason(); code != FailureDisputeResolved || wantError(t, err).Kind != Rejected {
		t.Error(err)
	}
}

func TestFetchAndListDisputes(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case n == 1:
			say(w, 502, "<html>")
		case r.URL.Path == "/dispute":
			say(w, 200, listOf(rowOf(resolvedDispute), `{"status":"x"}`, strings.Replace(rowOf(resolvedDispute), `"id":624`, `"x":1`, 1)))
		default:
			say(w, 200, resolvedDispute)
		}
	})
	got, err := s.client().FetchDispute(context.Background(), testChannel, testCredentials(), "624")
	if diff := cmp.Diff(theDispute(), got); err != nil || diff != "" || len(s.seen()) != 2 {
		t.Errorf("%s %v after %d", diff, err, len(s.seen()))
	}
	var ids []string
	q := DisputeQuery{From: *at("2019-08-01T00:00:00Z"), To: *at("2019-09-01T00:00:00Z"), Status: "resolved", Transaction: "5991760", PerPage: 5}
	errs := 0
	for d, err := range s.client().Disputes(context.Background(), testChannel, testCredentials(), q) {
		if err != nil {
			errs++
			continue
		}
		ids = append(ids, d.ID)
	}
	if len(ids) != 1 || ids[0] != "624" || errs != 2 {
		t.Errorf("%v, %d errors", ids, errs)
	}
	if uri := s.seen()[2].URI; uri != "/dispute?from=2019-08-01T00%3A00%3A00.000Z&page=1&perPage=5&status=resolved&to=2019-09-01T00%3A00%3A00.000Z&transaction=5991760" {
		t.Error(uri)
	}
	s.answer = always(404, `{"status":false,"message":"Dispute not found"}`)
	_, err = s.client().FetchDispute(context.Background(), testChannel, testCredentials(), "5")
	if code, _ := wantError(t, err).Reason(); code != FailureDisputeNotFound || wantError(t, err).Kind != NotFound {
		t.Error(err)
	}
}

func testEvidence() Evidence {
	return Evidence{CustomerEmail: "ann@example.com", CustomerName: "Ann Otieno", CustomerPhone: "0700000000", ServiceDetails: "shoes", DeliveryAddress: "1 High Street", DeliveryDate: "2026-01-31"}
}

func TestAddEvidence(t *testing.T) {
	s := newServer(t, always(200, `{"status":true,"message":"Evidence created","data":{"customer_email":"ann@example.com","dispute":624,"id":21}}`))
	id, err := s.client().AddEvidence(context.Background(), testChannel, testCredentials(), "624", testEvidence())
	if id != "21" || err != nil {
		t.Errorf("%s %v", id, err)
	}
	want := call{
		Method: "POST", URI: "/dispute/624/evidence", Authorization: "Bearer sk_test_0123456789", ContentType: "application/json",
		Body: map[string]any{
			"customer_email": "ann@example.com", "customer_name": "Ann Otieno", "customer_phone": "0700000000", "service_details": "shoes", "delivery_address": "1 High Street", "delivery_date": "2026-01-31",
		},
	}
	if diff := cmp.Diff([]call{want}, s.seen()); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*Evidence){
		"email": func(e *Evidence) { e.CustomerEmail = "ann" }, "name": func(e *Evidence) { e.CustomerName = "" }, "phone": func(e *Evidence) { e.CustomerPhone = "" },
		"details": func(e *Evidence) { e.ServiceDetails = "" }, "day": func(e *Evidence) { e.DeliveryDate = "31.1.2026" },
	} {
		e := testEvidence()
		change(&e)
		if _, err := s.client().AddEvidence(context.Background(), testChannel, testCredentials(), "624", e); wantError(t, err).Kind != Rejected || len(s.seen()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.answer = always(400, `{"status":false,"message":"Ann Otieno at 1 High Street (ann@example.com, 0700000000) is unknown"}`)
	_, err = s.client().AddEvidence(context.Background(), testChannel, testCredentials(), "624", testEvidence())
	for _, private := range []string{"Ann", "High", "ann@", "0700000000"} {
		if strings.Contains(wantError(t, err).Error(), private) {
			t.Errorf("%v tells %s", err, private)
		}
	}
	s.answer = always(200, `{"status":true,"data":{}}`)
	_, err = s.client().AddEvidence(context.Background(), testChannel, testCredentials(), "624", testEvidence())
	if e := wantError(t, err); e.Kind != Unknown || e.Retryable || len(s.seen()) != 3 {
		t.Errorf("%v after %d", e, len(s.seen()))
	}
}

func TestDisputeUpload(t *testing.T) {
	s := newServer(t, always(200, `{"status":true,"message":"Upload url generated","data":{"signedUrl":"https://files.example.com/q?X=1","fileName":"qesp8a4df1xejihd9x5q"}}`))
	got, err := s.client().DisputeUpload(context.Background(), testChannel, testCredentials(), "624", "my receipt&.pdf")
	if (got != Upload{SignedURL: "https://files.example.com/q?X=1", FileName: "qesp8a4df1xejihd9x5q"}) || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	if uri := s.seen()[0].URI; uri != "/dispute/624/upload_url?upload_filename=my+receipt%26.pdf" {
		t.Error(uri)
	}
	for _, name := range []string{"", "..", "a/b", `a\b`, "a\nb", "\xff", strings.Repeat("x", 256)} {
		if _, err := s.client().DisputeUpload(context.Background(), testChannel, testCredentials(), "624", name); wantError(t, err).Kind != Rejected || len(s.seen()) != 1 {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, data := range []string{`{}`, `{"signedUrl":"javascript:alert(1)","fileName":"x"}`, `{"signedUrl":"https://files.example.com/q"}`} {
		s.answer = always(200, `{"status":true,"data":`+data+`}`)
		if _, err := s.client().DisputeUpload(context.Background(), testChannel, testCredentials(), "624", "a.pdf"); wantError(t, err).Kind != Unknown {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestNothingIsSentAboutADisputeThatCannotBe(t *testing.T) {
	s := newServer(t, always(200, resolvedDispute))
	c, ctx := s.client(), context.Background()
	good := Resolve{Resolution: AcceptDispute, Message: "m", RefundAmount: *kes(1)}
	for _, id := range []string{"", "x", "../refund"} {
		_, fetch := c.FetchDispute(ctx, testChannel, testCredentials(), id)
		_, evidence := c.AddEvidence(ctx, testChannel, testCredentials(), id, testEvidence())
		_, upload := c.DisputeUpload(ctx, testChannel, testCredentials(), id, "a.pdf")
		_, resolve := c.ResolveDispute(ctx, testChannel, testCredentials(), id, good)
		for _, err := range []error{fetch, evidence, upload, resolve} {
			if wantError(t, err).Kind != Rejected {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
	for name, change := range map[string]func(*Resolve){
		"resolution": func(r *Resolve) { r.Resolution = "won" }, "no message": func(r *Resolve) { r.Message = " " }, "nothing back": func(r *Resolve) { r.RefundAmount.Minor = 0 },
		"declined with money": func(r *Resolve) { r.Resolution = DeclineDispute }, "evidence": func(r *Resolve) { r.Evidence = `7,"x":1` },
	} {
		r := good
		change(&r)
		if _, err := c.ResolveDispute(ctx, testChannel, testCredentials(), "5", r); wantError(t, err).Kind != Rejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.seen()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestDisputeStates(t *testing.T) {
	for _, test := range []struct {
		status, resolution string
		want               DisputeState
		word               string
	}{
		{"awaiting-merchant-feedback", "", DisputeAwaitingMerchant, "awaiting_merchant"},
		{"awaiting-merchant-feedback", "declined", DisputeAwaitingMerchant, "awaiting_merchant"},
		{"awaiting-bank-feedback", "", DisputeOpen, "open"},
		{"pending", "", DisputeOpen, "open"},
		{"something new", "merchant-accepted", DisputeOpen, "open"},
		{"resolved", "merchant-accepted", DisputeAccepted, "accepted"},
		{"resolved", "auto-accepted", DisputeAccepted, "accepted"},
		{"resolved", "declined", DisputeDeclined, "declined"},
		{"resolved", "", DisputeClosed, "closed"},
		{"archived", "something new", DisputeClosed, "closed"},
	} {
		got := Dispute{Status: test.status, Resolution: test.resolution}.State()
		if got != test.want || got.String() != test.word || got.Final() != (test.status == "resolved" || test.status == "archived") {
			t.Errorf("%+v: %v", test, got)
		}
	}
	if s := DisputeState(99); s.String() != "open" || s.Final() {
		t.Error(s)
	}
}

func TestOnlyTheLatestOfALongHistoryIsKept(t *testing.T) {
	var steps []string
	for i := range maxDisputeEntries + 5 {
		steps = append(steps, fmt.Sprintf(`{"status":"s%d"}`, i))
	}
	raw := `{"event":"charge.dispute.remind","data":{"id":1,"status":"pending","transaction":{"id":2,"currency":"KES"},"refund_amount":5,"history":[` + strings.Join(steps, ",") + `]}}`
	e, err := DecodeEvent([]byte(raw))
	if err != nil || len(e.Dispute.History) != maxDisputeEntries || e.Dispute.History[0].Status != "s5" || *e.Dispute.RefundAmount != money.Of(5, money.KES) {
		t.Errorf("%+v, %v", e.Dispute, err)
	}
}
