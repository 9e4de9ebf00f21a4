package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/transaction"
)

// scriptedStore answers appends as told and reads from what it was given; the rest of Store is never called.
type scriptedStore struct {
	Store
	answers []error
	appends [][]NewEvent
	records []Record
	reads   int
}

func (s *scriptedStore) Append(_ context.Context, _ string, _ Revision, events ...NewEvent) (Appended, error) {
	s.appends = append(s.appends, events)
	err := s.answers[0]
	s.answers = s.answers[1:]
	if err != nil {
		return Appended{}, err
	}
	return Appended{Revision: Revision(len(events)) - 1, Position: 9}, nil
}

func (s *scriptedStore) ReadStream(_ context.Context, stream string, from Revision, dir Direction, limit int) ([]Record, error) {
	s.reads++
	if len(s.records) == 0 {
		return nil, ErrStreamNotFound
	}
	if dir != Forward || from < 0 || stream != "ids-x" {
		return nil, fmt.Errorf("%w: %s from %d", ErrInvalid, stream, from)
	}
	return s.records[min(int(from), len(s.records)):min(int(from)+limit, len(s.records))], nil
}

func newTestLog(t *testing.T, store Store) *Log {
	t.Helper()
	n := byte(0)
	return NewLog(store, NewCodec(goldenRing(t), Catalogue()), func() time.Time { return goldenTime.Add(456789).In(time.FixedZone("EAT", 3*3600)) },
		func() uuid.UUID { n++; return uuid.UUID{15: n} })
}

var revoked = merchant.KeyRevoked{ID: "k", Merchant: 1, At: goldenTime}

func TestAppendWhoseOutcomeIsUnknownIsRepeatedOnceWithTheSameIDs(t *testing.T) {
	store := &scriptedStore{answers: []error{fmt.Errorf("lost: %w", ErrUnavailable), nil}}
	done, ids, err := newTestLog(t, store).Append(context.Background(), "apikey-k", 0, Metadata{Actor: "operator"}, revoked, revoked)
	if err != nil || done.Position != 9 || len(ids) != 2 {
		t.Fatalf("%+v, %v, %v", done, ids, err)
	}
	if diff := cmp.Diff(store.appends[0], store.appends[1]); diff != "" || len(store.appends) != 2 {
		t.Errorf("%d appends:\n%s", len(store.appends), diff)
	}
	for i, e := range store.appends[0] {
		if e.ID != ids[i] || e.ID == ids[1-i] {
			t.Errorf("event %d has id %s of %v", i, e.ID, ids)
		}
	}
}

func TestAppendIsNotRepeatedWhenThatCouldWriteItTwiceOrCannotHelp(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		expected Revision
		answer   error
	}{
		"at any revision":          {context.Background(), AnyRevision, ErrUnavailable},
		"after the caller gave up": {cancelled, NoStream, ErrUnavailable},
		"at a wrong revision":      {context.Background(), NoStream, &WrongRevisionError{Stream: "apikey-k", Expected: NoStream, Actual: 3}},
		"when it is too large":     {context.Background(), NoStream, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			store := &scriptedStore{answers: []error{c.answer}}
			_, ids, err := newTestLog(t, store).Append(c.ctx, "apikey-k", c.expected, Metadata{}, revoked)
			if !errors.Is(err, c.answer) || ids != nil || len(store.appends) != 1 {
				t.Errorf("%d appends, %v, %v", len(store.appends), ids, err)
			}
		})
	}
}

func TestNothingIsAppendedWhenOneEventCannotBeEncoded(t *testing.T) {
	store := &scriptedStore{}
	_, _, err := newTestLog(t, store).Append(context.Background(), "s", NoStream, Metadata{}, revoked, transaction.CallbackReceived{Raw: "{}"})
	if !errors.Is(err, ErrInvalid) || len(store.appends) != 0 {
		t.Errorf("%d appends, %v", len(store.appends), err)
	}
}

func TestLogSaysWhenItHappenedInUTCAndWholeMilliseconds(t *testing.T) {
	store := &scriptedStore{answers: []error{nil, nil}}
	log := newTestLog(t, store)
	if got := log.Now(); !got.Equal(goldenTime) || got.Location() != time.UTC {
		t.Errorf("it is %s", got)
	}
	earlier := goldenTime.Add(-time.Hour)
	for want, meta := range map[time.Time]Metadata{goldenTime: {}, earlier: {OccurredAt: earlier}} {
		if _, _, err := log.Append(context.Background(), "s", NoStream, meta, revoked); err != nil {
			t.Fatal(err)
		}
		ne := store.appends[len(store.appends)-1][0]
		env, err := log.Decode(context.Background(), Record{ID: ne.ID, Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata})
		if err != nil || !env.Meta.OccurredAt.Equal(want) {
			t.Errorf("occurred at %s, %v", env.Meta.OccurredAt, err)
		}
	}
}

func TestStreamIsReadInPiecesToItsEnd(t *testing.T) {
	for _, n := range []int{0, 1, readChunk - 1, readChunk, readChunk + 1, 3 * readChunk} {
		store := &scriptedStore{}
		log := newTestLog(t, store)
		for i := range n {
			ne, err := log.codec.Encode(context.Background(), uuid.UUID{}, Metadata{}, merchant.KeyRevoked{Merchant: int64(i)})
			if err != nil {
				t.Fatal(err)
			}
			store.records = append(store.records, Record{Stream: "ids-x", Revision: Revision(i), Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata})
		}
		next := int64(0)
		err := log.EachInStream(context.Background(), "ids-x", 0, func(e Envelope) error {
			if e.Event.(merchant.KeyRevoked).Merchant != next {
				t.Errorf("of %d comes %+v at %d", n, e.Event, next)
			}
			next++
			return nil
		})
		if err != nil || next != int64(n) {
			t.Errorf("read %d of %d, %v", next, n, err)
		}
	}
}

func TestReaderThatFailsStopsTheReading(t *testing.T) {
	store := &scriptedStore{}
	log := newTestLog(t, store)
	ne, err := log.codec.Encode(context.Background(), uuid.UUID{}, Metadata{}, revoked)
	if err != nil {
		t.Fatal(err)
	}
	store.records = []Record{
		{Stream: "ids-x", Type: ne.Type, Data: ne.Data, Metadata: ne.Metadata},
		{Stream: "ids-x", Revision: 1, Type: "Unknown", Data: ne.Data, Metadata: ne.Metadata},
	}
	enough, seen := errors.New("enough"), 0
	if err := log.EachInStream(context.Background(), "ids-x", 0, func(Envelope) error { seen++; return enough }); !errors.Is(err, enough) || seen != 1 {
		t.Errorf("saw %d, %v", seen, err)
	}
	err = log.EachInStream(context.Background(), "ids-x", 0, func(Envelope) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "ids-x@1") {
		t.Errorf("an event that can't be decoded: %v", err)
	}
}

func TestWrongRevisionTellsBothRevisions(t *testing.T) {
	err := fmt.Errorf("append: %w", &WrongRevisionError{Stream: "s", Expected: NoStream, Actual: 3})
	if !errors.Is(err, ErrWrongRevision) || errors.Is(err, ErrUnavailable) || err.Error() != "append: append to s: expected revision -1, is 3" {
		t.Error(err)
	}
}
