package mpesa

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSanitiseAccountReference(t *testing.T) {
	for in, want := range map[string]string{
		"INV0001": "INV0001", "ORDER-123/45 6": "ORDER123456", "1234567890123": "123456789012", "": "PAYMENT", "é ✓ --": "PAYMENT",
		"Café": "Caf", "a\x00b\nc": "abc", "<script>": "script",
	} {
		if got := SanitiseAccountReference(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSanitiseDescription(t *testing.T) {
	for in, want := range map[string]string{
		"Order 1": "Order 1", "  Order   #1 ": "Order 1", "A long description": "A long descri", "": "Payment", "!!!": "Payment",
		"123456789012 3": "123456789012", "12345678901 34": "12345678901 3", "1234567890123": "1234567890123",
	} {
		if got := SanitiseDescription(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSanitisedTextsAlwaysFitDaraja(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		ref, desc := SanitiseAccountReference(s), SanitiseDescription(s)
		if ref == "" || len(ref) > MaxAccountReference || keep(ref, 100, false) != ref {
			t.Fatalf("reference %q", ref)
		}
		if desc == "" || len(desc) > MaxDescription || keep(desc, 100, true) != desc {
			t.Fatalf("description %q", desc)
		}
		if SanitiseAccountReference(ref) != ref || SanitiseDescription(desc) != desc {
			t.Fatal("not stable")
		}
	})
}

func TestParseEAT(t *testing.T) {
	want := time.Date(2019, 12, 19, 7, 21, 15, 0, time.UTC)
	for _, s := range []string{"20191219102115", "19-12-2019 10:21:15", "19.12.2019 10:21:15", "2019-12-19 10:21:15"} {
		if got, err := ParseEAT(s); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	// The night in Nairobi is still the day before in UTC.
	if got, err := ParseEAT("20260101000000"); err != nil || !got.Equal(time.Date(2025, 12, 31, 21, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{
		"", "0", "20191219", "20191319102115", "20190231102115", "20191219242115", "20191219106015", "2019121910211", "201912191021155",
		"12/19/2019 10:21:15", "2019-12-19T10:21:15", "20191219102115.5", "19-13-2019 10:21:15", "00000000000000", "99991231235959", "19900101000000",
		"+0191219102115", "2019 219102115", "２０１９1219",
	} {
		if got, err := ParseEAT(s); !errors.Is(err, ErrDate) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func TestParseEATReadsWhatStampWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(946_684_800, 7_258_000_000).Draw(t, "at"), 0)
		if got, err := ParseEAT(stamp(at)); err != nil || !got.Equal(at) {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

func TestPlainDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "1": "1", "1.00": "1", "1.50": "1.5", "-1.5": "-1.5", "1e2": "100", "1E+2": "100", "1.5e1": "15", "150e-1": "15", "1e-3": "0.001",
		"2.54708374149E11": "254708374149", "2.0191219102115E13": "20191219102115", "0.10": "0.1", "000": "0", "007": "7", "0e10": "0", "12.34e-1": "1.234",
	} {
		if got, ok := plainDecimal(in); !ok || got != want {
			t.Errorf("%s: %s %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "-", "+1", ".5", "5.", "1e", "e1", "1e1e1", "0x10", "1_000", "1,5", "1e41", "1e-41", "NaN", "--1", "1 ", strings.Repeat("1", 41)} {
		if got, ok := plainDecimal(in); ok {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestCheckCallbackURL(t *testing.T) {
	for _, u := range []string{"https://pay.example.com", "https://pay.example.com/cb/c2b/0123abcd/confirm", "https://pay.example.co.ke:8443/x?y=z", "https://xn--bcher-kva.example/"} {
		for _, env := range []string{Sandbox, Production} {
			if err := CheckCallbackURL(env, u); err != nil {
				t.Errorf("%s %s: %v", env, u, err)
			}
		}
	}
	for _, u := range []string{
		"http://pay.example.com", "https://pay.example.com/mpesa/confirmation", "https://MPESA.example.com", "https://pay.example.com/M-Pesa",
		"https://pay.example.com/Safaricom", "https://pay.example.com/a.EXE", "https://pay.example.com/executive", "https://pay.example.com/cmd",
		"https://pay.example.com/MySQL", "https://pay.example.com/?Query=1", "https://abc.ngrok.io", "https://requestbin.net/r/1", "https://mockbin.org/bin",
	} {
		if err := CheckCallbackURL(Production, u); err == nil {
			t.Errorf("production: %s passed", u)
		}
		if err := CheckCallbackURL(Sandbox, u); err != nil {
			t.Errorf("sandbox: %s: %v", u, err)
		}
	}
	for _, u := range []string{
		"", "/relative", "pay.example.com", "//pay.example.com", "ftp://pay.example.com", "https://", "https:pay.example.com", "https://pay.example.com/a b",
		"https://pay.example.com/a%20b", " https://pay.example.com", "https://pay.example.com\n", "https://user:pw@pay.example.com", "https://pay.example.com/#x",
		"https://:443/", "https://pay.example.com/%zz", "https://pay.example.com/\u00a0",
	} {
		for _, env := range []string{Sandbox, Production} {
			if err := CheckCallbackURL(env, u); err == nil || strings.HasSuffix(err.Error(), ".") || !strings.HasPrefix(err.Error(), "must") {
				t.Errorf("%s: %q: %v", env, u, err)
			}
		}
	}
}

func TestAcknowledgementsAreJSON(t *testing.T) {
	for _, s := range []string{AckBody, ConfirmationAck, ValidationAccept, ValidationReject(InvalidAccountNumber)} {
		if !json.Valid([]byte(s)) {
			t.Error(s)
		}
	}
	for code, want := range map[ValidationCode]string{
		InvalidMSISDN: "C2B00011", InvalidAccountNumber: "C2B00012", InvalidAmount: "C2B00013", InvalidKYC: "C2B00014", InvalidShortCode: "C2B00015",
		OtherError: "C2B00016", "": "C2B00016", `1","x":"`: "C2B00016",
	} {
		if got := ValidationReject(code); got != `{"ResultCode":"`+want+`","ResultDesc":"Rejected"}` {
			t.Errorf("%q: %s", code, got)
		}
	}
}

func TestPublicNetworks(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range PublicNetworks() {
		if n.Bits() != 32 || !strings.HasPrefix(n.String(), "196.201.21") || seen[n.String()] {
			t.Error(n)
		}
		seen[n.String()] = true
	}
	if !seen["196.201.212.69/32"] || !seen["196.201.214.200/32"] || len(seen) != 14 {
		t.Errorf("%d networks", len(seen))
	}
}
