package esdb

import (
	"fmt"
	"regexp"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// TestTheServersFilterIsOurs compares the expression that the server filters by with the rule.
func TestTheServersFilterIsOurs(t *testing.T) {
	filter := regexp.MustCompile(visibleStreams())
	rapid.Check(t, func(t *rapid.T) {
		hidden := rapid.SampledFrom(hiddenStreams()).Draw(t, "hidden")
		prefix := hidden[:rapid.IntRange(0, len(hidden)).Draw(t, "prefix")]
		name := prefix + rapid.SampledFrom([]string{"", "$", "$$", "s", "-", "customer-1", "subjectkey-", "lease-"}).Draw(t, "middle") + rapid.StringMatching(`\PC{0,5}`).Draw(t, "rest")
		if name == "" {
			return
		}
		if got, want := filter.MatchString(name), visible(&client.RecordedEvent{StreamID: name, EventType: "SomethingHappened"}); got != want {
			t.Fatalf("%q: the server passes it: %v, want %v", name, got, want)
		}
	})
	for kind, want := range map[string]bool{"SomethingHappened": true, "$>": false, "$streamDeleted": false, "$metadata": false, "a$": true} {
		if got := visible(&client.RecordedEvent{StreamID: "order-1", EventType: kind}); got != want {
			t.Errorf("an event of type %s is ours: %v", kind, got)
		}
	}
}

// TestKeysAreNoEvents writes keys among events, and after them more keys than a window is wide.
func TestKeysAreNoEvents(t *testing.T) {
	n := startNode(t, t.TempDir(), "", esdbserver.Options{})
	s := open(t, "esdb://"+n.address+"?tls=false", Options{})
	keys := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := s.PutKeyIfAbsent(waiting(t), fmt.Sprint("customer-", i), []byte("key")); err != nil {
				t.Fatal(err)
			}
		}
	}
	keys(0, 20)
	if head, err := s.Head(waiting(t)); err != nil || head != 0 {
		t.Fatalf("head %d, %v, of keys alone", head, err)
	}
	lease := func(after eventstore.Revision) {
		t.Helper()
		if _, err := s.Append(waiting(t), eventstore.LeasePrefix+"reactor", after, happened("l")); err != nil {
			t.Fatal(err)
		}
	}
	lease(eventstore.NoStream)
	if head, err := s.Head(waiting(t)); err != nil || head != 0 {
		t.Fatalf("head %d, %v, of keys and leases alone", head, err)
	}
	e := happened("e")
	done, err := s.Append(waiting(t), "order-1", eventstore.NoStream, e)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscribe(waiting(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	var got []eventstore.Record
	for caughtUp := false; !caughtUp; {
		batch, err := sub.Next(waiting(t))
		if err != nil {
			t.Fatal(err)
		}
		got, caughtUp = append(got, batch.Records...), batch.CaughtUp
	}
	if len(got) != 1 || got[0].ID != e.ID || got[0].Position != done.Position {
		t.Fatalf("%+v", got)
	}
	const window = searchWindow * checkpointInterval
	keys(20, 20+window+10)
	batch, err := sub.Next(waiting(t)) // nothing came, and it is told how far nothing came
	if err != nil || len(batch.Records) > 0 || batch.CaughtUp || batch.Checkpoint <= done.Position {
		t.Fatalf("%+v, %v", batch, err)
	}
	for what, read := range map[string]func() ([]eventstore.Record, error){
		"forward": func() ([]eventstore.Record, error) { return s.ReadAll(waiting(t), 0, eventstore.Forward, 10) },
		"backward": func() ([]eventstore.Record, error) {
			return s.ReadAll(waiting(t), eventstore.EndPosition, eventstore.Backward, 10)
		},
		"backward from": func() ([]eventstore.Record, error) {
			return s.ReadAll(waiting(t), batch.Checkpoint, eventstore.Backward, 10)
		},
	} {
		if records, err := read(); err != nil || len(records) != 1 || records[0].ID != e.ID {
			t.Errorf("%s: %+v, %v", what, records, err)
		}
	}
	lease(0)      // renewed, by this very store: whoever waited for its position would wait for ever
	for range 2 { // the second time it looks no further than it has to
		if head, err := s.Head(waiting(t)); err != nil || head != done.Position {
			t.Fatalf("head %d, %v", head, err)
		}
	}
	resumed, err := s.Subscribe(waiting(t), batch.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resumed.Close() }()
	second := happened("second")
	if _, err := s.Append(waiting(t), "order-1", 0, second); err != nil {
		t.Fatal(err)
	}
	for {
		batch, err := resumed.Next(waiting(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(batch.Records) > 0 {
			if len(batch.Records) != 1 || batch.Records[0].ID != second.ID {
				t.Fatalf("%+v", batch)
			}
			return
		}
	}
}
