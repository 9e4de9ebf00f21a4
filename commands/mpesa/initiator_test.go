package mpesa

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

const (
	queuedRaw = `{"OriginatorConversationID":"f1e2-4b95-a71d-b30d3cdbb7a7735297","ConversationID":"AG_20210706_20106e9209f64bebd05b",` +
		`"ResponseCode":"0","ResponseDescription":"Accept the service request successfully."}`
	testReceipt    = "SKC82PACB8"
	testCredential = "c2VjdXJpdHktY3JlZGVudGlhbC0x"
)

func initiatorCredentials() Credentials {
	cred := testCredentials()
	cred.InitiatorName, cred.SecurityCredential = "testapi", testCredential
	return cred
}

func testNotices() Notices {
	return Notices{ResultURL: "https://pay.example.com/cb/r/3q2-opaque", QueueTimeOutURL: "https://pay.example.com/cb/t/3q2-opaque"}
}

func testReversal() ReversalRequest {
	return ReversalRequest{Receipt: testReceipt, Amount: money.Of(200_00, money.KES), Remarks: "refund order 1", Notices: testNotices()}
}

func testB2C() B2CRequest {
	return B2CRequest{
		OriginatorConversationID: "kp-00000001", Amount: money.Of(10_00, money.KES), Phone: testPhone, Remarks: "refund", Occasion: "o", Notices: testNotices(),
	}
}

func testStatus() TransactionStatusRequest {
	return TransactionStatusRequest{Receipt: testReceipt, Remarks: "check", Notices: testNotices()}
}

// asker makes one of the initiator's calls with what is right.
type asker func(ctx context.Context, c *Client, cred Credentials) (InitiatorAccepted, error)

func askers() map[InitiatorAPI]asker {
	return map[InitiatorAPI]asker{
		ReversalAPI: func(ctx context.Context, c *Client, cred Credentials) (InitiatorAccepted, error) {
			return c.Reversal(ctx, testChannel, cred, testReversal())
		},
		B2CAPI: func(ctx context.Context, c *Client, cred Credentials) (InitiatorAccepted, error) {
			return c.B2C(ctx, testChannel, cred, testB2C())
		},
		TransactionStatusAPI: func(ctx context.Context, c *Client, cred Credentials) (InitiatorAccepted, error) {
			return c.TransactionStatus(ctx, testChannel, cred, testStatus())
		},
		AccountBalanceAPI: func(ctx context.Context, c *Client, cred Credentials) (InitiatorAccepted, error) {
			return c.AccountBalance(ctx, testChannel, cred, AccountBalanceRequest{Remarks: "balance", Notices: testNotices()})
		},
	}
}

