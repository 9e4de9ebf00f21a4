package mpesa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestCredentialsShowNoSecretHoweverTheyArePrinted(t *testing.T) {
	cred := testCredentials()
	cred.InitiatorName, cred.SecurityCredential = "initiator-name-1", "security-credential-1"
	wrapped := struct{ Cred Credentials }{cred}
	var out bytes.Buffer
	for _, v := range []any{cred, &cred, wrapped, []Credentials{cred}, map[string]Credentials{"a": cred}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
		z := zerolog.New(&out)
		z.Info().Interface("cred", v).Any("any", v).Msg("x")
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "cred", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "cred", v)
	}
	z := zerolog.New(&out)
	z.Info().Stringer("cred", cred).Str("go", cred.GoString()).Msg("x")
	text, err := cred.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	fmt.Fprint(&out, errors.New(cred.String()))
	for _, secret := range []string{cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, cred.SecurityCredential} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%s is shown", secret)
			}
		}
	}
	if !strings.Contains(out.String(), "mpesa sandbox 174379 (secrets redacted)") {
		t.Error("nothing is shown")
	}
	cred.TillNumber = "5001234"
	if got := cred.String(); got != "mpesa sandbox 174379 till 5001234 (secrets redacted)" {
		t.Error(got)
	}
}

func TestCredentialsAreReadFromAChannelsConfiguration(t *testing.T) {
	var got Credentials
	if err := json.Unmarshal([]byte(`{"environment":"sandbox","consumer_key":"k","consumer_secret":"s","shortcode":"174379","passkey":"p","till_number":"5001234","initiator_name":"i","security_credential":"c"}`), &got); err != nil {
		t.Fatal(err)
	}
	if got != (Credentials{Sandbox, "k", "s", "174379", "p", "5001234", "i", "c"}) {
		t.Error("not read")
	}
}

func TestErrorsShowNoRawBodyHoweverTheyArePrinted(t *testing.T) {
	e := &Error{Kind: Rejected, Call: "push", Code: "1", HTTPStatus: 400, Message: "m", Raw: []byte("RAWBODY"), Err: cleanCause{"cause", errors.New("SECRETCAUSE")}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb+"\n", e)
	}
	if err := json.NewEncoder(&out).Encode(e); err != nil {
		t.Fatal(err)
	}
	z := zerolog.New(&out)
	z.Err(e).Interface("e", e).Msg("x")
	for _, private := range []string{"RAWBODY", "SECRETCAUSE", "UkFXQk9EWQ"} {
		if strings.Contains(out.String(), private) {
			t.Errorf("%s is shown in %s", private, out.String())
		}
	}
	if !strings.Contains(out.String(), "mpesa push: rejected: 1: m (http 400): cause") {
		t.Error(out.String())
	}
}
