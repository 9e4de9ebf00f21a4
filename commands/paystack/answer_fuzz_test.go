package paystack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

// sayer answers every call with one status and body.
type sayer struct {
	status int
	body   []byte
	calls  int
}

func (s *sayer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	var err error
	if r.Body != nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(s.body))}, err
}

// FuzzAnswer is whatever may come back for an initialize or a verify: only Paystack's plain yes about our reference is
// one, a checkout is opened once, and no key or address gets into an error.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		verified, "", "<html>", `{"status":true,"data":{"authorization_url":"https://checkout.paystack.com/x","reference":"pay-01J"}}`,
		`{"status":true,"data":{"authorization_url":"javascript:alert(1)","reference":"pay-01J"}}`, `{"status":"true","data":{}}`,
		`{"status":false,"message":"Duplicate Transaction Reference","code":"duplicate_reference"}`, `{"status":false,"message":"Invalid key sk_test_0123456789"}`,
		`{"status":false,"message":"Transaction reference not found.","code":"transaction_not_found"}`, `{"status":true,"data":[]}`,
		strings.Replace(verified, "re4lyvq3s3", "pay-01J", 1), strings.Replace(strings.Replace(verified, "re4lyvq3s3", "pay-01J", 1), "40333", `"40333"`, 1),
	} {
		f.Add(uint16(0), []byte(s))
		f.Add(uint16(200), []byte(s))
		f.Add(uint16(300), []byte(s))
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		p := &sayer{status: 200 + int(status)%400, body: body}
		c := New(Options{
			HTTPClient: &http.Client{Transport: p}, Breaker: BreakerOptions{Failures: math.MaxUint32}, Attempts: 1,
		})
		var said map[string]json.RawMessage
		_ = json.Unmarshal(body, &said)
		yes := p.status/100 == 2 && string(said["status"]) == "true"

		opened, err := c.Initialize(context.Background(), testChannel, testCredentials(), testInitialize())
		if err == nil && (!yes || opened.Reference != testInitialize().Reference || !strings.HasPrefix(strings.ToLower(opened.AuthorizationURL), "http")) {
			t.Errorf("a checkout was taken for opened: %d %q", p.status, body)
		}
		checkFailure(t, err)
		if p.calls != 1 {
			t.Errorf("initialize was sent %d times: %d %q", p.calls, p.status, body)
		}

		tx, err := c.Verify(context.Background(), testChannel, testCredentials(), testInitialize().Reference)
		if err == nil && (!yes || tx.Reference != testInitialize().Reference || tx.Status == "" || tx.Amount.Minor < 0 || tx.Amount.Currency == "") {
			t.Errorf("%+v was read in %d %q", tx, p.status, body)
		}
		if err == nil {
			if again, err := DecodeNotice(tx.Raw); err != nil || again.Status != tx.Status || again.Amount != tx.Amount || again.ID != tx.ID {
				t.Errorf("what was recorded reads otherwise: %+v, %v", again, err)
			}
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
	if e.Call == "initialize" && e.Retryable && e.Kind == Unknown {
		t.Errorf("%v is of unknown outcome and may be sent again", e)
	}
	for _, private := range []string{testCredentials().SecretKey, testInitialize().Email} {
		if strings.Contains(e.Error(), private) {
			t.Errorf("%q tells %q", e.Error(), private)
		}
	}
}
