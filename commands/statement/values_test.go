package statement

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

func TestAmountsAreReadAsTheyAreWritten(t *testing.T) {
	plain, none, continental, swiss := plainMarks(), marks{decimal: '.'}, marks{decimal: ',', thousands: '.'}, marks{decimal: '.', thousands: '\''}
	for _, test := range []struct {
		marks marks
		in    string
		minor int64
		err   error
	}{
		{plain, "", 0, nil},
		{plain, "1", 100, nil},
		{plain, "1,500.00", 150_000, nil},
		{plain, "1500.5", 150_050, nil},
		{plain, "-1,234,567.89", -123_456_789, nil},
		{plain, "+5", 500, nil},
		{plain, "5.", 500, nil},
		{plain, "1 500.00", 150_000, nil},
		{plain, "1,50.00", 0, errGroups},
		{plain, ",500.00", 0, errGroups},
		{plain, "1,500,00", 0, errGroups},
		{plain, "1.500.00", 0, errNoAmount},
		{plain, "12E", 0, errScientific},
		{plain, "1.2E+5", 0, errScientific},
		{plain, "KES 5", 0, errNoAmount},
		{plain, "0.001", 0, money.ErrPrecision},
		{plain, "0.0100", 1, nil},
		{plain, ".5", 0, errNoAmount},
		{plain, "-", 0, errNoAmount},
		{plain, "99999999999999", 0, money.ErrRange},
		{none, "1,500.00", 0, errNoAmount},
		{none, "1500.00", 150_000, nil},
		{continental, "1.500,00", 150_000, nil},
		{continental, "1,500", 150, nil},
		{continental, "1500", 150_000, nil},
		{swiss, "1'500.05", 150_005, nil},
	} {
		got, err := test.marks.amount(test.in, money.KES)
		if got.Minor != test.minor || !errors.Is(err, test.err) {
			t.Errorf("%q with %+v is %d, %v; want %d, %v", test.in, test.marks, got.Minor, err, test.minor, test.err)
		}
	}
}

func TestNumbersOfWorkbooksAreMadePlain(t *testing.T) {
	for in, want := range map[string]string{
		"1234.56": "1234.56", "1234.5600000000002": "1234.56", "1234.5599999999999": "1234.56", "0.1": "0.1", "1E+5": "100000", "1.5E3": "1500", "-2.5E-1": "-0.25",
		"1e2": "100", "999999999999999.9": "1000000000000000", "12345678901234567": "12345678901234600", "-0.000000000000000001": "0", "5.6843418860808015E-14": "0", "0.123456789": "0.123456789", "SKA1B2C3D1": "SKA1B2C3D1",
		"1,500.00": "1,500.00", "": "", "E": "E", "1E": "1E", "1E+99": "1E+99", "--1": "--1", "1.2.3E+1": "1.2.3E+1",
	} {
		if got := workbookNumber(in); got != want && "-"+want != got {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestEveryAmountOfAWorkbookIsReadExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(-reconciliation.MaxAmount, reconciliation.MaxAmount).Draw(t, "cents")
		whole := money.Of(cents, money.KES).String()
		if noise := rapid.IntRange(0, 2).Draw(t, "noise"); noise > 0 && cents%100 != 0 && cents > 100_000 {
			// As a spreadsheet's arithmetic leaves it, from the sixteenth digit on.
			whole += strings.Repeat("0", 17-len(whole)) + "2"
		}
		got, err := plainMarks().amount(workbookNumber(whole), money.KES)
		if err != nil || got.Minor != cents {
			t.Fatalf("%q is %d, %v; want %d", whole, got.Minor, err, cents)
		}
	})
}

