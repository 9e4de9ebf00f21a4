package esdb

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// Options tune a store. The zero value is what `kipay serve` uses.
type Options struct {
	// Deadline bounds a call, all its attempts together; 10 s when zero.
	Deadline time.Duration
	// Attempt bounds one attempt: how long an answer is waited for before the call is made again, on another connection;
	// 3 s when zero.
	Attempt time.Duration
	// FirstPause and LongestPause bound the pauses between attempts, which double; 20 ms and 1 s when zero.
	FirstPause, LongestPause time.Duration
	// OneByOne makes a call for each append, as the official Go client does, also where the server takes many over one.
	OneByOne bool
	// Jitter is where a pause is drawn from, in [0, 1): math/rand/v2 when nil.
	Jitter func() float64
	// Logf takes what an operator should read: connections lost and found again. Nil drops it.
	Logf func(format string, args ...any)
}

const (
	defaultDeadline     = 10 * time.Second
	defaultAttempt      = 3 * time.Second
	defaultFirstPause   = 20 * time.Millisecond
	defaultLongestPause = time.Second
	// closePatience is how long Close waits for calls that don't end although they were told to.
	closePatience = 5 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Deadline <= 0 {
		o.Deadline = defaultDeadline
	}
	if o.Attempt <= 0 {
		o.Attempt = defaultAttempt
	}
	if o.FirstPause <= 0 {
		o.FirstPause = defaultFirstPause
	}
	if o.LongestPause <= 0 {
		o.LongestPause = defaultLongestPause
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// Store is an EventStoreDB as an event store and a key store. Its methods may be called from any goroutine.
type Store struct {
	options Options
	config  client.Configuration
	links   *links
	heads   heads
	repeats *repeats

	// life ends with Close, and every call with it.
	life  context.Context //nolint:containedctx // it is the store's
	end   context.CancelFunc
	close sync.Once
}

var (
	_ eventstore.Store           = (*Store)(nil)
	_ eventstore.KeyStore        = (*Store)(nil)
	_ eventstore.OrderedAppender = (*Store)(nil)
)

// Open is a store at the end of the connection string (connection.go). It does not connect: a server that is away now
// may be there when it is needed. Errors are about the string, and never quote it.
func Open(connection string, options Options) (*Store, error) {
	options = options.withDefaults()
	config, err := parse(connection)
	if err != nil {
		return nil, err
	}
	if config.DisableTLS && config.Username != "" {
		options.Logf("event store: user and password are not sent, because the connection string says tls=false")
	}
	s := &Store{options: options, config: *config, repeats: newRepeats()}
	s.life, s.end = context.WithCancel(context.Background())
	s.links = newLinks(s.life, s.config, options)
	return s, nil
}

// Close ends all calls and subscriptions and the connection. What was acknowledged is durable already.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.end()
		s.links.close(closePatience)
	})
	return nil
}
