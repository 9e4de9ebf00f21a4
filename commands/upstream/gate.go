package upstream

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

// Gate tells a request that was never sent from one whose outcome is unknown, without a race. A request can be carried out only when its body is complete, and the
// body of a gated request can only be read after the gate has been passed. Closing the gate when no read has passed
// makes sure that none ever will: an httptrace hook could only report that no write had happened yet, while the
// transport's own goroutine is about to make one.
type Gate struct {
	state atomic.Int32
}

const (
	gateOpen int32 = iota
	gatePassed
	gateClosed
)

var errGateClosed = errors.New("request abandoned before it was written")

func (g *Gate) pass() bool {
	return g.state.CompareAndSwap(gateOpen, gatePassed) || g.state.Load() == gatePassed
}

// Close answers true when nothing has passed, and nothing can any more.
func (g *Gate) Close() bool {
	return g.state.CompareAndSwap(gateOpen, gateClosed) || g.state.Load() == gateClosed
}

// Body is a reader of p behind the gate.
func (g *Gate) Body(p []byte) io.ReadCloser { return &gatedBody{gate: g, r: bytes.NewReader(p)} }

type gatedBody struct {
	gate *Gate
	r    *bytes.Reader
}

// Read is the body, once the gate lets it through.
func (b *gatedBody) Read(p []byte) (int, error) {
	if !b.gate.pass() {
		return 0, errGateClosed
	}
	return b.r.Read(p)
}

// Close does nothing: the bytes are ours.
func (b *gatedBody) Close() error { return nil }
