package phone

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestContactTakesAnyPlausibleInternationalNumber(t *testing.T) {
	for s, want := range map[string]string{
		"+2547012345678": "+2547012345678", "254712345678": "254712345678", "+254 712-345-678": "+254712345678", "0712345678": "0712345678",
		" +44 20 7946 0958": "+442079460958", "12345678": "12345678", "+123456789012345": "+123456789012345", "123456789012345": "123456789012345",
	} {
		if got, err := Contact(s); err != nil || got != want {
			t.Errorf("Contact(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "+", "1234567", "1234567890123456", "+1234567890123456", "++254712345678", "2547+12345678", "(0712)345678", "0712.345.678",
		"254712345678x", "x254712345678", "+123456789012345x", "٢٥٤٧١٢٣٤٥٦٧٨", "254712345678\n", strings.Repeat("1", 1000),
		strings.Repeat(" ", 1000), "--------",
	} {
		if got, err := Contact(s); !errors.Is(err, ErrPlausible) || got != "" {
			t.Errorf("Contact(%q) = %q, %v", s, got, err)
		}
	}
}

func TestMpesaTakesOneFormOnly(t *testing.T) {
	for _, s := range []string{"254712345678", "254112345678", "254700000000", "254199999999"} {
		if got, err := Mpesa(s); err != nil || got != s {
			t.Errorf("Mpesa(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "0712345678", "712345678", "+254712345678", "254 712345678", "254212345678", "25471234567", "2547123456789", "255712345678",
		"25471234567a", "２５４712345678", "254712345678 ", "254-71234567",
	} {
		if got, err := Mpesa(s); !errors.Is(err, ErrMpesa) || got != "" {
			t.Errorf("Mpesa(%q) = %q, %v", s, got, err)
		}
	}
}

func TestCheckoutPageTakesWhatPeopleType(t *testing.T) {
	for s, want := range map[string]string{
		"0712345678": "254712345678", "0112345678": "254112345678", "712345678": "254712345678", "112345678": "254112345678",
		"254712345678": "254712345678", "+254712345678": "254712345678", "+254 712 345 678": "254712345678", "0712-345-678": "254712345678",
		" (0712) 345.678 ": "254712345678", "+254 0712 345678": "254712345678", "0712\u00a0345\u00a0678": "254712345678",
	} {
		if got, err := NormaliseMpesa(s); err != nil || got != want {
			t.Errorf("NormaliseMpesa(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "07123", "0812345678", "812345678", "07123456789", "255712345678", "0712345678a", "0712+345678", "00254712345678", "2540712345",
		strings.Repeat("0", 500), "٠٧١٢٣٤٥٦٧٨",
	} {
		if got, err := NormaliseMpesa(s); !errors.Is(err, ErrMpesa) || got != "" {
			t.Errorf("NormaliseMpesa(%q) = %q, %v", s, got, err)
		}
	}
}

func TestEveryMpesaNumberIsReadInEveryWayThatPeopleWriteIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[17][0-9]{8}`).Draw(t, "number")
		want := "254" + local
		for _, typed := range []string{want, "+" + want, "0" + local, local, "+254 0" + local, local[:3] + " " + local[3:6] + "-" + local[6:]} {
			if got, err := NormaliseMpesa(typed); err != nil || got != want {
				t.Fatalf("NormaliseMpesa(%q) = %q, %v", typed, got, err)
			}
		}
		if got, err := Contact("+" + want); err != nil || got != "+"+want {
			t.Fatalf("Contact(%q) = %q, %v", want, got, err)
		}
	})
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+2547012345678", "254712345678", "0712 345 678", "+254 0712-345678", "", "+", "\u00a0", "0712\xff45678"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Contact(s); err == nil {
			digits := strings.TrimPrefix(got, "+")
			if len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" || digitsOf(got) != digitsOf(s) {
				t.Fatalf("Contact(%q) = %q", s, got)
			}
			if again, err := Contact(got); err != nil || again != got {
				t.Fatalf("Contact(%q) = %q, again %q, %v", s, got, again, err)
			}
		}
		if got, err := Mpesa(s); err == nil && got != s {
			t.Fatalf("Mpesa(%q) = %q", s, got)
		}
		got, err := NormaliseMpesa(s)
		if err != nil {
			return
		}
		if again, err := Mpesa(got); err != nil || again != got {
			t.Fatalf("NormaliseMpesa(%q) = %q, which Mpesa reads as %q, %v", s, got, again, err)
		}
		if !strings.HasSuffix(digitsOf(s), got[3:]) {
			t.Fatalf("NormaliseMpesa(%q) = %q has other digits", s, got)
		}
	})
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
