// Package storetest is what every event store of Kipay has to do, as tests. An engine's own tests call Run.
//
// The suite assumes neither that positions are contiguous nor what the store's clock shows, and it waits for events
// and deadlines, never for time to pass.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// Harness is an engine under test.
type Harness struct {
	// Store holds no event yet.
	Store eventstore.Store
	// Keys is the engine's key store, nil if it has none.
	Keys eventstore.KeyStore
	// Reopen closes the store and opens it again over the same data, as a restart would.
	Reopen func(t *testing.T) Harness
}

// patience is how long a test waits for what has to happen: ten thousand appends over a network, on a busy machine.
const patience = 3 * time.Minute

// Run runs the suite. open gives an empty store of its own to each test, and has it closed by t.Cleanup. The tests named
// in without are left out, for another connection to an engine that passes them on the first.
func Run(t *testing.T, open func(t *testing.T) Harness, without ...string) {
	t.Helper()
	type test struct {
		name string
		run  func(t *testing.T, h Harness)
	}
	tests := []test{
		{"Append/NoStream", appendToNoStream},
		{"Append/ExactRevision", appendAtExactRevision},
		{"Append/AnyRevision", appendAtAnyRevision},
		{"Append/WrongRevisionTellsTheActual", appendAtWrongRevision},
		{"Append/AllOrNone", appendAllOrNone},
		{"Append/RevisionsAreContiguousWhileWritersRace", appendRacingOneStream},
		{"Append/PositionsIncrease", appendPositionsIncrease},
		{"Append/NoEventsOnlyChecks", appendNothing},
		{"Append/CancelledContext", appendCancelled},
		{"Append/CancelledMidwayHappensOnceWhenRepeated", appendCancelledMidway},
		{"Idempotency/SameAppendAgain", repeatAtOnce},
		{"Idempotency/EarlierAppendAgain", repeatLater},
		{"Idempotency/SeveralEvents", repeatSeveral},
		{"Idempotency/PartialOverlapIsWrong", repeatPartly},
		{"Idempotency/SameIDsElsewhereAreOtherEvents", sameIDsElsewhere},
		{"Idempotency/AnyRevisionAgain", repeatAny},
		{"Idempotency/ConcurrentSameAppendHappensOnce", repeatConcurrently},
		{"Idempotency/AfterReopen", repeatAfterReopen},
		{"Limits/TooLarge", limitsTooLarge},
		{"Limits/Invalid", limitsInvalid},
		{"Limits/LargestIsAccepted", limitsAccepted},
		{"Read/BytesAreKept", readBytes},
		{"Read/StreamForward", readStreamForward},
		{"Read/StreamBackward", readStreamBackward},
		{"Read/MissingStream", readMissingStream},
		{"Read/StreamsWithSimilarNames", readSimilarNames},
		{"Read/AllForward", readAllForward},
		{"Read/AllBackward", readAllBackward},
		{"Read/Invalid", readInvalid},
		{"Subscribe/FromTheBeginning", subscribeFromBeginning},
		{"Subscribe/FromTheMiddle", subscribeFromMiddle},
		{"Subscribe/FromTheHead", subscribeFromHead},
		{"Subscribe/EmptyStoreIsCaughtUp", subscribeToEmpty},
		{"Subscribe/CaughtUpOnceAfterHistory", subscribeCaughtUp},
		{"Subscribe/CheckpointResumes", subscribeCheckpoint},
		{"Subscribe/RacingWriters", subscribeRacing},
		{"Subscribe/ManySubscribers", subscribeMany},
		{"Subscribe/SlowSubscriberHoldsNobodyUp", subscribeSlowly},
		{"Subscribe/NextContextEndsOnlyTheCall", subscribeNextCancelled},
		{"Subscribe/ContextEndsSubscription", subscribeContext},
		{"Subscribe/Close", subscribeClose},
		{"Subscribe/StoreClose", subscribeStoreClose},
		{"Close/CallsAnswerClosed", closedStore},
		{"Close/WhileWritersRace", closeWhileRacing},
		{"Reopen/KeepsWhatWasAcknowledged", reopenKeeps},
		{"Model/RandomOperations", modelOperations},
	}
	keyTests := []test{
		{"Keys/PutGetDelete", keysPutGetDelete},
		{"Keys/ConcurrentPutsAgree", keysConcurrentPuts},
		{"Keys/Replace", keysReplace},
		{"Keys/EachInOrder", keysEach},
		{"Keys/DurableWithTheNextAppend", keysDurable},
		{"Keys/Invalid", keysInvalid},
	}
	for _, test := range tests {
		if !slices.Contains(without, test.name) {
			t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
		}
	}
	for _, test := range keyTests {
		t.Run(test.name, func(t *testing.T) {
			if h := open(t); h.Keys != nil {
				test.run(t, h)
			}
		})
	}
}

