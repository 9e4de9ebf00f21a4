package statement

import (
	"errors"
	"strings"

	"github.com/benfex/kipay/domain/money"
)

// Reasons for amounts that are not taken.
var (
	errNoAmount   = errors.New("is not an amount")
	errScientific = errors.New("is in scientific notation: a spreadsheet has changed the file; export it again")
	errGroups     = errors.New("has its thousands marks in the wrong places")
)

// marks are how a file writes numbers: the decimal mark, and the thousands mark, 0 for none.
type marks struct{ decimal, thousands byte }

func plainMarks() marks { return marks{decimal: '.', thousands: ','} }

// plainDecimal is the number in s as digits with a point, as money.Parse reads it. Nothing is guessed: thousands marks must
// stand every three digits or nowhere.
func (m marks) plainDecimal(s string) (string, error) {
	s = strings.ReplaceAll(s, " ", "")
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"):
		sign, s = "-", s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	if s == "" || len(s) > 40 {
		return "", errNoAmount
	}
	whole, frac, dotted := strings.Cut(s, string(m.decimal))
	if strings.ContainsAny(s, "eE") && digitsOnly(strings.NewReplacer("e", "", "E", "", "+", "", "-", "", string(m.decimal), "").Replace(s)) {
		return "", errScientific
	}
	if m.thousands != 0 && strings.IndexByte(whole, m.thousands) >= 0 {
		groups := strings.Split(whole, string(m.thousands))
		for i, g := range groups {
			if !digitsOnly(g) || i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(g) > 3) {
				return "", errGroups
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" || !digitsOnly(whole) || dotted && !digitsOnly(frac) {
		return "", errNoAmount
	}
	if frac == "" {
		return sign + whole, nil
	}
	return sign + whole + "." + frac, nil
}

func digitsOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// amount reads a cell; a blank one is nothing.
func (m marks) amount(s string, c money.Currency) (money.Money, error) {
	if s == "" {
		return money.Of(0, c), nil
	}
	d, err := m.plainDecimal(s)
	if err != nil {
		return money.Money{}, err
	}
	return money.Parse(d, c)
}

// workbookDigits is how many digits of a number a workbook keeps, workbookPlaces how many behind the point an amount can
// have; what stands behind them is noise of its arithmetic.
const (
	workbookDigits = 15
	workbookPlaces = 9
)

// workbookNumber turns the text that a workbook keeps for a number into a plain decimal: 1E+5 is 100000, and
// 1234.5600000000002 is 1234.56. What is no such number is left alone. No floating point is used.
func workbookNumber(s string) string {
	mantissa, exponent, scientific := strings.Cut(strings.Replace(s, "e", "E", 1), "E")
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := whole + frac
	if digits == "" || len(digits) > 40 || !digitsOnly(digits) || !scientific && len(digits) <= workbookDigits {
		return s
	}
	point := len(whole)
	if scientific {
		shift, ok := smallInt(exponent)
		if !ok {
			return s
		}
		point += shift
	}
	lead := len(digits) - len(strings.TrimLeft(digits, "0"))
	if len(digits)-lead > workbookDigits {
		digits, point = roundDigits(digits, lead+workbookDigits, point)
	}
	for point > len(digits) {
		digits += "0"
	}
	for point < 1 {
		digits, point = "0"+digits, point+1
	}
	if len(digits) > point+workbookPlaces {
		digits, point = roundDigits(digits, point+workbookPlaces, point)
	}
	whole, frac = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}

// smallInt reads an exponent of a sensible size.
func smallInt(s string) (int, bool) {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if s == "" || len(s) > 2 || !digitsOnly(s) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	if n > 30 {
		return 0, false
	}
	if neg {
		n = -n
	}
	return n, true
}

// roundDigits rounds to the first n digits, half up; point is where the decimal point stands.
func roundDigits(digits string, n, point int) (string, int) {
	up := digits[n] >= '5'
	b := []byte(digits[:n])
	for i := n - 1; up && i >= 0; i-- {
		if b[i] == '9' {
			b[i] = '0'
		} else {
			b[i]++
			up = false
		}
	}
	out := string(b)
	if up {
		out, point = "1"+out, point+1
	}
	return out, point
}
