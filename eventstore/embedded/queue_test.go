package embedded

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/benfex/kipay/eventstore"
)

func TestQueueIsBounded(t *testing.T) {
	q, f := newQueue(), newFailure(t.Logf)
	for range maxQueuedAppends {
		if err := q.push(t.Context(), newRequest(appendEvents), f); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.push(ctx, newRequest(appendEvents), f); !errors.Is(err, context.Canceled) {
		t.Fatalf("a full queue: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- q.push(t.Context(), newRequest(appendEvents), f) }()
	if taken, open := q.take(nil); len(taken) != maxQueuedAppends || !open {
		t.Fatalf("%d taken", len(taken))
	}
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if taken, open := q.take(nil); len(taken) != 1 || !open {
		t.Fatalf("%d taken", len(taken))
	}
	q.close()
	if err := q.push(t.Context(), newRequest(appendEvents), f); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("a closed queue: %v", err)
	}
	if taken, open := q.take(nil); len(taken) != 0 || open {
		t.Fatalf("%d taken from a closed queue", len(taken))
	}
}

func TestQueueGivesUpWhenTheStoreFails(t *testing.T) {
	q, f := newQueue(), newFailure(t.Logf)
	large := newRequest(appendEvents)
	large.size = maxQueuedBytes + 1
	if err := q.push(t.Context(), large, f); err != nil {
		t.Fatalf("alone anything gets in: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- q.push(t.Context(), large, f) }()
	f.fail("write x.log", syscall.ENOSPC)
	if err := <-waiting; !errors.Is(err, eventstore.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func TestHeadsAreForgottenInTheOrderOfUse(t *testing.T) {
	c := newHeadCache(2)
	c.add("a", head{revision: 1})
	c.add("b", head{revision: 2})
	if c.get("a").head.revision != 1 {
		t.Fatal("a is another")
	}
	c.add("c", head{revision: 3})
	if c.get("b") != nil || c.get("a") == nil || c.get("c") == nil || len(c.entries) != 2 {
		t.Fatal("the one that was not used longest was b")
	}
	c.add("d", head{revision: 4})
	if c.get("a") != nil || c.get("c").head.revision != 3 || c.get("d").head.revision != 4 {
		t.Fatal("the one that was not used longest was a")
	}
}
