package web

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// hardStop is how long requests have to answer after their contexts were ended.
const hardStop = 3 * time.Second

// errStopping is why the contexts of requests end at a hard stop.
var errStopping = fmt.Errorf("web: the server is stopping: %w", context.Canceled)

// Listen serves ln until ctx is done or Shutdown is called, and returns when what was accepted is answered. It closes
// ln. The error tells why serving stopped by itself, or that requests were left when time was up.
func (s *Server) Listen(ctx context.Context, ln net.Listener) error {
	once := &onceListener{Listener: ln}
	if !s.adopt(once) {
		return once.Close()
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.shutdownTimeout)
		defer cancel()
		_ = s.Shutdown(grace) // Listen returns what it returned
	})
	defer stop()
	if err := s.app.Listener(once); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	if !s.stopping() {
		return fmt.Errorf("serve %s: the listener was closed", ln.Addr())
	}
	<-s.drained
	return s.drainErr
}

// Shutdown stops accepting connections and waits for the requests under way. When ctx is done their contexts end, and
// a moment later it returns an error if some are still there. Later calls wait for the first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.draining
	s.draining = true
	listeners := s.listeners
	s.mu.Unlock()
	if !first {
		<-s.drained
		return s.drainErr
	}
	defer close(s.drained)

	// fasthttp keeps closing idle connections only as long as this call lasts, so it is given the hard stop's time too.
	limit, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		s.abort(errStopping)
		timer := time.AfterFunc(hardStop, cancel)
		context.AfterFunc(limit, func() { timer.Stop() })
	})
	defer stop()
	if err := s.app.ShutdownWithContext(limit); err != nil {
		s.drainErr = fmt.Errorf("shut down with %d connections open: %w", s.app.Server().GetOpenConnectionsCount(), err)
	}
	s.abort(errStopping)
	for _, ln := range listeners { // one that Serve hadn't taken over yet
		_ = ln.Close()
	}
	return s.drainErr
}

// adopt notes ln, or tells that the server is stopping already.
func (s *Server) adopt(ln *onceListener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.listeners = append(s.listeners, ln)
	return true
}

// stopping tells whether Shutdown was called.
func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// onceListener is a listener that may be closed twice: by fasthttp, and by Shutdown when it comes before Serve.
type onceListener struct {
	net.Listener
	once sync.Once
	err  error
}

// Close closes the listener the first time.
func (l *onceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
