package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// wire is the protocol without a client in between.
type wire struct {
	t    *testing.T
	conn *grpc.ClientConn
	api.StreamsClient
}

func dialWire(t *testing.T, s *served) wire {
	t.Helper()
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return wire{t, conn, api.NewStreamsClient(conn)}
}

func identifier(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

func proposed(id uuid.UUID) *api.AppendReq_ProposedMessage {
	return &api.AppendReq_ProposedMessage{
		Id: structuredID(id), Data: []byte(`{}`), Metadata: map[string]string{"type": "SomethingHappened", "content-type": contentJSON},
	}
}

// expecting are the options of an append.
func expecting(stream string, expected any) *api.AppendReq_Options {
	o := &api.AppendReq_Options{StreamIdentifier: identifier(stream)}
	switch e := expected.(type) {
	case string:
		switch e {
		case "none":
			o.ExpectedStreamRevision = &api.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
		case "any":
			o.ExpectedStreamRevision = &api.AppendReq_Options_Any{Any: &shared.Empty{}}
		case "exists":
			o.ExpectedStreamRevision = &api.AppendReq_Options_StreamExists{StreamExists: &shared.Empty{}}
		}
	case int:
		o.ExpectedStreamRevision = &api.AppendReq_Options_Revision{Revision: uint64(e)}
	}
	return o
}

// append makes an append and says in one word what it came to: ok and the revision, wrong and the actual one, or the
// status with its exception.
func (w wire) append(stream string, expected any, ids ...uuid.UUID) (string, uint64) {
	w.t.Helper()
	call, err := w.Append(waiting(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := call.Send(&api.AppendReq{Content: &api.AppendReq_Options_{Options: expecting(stream, expected)}}); err != nil {
		w.t.Fatal(err)
	}
	for _, id := range ids {
		if err := call.Send(&api.AppendReq{Content: &api.AppendReq_ProposedMessage_{ProposedMessage: proposed(id)}}); err != nil {
			w.t.Fatal(err)
		}
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return strings.TrimSpace(fmt.Sprint(status.Code(err), " ", strings.Join(call.Trailer().Get(exceptionKey), " "))), 0
	}
	if wrong := answer.GetWrongExpectedVersion(); wrong != nil {
		if wrong.GetCurrentNoStream() != nil {
			return "wrong none", 0
		}
		return fmt.Sprint("wrong ", wrong.GetCurrentRevision()), 0
	}
	position := answer.GetSuccess().GetPosition()
	if position == nil || position.GetCommitPosition() != position.GetPreparePosition() {
		w.t.Fatalf("position %v", position)
	}
	if answer.GetSuccess().GetNoStream() != nil {
		return "ok none", position.GetCommitPosition()
	}
	return fmt.Sprint("ok ", answer.GetSuccess().GetCurrentRevision()), position.GetCommitPosition()
}

func newIDs(n int) []uuid.UUID {
	out := make([]uuid.UUID, n)
	for i := range out {
		out[i] = uuid.New()
	}
	return out
}

func TestExpectedRevisions(t *testing.T) {
	w := dialWire(t, serve(t, t.TempDir(), Options{}))
	remove := func(stream string) {
		t.Helper()
		_, err := w.Delete(waiting(t), &api.DeleteReq{Options: &api.DeleteReq_Options{
			StreamIdentifier: identifier(stream), ExpectedStreamRevision: &api.DeleteReq_Options_Any{Any: &shared.Empty{}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	// A stream in each state; existing ones have two events.
	states := map[string]func(name string){
		"missing": func(string) {},
		"existing": func(name string) {
			if got, _ := w.append(name, "none", newIDs(2)...); got != "ok 1" {
				t.Fatal(got)
			}
		},
		"deleted": func(name string) {
			if got, _ := w.append(name, "none", newIDs(2)...); got != "ok 1" {
				t.Fatal(got)
			}
			remove(name)
		},
	}
	for _, want := range []struct {
		state    string
		expected any
		events   int
		answer   string
	}{
		{"missing", "any", 1, "ok 0"},
		{"missing", "none", 3, "ok 2"},
		{"missing", "exists", 1, "wrong none"},
		{"missing", 0, 1, "wrong none"},
		{"missing", "any", 0, "ok none"},
		{"missing", "none", 0, "ok none"},
		{"missing", -1, 1, "ok 0"}, // 2^64-1 is no stream
		{"existing", "any", 3, "ok 4"},
		{"existing", "none", 1, "wrong 1"},
		{"existing", "exists", 1, "ok 2"},
		{"existing", 1, 3, "ok 4"},
		{"existing", 0, 1, "wrong 1"},
		{"existing", 7, 1, "wrong 1"},
		{"existing", 1, 0, "ok 1"},
		{"existing", 0, 0, "wrong 1"},
		{"existing", "any", 0, "ok 1"},
		{"deleted", "any", 1, "ok 2"},
		{"deleted", "none", 3, "ok 4"},
		{"deleted", 1, 1, "ok 2"},
		{"deleted", 0, 1, "wrong 1"},
		{"deleted", "exists", 1, "FailedPrecondition stream-deleted"},
	} {
		for _, prefix := range []string{"order-", subjectKeyPrefix} {
			if want.state == "deleted" && prefix != subjectKeyPrefix {
				continue
			}
			name := prefix + uuid.NewString()
			states[want.state](name)
			if got, _ := w.append(name, want.expected, newIDs(want.events)...); got != want.answer {
				t.Errorf("%d events to a stream that is %s, expecting %v: %s, want %s", want.events, want.state, want.expected, got, want.answer)
			}
		}
	}
}

func TestRepeats(t *testing.T) {
	w := dialWire(t, serve(t, t.TempDir(), Options{}))
	ids := newIDs(6)
	for i, want := range []string{"ok 1", "ok 3", "ok 4"} {
		if got, _ := w.append("order-1", i*2-1, ids[i*2:min(i*2+2, 5)]...); got != want {
			t.Fatal(got)
		}
	}
	_, second := w.append("order-1", 1, ids[2:4]...)
	if _, again := w.append("order-1", 1, ids[2:4]...); again != second {
		t.Fatalf("positions %d and %d of the same events", second, again)
	}
	for _, want := range []struct {
		expected any
		ids      []uuid.UUID
		answer   string
	}{
		{"none", ids[:2], "ok 1"},
		{"none", ids[:1], "ok 0"},
		{1, ids[2:4], "ok 3"},
		{3, ids[4:5], "ok 4"},
		{"none", ids[1:2], "wrong 4"},
		{"none", []uuid.UUID{ids[0], uuid.New()}, "wrong 4"},
		{3, ids[4:6], "wrong 4"},  // runs past the end
		{"any", ids[4:5], "ok 4"}, // the newest
		{4, ids[:1], "ok 5"},      // at the head nobody looks at ids
	} {
		if got, _ := w.append("order-1", want.expected, want.ids...); got != want.answer {
			t.Errorf("%d ids again, expecting %v: %s, want %s", len(want.ids), want.expected, got, want.answer)
		}
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	w := dialWire(t, s)
	good := proposed(uuid.New())
	noType, noContent, noID := proposed(uuid.New()), proposed(uuid.New()), proposed(uuid.New())
	delete(noType.Metadata, "type")
	delete(noContent.Metadata, "content-type")
	noID.Id = nil
	many := make([]*api.AppendReq_ProposedMessage, 3000)
	for i := range many {
		many[i] = proposed(uuid.New())
	}
	for name, req := range map[string]struct {
		options   *api.AppendReq_Options
		messages  []*api.AppendReq_ProposedMessage
		exception string
		code      codes.Code
	}{
		"no options":   {nil, []*api.AppendReq_ProposedMessage{good}, "", codes.InvalidArgument},
		"no stream":    {expecting("", "any"), nil, "", codes.InvalidArgument},
		"$$":           {expecting("$$", "any"), nil, "", codes.InvalidArgument},
		"no revision":  {expecting("order-1", nil), nil, "", codes.InvalidArgument},
		"no type":      {expecting("order-1", "any"), []*api.AppendReq_ProposedMessage{good, noType}, exceptionNoMetadata, codes.InvalidArgument},
		"no content":   {expecting("order-1", "any"), []*api.AppendReq_ProposedMessage{noContent}, exceptionNoMetadata, codes.InvalidArgument},
		"no id":        {expecting("order-1", "any"), []*api.AppendReq_ProposedMessage{noID}, "", codes.InvalidArgument},
		"id twice":     {expecting("order-1", "any"), []*api.AppendReq_ProposedMessage{good, good}, "", codes.InvalidArgument},
		"too many":     {expecting("order-1", "any"), many, exceptionTooLarge, codes.InvalidArgument}, // read to the end before it is refused
		"system":       {expecting("$settings", "any"), []*api.AppendReq_ProposedMessage{good}, "", codes.Unimplemented},
		"metadata":     {expecting("$$order-1", "any"), []*api.AppendReq_ProposedMessage{good}, "", codes.Unimplemented},
		"control char": {expecting("order-\n", "any"), []*api.AppendReq_ProposedMessage{good}, "", codes.InvalidArgument},
	} {
		call, err := w.Append(waiting(t))
		if err != nil {
			t.Fatal(err)
		}
		if req.options != nil {
			if err := call.Send(&api.AppendReq{Content: &api.AppendReq_Options_{Options: req.options}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range req.messages {
			if err := call.Send(&api.AppendReq{Content: &api.AppendReq_ProposedMessage_{ProposedMessage: m}}); err != nil {
				t.Fatalf("%s: %v: the answer overtook the request", name, err)
			}
		}
		_, err = call.CloseAndRecv()
		if got := strings.Join(call.Trailer().Get(exceptionKey), " "); status.Code(err) != req.code || got != req.exception {
			t.Errorf("%s: %v, exception %q", name, err, got)
		}
	}
	if head, err := s.store.Head(t.Context()); err != nil || head != 0 {
		t.Fatalf("head %d, %v", head, err)
	}
}

func TestTheNameOfADeletedStreamIsTrailersFit(t *testing.T) {
	w := dialWire(t, serve(t, t.TempDir(), Options{}))
	const name = subjectKeyPrefix + "Wanjikũ%1"
	w.append(name, "none", uuid.New())
	any := &api.DeleteReq{Options: &api.DeleteReq_Options{StreamIdentifier: identifier(name), ExpectedStreamRevision: &api.DeleteReq_Options_Any{Any: &shared.Empty{}}}}
	answer, err := w.Delete(waiting(t), any)
	if err != nil || answer.GetPosition() == nil { // the Go client panics without a position
		t.Fatal(answer, err)
	}
	call, err := w.Append(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Send(&api.AppendReq{Content: &api.AppendReq_Options_{Options: expecting(name, "exists")}}); err != nil {
		t.Fatal(err)
	}
	_, err = call.CloseAndRecv()
	if got := call.Trailer().Get(trailerStream); status.Code(err) != codes.FailedPrecondition || len(got) != 1 || got[0] != subjectKeyPrefix+"Wanjik%C5%A9%251" {
		t.Fatalf("%v, %q", err, got)
	}
	var trailers metadata.MD
	exact := &api.DeleteReq{Options: &api.DeleteReq_Options{StreamIdentifier: identifier(name), ExpectedStreamRevision: &api.DeleteReq_Options_Revision{Revision: 5}}}
	_, err = w.Delete(waiting(t), exact, grpc.Trailer(&trailers))
	for key, want := range map[string]string{exceptionKey: exceptionWrong, trailerExpected: "5", trailerActual: "0"} {
		if got := trailers.Get(key); status.Code(err) != codes.FailedPrecondition || len(got) != 1 || got[0] != want {
			t.Errorf("%v, %s: %q, want %q", err, key, got, want)
		}
	}
}

// read makes a finite read and says what came: "e" and the revision for events, other words for the rest.
func (w wire) read(o *api.ReadReq_Options) (out []string) {
	w.t.Helper()
	o.UuidOption = &api.ReadReq_Options_UUIDOption{Content: &api.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}}
	if o.FilterOption == nil {
		o.FilterOption = &api.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}}
	}
	call, err := w.Read(waiting(w.t), &api.ReadReq{Options: o})
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		got, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			return append(out, status.Code(err).String())
		}
		switch content := got.GetContent().(type) {
		case *api.ReadResp_Event:
			e := content.Event.GetEvent()
			if content.Event.GetCommitPosition() != e.GetCommitPosition() || e.GetCommitPosition() == 0 {
				w.t.Fatalf("positions %d and %d", content.Event.GetCommitPosition(), e.GetCommitPosition())
			}
			out = append(out, fmt.Sprint("e", e.GetStreamRevision()))
		case *api.ReadResp_StreamNotFound_:
			out = append(out, "not found "+string(content.StreamNotFound.GetStreamIdentifier().GetStreamName()))
		case *api.ReadResp_LastStreamPosition:
			out = append(out, fmt.Sprint("last ", content.LastStreamPosition))
		default:
			out = append(out, fmt.Sprintf("%T", content))
		}
	}
}

func TestReads(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	w := dialWire(t, s)
	w.append("order-1", "none", newIDs(4)...)
	const everything = 1<<64 - 1
	stream := func(name string, from any, dir api.ReadReq_Options_ReadDirection, count uint64) *api.ReadReq_Options {
		o := &api.ReadReq_Options_StreamOptions{StreamIdentifier: identifier(name)}
		switch f := from.(type) {
		case int:
			o.RevisionOption = &api.ReadReq_Options_StreamOptions_Revision{Revision: uint64(f)}
		case string:
			o.RevisionOption = &api.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}}
			if f == "end" {
				o.RevisionOption = &api.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
			}
		}
		return &api.ReadReq_Options{StreamOption: &api.ReadReq_Options_Stream{Stream: o}, ReadDirection: dir, CountOption: &api.ReadReq_Options_Count{Count: count}}
	}
	all := func(from any, dir api.ReadReq_Options_ReadDirection, count uint64) *api.ReadReq_Options {
		o := &api.ReadReq_Options_AllOptions{AllOption: &api.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
		switch f := from.(type) {
		case int:
			o.AllOption = &api.ReadReq_Options_AllOptions_Position{Position: &api.ReadReq_Options_Position{CommitPosition: uint64(f), PreparePosition: uint64(f)}}
		case string:
			if f == "end" {
				o.AllOption = &api.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
			}
		}
		return &api.ReadReq_Options{StreamOption: &api.ReadReq_Options_All{All: o}, ReadDirection: dir, CountOption: &api.ReadReq_Options_Count{Count: count}}
	}
	const on, back = api.ReadReq_Options_Forwards, api.ReadReq_Options_Backwards
	for _, want := range []struct {
		read *api.ReadReq_Options
		got  string
	}{
		{stream("order-1", "start", on, everything), "e0 e1 e2 e3"},
		{stream("order-1", 2, on, everything), "e2 e3"},
		{stream("order-1", 2, on, 1), "e2"},
		{stream("order-1", 9, on, everything), ""},
		{stream("order-1", 0, on, 0), ""},
		{stream("order-1", "end", on, everything), ""},
		{stream("order-1", "end", back, 2), "e3 e2"},
		{stream("order-1", 1, back, everything), "e1 e0"},
		{stream("order-1", 9, back, 1), "e3"},
		{stream("order-1", "start", back, 5), "e0"},
		{stream("order-1", -1, back, 1), "e3"}, // 2^64-1 is the end
		{stream("order-1", -2, back, 1), "InvalidArgument"},
		{stream("order-2", "start", on, everything), "not found order-2"},
		{stream("$$order-1", "end", back, 1), "not found $$order-1"},
		{stream("", "start", on, 1), "InvalidArgument"},
		{all("start", on, everything), "e0 e1 e2 e3"},
		{all(2, on, everything), "e1 e2 e3"},
		{all(2, on, 1), "e1"},
		{all(99, on, 1), ""},
		{all("end", on, everything), ""},
		{all("end", back, 3), "e3 e2 e1"},
		{all(3, back, everything), "e1 e0"},
		{all("start", back, everything), ""},
		{all(1, back, everything), ""},
		{all(99, back, 1), "e3"},
		{all(-2, on, 1), "InvalidArgument"},
	} {
		if got := strings.Join(w.read(want.read), " "); got != want.got {
			t.Errorf("%v: %q, want %q", want.read, got, want.got)
		}
	}
	marked := stream("order-1", 2, on, everything)
	marked.ControlOption = &api.ReadReq_Options_ControlOption{Compatibility: 1}
	if got := strings.Join(w.read(marked), " "); got != "e2 e3 last 3" {
		t.Errorf("with markers: %q", got)
	}
	filtered := all("start", on, 2)
	filtered.FilterOption = &api.ReadReq_Options_Filter{Filter: &api.ReadReq_Options_FilterOptions{
		Filter:                       &api.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: &api.ReadReq_Options_FilterOptions_Expression{Prefix: []string{"receipt-"}}},
		Window:                       &api.ReadReq_Options_FilterOptions_Count{Count: &shared.Empty{}},
		CheckpointIntervalMultiplier: 1,
	}}
	w.append("receipt-1", "none", newIDs(3)...)
	if got := strings.Join(w.read(filtered), " "); got != "e0 e1" {
		t.Errorf("filtered: %q", got)
	}
}

func TestWhatIsNotThereIsUnimplemented(t *testing.T) {
	w := dialWire(t, serve(t, t.TempDir(), Options{WithoutBatchAppend: true}))
	for _, method := range []string{
		"/event_store.client.users.Users/Create",
		"/event_store.client.persistent_subscriptions.PersistentSubscriptions/Create",
		"/event_store.client.projections.Projections/Create",
		"/event_store.client.operations.Operations/StartScavenge",
		"/event_store.client.streams.Streams/Tombstone",
		"/event_store.client.streams.Streams/BatchAppend",
		"/event_store.client.streams.Streams/NoSuchMethod",
	} {
		if err := w.conn.Invoke(waiting(t), method, &shared.Empty{}, &shared.Empty{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	ledger := &api.DeleteReq{Options: &api.DeleteReq_Options{StreamIdentifier: identifier("order-1"), ExpectedStreamRevision: &api.DeleteReq_Options_Any{Any: &shared.Empty{}}}}
	if _, err := w.Delete(context.Background(), ledger); status.Code(err) != codes.Unimplemented {
		t.Errorf("delete of a stream of the ledger: %v", err)
	}
}
