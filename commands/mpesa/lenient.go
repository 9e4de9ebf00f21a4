package mpesa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Bounds on what is decoded. A callback is well below 2 KiB and four levels deep.
const (
	MaxCallbackBytes = 64 << 10
	maxDepth         = 32
)

// Problem says what is wrong with a payload.
type Problem int

// The problems.
const (
	NotJSON      Problem = iota + 1 // not one JSON object
	TooLarge                        // over MaxCallbackBytes
	TooDeep                         // nested more than 32 levels
	MissingField                    // a field that nothing can be done without is not there
	WrongType                       // such a field is of a type that cannot be read
	BadValue                        // such a field says what cannot be so
)

// String is the problem in words.
func (p Problem) String() string {
	switch p {
	case NotJSON:
		return "not a JSON object"
	case TooLarge:
		return "too large"
	case TooDeep:
		return "nested too deeply"
	case MissingField:
		return "missing"
	case WrongType:
		return "of the wrong type"
	case BadValue:
		return "not a possible value"
	}
	return "malformed"
}

// DecodeError is why a payload was not understood. It holds nothing of the payload itself.
type DecodeError struct {
	Problem Problem
	Field   string // empty when it is about the whole
}

// Error is fit for logs.
func (e *DecodeError) Error() string {
	if e.Field == "" {
		return "mpesa payload: " + e.Problem.String()
	}
	return fmt.Sprintf("mpesa payload: %s is %s", e.Field, e.Problem)
}

// utf8BOM may stand before a body that passed through somebody's Windows.
var utf8BOM = []byte("\xef\xbb\xbf")

// checkJSON enforces the bounds in one pass without building anything, before the real decoder sees the bytes.
func checkJSON(raw []byte, maxBytes, maxNesting int) error {
	if len(raw) > maxBytes {
		return &DecodeError{Problem: TooLarge}
	}
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return &DecodeError{Problem: TooDeep}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(bytes.TrimPrefix(raw, utf8BOM)) {
		return &DecodeError{Problem: NotJSON}
	}
	return nil
}

// objectOf is a JSON object's members, false when raw is not an object. Of members with one name the last counts, as
// encoding/json and most parsers have it.
func objectOf(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	if !startsWith(raw, '{') {
		return nil, false
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil, false
	}
	return m, true
}

func startsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// scalarOf is a text's content or a number as it is written; present is false for nothing and null, ok is false for
// any other type.
func scalarOf(raw json.RawMessage) (s string, present, ok bool) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", false, true
	case raw[0] == '"':
		if json.Unmarshal(raw, &s) != nil {
			return "", true, false
		}
		return strings.TrimSpace(s), true, true
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return string(raw), true, true
	}
	return "", true, false
}

// textOf is scalarOf for what may as well be missing.
func textOf(raw json.RawMessage) string {
	s, _, _ := scalarOf(raw)
	return s
}

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