func TestDatesAreToldApartByTheirLayout(t *testing.T) {
	portal := dates{layouts: portalLayouts(), zone: eat(), serials: true}
	for in, want := range map[string]string{
		"02-11-2025 09:15:02": "2025-11-02T06:15:02Z", "2025-11-02 09:15:02": "2025-11-02T06:15:02Z", "45963.25": "2025-11-02T03:00:00Z", "45963": "2025-11-01T21:00:00Z",
		"45963.385439814816": "2025-11-02T06:15:02Z", "45963.999999": "2025-11-02T21:00:00Z",
	} {
		if got, err := portal.parse(in); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %s, %v; want %s", in, got.Format(time.RFC3339), err, want)
		}
	}
	for in, want := range map[string]error{
		"02/11/2025 09:15:02": errDateOrder, "11/2/25": errDateOrder, "02-11-25": errDateOrder, "2-11-25 10:00": errDateOrder, "31-02-2025 09:15:02": errNoDate,
		"2025-13-01 00:00:00": errNoDate, "": errNoDate, "soon": errNoDate, "123456": errNoDate, "00001": errNoDate, "45963.x": errNoDate, "02-11-1999 09:15:02": errNoDate,
	} {
		if got, err := portal.parse(in); !errors.Is(err, want) {
			t.Errorf("%q is %s, %v; want %v", in, got, err, want)
		}
	}
	old := dates{layouts: portalLayouts(), zone: eat(), serials: true, epoch: epoch1904}
	if got, err := old.parse("44501.25"); err != nil || got.Format(time.RFC3339) != "2025-11-02T03:00:00Z" {
		t.Errorf("from 1904: %s, %v", got, err)
	}
}

func TestEverySecondSurvivesAWorkbook(t *testing.T) {
	d := dates{zone: eat(), serials: true}
	rapid.Check(t, func(t *rapid.T) {
		days, second := rapid.IntRange(36_527, 73_000).Draw(t, "days"), rapid.Int64Range(0, secondsInDay-1).Draw(t, "second")
		// Twelve digits of the fraction, as exact arithmetic has it.
		frac := second * 1_000_000_000_000 / secondsInDay
		text := digitsOf(int64(days), 5) + "." + digitsOf(frac, 12)
		want := time.Date(1899, 12, 30, 0, 0, 0, 0, eat()).AddDate(0, 0, days).Add(time.Duration(second) * time.Second)
		if got, err := d.parse(text); err != nil || !got.Equal(want) {
			t.Fatalf("%q is %s, %v; want %s", text, got, err, want)
		}
	})
}

func digitsOf(n int64, width int) string {
	b := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b)
}

