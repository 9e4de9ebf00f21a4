package paystack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

const refunded = `{"status":true,"message":"Refund has been queued for processing","data":{
 "transaction":{"id":1004723697,"domain":"live","reference":"pay-01J","amount":10000,"paid_at":"2021-08-20T18:34:11.000Z","channel":"card","currency":"KES","authorization":{"exp_month":null},"customer":{"international_format_phone":null},"plan":{}},
 "integration":412829,"deducted_amount":0,"channel":null,"merchant_note":"RF-1","customer_note":"sorry","status":"pending","refunded_by":"owner@shop.example.com",
 "expected_at":"2021-12-16T09:21:17.016Z","currency":"KES","domain":"test","amount":5000,"fully_deducted":false,"id":3018284,"createdAt":"2021-12-07T09:21:17.122Z","updatedAt":"2021-12-07T09:21:17.122Z"}}`

const fetchedRefund = `{"status":true,"message":"Refund retrieved","data":{
 "integration":100982,"transaction":1004723697,"dispute":{"id":20},"settlement":77,"id":3018284,"domain":"test","currency":"KES","amount":5000,"status":"failed",
 "refunded_at":"2021-12-09T10:00:00.000Z","refunded_by":"owner@shop.example.com","customer_note":"sorry","merchant_note":"RF-1","deducted_amount":"5000","fully_deducted":1,
 "bank_reference":"B1","reason":"Account closed","refund_type":"partial","transaction_amount":10000,"initiated_by":"x","refund_channel":"bank","createdAt":"2021-12-07T09:21:17.000Z","updatedAt":"2021-12-09T10:00:00.000Z"}}`

func testRefund() RefundRequest {
	return RefundRequest{Transaction: "pay-01J", Amount: *kes(5000), CustomerNote: "sorry", MerchantNote: "RF-1"}
}

