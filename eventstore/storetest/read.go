package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

func readBytes(t *testing.T, h Harness) {
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	all := []eventstore.NewEvent{
		{ID: uuid.New(), Type: "Plain", Data: []byte(`{ "spaces" : [ 1,2 ] }`), Metadata: []byte(`{"a":"b"}`)},
		{ID: uuid.New(), Type: "NoMetadata", Data: []byte(`{}`)},
		{ID: uuid.New(), Type: "NoData", Metadata: []byte(`{}`)},
		{ID: uuid.New(), Type: "Nothing"},
		{ID: uuid.New(), Type: "Binary", Data: binary, Metadata: binary},
		{ID: uuid.New(), Type: "Malipo yamekamilika ✓", Data: []byte(`{"jina":"Wanjikũ 🇰🇪"}`)},
	}
	const stream = "malipo-Ω-مدفوعات-支付/1 2"
	mustAppend(t, h.Store, stream, eventstore.NoStream, all...)
	check := func(s eventstore.Store) {
		t.Helper()
		same(t, expect(stream, 0, all...), wholeStream(t, s, stream))
		same(t, expect(stream, 0, all...), wholeLog(t, s))
	}
	check(h.Store)
	sub := subscribe(t, h.Store, 0)
	same(t, expect(stream, 0, all...), collect(t, sub, len(all)))
	check(h.Reopen(t).Store)
}

func readStreamForward(t *testing.T, h Harness) {
	all := fillStream(t, h.Store)
	for _, read := range []struct {
		from  eventstore.Revision
		limit int
		want  []fact
	}{
		{0, 3, all[:3]},
		{3, 4, all[3:7]},
		{8, 100, all[8:]},
		{9, 1, all[9:]},
		{0, 10, all},
		{0, 11, all},
		{10, 1, nil},
		{1000, 10, nil},
		{eventstore.EndRevision, 10, nil},
	} {
		got, err := h.Store.ReadStream(deadline(t), "order-1", read.from, eventstore.Forward, read.limit)
		if err != nil {
			t.Fatalf("from %d, %d: %v", read.from, read.limit, err)
		}
		same(t, read.want, got)
	}
}

func readStreamBackward(t *testing.T, h Harness) {
	all := fillStream(t, h.Store)
	slices.Reverse(all)
	for _, read := range []struct {
		from  eventstore.Revision
		limit int
		want  []fact
	}{
		{eventstore.EndRevision, 3, all[:3]},
		{eventstore.EndRevision, 100, all},
		{9, 2, all[:2]},
		{1000, 2, all[:2]},
		{6, 2, all[3:5]},
		{0, 5, all[9:]},
		{-1, 5, nil},
	} {
		got, err := h.Store.ReadStream(deadline(t), "order-1", read.from, eventstore.Backward, read.limit)
		if err != nil {
			t.Fatalf("from %d, %d: %v", read.from, read.limit, err)
		}
		same(t, read.want, got)
	}
}

// fillStream appends ten events to order-1, others between them, and answers the ten.
func fillStream(t *testing.T, s eventstore.Store) []fact {
	t.Helper()
	var all []fact
	for i := range 10 {
		e := event(fmt.Sprint(i))
		mustAppend(t, s, "order-1", eventstore.Revision(i-1), e)
		mustAppend(t, s, "order-2", eventstore.AnyRevision, event("another"))
		all = append(all, expect("order-1", eventstore.Revision(i), e)...)
	}
	return all
}

func readMissingStream(t *testing.T, h Harness) {
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("e"))
	for _, from := range []eventstore.Revision{0, 5, eventstore.EndRevision} {
		for _, dir := range []eventstore.Direction{eventstore.Forward, eventstore.Backward} {
			if _, err := h.Store.ReadStream(deadline(t), "order-2", from, dir, 10); !errors.Is(err, eventstore.ErrStreamNotFound) {
				t.Fatalf("from %d in direction %d: %v, want not found", from, dir, err)
			}
		}
	}
}

