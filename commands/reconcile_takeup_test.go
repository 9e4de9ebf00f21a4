package commands_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// brokenStore is a store that takes nothing about receipts while it is broken.
type brokenStore struct {
	eventstore.Store
	broken atomic.Bool
}

func (s *brokenStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if s.broken.Load() && strings.HasPrefix(stream, "receipt-") {
		return eventstore.Appended{}, eventstore.ErrClosed
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

func TestAStatementThatIsCutOffWhileItCountsIsTakenUpWithoutItsFile(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	store := &brokenStore{Store: w.store}
	store.broken.Store(true)
	log := eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New)
	w.write = w.nodeOn(log, 0)
	w.write.Books, w.write.StagingDir = booksOf{world: w}, t.TempDir()
	if v, err := w.importFile(w.write, w.statementFile(oneRow), nil); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Fatalf("nothing was cut off: %+v, %v", v, err)
	}
	var id int64
	for id = range w.imports() {
	}
	view := func() commands.ImportView {
		t.Helper()
		v, err := w.write.ImportOf(t.Context(), w.merchant, w.mode, id)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := view(); v.Status != string(journal.Done) || v.Counted || !strings.Contains(v.Message, "still being counted") {
		t.Fatalf("it is %+v", v)
	}
	by := commands.By{Actor: "reactor:watch", Merchant: w.merchant}
	if done, err := w.write.TakeUpStatement(t.Context(), id, by); done || domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("it counts on a broken store: %v, %v", done, err)
	}
	store.broken.Store(false)
	// Another node would leave it alone for a while: somebody may be at it.
	other := w.nodeOn(log, time.Second)
	if done, err := other.TakeUpStatement(t.Context(), id, by); done || err != nil || view().Counted {
		t.Errorf("another node took it up at once: %v, %v", done, err)
	}
	w.clock.pass(6 * time.Minute)
	for range 2 {
		if done, err := other.TakeUpStatement(t.Context(), id, by); !done || err != nil {
			t.Fatalf("it is not taken up: %v, %v", done, err)
		}
	}
	opened := 0
	records, err := w.store.ReadAll(t.Context(), 0, eventstore.Forward, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == (receipt.SuspenseOpened{}).EventType() {
			opened++
		}
	}
	if v := view(); !v.Counted || v.Message != "" || opened != 1 || w.suspense("QGR7I8K2ZZ") != money.Of(70_00, money.KES) {
		t.Errorf("it is %+v; %d amounts wait", v, opened)
	}
}

// suspense is what waits under a receipt of the channel.
func (w *world) suspense(number string) money.Money {
	w.t.Helper()
	records, err := w.store.ReadAll(w.t.Context(), 0, eventstore.Forward, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range records {
		if r.Type != (receipt.SuspenseOpened{}).EventType() {
			continue
		}
		if s, err := commands.Fold[receipt.State](w.t.Context(), w.write, r.Stream); err == nil && s.State.Suspense != nil && s.State.Suspense.Number == number {
			return s.State.Suspense.Amount
		}
	}
	return money.Money{}
}
