package paystack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Bounds on what is decoded. A webhook is a few KiB, but metadata in it is the merchant's own. What Verify takes can be
// read again as a notice, so that both have one bound.
const (
	MaxWebhookBytes = maxResponseBytes
	maxDepth        = 32
)

// Problem says what is wrong with a payload.
type Problem int

// The problems.
const (
	NotJSON      Problem = iota + 1 // not one JSON object
	TooLarge                        // over MaxWebhookBytes
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
		return "paystack payload: " + e.Problem.String()
	}
	return fmt.Sprintf("paystack payload: %s is %s", e.Field, e.Problem)
}

// checkJSON enforces the bounds in one pass without building anything, before the real decoder sees the bytes.
func checkJSON(raw []byte, maxBytes int) error {
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
			if depth++; depth > maxDepth {
				return &DecodeError{Problem: TooDeep}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(raw) {
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