func readSimilarNames(t *testing.T, h Harness) {
	names := []string{"a", "a-", "a-1", "a-10", "a-1 ", "A-1", "a-1-", "ab", "a-é", "a-e\u0301"}
	want := make(map[string][]eventstore.NewEvent)
	for round := range 3 {
		for _, name := range names {
			e := event(fmt.Sprint(name, round))
			mustAppend(t, h.Store, name, eventstore.Revision(round-1), e)
			want[name] = append(want[name], e)
		}
	}
	for _, name := range names {
		same(t, expect(name, 0, want[name]...), wholeStream(t, h.Store, name))
		last, err := h.Store.ReadStream(deadline(t), name, eventstore.EndRevision, eventstore.Backward, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, expect(name, 2, want[name][2]), last)
	}
}

// fillLog appends to several streams, one or more events at a time, and answers all in their order.
func fillLog(t *testing.T, s eventstore.Store, appends int) []fact {
	t.Helper()
	var all []fact
	revisions := make(map[string]eventstore.Revision)
	for i := range appends {
		stream := fmt.Sprintf("order-%d", i%7)
		some := events(1+i%3, fmt.Sprint("append ", i))
		first, known := revisions[stream]
		if !known {
			first = 0
		}
		mustAppend(t, s, stream, first-1, some...)
		all = append(all, expect(stream, first, some...)...)
		revisions[stream] = first + eventstore.Revision(len(some))
	}
	return all
}

func readAllForward(t *testing.T, h Harness) {
	if got, err := h.Store.ReadAll(deadline(t), 0, eventstore.Forward, 10); err != nil || len(got) != 0 {
		t.Fatalf("an empty store: %d records, %v", len(got), err)
	}
	all := fillLog(t, h.Store, 30)
	records := wholeLog(t, h.Store)
	same(t, all, records)
	for _, size := range []int{1, 7, len(all), len(all) + 1} {
		var got []eventstore.Record
		from := eventstore.Position(0)
		for {
			page, err := h.Store.ReadAll(deadline(t), from, eventstore.Forward, size)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			if len(page) < size && len(got)+len(page) != len(all) {
				t.Fatalf("a page of %d in the middle, want %d", len(page), size)
			}
			got = append(got, page...)
			from = page[len(page)-1].Position
		}
		same(t, all, got)
	}
	past, err := h.Store.ReadAll(deadline(t), head(t, h.Store), eventstore.Forward, 10)
	if err != nil || len(past) != 0 {
		t.Fatalf("past the end: %d records, %v", len(past), err)
	}
}

func readAllBackward(t *testing.T, h Harness) {
	if got, err := h.Store.ReadAll(deadline(t), eventstore.EndPosition, eventstore.Backward, 10); err != nil || len(got) != 0 {
		t.Fatalf("an empty store: %d records, %v", len(got), err)
	}
	all := fillLog(t, h.Store, 30)
	records := wholeLog(t, h.Store)
	slices.Reverse(all)
	slices.Reverse(records)
	got, err := h.Store.ReadAll(deadline(t), eventstore.EndPosition, eventstore.Backward, 5)
	if err != nil {
		t.Fatal(err)
	}
	same(t, all[:5], got)
	if got, err = h.Store.ReadAll(deadline(t), records[10].Position, eventstore.Backward, 4); err != nil {
		t.Fatal(err)
	}
	same(t, all[10:14], got)
	if got, err = h.Store.ReadAll(deadline(t), records[len(records)-1].Position, eventstore.Backward, 4); err != nil {
		t.Fatal(err)
	}
	same(t, all[len(all)-1:], got)
	if got, err = h.Store.ReadAll(deadline(t), 0, eventstore.Backward, 4); err != nil || len(got) != 0 {
		t.Fatalf("before the beginning: %d records, %v", len(got), err)
	}
}

func readInvalid(t *testing.T, h Harness) {
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("e"))
	for _, limit := range []int{0, -1} {
		if _, err := h.Store.ReadStream(deadline(t), "order-1", 0, eventstore.Forward, limit); !errors.Is(err, eventstore.ErrInvalid) {
			t.Fatalf("limit %d: %v", limit, err)
		}
		if _, err := h.Store.ReadAll(deadline(t), 0, eventstore.Forward, limit); !errors.Is(err, eventstore.ErrInvalid) {
			t.Fatalf("limit %d: %v", limit, err)
		}
	}
	if _, err := h.Store.ReadStream(deadline(t), "", 0, eventstore.Forward, 1); !errors.Is(err, eventstore.ErrInvalid) {
		t.Fatalf("empty name: %v", err)
	}
}
