package projections

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestAFollowerOnAnotherNodeSeesWhatTheProjectorWrote(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	f := NewFollower(b.engine.Conn, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	reader := NewReader(b.engine.Conn, f)
	for n := range 3 {
		_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
		if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatal(err)
		}
		page, err := reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != uint64(n+1) || len(page.Rows) != n+1 {
			t.Errorf("after %d payments it lists %d of %d", n+1, len(page.Rows), page.Total)
		}
	}
	if _, err := b.projector.Rebuild(projectionstest.Within(t), func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
	if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if f.Generation() != 2 {
		t.Errorf("it reads generation %d, the second serves", f.Generation())
	}
}