func TestInitiatorCallsSendWhatDarajaDocuments(t *testing.T) {
	notices := map[string]any{"ResultURL": "https://pay.example.com/cb/r/3q2-opaque", "QueueTimeOutURL": "https://pay.example.com/cb/t/3q2-opaque"}
	for api, want := range map[InitiatorAPI]call{
		ReversalAPI: {Path: "/mpesa/reversal/v1/request", Body: map[string]any{
			"Initiator": "testapi", "SecurityCredential": testCredential, "CommandID": "TransactionReversal", "TransactionID": testReceipt, "Amount": "200",
			"ReceiverParty": "174379", "RecieverIdentifierType": "11", "Remarks": "refund order 1", "Occasion": "",
		}},
		B2CAPI: {Path: "/mpesa/b2c/v3/paymentrequest", Body: map[string]any{
			"OriginatorConversationID": "kp-00000001", "InitiatorName": "testapi", "SecurityCredential": testCredential, "CommandID": "BusinessPayment",
			"Amount": "10", "PartyA": "174379", "PartyB": testPhone, "Remarks": "refund", "Occassion": "o",
		}},
		TransactionStatusAPI: {Path: "/mpesa/transactionstatus/v1/query", Body: map[string]any{
			"Initiator": "testapi", "SecurityCredential": testCredential, "CommandID": "TransactionStatusQuery", "TransactionID": testReceipt,
			"OriginalConversationID": "", "PartyA": "174379", "IdentifierType": "4", "Remarks": "check", "Occasion": "",
		}},
		AccountBalanceAPI: {Path: "/mpesa/accountbalance/v1/query", Body: map[string]any{
			"Initiator": "testapi", "SecurityCredential": testCredential, "CommandID": "AccountBalance", "PartyA": "174379", "IdentifierType": "4", "Remarks": "balance",
		}},
	} {
		t.Run(string(api), func(t *testing.T) {
			d := newDaraja(t, always(200, queuedRaw))
			got, err := askers()[api](context.Background(), d.client(), initiatorCredentials())
			if diff := cmp.Diff(InitiatorAccepted{
				ConversationID: "AG_20210706_20106e9209f64bebd05b", OriginatorConversationID: "f1e2-4b95-a71d-b30d3cdbb7a7735297",
				ResponseCode: "0", Description: "Accept the service request successfully.", Raw: []byte(queuedRaw),
			}, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
			want.Method, want.Authorization, want.ContentType = "POST", "Bearer T1", "application/json"
			for k, v := range notices {
				want.Body[k] = v
			}
			if diff := cmp.Diff([]call{want}, d.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAReversalAndAStatusQueryOfATillNameTheTill(t *testing.T) {
	d := newDaraja(t, always(200, queuedRaw))
	cred := initiatorCredentials()
	cred.TillNumber = "5001234"
	c := d.client()
	for _, api := range []InitiatorAPI{ReversalAPI, TransactionStatusAPI, B2CAPI} {
		if _, err := askers()[api](context.Background(), c, cred); err != nil {
			t.Fatal(err)
		}
	}
	seen := d.seen()
	if seen[0].Body["ReceiverParty"] != "5001234" || seen[1].Body["PartyA"] != "5001234" || seen[1].Body["IdentifierType"] != "2" || seen[2].Body["PartyA"] != "174379" {
		t.Error(seen)
	}
}

func TestAStatusQueryByConversationSendsBothSpellings(t *testing.T) {
	d := newDaraja(t, always(200, queuedRaw))
	r := testStatus()
	r.Receipt, r.OriginatorConversationID = "", "kp-00000001"
	if _, err := d.client().TransactionStatus(context.Background(), testChannel, initiatorCredentials(), r); err != nil {
		t.Fatal(err)
	}
	body := d.seen()[0].Body
	if body["TransactionID"] != "" || body["OriginalConversationID"] != "kp-00000001" || body["OriginatorConversationID"] != "kp-00000001" {
		t.Error(body)
	}
}

func TestWrongInitiatorRequestsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	d := newDaraja(t, always(200, queuedRaw))
	c := d.client()
	ctx := context.Background()
	reversal := func(change func(*ReversalRequest, *Credentials)) func() error {
		return func() error {
			r, cred := testReversal(), initiatorCredentials()
			change(&r, &cred)
			_, err := c.Reversal(ctx, testChannel, cred, r)
			return err
		}
	}
	b2c := func(change func(*B2CRequest)) func() error {
		return func() error {
			r := testB2C()
			change(&r)
			_, err := c.B2C(ctx, testChannel, initiatorCredentials(), r)
			return err
		}
	}
	status := func(change func(*TransactionStatusRequest)) func() error {
		return func() error {
			r := testStatus()
			change(&r)
			_, err := c.TransactionStatus(ctx, testChannel, initiatorCredentials(), r)
			return err
		}
	}
	for name, test := range map[string]struct {
		failure string
		call    func() error
	}{
		"no initiator":       {FailureChannelMisconfigured, reversal(func(_ *ReversalRequest, c *Credentials) { c.InitiatorName = "" })},
		"no credential":      {FailureChannelMisconfigured, reversal(func(_ *ReversalRequest, c *Credentials) { c.SecurityCredential = "" })},
		"no consumer key":    {FailureChannelMisconfigured, reversal(func(_ *ReversalRequest, c *Credentials) { c.ConsumerKey = "" })},
		"no receipt":         {FailureInvalidReceipt, reversal(func(r *ReversalRequest, _ *Credentials) { r.Receipt = "" })},
		"a small receipt":    {FailureInvalidReceipt, reversal(func(r *ReversalRequest, _ *Credentials) { r.Receipt = "skc82pacb8" })},
		"nothing reversed":   {FailureAmountTooLow, reversal(func(r *ReversalRequest, _ *Credentials) { r.Amount = money.Of(0, money.KES) })},
		"cents reversed":     {FailureInvalidAmount, reversal(func(r *ReversalRequest, _ *Credentials) { r.Amount = money.Of(150, money.KES) })},
		"dollars reversed":   {FailureInvalidAmount, reversal(func(r *ReversalRequest, _ *Credentials) { r.Amount = money.Of(100_00, "USD") })},
		"too much reversed":  {FailureAmountTooHigh, reversal(func(r *ReversalRequest, _ *Credentials) { r.Amount = money.Of(250_001_00, money.KES) })},
		"a long shortcode":   {FailureInvalidShortCode, reversal(func(r *ReversalRequest, _ *Credentials) { r.ShortCode = "12345678" })},
		"short remarks":      {FailureInvalidRequest, reversal(func(r *ReversalRequest, _ *Credentials) { r.Remarks = "r" })},
		"long remarks":       {FailureInvalidRequest, reversal(func(r *ReversalRequest, _ *Credentials) { r.Remarks = strings.Repeat("r", 101) })},
		"remarks of 2 lines": {FailureInvalidRequest, reversal(func(r *ReversalRequest, _ *Credentials) { r.Remarks = "a\nb" })},
		"a long occasion":    {FailureInvalidRequest, reversal(func(r *ReversalRequest, _ *Credentials) { r.Occasion = strings.Repeat("o", 101) })},
		"no result URL":      {FailureInvalidCallbackURL, reversal(func(r *ReversalRequest, _ *Credentials) { r.ResultURL = "" })},
		"a banned word": {FailureInvalidCallbackURL, reversal(func(r *ReversalRequest, c *Credentials) {
			r.QueueTimeOutURL, c.Environment = "https://pay.example.com/Mpesa/t", Production
		})},
		"http in production": {FailureInvalidCallbackURL, reversal(func(r *ReversalRequest, c *Credentials) {
			r.ResultURL, c.Environment = "http://pay.example.com/r", Production
		})},
		"no id":                  {FailureInvalidRequest, b2c(func(r *B2CRequest) { r.OriginatorConversationID = "" })},
		"an id with spaces":      {FailureInvalidRequest, b2c(func(r *B2CRequest) { r.OriginatorConversationID = "a b" })},
		"a long id":              {FailureInvalidRequest, b2c(func(r *B2CRequest) { r.OriginatorConversationID = strings.Repeat("a", 41) })},
		"another command":        {FailureInvalidRequest, b2c(func(r *B2CRequest) { r.Command = "Gift" })},
		"nine shillings":         {FailureAmountTooLow, b2c(func(r *B2CRequest) { r.Amount = money.Of(9_00, money.KES) })},
		"too much paid":          {FailureAmountTooHigh, b2c(func(r *B2CRequest) { r.Amount = money.Of(250_001_00, money.KES) })},
		"a local phone":          {FailureInvalidPhone, b2c(func(r *B2CRequest) { r.Phone = "0708374149" })},
		"nothing asked":          {FailureInvalidRequest, status(func(r *TransactionStatusRequest) { r.Receipt = "" })},
		"two asked":              {FailureInvalidRequest, status(func(r *TransactionStatusRequest) { r.OriginatorConversationID = "a" })},
		"an impossible receipt":  {FailureInvalidReceipt, status(func(r *TransactionStatusRequest) { r.Receipt = "no" })},
		"an impossible id asked": {FailureInvalidRequest, status(func(r *TransactionStatusRequest) { r.Receipt, r.OriginatorConversationID = "", "a b" })},
		"no remarks to a balance": {FailureInvalidRequest, func() error {
			_, err := c.AccountBalance(ctx, testChannel, initiatorCredentials(), AccountBalanceRequest{Notices: testNotices()})
			return err
		}},
	} {
		e := wantError(t, test.call())
		if code, sentence := e.Reason(); e.Kind != Rejected || e.Retryable || code != test.failure || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %v: %s, %q", name, e, code, sentence)
		}
		if strings.Contains(e.Error(), testPhone) || strings.Contains(e.Error(), "0708374149") || strings.Contains(e.Error(), testCredential) {
			t.Errorf("%s: %v", name, e)
		}
	}
	if len(d.seen()) != 0 || d.minted() != 0 {
		t.Error("something was sent")
	}
}

// What each answer says about the fate of a request.
func TestTheFateOfAnInitiatorsRequest(t *testing.T) {
	type fate struct {
		kind    Kind
		retry   bool
		failure string
		calls   int
	}
	rejected := func(failure string) fate { return fate{Rejected, false, failure, 1} }
	unknown := fate{Unknown, false, FailureProviderUnknownOutcome, 1}
	again := func(failure string) fate { return fate{Rejected, true, failure, 1} }
	twice := fate{Rejected, true, FailureTokenRejected, 2}
	for name, test := range map[string]struct {
		status int
		body   string
		want   fate
	}{
		"token, as STK and reversal": {404, errorBody("404.001.03", "Invalid Access Token"), twice},
		"token, as status":           {400, errorBody("400.003.01", "Invalid Access Token"), twice},
		"token, as balance":          {401, errorBody("401.002.01", "Error Occurred - Invalid Access Token - T1"), twice},
		"bad credential":             {400, errorBody("400.002.02", "Bad Request - Invalid SecurityCredential"), rejected(FailureInitiatorInvalid)},
		"bad initiator":              {400, errorBody("400.002.02", "Bad Request - Invalid InitiatorName"), rejected(FailureInitiatorInvalid)},
		"bad receipt":                {400, errorBody("400.003.02", "Bad Request - Invalid TransactionID"), rejected(FailureInvalidReceipt)},
		"bad PartyA":                 {400, errorBody("400.002.02", "Bad Request - Invalid PartyA"), rejected(FailureInvalidShortCode)},
		"bad PartyB":                 {400, errorBody("400.002.02", "Bad Request - Invalid PartyB"), rejected(FailureInvalidPhone)},
		"bad ReceiverParty":          {400, errorBody("400.002.02", "Bad Request - Invalid ReceiverParty"), rejected(FailureInvalidShortCode)},
		"bad URL":                    {400, errorBody("400.002.02", "Bad Request - Invalid QueueTimeOutURL"), rejected(FailureInvalidCallbackURL)},
		"bad remarks":                {400, errorBody("400.002.02", "Bad Request - Invalid Remarks"), rejected(FailureInvalidRequest)},
		"wrong path":                 {404, errorBody("404.002.01", "Resource not found"), rejected(FailureInvalidRequest)},
		"duplicate":                  {500, errorBody("500.002.1001", "Duplicate OriginatorConversationID."), rejected(FailureDuplicateRequest)},
		"maintenance":                {500, errorBody("500.002.1001", "Service is currently under maintenance. Please try again later"), again(FailureProviderMaintenance)},
		"spike":                      {500, errorBody("500.003.02", "Error Occurred: Spike Arrest Violation"), again(FailureProviderBusy)},
		"quota":                      {500, errorBody("500.003.03", "Quota Violation"), again(FailureQuotaExceeded)},
		"internal":                   {500, errorBody("500.003.1001", "Internal Server Error"), unknown},
		"internal, the other code":   {500, errorBody("500.001.1001", "Internal Server Error"), unknown},
		"a 5xx without words":        {503, "", unknown},
		"a 5xx in HTML":              {500, "<html>", unknown},
		"a 200 in HTML":              {200, "<html>", unknown},
		"half an answer":             {200, queuedRaw[:40], unknown},
		"no ResponseCode":            {200, `{"ConversationID":"AG_1"}`, unknown},
		"waiting to be resent":       {200, `{"ResponseCode":"100000000","ResponseDescription":"Request was cached, waiting for resending"}`, unknown},
		"overload":                   {200, `{"ResponseCode":100000001}`, again(FailureProviderBusy)},
		"refused by ResponseCode":    {200, `{"ResponseCode":"2001","ResponseDescription":"The initiator information is invalid."}`, rejected(FailureInitiatorInvalid)},
		"another ResponseCode":       {200, `{"ResponseCode":"1234567"}`, rejected(FailureRequestRejected)},
	} {
		for api, ask := range askers() {
			t.Run(name+"/"+string(api), func(t *testing.T) {
				d := newDaraja(t, always(test.status, test.body))
				_, err := ask(context.Background(), d.client(), initiatorCredentials())
				e := wantError(t, err)
				code, sentence := e.Reason()
				if diff := cmp.Diff(test.want, fate{e.Kind, e.Retryable, code, len(d.seen())}, cmp.AllowUnexported(fate{})); diff != "" {
					t.Errorf("%v: %s", e, diff)
				}
				if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "prompted") || strings.Contains(e.Error(), "T1") || e.Call != string(api) {
					t.Errorf("%v: %q", e, sentence)
				}
			})
		}
	}
}

func TestMaintenanceWithoutItsWordsLeavesMoneysFateUnknown(t *testing.T) {
	for _, api := range []InitiatorAPI{ReversalAPI, B2CAPI} {
		d := newDaraja(t, always(500, errorBody("500.002.1001", "")))
		_, err := askers()[api](context.Background(), d.client(), initiatorCredentials())
		if e := wantError(t, err); e.Kind != Unknown || len(d.seen()) != 1 {
			t.Errorf("%s: %v", api, e)
		}
	}
}

func TestALostAnswerIsUnknownAndNotSentAgain(t *testing.T) {
	for api, ask := range askers() {
		d := newDaraja(t, func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) })
		_, err := ask(context.Background(), d.client(), initiatorCredentials())
		e := wantError(t, err)
		if code, _ := e.Reason(); e.Kind != Unknown || e.Retryable || code != FailureProviderUnknownOutcome || len(d.seen()) != 1 {
			t.Errorf("%s: %v, %d calls", api, e, len(d.seen()))
		}
	}
}

func TestARequestWhoseTokenWasRefusedIsSentOnceMoreWithTheSameId(t *testing.T) {
	d := newDaraja(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			say(w, 404, errorBody("404.001.03", "Invalid Access Token"))
			return
		}
		say(w, 200, queuedRaw)
	})
	if _, err := d.client().B2C(context.Background(), testChannel, initiatorCredentials(), testB2C()); err != nil {
		t.Fatal(err)
	}
	seen := d.seen()
	if len(seen) != 2 || seen[0].Authorization == seen[1].Authorization || cmp.Diff(seen[0].Body, seen[1].Body) != "" || seen[1].Body["OriginatorConversationID"] != "kp-00000001" {
		t.Error(seen)
	}
}

