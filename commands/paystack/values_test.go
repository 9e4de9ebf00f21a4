package paystack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands/upstream"
)

func TestStateOf(t *testing.T) {
	for status, want := range map[string]State{
		"success": Succeeded, "failed": FailedSoFar, "abandoned": Pending, "ongoing": Pending, "pending": Pending, "processing": Pending,
		"queued": Pending, "reversed": Reversed, "reversal-pending": ReversalPending,
	} {
		if got, known := StateOf(status); got != want || !known {
			t.Errorf("%s: %v %v", status, got, known)
		}
	}
	for _, status := range []string{"", "Success", "SUCCESS", "successful", "paid"} {
		if got, known := StateOf(status); got != Pending || known {
			t.Errorf("%s: %v %v", status, got, known)
		}
	}
	for got, want := range map[string]string{
		Pending.String(): "pending", Succeeded.String(): "succeeded", FailedSoFar.String(): "failed_so_far", Reversed.String(): "reversed",
		ReversalPending.String(): "reversal_pending", State(99).String(): "pending",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDescribeFailure(t *testing.T) {
	for text, want := range map[string]string{
		"Declined": FailureDeclined, "Insufficient Funds": FailureInsufficientFunds, "Denied by fraud system": FailureFraud,
		"Transaction cannot be completed. Session timeout exceeded.": FailureExpired, "": FailurePaymentFailed, "Something": FailurePaymentFailed,
	} {
		if code, sentence := DescribeFailure(Transaction{GatewayResponse: text}); code != want || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %s %q", text, code, sentence)
		}
		if code, _ := DescribeFailure(Transaction{Message: text}); code != want {
			t.Errorf("message %s: %s", text, code)
		}
	}
}

func TestDomainsAreToldApartByTheKey(t *testing.T) {
	for key, want := range map[string]string{"sk_test_1": Test, "sk_live_1": Live, "pk_test_1": "", "": "", "SK_TEST_1": ""} {
		c := Credentials{SecretKey: key}
		if c.Domain() != want {
			t.Errorf("%s: %s", key, c.Domain())
		}
		for _, domain := range []string{Test, Live, "", "TEST"} {
			if c.Belongs(domain) != (domain == want && want != "") {
				t.Errorf("%s, %s: %v", key, domain, c.Belongs(domain))
			}
		}
	}
}

func TestCredentialsShowNoKeyHoweverTheyArePrinted(t *testing.T) {
	cred := testCredentials()
	var out bytes.Buffer
	z := zerolog.New(&out)
	for _, v := range []any{cred, &cred, struct{ Cred Credentials }{cred}, []Credentials{cred}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
		z.Info().Interface("cred", v).Msg("x")
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "cred", v)
	}
	text, err := cred.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	out.WriteString(cred.GoString() + Credentials{}.String())
	for _, secret := range []string{cred.PublicKey, cred.SecretKey} {
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("%s is shown", secret)
		}
	}
	if !strings.Contains(out.String(), "paystack test (keys redacted)") || !strings.Contains(out.String(), "paystack unknown (keys redacted)") {
		t.Error("nothing is shown")
	}
	var read Credentials
	if err := json.Unmarshal([]byte(`{"public_key":"pk_test_public1","secret_key":"sk_test_0123456789"}`), &read); err != nil || read != cred {
		t.Errorf("not read: %v", err)
	}
}

func TestErrorsShowNoRawBodyHoweverTheyArePrinted(t *testing.T) {
	e := &Error{Kind: NotFound, Call: "verify", Code: "c", HTTPStatus: 404, Message: "m", Raw: []byte("RAWBODY"), Err: cleanCause{"cause", errors.New("SECRETCAUSE")}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&out, verb+"\n", e)
	}
	if err := json.NewEncoder(&out).Encode(e); err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"RAWBODY", "SECRETCAUSE", "UkFXQk9EWQ"} {
		if strings.Contains(out.String(), private) {
			t.Errorf("%s is shown", private)
		}
	}
	if !strings.Contains(out.String(), "paystack verify: not_found: c: m (http 404): cause") || errors.Unwrap(e) == nil || errors.Unwrap(errors.Unwrap(e)) == nil {
		t.Error(out.String())
	}
}

func TestEveryReasonIsAStableWordAndASentence(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, r := range slices.Concat(errorRules, refundRules, disputeRules, settlementRules) {
		if !word.MatchString(r.failure) || !strings.HasSuffix(r.reason, ".") || r.retry && r.kind != Rejected || r.code == "" && r.contains == "" {
			t.Errorf("%+v", r)
		}
	}
	if code, sentence := (&Error{}).Reason(); code != FailureProviderError || sentence == "" {
		t.Error(code)
	}
	for kind, want := range map[Kind]string{Unknown: "unknown", Rejected: "rejected", NotSent: "not_sent", DuplicateReference: "duplicate_reference", NotFound: "not_found", 99: "unknown"} {
		if kind.String() != want {
			t.Errorf("%s, want %s", kind, want)
		}
	}
	for problem, want := range map[upstream.Problem]string{upstream.NotJSON: "not a JSON object", upstream.TooLarge: "too large", upstream.TooDeep: "nested too deeply", upstream.MissingField: "missing", upstream.WrongType: "of the wrong type", upstream.BadValue: "not a possible value", 0: "malformed"} {
		if problem.String() != want {
			t.Errorf("%s, want %s", problem, want)
		}
	}
	if got := (&upstream.DecodeError{Problem: upstream.MissingField, Field: "x"}).Error(); got != "payload: x is missing" {
		t.Error(got)
	}
	if got := (&upstream.DecodeError{Problem: upstream.TooLarge}).Error(); got != "payload: too large" {
		t.Error(got)
	}
}

func TestPublicNetworks(t *testing.T) {
	var got []string
	for _, n := range PublicNetworks() {
		got = append(got, n.String())
	}
	if strings.Join(got, " ") != "52.31.139.75/32 52.49.173.169/32 52.214.14.220/32" {
		t.Error(got)
	}
}
