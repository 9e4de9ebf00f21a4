package mpesa

import (
	"strconv"
	"strings"
)

// Bounds on what is decoded. A callback is well below 2 KiB and four levels deep.
const (
	MaxCallbackBytes = 64 << 10
	maxDepth         = 32
)

// plainDecimal writes a JSON number without an exponent, exactly: Java, which Daraja is written in, prints large and
// round numbers as 2.0191219102115E13 and 1E+1. False when it is no number or has more than 40 digits.
func plainDecimal(s string) (string, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToUpper(s), "E")
	exp := 0
	if len(mantissa) != len(s) {
		var err error
		if exp, err = strconv.Atoi(exponent); err != nil {
			return "", false
		}
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, frac, dotted := strings.Cut(mantissa, ".")
	if !allDigits(whole) || dotted && !allDigits(frac) || len(s) > 40 || exp > 40 || exp < -40 {
		return "", false
	}
	for ; exp > 0; exp-- {
		if frac == "" {
			frac = "0"
		}
		whole, frac = whole+frac[:1], frac[1:]
	}
	for ; exp < 0; exp++ {
		if whole == "" {
			whole = "0"
		}
		whole, frac = whole[:len(whole)-1], whole[len(whole)-1:]+frac
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if frac = strings.TrimRight(frac, "0"); frac != "" {
		frac = "." + frac
	}
	return sign + whole + frac, true
}
