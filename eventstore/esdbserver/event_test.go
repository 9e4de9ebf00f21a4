package esdbserver

import (
	"strconv"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

// TestEventsAreEncodedLikeTheGeneratedCodeDoes reads what is encoded by hand with the protocol's own code.
func TestEventsAreEncodedLikeTheGeneratedCodeDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		position := rapid.Uint64Range(1, 1<<62).Draw(t, "position")
		rec := eventstore.Record{
			Position: eventstore.Position(position), Revision: eventstore.Revision(rapid.Int64Range(0, 1<<62).Draw(t, "revision")),
			Stream: rapid.StringN(1, 200, 512).Draw(t, "stream"), Type: rapid.StringN(1, 200, 512).Draw(t, "type"),
			Data: rapid.SliceOfN(rapid.Byte(), 0, 1<<15).Draw(t, "data"), Metadata: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "metadata"),
			RecordedAt: time.Unix(0, rapid.Int64Range(0, 1<<61).Draw(t, "recorded")),
		}
		copy(rec.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		m := &eventMessage{event: event{Record: rec, content: contentJSON}, textIDs: rapid.Bool().Draw(t, "text ids")}
		id := structuredID(rec.ID)
		if m.textIDs {
			id = &shared.UUID{Value: &shared.UUID_String_{String_: rec.ID.String()}}
		}
		want := &api.ReadResp{Content: &api.ReadResp_Event{Event: &api.ReadResp_ReadEvent{
			Event: &api.ReadResp_ReadEvent_RecordedEvent{
				Id: id, StreamIdentifier: identifier(rec.Stream), StreamRevision: uint64(rec.Revision), PreparePosition: position, CommitPosition: position,
				Metadata:       map[string]string{"type": rec.Type, "content-type": contentJSON, "created": strconv.FormatInt(ticks(rec.RecordedAt), 10)},
				CustomMetadata: rec.Metadata, Data: rec.Data,
			},
			Position: &api.ReadResp_ReadEvent_CommitPosition{CommitPosition: position},
		}}}
		slice := m.marshal()
		defer slice.Free()
		got := new(api.ReadResp)
		if err := proto.Unmarshal(slice.Materialize(), got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMarksOfTypesAreReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"", binaryMark, plainMark, binaryMark + binaryMark, plainMark + binaryMark}).Draw(t, "mark") + rapid.String().Draw(t, "name")
		content := rapid.SampledFrom([]string{contentJSON, contentBinary}).Draw(t, "content")
		if gotName, gotContent := unmarkType(markType(name, content)); gotName != name || gotContent != content {
			t.Fatalf("%q, %s became %q, %s", name, content, gotName, gotContent)
		}
	})
}

func TestIDsAreReadInBothForms(t *testing.T) {
	id := uuid.New()
	for _, in := range []*shared.UUID{structuredID(id), {Value: &shared.UUID_String_{String_: id.String()}}} {
		if got, err := parseID(in); err != nil || got != id {
			t.Fatalf("%s, %v, want %s", got, err, id)
		}
	}
}
