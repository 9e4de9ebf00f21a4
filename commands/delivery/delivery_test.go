package delivery_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/delivery"
	"github.com/benfex/kipay/commands/delivery/deliverytest"
)

func TestWhatIsDueIsDoneInItsTimeAndNothingAfterTheEnd(t *testing.T) {
	clock := deliverytest.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	s := delivery.NewScheduler(clock.AfterFunc)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	done := make(chan int, 4)
	job := func(n int) func(context.Context) { return func(context.Context) { done <- n } }
	s.In(time.Minute, job(2))
	s.In(0, job(1))
	if n := <-done; n != 1 {
		t.Fatalf("%d was done first", n)
	}
	clock.Advance(time.Minute)
	if n := <-done; n != 2 {
		t.Fatalf("%d was done then", n)
	}
	if err := s.Settle(t.Context()); err != nil || s.Pending() != 0 {
		t.Fatalf("%d wait: %v", s.Pending(), err)
	}
	if err := s.Run(ctx); !errors.Is(err, delivery.ErrRunning) {
		t.Errorf("a second run: %v", err)
	}
	s.In(time.Minute, job(3))
	s.Drop()
	clock.Advance(time.Hour)
	cancel()
	s.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.In(0, job(4))
	if s.Pending() != 0 || len(done) != 0 {
		t.Errorf("%d wait, %d were done after the end", s.Pending(), len(done))
	}
	if err := delivery.NewScheduler(clock.AfterFunc).Run(ctx); err != nil {
		t.Errorf("a run that is over at once: %v", err)
	}
}

type sent struct{ id int64 }

func TestALogTellsTheNewestInOrder(t *testing.T) {
	l := delivery.NewLog(func(s *sent, id int64) { s.id = id })
	first, changed := l.Watch(0)
	if len(first) != 0 {
		t.Fatalf("an empty log tells %v", first)
	}
	for range delivery.Kept + 3 {
		l.Add(sent{})
	}
	<-changed
	all := l.After(0)
	if len(all) != delivery.Kept || all[0].id != 4 || all[len(all)-1].id != delivery.Kept+3 {
		t.Errorf("%d are kept, from %d", len(all), all[0].id)
	}
	if !slices.Equal(l.After(delivery.Kept+1), []sent{{delivery.Kept + 2}, {delivery.Kept + 3}}) || len(l.After(delivery.Kept+9)) != 0 {
		t.Errorf("after the last but two come %v", l.After(delivery.Kept+1))
	}
	if got := <-l.Stream(); got.id != 4 {
		t.Errorf("the oldest that is handed on is %d", got.id)
	}
}
