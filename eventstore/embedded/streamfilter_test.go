package embedded

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

func TestFilterNeverMissesAStreamAndSeldomErrsTheOtherWay(t *testing.T) {
	f := newStreamFilter(0)
	const n = leastFilterStreams
	for i := range n {
		f.addName(fmt.Sprintf("transaction-KIPAY%d", i))
	}
	if f.missing("nobody") {
		t.Error("an incomplete filter is sure")
	}
	f.complete.Store(true)
	wrong := 0
	for i := range n {
		if f.missing(fmt.Sprintf("transaction-KIPAY%d", i)) {
			t.Fatalf("stream %d is said to be missing", i)
		}
		if !f.missing(fmt.Sprintf("transaction-MPESA%d", i)) {
			wrong++
		}
	}
	if wrong*20 > n {
		t.Errorf("%d of %d absent streams may be there", wrong, n)
	}
}

// Streams of an earlier run are known in a later one, whether the scan has come that far or not.
func TestStreamsOfAnEarlierRunAreNotTakenForNew(t *testing.T) {
	fs := vfs.NewMem()
	const streams = 3 * scanRest
	event := func() eventstore.NewEvent {
		return eventstore.NewEvent{ID: uuid.New(), Type: "T", Data: []byte("{}"), Metadata: []byte("{}")}
	}
	s, err := Open("/d", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, streams)
	for i := range streams {
		go func() {
			_, err := s.Append(t.Context(), fmt.Sprintf("s-%d", i), eventstore.NoStream, event())
			errs <- err
		}()
	}
	for range streams {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("/d", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	again := func() {
		t.Helper()
		for i := range streams {
			var wrong *eventstore.WrongRevisionError
			if _, err := s.Append(t.Context(), fmt.Sprintf("s-%d", i), eventstore.NoStream, event()); !errors.As(err, &wrong) || wrong.Actual != 0 {
				t.Fatalf("stream %d was opened twice: %v", i, err)
			}
		}
	}
	again()
	deadline := time.After(30 * time.Second)
	for !s.streams.complete.Load() {
		select {
		case <-deadline:
			t.Fatal("the scan does not end")
		case <-time.After(time.Millisecond):
		}
	}
	again()
}
