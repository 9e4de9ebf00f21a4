package commands

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMembers compares with the decoder of the standard library, which has the last word.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{"amount":10000,"email":"jane@example.com","config":{"a":[1,{"b":"}"}],"c":"\"]"},"x":null,"y":true}`,
		`{}`, ` { } `, "\n{ \"a\" :\t1 , \"a\" : 2 }\r", `{"\u0061":1,"a":2}`, `{"":""}`, `{"a\"b":"\\"}`, "{\"\xff\":1,\"\xfe\":2}", `{"a":-1.5e+3}`,
		`[]`, `null`, `"text"`, `1`, ``, `{`, `{"a"}`, `{"a":1,}`, `{"a":1} {"b":2}`, `{"a":[[[[{}]]]]}`, `{"a":"}","b":"{"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(raw, &want) == nil && want != nil
		got, ok := members(raw)
		if ok != isObject {
			t.Fatalf("%q: an object %v, json says %v", raw, ok, isObject)
		}
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Fatalf("%q:\n%s", raw, diff)
		}
	})
}