// deadline is a context for what has to happen within the test's patience.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// event is a new event with the text in its data.
func event(text string) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: uuid.New(), Type: "SomethingHappened", Data: fmt.Appendf(nil, `{"text":%q}`, text), Metadata: []byte(`{"by":"storetest"}`),
	}
}

func events(n int, text string) []eventstore.NewEvent {
	out := make([]eventstore.NewEvent, n)
	for i := range out {
		out[i] = event(fmt.Sprintf("%s %d", text, i))
	}
	return out
}

// mustAppend appends what has to be accepted.
func mustAppend(
	t *testing.T, s eventstore.Store, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) eventstore.Appended {
	t.Helper()
	appended, err := s.Append(deadline(t), stream, expected, events...)
	if err != nil {
		t.Fatalf("append to %s at %d: %v", stream, expected, err)
	}
	return appended
}

// fact is what a record says, without place and time in the whole.
type fact struct {
	Stream         string
	Revision       eventstore.Revision
	ID             uuid.UUID
	Type           string
	Data, Metadata string
}

func factOf(rec eventstore.Record) fact {
	return fact{rec.Stream, rec.Revision, rec.ID, rec.Type, string(rec.Data), string(rec.Metadata)}
}

func factsOf(records []eventstore.Record) []fact {
	out := make([]fact, len(records))
	for i, rec := range records {
		out[i] = factOf(rec)
	}
	return out
}

// expect are the facts that the events are when the first of them stands at revision first.
func expect(stream string, first eventstore.Revision, events ...eventstore.NewEvent) []fact {
	out := make([]fact, len(events))
	for i, e := range events {
		out[i] = fact{stream, first + eventstore.Revision(i), e.ID, e.Type, string(e.Data), string(e.Metadata)}
	}
	return out
}

// same fails the test unless the records are the facts, and well-formed.
func same(t *testing.T, want []fact, records []eventstore.Record) {
	t.Helper()
	if diff := cmp.Diff(want, factsOf(records)); diff != "" && len(want)+len(records) > 0 {
		t.Fatalf("records differ (-want +got):\n%s", diff)
	}
	for _, rec := range records {
		if rec.Position == 0 || rec.RecordedAt.IsZero() || rec.RecordedAt.Location() != time.UTC {
			t.Fatalf("record at position %d was recorded at %s", rec.Position, rec.RecordedAt)
		}
	}
}

// wholeStream reads a stream to its end.
func wholeStream(t *testing.T, s eventstore.Store, stream string) []eventstore.Record {
	t.Helper()
	records, err := s.ReadStream(deadline(t), stream, 0, eventstore.Forward, 1<<20)
	if err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
	return records
}

// wholeLog reads all events, page by page.
func wholeLog(t *testing.T, s eventstore.Store) []eventstore.Record {
	t.Helper()
	var all []eventstore.Record
	from := eventstore.Position(0)
	for {
		page, err := s.ReadAll(deadline(t), from, eventstore.Forward, 1000)
		if err != nil {
			t.Fatalf("read all after %d: %v", from, err)
		}
		if len(page) == 0 {
			return all
		}
		for _, rec := range page {
			if rec.Position <= from {
				t.Fatalf("position %d follows %d", rec.Position, from)
			}
			from = rec.Position
		}
		all = append(all, page...)
	}
}

func head(t *testing.T, s eventstore.Store) eventstore.Position {
	t.Helper()
	pos, err := s.Head(deadline(t))
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	return pos
}
