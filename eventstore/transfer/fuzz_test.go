package transfer

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// FuzzEventKeepsItsBytes writes events with any bytes in them and reads them back.
func FuzzEventKeepsItsBytes(f *testing.F) {
	for _, data := range []string{`{"a":1}`, "", " null", "{\n}", "\xff", `"\ud800"`, "\"\u2028<&>\"", `{"a":1,"a":2}`, "1e400"} {
		f.Add("transaction-1", "PaymentReceived", []byte(data), []byte(`{"actor":"operator"}`))
	}
	f.Fuzz(func(t *testing.T, stream, kind string, data, metadata []byte) {
		want := eventstore.Record{
			Position: 7, Stream: stream, Revision: 3, ID: uuid.MustParse("0198f2b0-0000-7000-8000-000000000001"), Type: kind,
			Data: data, Metadata: metadata, RecordedAt: time.Unix(1, 5).UTC(),
		}
		line := appendEvent(nil, &want)
		if bytes.IndexByte(line, '\n') != len(line)-1 || isTrailer(line) {
			t.Fatalf("not one line: %q", line)
		}
		got, err := parseEvent(line[:len(line)-1])
		if err != nil {
			if stream == "" || kind == "" || LeftOut(stream) {
				return
			}
			t.Fatalf("%q: %v", line, err)
		}
		if bytes.ContainsRune([]byte(got.Stream+got.Type), '\ufffd') {
			return // no engine has a name that is no UTF-8
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	})
}

// FuzzEventLine reads lines that somebody else has made: what is taken for an event can be written and read again.
func FuzzEventLine(f *testing.F) {
	f.Add([]byte(`{"position":1,"recorded_at":"2026-03-02T08:00:00Z","stream":"a","revision":0,"id":"0198f2b0-0000-7000-8000-000000000001","type":"T","metadata":{},"data":{"a":[1]}}`))
	f.Add([]byte(`{"stream":"a","id":"0198f2b0-0000-7000-8000-000000000001","type":"T","metadata_base64":"","data_base64":"/w=="}`))
	f.Add([]byte(`{"end":{"events":1}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		_, _ = parseTrailer(line)
		_, _ = parseHeader(line, eventsFormat)
		first, err := parseEvent(line)
		if err != nil {
			return
		}
		again := appendEvent(nil, &first)
		second, err := parseEvent(again[:len(again)-1])
		if err != nil {
			t.Fatalf("%q was written as %q: %v", line, again, err)
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q was written as %q (-first +second):\n%s", line, again, diff)
		}
	})
}

// FuzzFile reads files that are none: nothing but an error comes of them.
func FuzzFile(f *testing.F) {
	small := install{local(f), masters(f, "a")}
	small.add(f, 1, 0, `{}`, `{"amount":"1.00"}`, "\xff")
	file, _ := small.export(f, nil)
	f.Add(file.events)
	f.Add(file.events[:len(file.events)/2])
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x00"))
	f.Fuzz(func(_ *testing.T, file []byte) {
		_, _, _ = Scan(bytes.NewReader(file))
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		defer r.Close()
		for err == nil {
			_, err = r.Next()
		}
	})
}