func TestCreateRefundSendsAndReadsWhatPaystackDocuments(t *testing.T) {
	s := newServer(t, always(200, refunded))
	got, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), testRefund())
	if err != nil {
		t.Fatal(err)
	}
	want := Refund{
		ID: "3018284", Domain: Test, Status: "pending", TransactionID: "1004723697", TransactionReference: "pay-01J", Amount: *kes(5000), CustomerNote: "sorry", MerchantNote: "RF-1",
		DeductedAmount: kes(0), ExpectedAt: at("2021-12-16T09:21:17.016Z"), CreatedAt: at("2021-12-07T09:21:17.122Z"), UpdatedAt: at("2021-12-07T09:21:17.122Z"), Raw: []byte(refunded),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.State() != RefundPending || got.State().Final() || !got.IsOf("pay-01J") || !got.IsOf("1004723697") || got.IsOf("") {
		t.Errorf("%v", got.State())
	}
	if _, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), RefundRequest{Transaction: "1004723697"}); err != nil {
		t.Fatal(err)
	}
	common := call{Method: "POST", URI: "/refund", Authorization: "Bearer sk_test_0123456789", ContentType: "application/json"}
	part, whole := common, common
	part.Body = map[string]any{"transaction": "pay-01J", "amount": 5000.0, "currency": "KES", "customer_note": "sorry", "merchant_note": "RF-1"}
	whole.Body = map[string]any{"transaction": "1004723697"}
	if diff := cmp.Diff([]call{part, whole}, s.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestFetchRefundReadsWhatPaystackDocuments(t *testing.T) {
	s := newServer(t, always(200, fetchedRefund))
	got, err := s.client().FetchRefund(context.Background(), testChannel, testCredentials(), "3018284")
	if err != nil {
		t.Fatal(err)
	}
	want := Refund{
		ID: "3018284", Domain: Test, Status: "failed", TransactionID: "1004723697", Amount: *kes(5000), CustomerNote: "sorry", MerchantNote: "RF-1", DisputeID: "20", SettlementID: "77",
		DeductedAmount: kes(5000), FullyDeducted: true, Channel: "bank", BankReference: "B1", Reason: "Account closed",
		RefundedAt: at("2021-12-09T10:00:00Z"), CreatedAt: at("2021-12-07T09:21:17Z"), UpdatedAt: at("2021-12-09T10:00:00Z"), Raw: []byte(fetchedRefund),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if code, sentence := DescribeRefund(got); code != FailureRefundFailed || !strings.HasSuffix(sentence, ".") || !got.State().Final() {
		t.Errorf("%s %s", code, sentence)
	}
	again, err := DecodeRefundNotice(got.Raw)
	again.Raw = got.Raw
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("what was recorded reads otherwise: %s %v", diff, err)
	}
	for _, id := range []string{"", "x", "-1", "../transaction", "18446744073709551616"} {
		_, err := s.client().FetchRefund(context.Background(), testChannel, testCredentials(), id)
		if e := wantError(t, err); e.Kind != Rejected {
			t.Errorf("%q: %v", id, e)
		}
	}
	if n := len(s.seen()); n != 1 {
		t.Errorf("%d calls", n)
	}
	_, err = s.client().FetchRefund(context.Background(), testChannel, testCredentials(), "5")
	if e := wantError(t, err); e.Kind != Unknown || !e.Retryable {
		t.Errorf("the answer is about another: %v", e)
	}
	s.answer = always(404, `{"status":false,"message":"Refund not found"}`)
	_, err = s.client().FetchRefund(context.Background(), testChannel, testCredentials(), "5")
	if code, _ := wantError(t, err).Reason(); wantError(t, err).Kind != NotFound || code != FailureRefundNotFound {
		t.Errorf("%v", err)
	}
}

func TestARefusedRefundHasItsOwnWord(t *testing.T) {
	for _, test := range []struct {
		status        int
		message, code string
		kind          Kind
		retry         bool
		failure       string
	}{
		{status: 400, message: "Total refund amount cannot exceed original transaction amount", failure: FailureRefundTooHigh},
		{status: 400, message: "Transaction has been fully reversed", failure: FailureAlreadyReversed},
		{status: 400, message: "Insufficient balance to fulfill this refund. Please top up.", failure: FailureRefundBalance, retry: true},
		{status: 400, message: "Transaction currency must match refund currency", failure: FailureRefundCurrency},
		{status: 400, message: "Minimum refund amount is KES 50", failure: FailureRefundTooLow},
		{status: 400, message: "Amount must be an integer", failure: FailureInvalidAmount},
		{status: 400, message: "Something else", failure: FailureRequestRejected},
		{status: 404, message: "Transaction not found", kind: NotFound, failure: FailureNotFound},
		{status: 400, message: "x", code: "transaction_not_found", kind: NotFound, failure: FailureNotFound},
		{status: 401, message: "Invalid key", code: "invalid_Key", failure: FailureInvalidCredentials},
		{status: 429, message: "Rate limit exceeded!", code: "rate_limited", failure: FailureProviderBusy, retry: true},
	} {
		s := newServer(t, always(test.status, fmt.Sprintf(`{"status":false,"message":%q,"code":%q}`, test.message, test.code)))
		_, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), testRefund())
		e := wantError(t, err)
		want := test.kind
		if want == Unknown {
			want = Rejected
		}
		code, sentence := e.Reason()
		if e.Kind != want || code != test.failure || !strings.HasSuffix(sentence, ".") || e.Retryable != test.retry || len(s.seen()) != 1 {
			t.Errorf("%s: %v, %s, retryable %v, %d calls", test.message, e, code, e.Retryable, len(s.seen()))
		}
	}
}

// A refund that may be on its way is never sent again: Paystack has no idempotency for refunds.
func TestARefundOfUnknownOutcomeIsSentOnce(t *testing.T) {
	another := strings.Replace(refunded, `"reference":"pay-01J"`, `"reference":"pay-02X"`, 1)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, int){
		"lost":                       func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) },
		"cut off":                    always(200, refunded[:200]),
		"500 in its words":           always(500, `{"status":false,"message":"An error occurred","code":"internal_error"}`),
		"500 in words of a refusal":  always(500, `{"status":false,"message":"Transaction has been fully reversed"}`),
		"502 of a gateway":           always(502, "<html>"),
		"503 without a body":         always(503, ""),
		"200 without an envelope":    always(200, "{}"),
		"200 of a gateway":           always(200, "<html>"),
		"no data":                    always(200, `{"status":true,"message":"x"}`),
		"no id":                      always(200, strings.Replace(refunded, `"id":3018284`, `"x":1`, 1)),
		"no status":                  always(200, strings.Replace(refunded, `"status":"pending"`, `"x":1`, 1)),
		"fractional":                 always(200, strings.Replace(refunded, `"amount":5000`, `"amount":50.5`, 1)),
		"about another transaction":  always(200, another),
		"about another, by its text": always(200, strings.Replace(refunded, `"transaction":{`, `"transaction":"pay-02X","x":{`, 1)),
	} {
		s := newServer(t, answer)
		_, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), testRefund())
		if e := wantError(t, err); e.Kind != Unknown || e.Retryable || len(s.seen()) != 1 {
			t.Errorf("%s: %v, retryable %v, %d calls", name, e, e.Retryable, len(s.seen()))
		}
	}
	s := newServer(t, always(200, strings.Replace(refunded, `"transaction":{`, `"transaction":1004723697,"x":{`, 1)))
	s.answer = always(200, strings.NewReplacer(`"transaction":{`, `"transaction":1004723697,"x":{`, `"currency":"KES","domain":"test"`, `"currency":"USD","domain":"test"`).Replace(refunded))
	if f, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), testRefund()); err != nil || f.Amount != money.Of(5000, money.USD) {
		t.Errorf("another currency, which the caller compares: %+v, %v", f, err)
	}
	s.answer = always(200, strings.Replace(refunded, `"transaction":{`, `"transaction":1004723697,"x":{`, 1))
	if _, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), testRefund()); err != nil {
		t.Errorf("an id that can't be compared with a reference: %v", err)
	}
}

