package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Problem says what is wrong with a payload.
type Problem int

// The problems.
const (
	NotJSON      Problem = iota + 1 // not one JSON object
	TooLarge                        // more bytes than are taken
	TooDeep                         // nested more deeply than is taken
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
		return "payload: " + e.Problem.String()
	}
	return fmt.Sprintf("payload: %s is %s", e.Field, e.Problem)
}

// utf8BOM may stand before a body that passed through somebody's Windows.
const utf8BOM = "\xef\xbb\xbf"

// WithoutBOM is a body without the mark that may stand before it.
func WithoutBOM(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte(utf8BOM)) }

// CheckJSON enforces the bounds in one pass without building anything, before the real decoder sees the bytes.
func CheckJSON(raw []byte, maxBytes, maxNesting int) error {
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
	if !json.Valid(WithoutBOM(raw)) {
		return &DecodeError{Problem: NotJSON}
	}
	return nil
}

// ObjectOf is a JSON object's members, false when raw is not an object. Of members with one name the last counts, as
// encoding/json and most parsers have it.
func ObjectOf(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	if !StartsWith(raw, '{') {
		return nil, false
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil, false
	}
	return m, true
}

// StartsWith tells which character comes first, but for space.
func StartsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// ScalarOf is a text's content or a number as it is written; present is false for nothing and null, ok is false for
// any other type.
func ScalarOf(raw json.RawMessage) (s string, present, ok bool) {
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

// TextOf is ScalarOf for what may as well be missing.
func TextOf(raw json.RawMessage) string {
	s, _, _ := ScalarOf(raw)
	return s
}
