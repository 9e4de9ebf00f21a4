package paystack

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

const opened = `{"status":true,"message":"Authorization URL created","data":{"authorization_url":"https://checkout.paystack.com/nkdks46nymizns7","access_code":"nkdks46nymizns7","reference":"pay-01J"}}`

func TestInitializeSendsWhatPaystackDocuments(t *testing.T) {
	s := newServer(t, always(200, opened))
	r := testInitialize()
	r.Currency, r.CallbackURL, r.Channels, r.Metadata = money.KES, "https://shop.example.com/return", []string{"card", "mobile_money"}, map[string]any{"order_id": "42"}
	got, err := s.client().Initialize(context.Background(), testChannel, testCredentials(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := Initialized{AuthorizationURL: "https://checkout.paystack.com/nkdks46nymizns7", AccessCode: "nkdks46nymizns7", Reference: "pay-01J", Raw: []byte(opened)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := s.client().Initialize(context.Background(), testChannel, testCredentials(), testInitialize()); err != nil {
		t.Fatal(err)
	}
	common := call{Method: "POST", URI: "/transaction/initialize", Authorization: "Bearer sk_test_0123456789", ContentType: "application/json"}
	full, least := common, common
	full.Body = map[string]any{
		"email": "customer@email.com", "amount": 10000.0, "currency": "KES", "reference": "pay-01J", "callback_url": "https://shop.example.com/return",
		"channels": []any{"card", "mobile_money"}, "metadata": map[string]any{"order_id": "42"},
	}
	least.Body = map[string]any{"email": "customer@email.com", "amount": 10000.0, "currency": "KES", "reference": "pay-01J"}
	if diff := cmp.Diff([]call{full, least}, s.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestInitializeRefusesBeforeSendingWhatPaystackWouldRefuse(t *testing.T) {
	s := newServer(t, always(200, opened))
	for name, test := range map[string]struct {
		change  func(*InitializeRequest, *Credentials)
		failure string
	}{
		"zero":               {func(r *InitializeRequest, _ *Credentials) { r.Amount.Minor = 0 }, FailureInvalidAmount},
		"negative":           {func(r *InitializeRequest, _ *Credentials) { r.Amount.Minor = -1 }, FailureInvalidAmount},
		"unknown currency":   {func(r *InitializeRequest, _ *Credentials) { r.Amount.Currency = "QQQ" }, FailureUnsupportedCurrency},
		"another currency":   {func(r *InitializeRequest, _ *Credentials) { r.Currency = money.USD }, FailureUnsupportedCurrency},
		"no email":           {func(r *InitializeRequest, _ *Credentials) { r.Email = "" }, FailureInvalidEmail},
		"no reference":       {func(r *InitializeRequest, _ *Credentials) { r.Reference = "" }, FailureInvalidReference},
		"underscore":         {func(r *InitializeRequest, _ *Credentials) { r.Reference = "pay_1" }, FailureInvalidReference},
		"slash":              {func(r *InitializeRequest, _ *Credentials) { r.Reference = "pay/1" }, FailureInvalidReference},
		"endless reference":  {func(r *InitializeRequest, _ *Credentials) { r.Reference = strings.Repeat("a", 101) }, FailureInvalidReference},
		"relative return":    {func(r *InitializeRequest, _ *Credentials) { r.CallbackURL = "/return" }, FailureInvalidRequest},
		"unmarshalable":      {func(r *InitializeRequest, _ *Credentials) { r.Metadata = map[string]any{"a": make(chan int)} }, FailureInvalidRequest},
		"no key":             {func(_ *InitializeRequest, c *Credentials) { c.SecretKey = "" }, FailureChannelMisconfigured},
		"public key instead": {func(_ *InitializeRequest, c *Credentials) { c.SecretKey = c.PublicKey }, FailureChannelMisconfigured},
		"key with a newline": {func(_ *InitializeRequest, c *Credentials) { c.SecretKey += "\n" }, FailureChannelMisconfigured},
	} {
		r, cred := testInitialize(), testCredentials()
		test.change(&r, &cred)
		_, err := s.client().Initialize(context.Background(), testChannel, cred, r)
		e := wantError(t, err)
		if code, sentence := e.Reason(); e.Kind != Rejected || e.Retryable || code != test.failure || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %v: %s %q", name, e, code, sentence)
		}
	}
	if len(s.seen()) != 0 {
		t.Error("something was sent")
	}
}

func TestInitializeAnswersAreClassedByWhatIsKnownOfTheirFate(t *testing.T) {
	fail := func(message, code string) string {
		return `{"status":false,"message":"` + message + `","meta":{"nextStep":"..."},"type":"validation_error","code":"` + code + `"}`
	}
	old := func(message string) string { return `{"status":false,"message":"` + message + `"}` }
	for name, test := range map[string]struct {
		status  int
		body    string
		kind    Kind
		retry   bool
		failure string
	}{
		"duplicate":               {400, fail("Duplicate Transaction Reference", "duplicate_reference"), DuplicateReference, false, FailureDuplicateReference},
		"duplicate, no code":      {400, old("Duplicate Transaction Reference"), DuplicateReference, false, FailureDuplicateReference},
		"wrong key":               {401, fail("Invalid key", "invalid_Key"), Rejected, false, FailureInvalidCredentials},
		"no header":               {401, old("No Authorization Header was found"), Rejected, false, FailureInvalidCredentials},
		"email":                   {400, fail("Invalid Email Address Passed", "invalid_email_address"), Rejected, false, FailureInvalidEmail},
		"email, no code":          {400, old("Invalid Email Address Passed"), Rejected, false, FailureInvalidEmail},
		"amount":                  {400, fail("Amount must be an integer", "invalid_params"), Rejected, false, FailureInvalidAmount},
		"limit":                   {400, fail("Transaction amount limit exceeded", "invalid_params"), Rejected, false, FailureAmountTooHigh},
		"currency":                {400, fail("Currency not supported by merchant", "unsupported_currency"), Rejected, false, FailureUnsupportedCurrency},
		"reference":               {400, fail("Invalid character in transaction reference", "invalid_params"), Rejected, false, FailureInvalidReference},
		"something else":          {400, fail("Something else", "other"), Rejected, false, FailureRequestRejected},
		"rate limit":              {429, fail("Rate limit exceeded!", "rate_limited"), Rejected, true, FailureProviderBusy},
		"rate limit, HTML":        {429, "<html>", Rejected, true, FailureProviderBusy},
		"refused under a 200":     {200, old("Something else"), Rejected, false, FailureRequestRejected},
		"HTML 403":                {403, "<html>", Rejected, false, FailureRequestRejected},
		"own 500":                 {500, fail("An error occurred", "unknown"), Unknown, false, FailureUnknownOutcome},
		"own 500 about amounts":   {500, fail("amount", "x"), Unknown, false, FailureUnknownOutcome},
		"HTML 502":                {502, "<html>", Unknown, false, FailureUnknownOutcome},
		"408":                     {408, "", Unknown, false, FailureUnknownOutcome},
		"redirect":                {302, "", Unknown, false, FailureUnknownOutcome},
		"HTML 200":                {200, "<html>", Unknown, false, FailureUnknownOutcome},
		"no envelope":             {200, `{"message":"amount"}`, Unknown, false, FailureUnknownOutcome},
		"envelope with a text":    {200, `{"status":"true","data":{}}`, Unknown, false, FailureUnknownOutcome},
		"cut off":                 {200, opened[:90], Unknown, false, FailureUnknownOutcome},
		"too large":               {200, `{"status":true,"x":"` + strings.Repeat("x", maxResponseBytes) + `"}`, Unknown, false, FailureUnknownOutcome},
		"too deep":                {200, strings.Repeat("[", 40) + strings.Repeat("]", 40), Unknown, false, FailureUnknownOutcome},
		"no data":                 {200, `{"status":true}`, Unknown, false, FailureUnknownOutcome},
		"no URL":                  {200, strings.Replace(opened, "authorization_url", "x", 1), Unknown, false, FailureUnknownOutcome},
		"URL of a script":         {200, strings.Replace(opened, "https://checkout.paystack.com/", "javascript:alert(1)//", 1), Unknown, false, FailureUnknownOutcome},
		"another reference's URL": {200, strings.Replace(opened, "pay-01J", "pay-02J", 1), Unknown, false, FailureUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, always(test.status, test.body))
			_, err := s.client().Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
			e := wantError(t, err)
			code, sentence := e.Reason()
			if e.Kind != test.kind || e.Retryable != test.retry || code != test.failure || sentence == "" || e.Call != "initialize" {
				t.Errorf("%v: %v, retryable %v, %s", e, e.Kind, e.Retryable, code)
			}
			if len(s.seen()) != 1 {
				t.Errorf("sent %d times", len(s.seen()))
			}
		})
	}
}

func TestInitializeIsNotSentWhenNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = New(Options{BaseURL: "http://" + addr}).Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
	if e := wantError(t, err); e.Kind != NotSent || !e.Retryable {
		t.Errorf("%v", e)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := newServer(t, always(200, opened))
	_, err = s.client().Initialize(ctx, testChannel, testCredentials(), testInitialize())
	if e := wantError(t, err); e.Kind != NotSent || len(s.seen()) != 0 {
		t.Errorf("%v", e)
	}
}

func TestInitializeWithoutAnAnswerIsUnknownAndSentOnce(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, int){
		"timeout": func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() },
		"lost":    func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) },
		"broken body": func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, opened)
			panic(http.ErrAbortHandler)
		},
	} {
		s := newServer(t, answer)
		_, err := s.client(func(o *Options) {
			if name == "timeout" {
				o.CallTimeout = time.Second
			}
		}).Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
		if e := wantError(t, err); e.Kind != Unknown || e.Retryable || len(s.seen()) != 1 {
			t.Errorf("%s: %v, sent %d times", name, e, len(s.seen()))
		}
	}
}

func TestErrorTextsHoldNoKeyEmailOrPhone(t *testing.T) {
	private := []string{"sk_test_0123456789", "pk_test_public1", "sk_live_other", "customer@email.com", "somebody.else@example.org", "254712345678", "0712345678"}
	s := newServer(t, always(400, `{"status":false,"message":"no: `+strings.Join(private, " ; ")+` end","code":"x"}`))
	_, err := s.client().Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
	e := wantError(t, err)
	for _, p := range private {
		if strings.Contains(e.Error(), p) {
			t.Errorf("%s is in %q", p, e.Error())
		}
	}
	if !strings.HasSuffix(e.Message, "end") {
		t.Errorf("%q", e.Message)
	}
}
