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
	member *member
	// pipe takes the appends, nil when the server can't.
	pipe *pipeline
	// entering is held for reading from the moment that a call enters until it has the connection.
	entering sync.RWMutex
	retired  atomic.Bool
	// gone is closed when the link is retired: subscriptions move on. life ends then.
	gone     chan struct{}
	goneOnce sync.Once
	life     context.Context //nolint:containedctx // it is the link's
	end      context.CancelFunc

	mu     sync.Mutex
	inside int
	// closed is closed with the client.
	closed chan struct{}
}

// dial makes a link. Which node it leads to is found out here, so that the client connects to that one and looks no
// further; it still blocks as long as it waits for an answer there, gossipTimeout at most.
func dial(ctx context.Context, config client.Configuration, oneByOne bool) (*link, error) {
	l := &link{gone: make(chan struct{}), closed: make(chan struct{})}
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if l.member, err = discover(ctx, config); err != nil {
		return nil, err
	}
	config.Logger = l.hear
	config.Address, config.GossipSeeds, config.DnsDiscover = l.member.address, nil, false
	if l.client, err = client.NewClient(&config); err == nil {
		_, err = l.client.GetServerVersion()
	}
	if err != nil {
		l.retire()
		l.drained()
		return nil, err
	}
	if l.member.batches && !oneByOne {
		l.pipe = newPipeline(l.life, l.member, config, l.retire) //nolint:contextcheck // the link outlives the dial
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
	l.goneOnce.Do(func() {
		close(l.gone)
		l.end()
	})
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
		if l.client != nil {
			_ = l.client.Close()
		}
		_ = l.member.conn.Close()
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
