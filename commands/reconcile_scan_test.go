package commands_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// countingStore counts the events that are read by their place in the log.
type countingStore struct {
	*embedded.Store
	read atomic.Int64
}

func (s *countingStore) ReadAll(ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := s.Store.ReadAll(ctx, from, dir, limit)
	s.read.Add(int64(len(records)))
	return records, err
}

// others appends events that are nobody's payment.
func (w *world) others(events int) {
	w.t.Helper()
	for range events / eventstore.MaxAppendEvents {
		batch := make([]eventstore.NewEvent, eventstore.MaxAppendEvents)
		for i := range batch {
			batch[i] = eventstore.NewEvent{ID: uuid.New(), Type: "SomebodyElses", Data: []byte("{}"), Metadata: []byte("{}")}
		}
		if _, err := w.store.Append(w.t.Context(), "other-"+uuid.NewString(), eventstore.NoStream, batch...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// books are what a statement is compared with, and how many events were read in passing over the log for it.
func (w *world) books(unplaced bool) (payments []string, passed int64) {
	w.t.Helper()
	store := &countingStore{Store: w.store}
	node := w.nodeOn(eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
	node.Books = booksOf{world: w, unplaced: unplaced}
	before := store.read.Load()
	payments, err := node.ReadBooks(w.t.Context(), w.merchant, w.mode, 1, w.clock.now())
	if err != nil {
		w.t.Fatal(err)
	}
	return payments, store.read.Load() - before
}

func TestBooksReadInOnePassAreThoseReadByTheirStreams(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	same := func(paid int) (passed int64) {
		t.Helper()
		one, passed := w.books(false)
		streams, none := w.books(true)
		if len(one) != paid || !slices.Equal(one, streams) || none != 0 {
			t.Errorf("in one pass:\n%s\nby their streams, %d read in passing:\n%s", strings.Join(one, "\n"), none, strings.Join(streams, "\n"))
		}
		return passed
	}
	pay := func(n int) {
		_, url := w.push(fmt.Sprintf("ORDER%d", n))
		switch n % 3 {
		case 0: // nobody answers
		case 1:
			w.mustPost(url, paid(w.checkout, fmt.Sprintf("QGR7I8K2%02d", n)))
		case 2:
			w.mustPost(url, `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"`+w.checkout+`","ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`)
		}
	}
	for n := range 12 {
		pay(n)
	}
	first, err := w.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if passed := same(4); passed == 0 || passed > int64(first) {
		t.Errorf("of %d events %d were read in one pass", first, passed)
	}
	// The rest lies far away, behind more events of others than are worth passing.
	w.others(200_000)
	pay(13)
	pay(15)
	if passed := same(5); passed > 100_000 {
		t.Errorf("%d events were passed for those of two payments", passed)
	}
}

// brokenBooks say that payments are where they aren't.
type brokenBooks struct {
	booksOf
	wrong func(n int, r *commands.BooksReference)
}

func (b brokenBooks) References(ctx context.Context, q commands.BooksQuery) ([]commands.BooksReference, error) {
	out, err := b.booksOf.References(ctx, q)
	slices.SortFunc(out, func(a, b commands.BooksReference) int { return cmp.Compare(a.First, b.First) })
	for i := range out {
		b.wrong(i, &out[i])
	}
	return out, err
}

func TestAPaymentThatIsNotWhereItShouldBeIsReadByItsStream(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	_, first := w.push("ORDER1")
	checkout := w.checkout
	_, second := w.push("ORDER2")
	w.mustPost(first, paid(checkout, "QGR7I8K2LM"))
	w.mustPost(second, paid(w.checkout, "QGR7I8K2LN"))
	want, _ := w.books(false)
	for name, wrong := range map[string]func(int, *commands.BooksReference){
		"ends later":   func(_ int, r *commands.BooksReference) { r.Last += 1000 },
		"begins later": func(_ int, r *commands.BooksReference) { r.First++ },
		"begins never": func(_ int, r *commands.BooksReference) { r.First, r.Last = 1, 1 },
	} {
		w.write.Books = brokenBooks{booksOf{world: w}, wrong}
		got, err := w.write.ReadBooks(t.Context(), w.merchant, w.mode, 1, w.clock.now())
		if err != nil || len(got) != 2 || !slices.Equal(got, want) {
			t.Errorf("%s: read were %q, %v; in the log are %q", name, got, err, want)
		}
	}
	// One that goes on while others are read is read as far as the read models knew it.
	w.write.Books = brokenBooks{booksOf{world: w}, func(n int, r *commands.BooksReference) {
		if n == 0 {
			r.Last = r.First
		}
	}}
	got, err := w.write.ReadBooks(t.Context(), w.merchant, w.mode, 1, w.clock.now())
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "QGR7I8K2LN") {
		t.Errorf("one of them goes on: read were %q, %v", got, err)
	}
}
