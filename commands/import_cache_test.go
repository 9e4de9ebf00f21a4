package commands_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// statementReads is an event store that tells how often the stream of an import was read from its begin.
type statementReads struct {
	*embedded.Store
	whole atomic.Int64
}

func (s *statementReads) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	if strings.HasPrefix(stream, "statement-") && from == 0 {
		s.whole.Add(1)
	}
	return s.Store.ReadStream(ctx, stream, from, dir, limit)
}

// Each decision about one of an import's 36,000 differences read all of them.
func TestAnImportIsReadOnceWhileItIsDecidedAbout(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	imp := w.importLines(
		[4]string{"QGR7I8K2AA", "70.00", "2547****111 - MARY DOE", "NOBODY"}, [4]string{"QGR7I8K2AB", "71.00", "2547****112 - MARTHA DOE", "NOBODY"},
		[4]string{"QGR7I8K2AC", "72.00", "2547****113 - MOSES DOE", "NOBODY"},
	)
	store := &statementReads{Store: w.store}
	node := w.nodeOn(eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = node.Follow(ctx)
	}()
	defer func() {
		stop()
		<-ended
	}()
	view := func() commands.ImportView {
		v, err := node.ImportOf(t.Context(), w.merchant, w.mode, imp.ID)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	remembered := func() bool {
		before := store.whole.Load()
		view()
		return store.whole.Load() == before
	}
	within(t, "the import is remembered", remembered)
	decide := func(node *commands.WriteSide, n int) {
		d := commands.Decision{Item: journal.ItemID(imp.ID, n), Action: journal.Return, Reason: "sent back to the payer"}
		if _, err := node.Resolve(t.Context(), w.merchant, w.mode, d); err != nil {
			t.Fatal(err)
		}
	}
	before := store.whole.Load()
	decide(w.write, 1) // another node
	if v := view(); v.Open != 2 {
		t.Errorf("%d differences are open after another node has resolved one", v.Open)
	}
	decide(node, 2)
	if v := view(); v.Open != 1 || store.whole.Load() != before {
		t.Errorf("%d differences are open, and the import was read %d times", v.Open, store.whole.Load()-before)
	}
	if _, err := node.Resolve(t.Context(), w.merchant, w.mode, commands.Decision{Item: journal.ItemID(imp.ID, 1), Action: journal.WriteOff, Reason: "x"}); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("another decision about what is resolved: %v", err)
	}
	// What it remembers holds words of lines: it goes with any key.
	if _, _, err := w.log.Append(t.Context(), customer.Stream("gone"), eventstore.NoStream, eventstore.Metadata{}, customer.Erased{}); err != nil {
		t.Fatal(err)
	}
	within(t, "the import is forgotten", func() bool { return !remembered() })
}
