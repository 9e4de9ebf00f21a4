package mpesa

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands/upstream"
)

// sayer answers every call but the token's with one status and body.
type sayer struct {
	status int
	body   []byte
	posts  int
}

const sayersToken = "T0ken-of-the-fuzzer"

func (s *sayer) RoundTrip(r *http.Request) (*http.Response, error) {
	res := &http.Response{StatusCode: s.status, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(s.body))}
	if r.Method == http.MethodGet {
		res.StatusCode, res.Body = 200, io.NopCloser(strings.NewReader(`{"access_token":"`+sayersToken+`","expires_in":3599}`))
		return res, nil
	}
	s.posts++
	_, err := io.Copy(io.Discard, r.Body)
	return res, err
}

// FuzzAnswer is whatever may come back for a push, a query or a C2B call: only Daraja's plain yes is one, nothing but a
// refused token is ever sent twice, and no secret gets into an error.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		acceptedRaw, "", "<html>", `{"ResponseCode":0,"CheckoutRequestID":"ws_CO_1","ResultCode":"0"}`, `{"ResponseCode":"0","ResultCode":4999}`,
		errorBody("500.001.1001", ""), errorBody("404.001.03", "Invalid Access Token"), errorBody("401.002.01", "Error Occurred - Invalid Access Token - "+sayersToken),
		`{"fault":{"faultstring":"Invalid API call as no apiproduct match found"}}`, `{"ResponseCode":"0","ResponseCode":"1","OriginatorCoversationID":"a"}`,
		errorBody("400.002.02", "Bad Request - Invalid PhoneNumber "+testPhone), `{"errorCode":{"a":[1e999]}}`, "\xef\xbb\xbf" + acceptedRaw,
	} {
		f.Add(uint16(200), []byte(s))
		f.Add(uint16(500), []byte(s))
		f.Add(uint16(404), []byte(s))
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		d := &sayer{status: 200 + int(status)%400, body: body}
		c := New(Options{HTTPClient: &http.Client{Transport: d}, Breaker: BreakerOptions{Failures: math.MaxUint32}})
		cred := testCredentials()
		var said map[string]json.RawMessage
		_ = json.Unmarshal(upstream.WithoutBOM(body), &said)
		yes := func(name string) bool { return d.status/100 == 2 && upstream.TextOf(said[name]) == "0" }

		_, err := c.Push(context.Background(), testChannel, cred, testPush())
		if err == nil && !yes("ResponseCode") {
			t.Errorf("a push was taken for accepted: %d %q", d.status, body)
		}
		checkFailure(t, err)
		if posts := d.posts; posts > 2 || posts == 2 && wantError(t, err).Kind != Rejected {
			t.Errorf("%d pushes were sent: %d %q: %v", posts, d.status, body, err)
		}

		res, err := c.Query(context.Background(), testChannel, cred, QueryRequest{CheckoutRequestID: "ws_CO_1"})
		if res.State == Succeeded && (err != nil || d.status/100 != 2 || resultCode(said["ResultCode"]) != "0") || res.State == Failed && res.Outcome.FailureCode == "" {
			t.Errorf("a query made %s of %d %q", res.State, d.status, body)
		}
		checkFailure(t, err)

		_, err = c.RegisterC2B(context.Background(), testChannel, cred, RegisterC2BRequest{
			ConfirmationURL: "https://pay.example.com/c", ValidationURL: "https://pay.example.com/v",
		})
		if err == nil && !yes("ResponseCode") && upstream.TextOf(said["ResponseCode"]) != "" {
			t.Errorf("a registration was taken for accepted: %d %q", d.status, body)
		}
		checkFailure(t, err)
	})
}

func checkFailure(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e := wantError(t, err)
	if code, sentence := e.Reason(); code == "" || !strings.HasSuffix(sentence, ".") {
		t.Errorf("%v has the reason %q, %q", e, code, sentence)
	}
	if e.Retryable && e.Kind == Unknown {
		t.Errorf("%v is of unknown outcome and may be sent again", e)
	}
	for _, private := range []string{sayersToken, testPasskey, testPhone, "consumer-secret-1", testCredential} {
		if strings.Contains(e.Error(), private) {
			t.Errorf("%q tells %q", e.Error(), private)
		}
	}
}
