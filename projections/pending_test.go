package projections

import (
	"context"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

// What is in the engine's memory is gone when it is killed; nothing that lists have shown may be.
func TestPendingRowsSurviveTheEnginesDeath(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "Africa/Nairobi")
	for round := range 4 {
		for range 20 {
			pay(t, b.Install)
		}
		head := b.Head(t)
		if err := b.projector.WaitFor(projectionstest.Within(t), head); err != nil {
			t.Fatal(err)
		}
		b.engine.Kill(t)
		var page TransactionPage
		for limited := projectionstest.Within(t); ; {
			// While the engine is away a question fails; it is never answered with what is left.
			if err := b.projector.WaitFor(limited, head); err != nil {
				t.Fatal(err)
			}
			var err error
			if page, err = b.reader.Transactions(limited, TransactionFilter{MerchantID: 1, Mode: "test", Limit: 100, Zone: nairobi(t)}); err == nil {
				break
			}
			if limited.Err() != nil {
				t.Fatal(err)
			}
		}
		if want := 20 * (round + 1); len(page.Rows) != want || page.Total != uint64(want) {
			t.Fatalf("round %d: %d rows of %d are listed, want %d", round, len(page.Rows), page.Total, want)
		}
	}
	found, err := b.projector.Verify(projectionstest.Within(t), VerifyOptions{})
	if err != nil || found.Total != 0 {
		t.Fatalf("%v: %v", found.Differences, err)
	}
}

func TestNoPaymentIsMissedWhileRowsMoveAllTheTime(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	caughtUp(t, b.projector, b.Head(t))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = b.projector.movePending(ctx, b.projector.Generation())
		}
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for n := range 25 {
		_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
		if err := b.projector.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatal(err)
		}
		page, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Limit: 100, Zone: nairobi(t)})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) != n+1 || page.Total != uint64(n+1) {
			t.Fatalf("after %d payments %d rows of %d are listed", n+1, len(page.Rows), page.Total)
		}
	}
}

// On a busy machine a move outlasts any number of questions; none may be answered with what it saw in between.
func TestAQuestionThatMeetsAMoveIsAskedAgainAfterIt(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	caughtUp(t, b.projector, 0)
	p, asked := b.projector, 0
	err := b.reader.on(t.Context(), memoryToo, func(ctx context.Context, _ Generation) error {
		switch asked++; asked {
		case 1: // a move begins while the question runs, and goes on after it
			if err := p.moving.Acquire(ctx, whole); err != nil {
				return err
			}
			p.moves.Add(1)
			go func() {
				p.moves.Add(1)
				p.moving.Release(whole)
			}()
		default:
			if p.moves.Load()%2 == 1 || p.moving.TryAcquire(whole) {
				t.Error("it is asked again while rows are moved, or may be")
			}
		}
		return nil
	})
	if err != nil || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// Lists show what is pending, so that is verified too, whoever put it there.
func TestVerifyFindsWhatIsOnlyInTheEnginesMemory(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 2)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	until(t, "all is stored", func() bool {
		at, err := readCheckpoint(t.Context(), b.engine.Conn, b.projector.Generation())
		return err == nil && at == head
	})
	invented := newBatch()
	invented.transactions.add(&Transaction{
		MerchantID: 1, Mode: "test", CreatedAt: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), ID: 999999, Version: 1,
		Reference: "KIPAYINVENTED0000000X", Status: transaction.StatusCompleted, Listed: true, Currency: "KES", Amount: 100,
	})
	if err := b.projector.insert(t.Context(), []*table{invented.transactions.table}, span{}, b.projector.Generation()); err != nil {
		t.Fatal(err)
	}
	found, err := b.projector.Verify(projectionstest.Within(t), VerifyOptions{})
	if err != nil || found.Total != 1 || found.Differences[0].Kind != RowExtra || found.Differences[0].Table != "transactions" {
		t.Fatalf("%v: %v", found.Differences, err)
	}
}

// A statement that empties a table may be carried out long after its answer was given up: nothing may be in that table then.
func TestMemoryThatMayStillBeEmptiedIsNotUsedAgain(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 2)
	caughtUp(t, b.projector, b.Head(t))
	g := b.projector.Generation()
	before := b.projector.memoryOf(g)
	names := before.names
	before.unsure.Store(true)
	storyOf(t, b.Install, 1, 2)
	until(t, "memory is made anew", func() bool { m := b.projector.memoryOf(g); return m != nil && m != before })
	if after := b.projector.memoryOf(g).names; after[0] == names[0] || after[1] == names[1] || after[0] == names[1] {
		t.Errorf("the sides %q came after %q", after, names)
	}
	caughtUp(t, b.projector, b.Head(t))
	for _, name := range names {
		exec(t, b.engine.Conn, "TRUNCATE TABLE IF EXISTS kipay."+sidePrefix+name+"transactions_g1")
	}
	page, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Limit: 10, Zone: nairobi(t)})
	if err != nil || len(page.Rows) != 4 || page.Total != 4 {
		t.Errorf("%d rows of %d are listed, %v", len(page.Rows), page.Total, err)
	}
	verified(t, b.projector)
}

func TestAListReadsTheTablesAloneWhenNothingIsInMemory(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 2)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	until(t, "all is moved", func() bool { return b.projector.reading() == b.projector.Generation() })
	if err := b.projector.insert(t.Context(), nil, span{}, b.projector.Generation()); err != nil {
		t.Fatal(err)
	}
	if b.projector.reading() == b.projector.Generation() {
		t.Error("what was just written to memory is not read")
	}
}