func TestWithoutIdsInTheAnswerAPayoutKeepsItsOwn(t *testing.T) {
	d := newDaraja(t, always(200, `{"ResponseCode":"0","ConversationID":"with spaces"}`))
	got, err := d.client().B2C(context.Background(), testChannel, initiatorCredentials(), testB2C())
	if err != nil || got.OriginatorConversationID != "kp-00000001" || got.ConversationID != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPayoutsReversalsAndQuestionsHaveLanesOfTheirOwn(t *testing.T) {
	d := newDaraja(t, always(503, ""))
	c := d.client(func(o *Options) { o.Breaker.Failures = 1 })
	_, _ = c.B2C(context.Background(), testChannel, initiatorCredentials(), testB2C())
	_, _ = askers()[AccountBalanceAPI](context.Background(), c, initiatorCredentials())
	states := c.BreakerStates()
	if states["mpesa/ch-1/b2c"] != "open" || states["mpesa/ch-1/ask"] != "open" {
		t.Error(states)
	}
	if e := wantError(t, func() error {
		_, err := c.Reversal(context.Background(), testChannel, initiatorCredentials(), testReversal())
		return err
	}()); e.Kind != Unknown {
		t.Errorf("%v", e)
	}
	if e := wantError(t, func() error {
		_, err := c.B2C(context.Background(), testChannel, initiatorCredentials(), testB2C())
		return err
	}()); e.Kind != NotSent {
		t.Errorf("%v", e)
	}
}
