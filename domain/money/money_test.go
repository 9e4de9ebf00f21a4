package money

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseReadsMajorUnitsExactly(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 100, "10000": 1000000, "99.5": 9950, "99.50": 9950, "1.00": 100, "0.01": 1, "5.0000": 500, "007": 700, "-1": -100,
		"-0.01": -1, "-0": 0, "19.99": 1999, "0.1": 10, "0.29": 29, "1.15": 115, "4.35": 435, "1001.10": 100110,
		"00000000000000000000000000000000000001.5": 150, "92233720368.54": 9223372036854, "9223372036.85": 922337203685,
	} {
		got, err := Parse(s, KES)
		if err != nil || got != Of(want, KES) {
			t.Errorf("Parse(%q) = %v, %v; want %d cents", s, got, err, want)
		}
	}
}

func TestParseRefusesWhatIsNoPlainDecimal(t *testing.T) {
	for s, want := range map[string]error{
		"": ErrSyntax, " ": ErrSyntax, "1 ": ErrSyntax, " 1": ErrSyntax, "+1": ErrSyntax, "--1": ErrSyntax, "-": ErrSyntax, ".": ErrSyntax,
		".5": ErrSyntax, "5.": ErrSyntax, "1.2.3": ErrSyntax, "1,000": ErrSyntax, "1e3": ErrSyntax, "1E3": ErrSyntax, "0x10": ErrSyntax,
		"NaN": ErrSyntax, "Inf": ErrSyntax, "1_000": ErrSyntax, "١٢": ErrSyntax, "1\x00": ErrSyntax, "-.5": ErrSyntax, "1.-5": ErrSyntax,
		strings.Repeat("1", 41): ErrSyntax, "1.001": ErrPrecision, "0.005": ErrPrecision, "1.0000001": ErrPrecision,
		"92233720368.55": ErrRange, strings.Repeat("9", 30): ErrRange, "-" + strings.Repeat("9", 30): ErrRange,
		"9223372036854775807": ErrRange, "9223372036854775808": ErrRange,
	} {
		if got, err := Parse(s, KES); !errors.Is(err, want) || got != (Money{}) {
			t.Errorf("Parse(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestCurrenciesAreISOAndKSHIsAnAlias(t *testing.T) {
	for s, want := range map[string]Currency{"KES": KES, "ksh": KES, " KSH ": KES, "usd": USD, "NGN": NGN, "ghs": GHS, "Zar": ZAR} {
		if got, err := ParseCurrency(s); err != nil || got != want {
			t.Errorf("ParseCurrency(%q) = %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "K", "EUR", "KESX", "KE S", strings.Repeat("K", 1000)} {
		if got, err := ParseCurrency(s); err == nil || got != "" || len(err.Error()) > 120 {
			t.Errorf("ParseCurrency(%q) = %q, %v", s, got, err)
		}
	}
}

func TestAmountsAreWrittenShortForTheAPIAndLongForPeople(t *testing.T) {
	for _, c := range []struct {
		minor        int64
		short, human string
	}{
		{0, "0", "KES 0.00"},
		{1, "0.01", "KES 0.01"},
		{10, "0.1", "KES 0.10"},
		{9950, "99.5", "KES 99.50"},
		{1000000, "10000", "KES 10,000.00"},
		{100000000012, "1000000000.12", "KES 1,000,000,000.12"},
		{-5, "-0.05", "KES -0.05"},
		{-1000000, "-10000", "KES -10,000.00"},
		{math.MaxInt64, "92233720368547758.07", "KES 92,233,720,368,547,758.07"},
		{math.MinInt64, "-92233720368547758.08", "KES -92,233,720,368,547,758.08"},
	} {
		m := Of(c.minor, KES)
		if m.String() != c.short || m.Format() != c.human || string(m.AppendDecimal([]byte("x"))) != "x"+c.short {
			t.Errorf("%d is %q and %q; want %q and %q", c.minor, m.String(), m.Format(), c.short, c.human)
		}
	}
}

func TestWholeAndMajor(t *testing.T) {
	for minor, want := range map[int64]struct {
		whole bool
		major int64
	}{0: {true, 0}, 100: {true, 1}, 150: {false, 1}, 99: {false, 0}, -150: {false, -1}, -200: {true, -2}} {
		m := Of(minor, KES)
		if m.IsWhole() != want.whole || m.Major() != want.major || m.IsPositive() != (minor > 0) {
			t.Errorf("%s: whole %v, major %d", m, m.IsWhole(), m.Major())
		}
	}
}

func TestAddingPanicsRatherThanCountingWrong(t *testing.T) {
	for name, c := range map[string][2]Money{
		"two currencies": {Of(1, KES), Of(1, USD)},
		"over the top":   {Of(math.MaxInt64, KES), Of(1, KES)},
		"under the end":  {Of(math.MinInt64, KES), Of(-1, KES)},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it added")
				}
			}()
			c[0].Add(c[1])
		})
	}
}

func TestAddIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(-maxMinor, maxMinor)
		a, b, c := Of(cents.Draw(t, "a"), KES), Of(cents.Draw(t, "b"), KES), Of(cents.Draw(t, "c"), KES)
		if a.Add(b) != b.Add(a) || a.Add(b).Add(c) != a.Add(b.Add(c)) || a.Add(Of(0, KES)) != a || a.Add(b).Minor != a.Minor+b.Minor {
			t.Fatalf("%s, %s, %s", a, b, c)
		}
	})
}

func TestEveryAmountIsReadBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Of(rapid.Int64Range(-maxMinor, maxMinor).Draw(t, "cents"), rapid.SampledFrom([]Currency{KES, NGN, GHS, ZAR, USD}).Draw(t, "currency"))
		for _, s := range []string{m.String(), strings.ReplaceAll(strings.TrimPrefix(m.Format(), string(m.Currency)+" "), ",", "")} {
			if got, err := Parse(s, m.Currency); err != nil || got != m {
				t.Fatalf("%d cents were written %q and read as %v, %v", m.Minor, s, got, err)
			}
		}
	})
}

// exact is what a plain decimal says in cents, by digits alone; ok is false when it says less than a cent somewhere.
func exact(s string) (cents string, ok bool) {
	s = strings.TrimPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	frac += "00"
	if strings.Trim(frac[2:], "0") != "" {
		return "", false
	}
	return strings.TrimLeft(whole+frac[:2], "0"), true
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"10000", "99.5", "1.00", "-0.01", "5.0000", "1e3", "0.005", "92233720368.54", "", ".", "1,000", "9223372036854775808"} {
		f.Add(s, "KES")
	}
	f.Add("1.5", "JPY")
	f.Fuzz(func(t *testing.T, s, currency string) {
		c, err := ParseCurrency(currency)
		if err != nil {
			c = Currency(currency)
		}
		m, err := Parse(s, c)
		if err != nil {
			if m != (Money{}) {
				t.Fatalf("refused %q, yet answered %v", s, m)
			}
			return
		}
		cents, ok := exact(s)
		if got := strings.Trim(strings.ReplaceAll(Of(m.Minor, KES).Format()[4:], ",", ""), "-"); !ok || strings.TrimLeft(strings.Replace(got, ".", "", 1), "0") != cents {
			t.Fatalf("%q is %s cents and was read as %d", s, cents, m.Minor)
		}
		if m.Minor > maxMinor || m.Minor < -maxMinor {
			t.Fatalf("%q is out of range and was read as %d", s, m.Minor)
		}
		again, err := Parse(m.String(), c)
		if err != nil || again != m {
			t.Fatalf("%q was read as %v, written %q and read as %v, %v", s, m, m.String(), again, err)
		}
	})
}