func TestARefundThatNothingWasSentOfMayBeSentAgain(t *testing.T) {
	dial := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }}}
	c := New(Options{BaseURL: "http://paystack.example.com", HTTPClient: dial})
	_, err := c.CreateRefund(context.Background(), testChannel, testCredentials(), testRefund())
	if e := wantError(t, err); e.Kind != NotSent || !e.Retryable {
		t.Errorf("%v", e)
	}
}

func TestCreateRefundRefusesBeforeSending(t *testing.T) {
	s := newServer(t, always(200, refunded))
	for name, test := range map[string]struct {
		change  func(*RefundRequest)
		failure string
	}{
		"no transaction":      {func(r *RefundRequest) { r.Transaction = "" }, FailureInvalidReference},
		"endless transaction": {func(r *RefundRequest) { r.Transaction = strings.Repeat("x", 101) }, FailureInvalidReference},
		// A zero that was computed must not become all of it.
		"zero of a currency": {func(r *RefundRequest) { r.Amount.Minor = 0 }, FailureInvalidAmount},
		"negative":           {func(r *RefundRequest) { r.Amount.Minor = -1 }, FailureInvalidAmount},
		"no currency":        {func(r *RefundRequest) { r.Amount.Currency = "" }, FailureUnsupportedCurrency},
		"unknown currency":   {func(r *RefundRequest) { r.Amount.Currency = "ZZZ" }, FailureUnsupportedCurrency},
		"endless note":       {func(r *RefundRequest) { r.MerchantNote = strings.Repeat("ä", 256) }, FailureInvalidRequest},
	} {
		r := testRefund()
		test.change(&r)
		_, err := s.client().CreateRefund(context.Background(), testChannel, testCredentials(), r)
		if code, _ := wantError(t, err).Reason(); code != test.failure || wantError(t, err).Kind != Rejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.seen()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestRetryRefundWithCustomerDetails(t *testing.T) {
	retried := strings.Replace(fetchedRefund, `"failed"`, `"processing"`, 1)
	s := newServer(t, always(200, retried))
	to := RefundAccount{Currency: money.KES, AccountNumber: "1234567890", BankID: "9"}
	got, err := s.client().RetryRefundWithCustomerDetails(context.Background(), testChannel, testCredentials(), "3018284", to)
	if err != nil || got.State() != RefundProcessing {
		t.Errorf("%+v, %v", got, err)
	}
	want := call{
		Method: "POST", URI: "/refund/retry_with_customer_details/3018284", Authorization: "Bearer sk_test_0123456789", ContentType: "application/json",
		Body: map[string]any{"refund_account_details": map[string]any{"currency": "KES", "account_number": "1234567890", "bank_id": "9"}},
	}
	if diff := cmp.Diff([]call{want}, s.seen()); diff != "" {
		t.Error(diff)
	}
	_, err = s.client().RetryRefundWithCustomerDetails(context.Background(), testChannel, testCredentials(), "5", to)
	if e := wantError(t, err); e.Kind != Unknown || e.Retryable {
		t.Errorf("about another: %v", e)
	}
	s.answer = always(400, `{"status":false,"message":"1234567890 is no account"}`)
	_, err = s.client().RetryRefundWithCustomerDetails(context.Background(), testChannel, testCredentials(), "5", to)
	if e := wantError(t, err); e.Kind != Rejected || strings.Contains(e.Error(), "1234567890") {
		t.Errorf("%v", e)
	}
	calls := len(s.seen())
	for name, bad := range map[string]struct {
		id string
		to RefundAccount
	}{
		"id": {"x", to}, "account": {"5", RefundAccount{Currency: money.KES, BankID: "9"}}, "bank": {"5", RefundAccount{Currency: money.KES, AccountNumber: "1"}},
		"currency": {"5", RefundAccount{Currency: "X", AccountNumber: "1", BankID: "9"}},
	} {
		_, err := s.client().RetryRefundWithCustomerDetails(context.Background(), testChannel, testCredentials(), bad.id, bad.to)
		if e := wantError(t, err); e.Kind != Rejected || len(s.seen()) != calls {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// listOf is a list's answer without paging.
func listOf(rows ...string) string {
	return `{"status":true,"message":"x","data":[` + strings.Join(rows, ",") + `],"meta":{"total":1,"skipped":0,"perPage":100,"page":1,"pageCount":1}}`
}

func rowOf(answer string) string {
	top, _ := upstream.ObjectOf([]byte(answer))
	return string(top["data"])
}

func TestListRefundsAnswersAllOfATransactionOrNothing(t *testing.T) {
	row := rowOf(fetchedRefund)
	other := strings.Replace(row, "1004723697", "55", 1)
	s := newServer(t, always(200, listOf(row, other)))
	got, err := s.client().ListRefunds(context.Background(), testChannel, testCredentials(), "1004723697")
	if err != nil || len(got) != 1 || got[0].ID != "3018284" || got[0].MerchantNote != "RF-1" || string(got[0].Raw) != row {
		t.Errorf("%+v, %v", got, err)
	}
	if uri := s.seen()[0].URI; uri != "/refund?page=1&perPage=100&transaction=1004723697" {
		t.Error(uri)
	}
	if again, err := DecodeRefundNotice(got[0].Raw); err != nil || again.ID != "3018284" {
		t.Errorf("a row reads otherwise: %+v, %v", again, err)
	}
	_, err = s.client().ListRefunds(context.Background(), testChannel, testCredentials(), "pay-01J")
	if e := wantError(t, err); e.Kind != Rejected || len(s.seen()) != 1 {
		t.Errorf("a reference, which finds nothing: %v", e)
	}
	for name, answer := range map[string]string{
		"a row that can't be read":  listOf(row, strings.Replace(row, `"amount":5000`, `"amount":"x"`, 1)),
		"a row without its id":      listOf(strings.Replace(row, `"id":3018284`, `"x":1`, 1)),
		"a row of no transaction":   listOf(strings.Replace(row, `"transaction":1004723697`, `"transaction":"pay-01J"`, 1)),
		"a row that is no object":   listOf("7"),
		"no list":                   `{"status":true,"data":{}}`,
		"an end before its end":     strings.Replace(listOf(), `"pageCount":1`, `"pageCount":2`, 1),
		"a list of another service": "<html>",
	} {
		s := newServer(t, always(200, answer))
		got, err := s.client().ListRefunds(context.Background(), testChannel, testCredentials(), "1004723697")
		if e := wantError(t, err); e.Kind != Unknown || !e.Retryable || got != nil {
			t.Errorf("%s: %v, %v", name, got, e)
		}
	}
	s.answer = always(200, listOf())
	if got, err := s.client().ListRefunds(context.Background(), testChannel, testCredentials(), "1004723697"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefundStates(t *testing.T) {
	for status, want := range map[string]RefundState{
		"pending": RefundPending, "processing": RefundProcessing, "processed": RefundProcessed, "failed": RefundFailed, "needs-attention": RefundNeedsAttention,
	} {
		got, known := RefundStateOf(status)
		if got != want || !known || got.String() != strings.ReplaceAll(status, "-", "_") || got.Final() != (status == "processed" || status == "failed") {
			t.Errorf("%s: %v %v", status, got, known)
		}
		code, sentence := DescribeRefund(Refund{Status: status})
		if (code != "") != (status == "failed" || status == "needs-attention") || (code == "") != (sentence == "") {
			t.Errorf("%s: %s %s", status, code, sentence)
		}
	}
	for _, status := range []string{"", "Processed", "done"} {
		if got, known := RefundStateOf(status); got != RefundPending || known {
			t.Errorf("%s: %v %v", status, got, known)
		}
	}
	if RefundState(99).String() != "pending" {
		t.Error(RefundState(99))
	}
}
