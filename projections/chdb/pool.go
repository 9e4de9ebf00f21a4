package chdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// session is what a statement expects of its connection: the current database, the settings of the request, and the
// limits that win over them.
type session struct {
	database string
	settings map[string]string
	limits   map[string]string
}

// key names a session: two statements with the same key can share a connection.
func (s session) key() string {
	var b strings.Builder
	b.WriteString(s.database)
	for _, list := range []map[string]string{s.settings, s.limits} {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			b.WriteString("\x00" + name + "\x00" + list[name])
		}
		b.WriteString("\x00\x00")
	}
	return b.String()
}

// pool shares a fixed number of the engine's connections. A statement has its connection to itself; others queue.
type pool struct {
	engine   *Engine
	killer   *killer
	settings map[string]string // of every connection in it, before those of a request
	idle     chan *slot
	size     int
}

// slot is the place of one connection. It may be empty: connections are opened when they are first needed.
type slot struct {
	pool *pool
	tag  string // the connection's log_comment, by which the killer finds what it runs
	conn *Conn
	key  string
}

func newPool(engine *Engine, killer *killer, name string, size int, settings map[string]string) *pool {
	p := &pool{engine: engine, killer: killer, settings: settings, idle: make(chan *slot, size), size: size}
	for i := range size {
		p.idle <- &slot{pool: p, tag: fmt.Sprintf("kipay-%s-%d", name, i)}
	}
	return p
}

// acquire waits for a free connection and makes it the session that is wanted.
func (p *pool) acquire(ctx context.Context, want session) (*slot, error) {
	var s *slot
	select {
	case s = <-p.idle:
	case <-ctx.Done():
		return nil, fmt.Errorf("chdb: wait for a free connection: %w", context.Cause(ctx))
	}
	if err := s.become(want); err != nil {
		s.discard()
		p.idle <- s
		return nil, err
	}
	return s, nil
}

// become opens another connection when the settings differ: opening takes 0.2 ms, and a read-only session could not be
// changed with SET anyway. Nothing of one request's session can leak into the next.
func (s *slot) become(want session) error {
	key := want.key()
	if s.conn != nil && s.key == key {
		return nil
	}
	s.discard()
	settings := map[string]string{"log_comment": s.tag}
	maps.Copy(settings, want.settings)
	maps.Copy(settings, want.limits)
	maps.Copy(settings, s.pool.settings)
	conn, err := s.pool.engine.Connect(settings)
	if err != nil {
		// Names were checked before, so what the engine refuses is a value.
		return &Error{Code: codeBadArguments, Message: exception(codeBadArguments, "BAD_ARGUMENTS", fmt.Sprintf("a setting has a value that is not accepted: %v", want.settings))}
	}
	if err := conn.Exec("USE " + quoteIdentifier(want.database)); err != nil {
		conn.Close()
		return err
	}
	s.conn, s.key = conn, key
	return nil
}

func (s *slot) discard() {
	if s.conn != nil {
		s.conn.Close()
		s.conn, s.key = nil, ""
	}
}

// release gives the connection back. One that a statement may have changed (SYSTEM …) is not used again, nor one whose
// statement broke off: the engine keeps such a stream, and its memory, until the connection is closed or used again.
func (s *slot) release(reuse bool) {
	if !reuse {
		s.discard()
	}
	s.pool.idle <- s
}

// close waits for every connection to come back, and closes them.
func (p *pool) close() {
	for range p.size {
		s := <-p.idle
		s.discard()
	}
}

// killer stops statements whose caller has gone. A call into the engine cannot be interrupted from Go; another
// connection can ask the engine to end it, and the call then returns with error 394.
type killer struct {
	conn  *Conn
	every time.Duration
}

// watch stops what the connection with this tag runs as soon as ctx ends. The function it gives must be called when the
// statement is over: after that no statement of the connection is stopped any more.
func (k *killer) watch(ctx context.Context, tag string) (over func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		// Once is not enough: the statement may be on its way into the engine and not be in its list yet.
		ticker := time.NewTicker(k.every)
		defer ticker.Stop()
		for {
			// Its failure leaves nothing to do but the next try: the statement's own call is what ends.
			_ = k.conn.Exec("KILL QUERY WHERE Settings['log_comment'] = " + quoteString(tag) + " ASYNC")
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// alive asks the engine for one row. Any answer counts, an error too: it is a wedged engine that gives none.
func (k *killer) alive() error {
	err := k.conn.Exec("SELECT 1")
	var refused *Error
	if errors.As(err, &refused) {
		return nil
	}
	return err
}
