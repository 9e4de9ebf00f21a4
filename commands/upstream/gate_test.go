package upstream

import (
	"sync"
	"testing"
)

// That a call was never sent rests on it: of a reader and a closer that race, exactly one wins.
func TestTheGateLetsEitherTheReaderOrTheCloserWin(t *testing.T) {
	for range 2000 {
		var g Gate
		body := g.Body([]byte("x"))
		var read, closed bool
		var wg sync.WaitGroup
		wg.Go(func() { n, _ := body.Read(make([]byte, 1)); read = n == 1 })
		wg.Go(func() { closed = g.Close() })
		wg.Wait()
		if read == closed {
			t.Fatalf("read %v, closed %v", read, closed)
		}
		if n, err := g.Body([]byte("x")).Read(make([]byte, 1)); closed && (n != 0 || err == nil) {
			t.Fatal("a second body passed a closed gate")
		}
	}
}
