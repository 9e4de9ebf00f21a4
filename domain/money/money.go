// Package money holds amounts: an int64 of minor units and a currency. Nothing here, and nothing that uses it, puts an
// amount in a float.
package money

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code in upper case.
type Currency string

// The currencies that a channel of ours can take.
const (
	KES Currency = "KES"
	NGN Currency = "NGN"
	GHS Currency = "GHS"
	ZAR Currency = "ZAR"
	USD Currency = "USD"
)

// minorDigits are the decimal places of each currency known here (ISO 4217).
var minorDigits = map[Currency]int{KES: 2, NGN: 2, GHS: 2, ZAR: 2, USD: 2}

// Currencies are those known here, in their order.
func Currencies() []Currency {
	var all []Currency
	for c := range minorDigits {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

// ParseCurrency reads a code in any case; KSH is taken as KES.
func ParseCurrency(s string) (Currency, error) {
	c := Currency(strings.ToUpper(strings.TrimSpace(s)))
	if c == "KSH" {
		c = KES
	}
	if _, ok := minorDigits[c]; !ok {
		return "", fmt.Errorf("unknown currency %.8q; known are KES (or KSH), NGN, GHS, ZAR, USD", s)
	}
	return c, nil
}

// MinorDigits is the number of decimal places, 2 for a currency unknown here.
func (c Currency) MinorDigits() int {
	if d, ok := minorDigits[c]; ok {
		return d
	}
	return 2
}

// Money is an amount in minor units (cents) of a currency.
type Money struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// Errors of Parse.
var (
	ErrSyntax    = errors.New("must be a number such as 1500 or 99.50")
	ErrPrecision = errors.New("has more decimal places than the currency")
	ErrRange     = errors.New("is too large")
)

// maxMinor bounds amounts so that sums of a million of them still fit an int64.
const maxMinor = math.MaxInt64 / 1_000_000

// Of is an amount from minor units.
func Of(minor int64, c Currency) Money { return Money{Minor: minor, Currency: c} }

// Parse reads a decimal text in major units exactly: "10000", "99.5", "1.00". Zeros past the currency's minor digits are
// fine (providers write 5.00 and 5.0000), anything else there is ErrPrecision. No exponent, sign "+", spaces or commas.
func Parse(s string, c Currency) (Money, error) {
	if s == "" || len(s) > 40 {
		return Money{}, ErrSyntax
	}
	digits, neg := s, false
	if digits[0] == '-' {
		neg, digits = true, digits[1:]
	}
	whole, frac, dotted := strings.Cut(digits, ".")
	if whole == "" || (dotted && frac == "") || !allDigits(whole) || !allDigits(frac) {
		return Money{}, ErrSyntax
	}
	places := c.MinorDigits()
	for len(frac) > places {
		if frac[len(frac)-1] != '0' {
			return Money{}, ErrPrecision
		}
		frac = frac[:len(frac)-1]
	}
	frac += strings.Repeat("0", places-len(frac))
	minor, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil || minor > maxMinor {
		return Money{}, ErrRange
	}
	if neg {
		minor = -minor
	}
	return Money{Minor: minor, Currency: c}, nil
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// IsPositive tells whether it is more than zero.
func (m Money) IsPositive() bool { return m.Minor > 0 }

// IsWhole tells whether it has no minor part, as M-Pesa demands.
func (m Money) IsWhole() bool { return m.Minor%m.unit() == 0 }

// Major is the amount in whole major units, the minor part cut off.
func (m Money) Major() int64 { return m.Minor / m.unit() }

func (m Money) unit() int64 {
	u := int64(1)
	for range m.Currency.MinorDigits() {
		u *= 10
	}
	return u
}

// Add is the sum. It panics on different currencies or overflow: both are broken invariants of ours.
func (m Money) Add(o Money) Money {
	if m.Currency != o.Currency {
		panic(fmt.Sprintf("money: adding %s to %s", o.Currency, m.Currency))
	}
	sum := m.Minor + o.Minor
	if (sum > m.Minor) != (o.Minor > 0) && o.Minor != 0 {
		panic(fmt.Sprintf("money: %d + %d overflows", m.Minor, o.Minor))
	}
	return Money{Minor: sum, Currency: m.Currency}
}

// String is the shortest decimal in major units, without the currency: "10000", "99.5".
func (m Money) String() string {
	return string(m.AppendDecimal(nil))
}

// AppendDecimal appends String to b: the JSON number that the API answers.
func (m Money) AppendDecimal(b []byte) []byte {
	minor := m.Minor
	if minor < 0 {
		b = append(b, '-')
	}
	u := m.unit()
	whole, rest := minor/u, minor%u
	if whole < 0 {
		whole = -whole
	}
	if rest < 0 {
		rest = -rest
	}
	b = strconv.AppendInt(b, whole, 10)
	if rest == 0 {
		return b
	}
	frac := strconv.FormatInt(rest+u, 10)[1:]
	return append(append(b, '.'), strings.TrimRight(frac, "0")...)
}

// Format is for people: "KES 10,000.00".
func (m Money) Format() string {
	minor := m.Minor
	sign := ""
	if minor < 0 {
		sign = "-"
	}
	u := m.unit()
	whole, rest := minor/u, minor%u
	if whole < 0 {
		whole = -whole
	}
	if rest < 0 {
		rest = -rest
	}
	digits := strconv.FormatInt(whole, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return fmt.Sprintf("%s %s%s.%s", m.Currency, sign, b.String(), strconv.FormatInt(rest+u, 10)[1:])
}
