package esdb

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy is a network between store and server that can be broken in every way that networks break.
type proxy struct {
	t        testing.TB
	listener net.Listener
	target   string

	mu sync.Mutex
	// deaf: nothing that is written arrives any more. mute: requests arrive, answers don't. gone: whoever connects is
	// hung up on. delay holds each piece back.
	deaf, mute, gone bool
	delay            time.Duration
	changed          chan struct{}
	conns            map[net.Conn]struct{}
	working          sync.WaitGroup
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, target: target, conns: make(map[net.Conn]struct{}), changed: make(chan struct{})}
	p.working.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.working.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		gone := p.gone
		p.mu.Unlock()
		if gone {
			_ = in.Close()
			continue
		}
		out, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.working.Go(func() { p.pump(in, out, true) })
		p.working.Go(func() { p.pump(out, in, false) })
	}
}

// pump carries bytes one way.
func (p *proxy) pump(from, to net.Conn, requests bool) {
	defer func() { p.hangUp(from); p.hangUp(to) }()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		p.mu.Lock()
		swallow, delay, changed := p.deaf || p.mute && !requests, p.delay, p.changed
		p.mu.Unlock()
		if swallow {
			continue
		}
		if delay > 0 {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-changed:
			}
			timer.Stop()
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) hangUp(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

// set changes how the network behaves.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
	close(p.changed)
	p.changed = make(chan struct{})
}

// cut cuts all connections, without a word to either side.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// mend makes the network whole. What a connection has lost is lost, so those there are have to go.
func (p *proxy) mend() {
	p.set(func(p *proxy) { p.deaf, p.mute, p.gone, p.delay = false, false, false, 0 })
	p.cut()
}
