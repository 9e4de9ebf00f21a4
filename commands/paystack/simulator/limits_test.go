package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLongMetadataDoesNotFillTheMemory(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 20 })
	for i := range 20 {
		body := initBody(fmt.Sprintf("pay-%d", i))
		body["metadata"] = map[string]any{"note": strings.Repeat("<", 10_000)} // six bytes each, written as JSON
		if a := w.initialize(body); a.status != http.StatusOK {
			t.Fatalf("initialize: %d %s", a.status, a.body)
		}
	}
	w.sim.mu.Lock()
	held := 0
	for _, tx := range w.sim.order {
		held += len(tx.metadata)
	}
	w.sim.mu.Unlock()
	if most := 20*bytesPerTransaction + 6*10_000 + 100; held > most {
		t.Errorf("%d bytes of metadata are held, at most %d should be", held, most)
	}
	if a := w.verify("pay-19"); a.status != http.StatusOK {
		t.Errorf("the newest payment is forgotten: %d %s", a.status, a.body)
	}
	if a := w.verify("pay-0"); a.status == http.StatusOK {
		t.Error("the oldest payment is still there")
	}
}

func TestAFloodOfForgedWebhooksIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 3 })
	path := w.open("pay-1")
	const forged = "4084081000000118"
	for range jobsPerTransaction * 3 {
		if a := w.enter(path, forged); a.status != http.StatusOK {
			t.Fatalf("an attempt: %d", a.status)
		}
	}
	if a := w.enter(path, forged); a.status != http.StatusServiceUnavailable {
		t.Errorf("an attempt beyond the bound: %d", a.status)
	}
	w.clock.Advance(time.Minute)
	w.settle()
	if a := w.enter(path, forged); a.status != http.StatusOK {
		t.Errorf("an attempt when there is room again: %d", a.status)
	}
}
