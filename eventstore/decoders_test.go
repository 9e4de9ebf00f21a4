package eventstore

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodersAgree holds the decoder of events to the standard library's.
func FuzzDecodersAgree(f *testing.F) {
	types := map[string]reflect.Type{"metadata": reflect.TypeFor[Metadata]()}
	for _, t := range Catalogue() {
		types[t.Name()] = reflect.TypeOf(t.Prototype)
		data, err := json.Marshal(goldenSample(t.Prototype))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(t.Name(), data)
	}
	for _, s := range []string{
		`{"reference":"\ud800x","at":"2026-01-01T00:00:00.5+03:00"}`, `{"Reference":"a","reference":"b"}`, `{"REFERENCE":"a"}`, `{"reference":null}`, `null`,
		`{"attempt":-0}`, `{"reference":"` + "\xff\u2028" + `"}`, `{"at":null,"x":[{"y":[]}]}`, ` { "attempt" : 1 , "reference" : "\u00e9\n" } `,
	} {
		f.Add("StkPushRequested", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		typ := types[name]
		if typ == nil {
			return
		}
		slow, fast := reflect.New(typ), reflect.New(typ)
		if json.Unmarshal(data, slow.Interface()) != nil {
			_ = unmarshal(data, fast.Interface()) // whatever it says, it must come back
			return
		}
		if err := unmarshal(data, fast.Interface()); err != nil {
			t.Fatalf("%s %q is refused: %v", name, data, err)
		}
		if diff := cmp.Diff(slow.Elem().Interface(), fast.Elem().Interface()); diff != "" {
			t.Fatalf("%s %q is read otherwise:\n%s", name, data, diff)
		}
	})
}

func TestWhatIsNoEventIsNotDecoded(t *testing.T) {
	for name, data := range map[string]string{
		"nothing": "", "a list": "[]", "cut short": `{"attempt":1`, "more behind it": `{"attempt":1} 2`, "a comma too many": `{"attempt":1,}`,
		"a number too large": `{"attempt":99999999999999999999}`, "a fraction": `{"attempt":1.5}`, "a text for a number": `{"attempt":"1"}`, "a leading zero": `{"attempt":01}`,
		"a number for a text": `{"reference":1}`, "a control character": "{\"reference\":\"\x01\"}", "no escape": `{"reference":"\x"}`, "no word": `{"other":tru}`,
		"no time": `{"at":"yesterday"}`, "very deep": `{"other":` + strings.Repeat("[", 8<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var e struct {
				Reference string   `json:"reference"`
				Attempt   int      `json:"attempt"`
				At        struct{} `json:"at"`
			}
			if unmarshal([]byte(data), &e) == nil {
				t.Errorf("decoded as %+v", e)
			}
		})
	}
}
