package mpesa

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/upstream"
)

func FuzzDecodeSTKCallback(f *testing.F) {
	for _, s := range []string{paidCallback, failedCallback, "", "{}", `{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":"0","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1e1}]}}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := DecodeSTKCallback(raw)
		var junk *upstream.DecodeError
		if err != nil && !errors.As(err, &junk) {
			t.Fatalf("%T", err)
		}
		if got.Amount != nil && !got.Amount.IsPositive() || got.Receipt != "" && !IsReceipt(got.Receipt) || utf8.RuneCountInString(got.Phone) > maxTextRunes {
			t.Fatalf("%+v", got)
		}
		if err == nil && (!isID(got.CheckoutRequestID) || got.ResultCode == "" || len(got.ResultCode) > maxIDBytes || len(raw) > MaxCallbackBytes) {
			t.Fatalf("%+v", got)
		}
		if got.PaidAt != nil && (got.PaidAt.Year() < 1999 || got.PaidAt.Year() > 2199) {
			t.Fatalf("%v", got.PaidAt)
		}
	})
}

func FuzzDecodeC2B(f *testing.F) {
	for _, s := range []string{confirmation, "", "{}", `{"TransID":"RKTQDM7W6S","TransAmount":10,"BusinessShortCode":600638}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := DecodeC2B(raw)
		var junk *upstream.DecodeError
		if err != nil && !errors.As(err, &junk) {
			t.Fatalf("%T", err)
		}
		if err == nil && (!IsReceipt(got.TransID) || !got.Amount.IsPositive() || !isShortCode(got.ShortCode)) {
			t.Fatalf("%+v", got)
		}
		for _, s := range []string{got.BillRef, got.FirstName, got.MiddleName, got.LastName, got.MSISDN, got.TransactionType} {
			if utf8.RuneCountInString(s) > maxTextRunes || !utf8.ValidString(s) {
				t.Fatalf("%q", s)
			}
		}
		if NormaliseBillRef(got.BillRefNormalised) != got.BillRefNormalised {
			t.Fatalf("%q", got.BillRefNormalised)
		}
	})
}

func FuzzParseEAT(f *testing.F) {
	for _, s := range []string{"20191219102115", "19-12-2019 10:21:15", "19.12.2019 10:21:15", "2019-12-19 10:21:15", "", "99999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseEAT(s)
		if err != nil {
			return
		}
		if len(s) == len(stampLayout) && stamp(got) != s {
			t.Fatalf("%s became %s", s, stamp(got))
		}
		if got.Year() < 1999 || got.Year() > 2199 {
			t.Fatalf("%v", got)
		}
	})
}

func FuzzPlainDecimal(f *testing.F) {
	for _, s := range []string{"1.00", "1E+1", "2.54708374149E11", "-0.5e-3", "1e40"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := plainDecimal(s)
		if !ok {
			return
		}
		if again, ok := plainDecimal(got); len(got) <= 40 && (!ok || again != got) || strings.ContainsAny(got, "eE") {
			t.Fatalf("%s became %s, then %s", s, got, again)
		}
	})
}

func FuzzCleaner(f *testing.F) {
	f.Add("Invalid Access Token - abc 254712345678")
	f.Fuzz(func(t *testing.T, s string) {
		got := newCleaner("sekret").text(s)
		if utf8.RuneCountInString(got) > maxMessageRunes+1 || strings.Contains(got, "sekret") {
			t.Fatalf("%q", got)
		}
	})
}