func TestLayoutsOfPeople(t *testing.T) {
	for in, want := range map[string]string{
		"DD/MM/YYYY": "02/01/2006", "YYYY-MM-DD HH:mm:ss": "2006-01-02 15:04:05", "D.M.YY": "2.1.06", "DD MMM YYYY hh:mm a": "02 Jan 2006 03:04 PM", "YYYY-MM-DDTHH:mm": "2006-01-02T15:04",
	} {
		if got, err := LayoutOf(in); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "DD/MM", "DD/MM/YYYY DD", "MM/YYYY", "DD-MM-YYYY hh:mm", "DD-MM-YYYY a", "day", "DD/MM/YYYY Z", strings.Repeat("-", 50), "02/01/2006"} {
		if got, err := LayoutOf(in); !errors.Is(err, ErrMapping) {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
}

func TestCellsAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"  a b ": "a b", "\u00a01,500.00\u00a0": "1,500.00", "\ufeffReceipt": "Receipt", "a\u200bb": "ab", "a\tb": "a b", "a\x00b": "ab", "caf\u00e9": "caf\u00e9", "\u2003": "",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	if got := folded("  Receipt  No.: "); got != "receipt no" {
		t.Errorf("%q", got)
	}
	long := short(strings.Repeat("é", maxText))
	if len(long) > maxText || !strings.HasPrefix(strings.Repeat("é", maxText), long) || len(long) < maxText-4 {
		t.Errorf("%d bytes", len(long))
	}
}

func TestEncodingsAreDecoded(t *testing.T) {
	for name, test := range map[string]struct {
		in   string
		e    Encoding
		want string
	}{
		"UTF-8":                      {"caf\u00e9", "", "caf\u00e9"},
		"UTF-8 with a mark":          {"\xef\xbb\xbfcaf\u00e9", Windows1252, "caf\u00e9"},
		"Windows-1252":               {"caf\xe9 \x80\x93\x81", Windows1252, "caf\u00e9 \u20ac\u201c\u0081"},
		"UTF-16, little end first":   {"\xff\xfea\x00\xe9\x00\x3d\xd8\x00\xde", "", "a\u00e9\U0001F600"},
		"UTF-16, big end first":      {"\xfe\xff\x00a\x00\xe9", "", "a\u00e9"},
		"half a pair of UTF-16":      {"\xff\xfe\x3d\xd8", "", "\ufffd"},
		"nothing":                    {"", Windows1252, ""},
		"two bytes that are no mark": {"ab", "", "ab"},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
			got, err := io.ReadAll(decoded(r, test.e))
			if err != nil || string(got) != test.want {
				t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
			}
		}
		// Into a buffer that takes no whole character.
		got, err := io.ReadAll(iotest.OneByteReader(decoded(strings.NewReader(test.in), test.e)))
		if err != nil || string(got) != test.want {
			t.Errorf("%s, byte by byte: %q, %v; want %q", name, got, err, test.want)
		}
	}
	if _, err := io.ReadAll(decoded(strings.NewReader("\xff\xfea\x00b"), "")); !errors.Is(err, ErrDamaged) {
		t.Errorf("an odd byte: %v", err)
	}
	long := strings.Repeat("x\xe9\x80", 100_000)
	got, err := io.ReadAll(decoded(strings.NewReader(long), Windows1252))
	if err != nil || !bytes.Equal(got, []byte(strings.Repeat("x\u00e9\u20ac", 100_000))) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestWhatARowOfMpesaIs(t *testing.T) {
	for _, test := range []struct {
		reason, details string
		in              bool
		want            reconciliation.Kind
	}{
		{"Pay Utility", "Pay Bill from 25472****108 - SAMPLE PAYER Acc. INV001", true, reconciliation.KindPayment},
		{"Pay Bill Online", "", true, reconciliation.KindPayment},
		{"Pay Utility with OD via STK", "", true, reconciliation.KindPayment},
		{"Standing Order Pay Bill", "", true, reconciliation.KindPayment},
		{"Pay Utility", "Pay Bill from 25472****108 - CHARGE REVERSAL FEE Acc. CHARGE", true, reconciliation.KindPayment},
		{"", "Pay Bill Charge", false, reconciliation.KindCharge},
		{"Pay Bill Charge", "", false, reconciliation.KindCharge},
		{"Transaction Reversal", "", false, reconciliation.KindReversal},
		{"", "Reversal of SKA1B2C3D1", false, reconciliation.KindReversal},
		{"Utility Account to Organization Settlement Account", "", false, reconciliation.KindUtilityToMerchant},
		{"Utility Account to Organization Settlement Account", "", true, reconciliation.KindUtilityToMerchant},
		{"Organization Settlement Account to Bank", "", false, reconciliation.KindWithdrawalToBank},
		{"Pay Bill from Bank Account", "", true, reconciliation.KindPayment},
		{"Business Payment", "Business Payment to 25472****108 - SAMPLE", false, reconciliation.KindPayout},
		{"Salary Payment", "", false, reconciliation.KindPayout},
		{"Monthly Service Fee", "", false, reconciliation.KindFee},
		{"Coffee Shop", "", false, reconciliation.KindOther},
		{"Something new", "", false, reconciliation.KindOther},
		{"Something new", "", true, reconciliation.KindOther},
	} {
		if got := mpesaKind(test.reason, test.details, test.in); got != test.want {
			t.Errorf("%q, %q, in %v: %s, want %s", test.reason, test.details, test.in, got, test.want)
		}
	}
}

func TestWhatDetailsSay(t *testing.T) {
	const details = "Pay Bill from 25472****108 - SAMPLE PAYER Acc. INV 001"
	if accountIn(details) != "INV 001" || partyIn(details) != "25472****108 - SAMPLE PAYER" {
		t.Errorf("%q, %q", accountIn(details), partyIn(details))
	}
	if accountIn("Pay Bill Charge") != "" || partyIn("Transfer from SAMPLE - BANK") != "" || partyIn("from 12 - x") != "" {
		t.Error("something was found where nothing is")
	}
	for text, want := range map[string]string{
		"Reversal of SKA1B2C3D1": "SKA1B2C3D1", "SKA1B2C3D9 reverses SKA1B2C3D1": "SKA1B2C3D1", "SKA1B2C3D1 or SKA1B2C3D2": "", "REVERSALOF": "", "2547000001": "", "nothing": "",
	} {
		if got := receiptIn(text, "SKA1B2C3D9"); got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}
