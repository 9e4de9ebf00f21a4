package commands

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// members are the values of a JSON object by name, the last one where a name stands twice, as json.Unmarshal has it. They
// lie in raw. It saves the decoder's reflection on each request: the syntax is checked first, so that all there is left to
// find is where a value ends. ok is false when raw is not one JSON object.
func members(raw []byte) (_ map[string]json.RawMessage, ok bool) {
	if !json.Valid(raw) {
		return nil, false
	}
	at := skipSpace(raw, 0)
	if raw[at] != '{' {
		return nil, false
	}
	out := make(map[string]json.RawMessage, 12)
	for at = skipSpace(raw, at+1); raw[at] != '}'; at = skipSpace(raw, at) {
		if raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
		end := endOfString(raw, at)
		name, ok := memberName(raw[at:end])
		if !ok {
			return nil, false
		}
		at = skipSpace(raw, end)  // the colon
		at = skipSpace(raw, at+1) // the value
		end = endOfValue(raw, at) // behind it
		out[name] = raw[at:end:end]
		at = end
	}
	return out, true
}

func memberName(quoted []byte) (string, bool) {
	if plain := quoted[1 : len(quoted)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain), true
	}
	var name string
	err := json.Unmarshal(quoted, &name)
	return name, err == nil
}

func skipSpace(raw []byte, at int) int {
	for raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r' {
		at++
	}
	return at
}

// endOfString is behind the string that begins at.
func endOfString(raw []byte, at int) int {
	for at++; raw[at] != '"'; at++ {
		if raw[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// endOfValue is behind the value that begins at.
func endOfValue(raw []byte, at int) int {
	switch raw[at] {
	case '"':
		return endOfString(raw, at)
	case '{', '[':
		for depth := 0; ; {
			switch raw[at] {
			case '"':
				at = endOfString(raw, at)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
			at++
		}
	}
	for ; bytes.IndexByte([]byte(" \n\t\r,}]"), raw[at]) < 0; at++ {
		continue
	}
	return at
}
