package esdb

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// link is one life of the official client: from a connection that was made to the first sign that it is broken.
//
// The client (4.2.0) has one goroutine that owns the connection. Each call asks it for the connection, and each failed
// call tells it to look for another one; while it looks it hears nobody, whatever their contexts say, and when it finds
// none it ends and leaves all who wait for it waiting for ever. So here it looks once, when the link is made, with
// nobody waiting. As soon as a call fails, before the client's goroutine is told of it, the link is retired: nobody
// enters any more, those inside leave, and the last one closes it. What comes after gets another link.
type link struct {
	client *client.Client
	// entering is held for reading from the moment that a call enters until it has the connection.
	entering sync.RWMutex
	retired  atomic.Bool
	// gone is closed when the link is retired: subscriptions move on.
	gone     chan struct{}
	goneOnce sync.Once

	mu     sync.Mutex
	inside int
	// closed is closed with the client.
	closed chan struct{}
}

// dial makes a link. It blocks as long as the client does: twice gossipTimeout for each host at most.
func dial(config client.Configuration) (*link, error) {
	l := &link{gone: make(chan struct{}), closed: make(chan struct{})}
	config.Logger = l.hear
	c, err := client.NewClient(&config)
	if err != nil {
		return nil, err
	}
	l.client = c
	if _, err := c.GetServerVersion(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return l, nil
}

// hear is the client's log. It says that a call has failed just before it tells its goroutine.
func (l *link) hear(_ client.LogLevel, format string, args ...any) {
	if len(args) != 1 || format != "unexpected exception: %v" {
		return
	}
	if err, ok := args[0].(error); ok && status.Code(err) == codes.Unavailable {
		l.retire()
		l.entering.Lock()   // those who are on their way to the connection get it first
		l.entering.Unlock() //nolint:staticcheck // waiting is all that is wanted
	}
}

// retire takes the link out of use.
func (l *link) retire() {
	l.retired.Store(true)
	l.goneOnce.Do(func() { close(l.gone) })
}

// enter begins a call; false when the link is retired. The call has to be given the context that is answered, and leave.
func (l *link) enter(ctx context.Context) (context.Context, func(), bool) {
	l.entering.RLock()
	if l.retired.Load() {
		l.entering.RUnlock()
		return nil, nil, false
	}
	l.mu.Lock()
	l.inside++
	l.mu.Unlock()
	in := &enteringContext{Context: ctx, link: l}
	return in, func() {
		in.arrive()
		l.leave()
	}, true
}

func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside--
	l.closeIfEmpty()
}

// drained closes the link if nobody is inside; otherwise the last one does. It answers whether it is closed.
func (l *link) drained() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeIfEmpty()
	return isClosed(l.closed)
}

// closeIfEmpty closes the client: never while a call is inside, whose message to the client's goroutine would panic.
func (l *link) closeIfEmpty() {
	if l.inside == 0 && !isClosed(l.closed) && l.retired.Load() {
		close(l.closed)
		_ = l.client.Close()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// enteringContext tells when a call has its connection: the first thing that the client does then is to ask the context
// for its deadline.
type enteringContext struct {
	context.Context
	link    *link
	arrived atomic.Bool
}

// Deadline is the context's own.
func (c *enteringContext) Deadline() (deadline time.Time, ok bool) {
	c.arrive()
	return c.Context.Deadline()
}

func (c *enteringContext) arrive() {
	if c.arrived.CompareAndSwap(false, true) {
		c.link.entering.RUnlock()
	}
}
