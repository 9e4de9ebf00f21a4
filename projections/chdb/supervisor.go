package chdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/rs/zerolog"
)

// ErrNotReady is what a dial gets while the child starts, or is down.
var ErrNotReady = errors.New("the read models are not ready")

// SupervisorOptions says which child to start and how to watch it. Command and Socket have to be set.
type SupervisorOptions struct {
	// Command makes the command of a new child, which has to end in Serve on the same Socket with ParentPipe as its
	// Parent. Its environment, standard error and inherited files are set by the supervisor.
	Command func() *exec.Cmd
	// Socket is the path of the child's Unix socket (see SocketPath).
	Socket string
	// Library is the path of libchdb.so; empty means where LibraryPath finds it. The child is told.
	Library string
	Log     zerolog.Logger

	// StartTimeout is how long a child may take until it answers; 0 means 60 s: it reads every table's parts first.
	StartTimeout time.Duration
	// PingInterval, PingTimeout and PingFailures say when a child counts as wedged: so many pings in a row that were
	// not answered in time. 0 means 2 s, 5 s and 3.
	PingInterval, PingTimeout time.Duration
	PingFailures              int
	// BackoffMin and BackoffMax bound the pause before the next child; 0 means 100 ms and 10 s.
	BackoffMin, BackoffMax time.Duration
	// StopTimeout is how long Close lets a child finish before it is killed, when its context says nothing shorter; 0
	// means 15 s, more than the child gives its statements.
	StopTimeout time.Duration
}

func (o SupervisorOptions) withDefaults() (SupervisorOptions, error) {
	if o.Command == nil || o.Socket == "" {
		return o, errors.New("chdb: supervise: a command and a socket have to be given")
	}
	if len(o.Socket) > maxSocketPath {
		return o, fmt.Errorf("chdb: supervise: the socket's path is longer than %d bytes: %s", maxSocketPath, o.Socket)
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.StartTimeout, time.Minute},
		{&o.PingInterval, 2 * time.Second},
		{&o.PingTimeout, 5 * time.Second},
		{&o.BackoffMin, 100 * time.Millisecond},
		{&o.BackoffMax, 10 * time.Second},
		{&o.StopTimeout, 15 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if o.PingFailures <= 0 {
		o.PingFailures = 3
	}
	var err error
	o.Library, err = LibraryPath(o.Library)
	return o, err
}

// Supervisor keeps a child alive that serves the engine. Whoever uses it goes on when the child is down: calls fail
// with ErrNotReady or a broken connection until the next child answers.
type Supervisor struct {
	opts SupervisorOptions
	web  *http.Client // for pings

	stop  context.CancelFunc // asks run to end the child and return
	kill  context.CancelFunc // does not let the child finish
	ended chan struct{}      // closed when run has returned

	mu       sync.Mutex
	ready    chan struct{} // closed while the child answers
	isReady  bool
	pid      int
	starts   int
	lastFail error
}

// Start starts the child and watches it until Close or the end of ctx. It returns at once, see WaitReady; its only
// errors are options that cannot work and a missing library.
func Start(ctx context.Context, opts SupervisorOptions) (*Supervisor, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{opts: opts, ended: make(chan struct{}), ready: make(chan struct{})}
	s.web = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, opts.Socket) },
		// A new connection each time: a ping has to find out whether the child takes any.
		DisableKeepAlives: true,
	}}
	killed, kill := context.WithCancel(context.WithoutCancel(ctx))
	stopped, stop := context.WithCancel(ctx)
	s.stop, s.kill = stop, kill
	go s.run(stopped, killed)
	return s, nil
}

// run starts one child after the other until it is told to stop.
func (s *Supervisor) run(stopped, killed context.Context) {
	defer close(s.ended)
	backoff := s.opts.BackoffMin
	for stopped.Err() == nil {
		began := time.Now()
		err := s.runChild(stopped, killed)
		s.down(err)
		if stopped.Err() != nil {
			return
		}
		if time.Since(began) > s.opts.StartTimeout {
			backoff = s.opts.BackoffMin // it was well for a while: this is a new trouble
		}
		s.opts.Log.Error().Err(err).Dur("again_in", backoff).Msg("the read models' process has ended")
		pause := time.NewTimer(backoff)
		select {
		case <-pause.C:
		case <-stopped.Done():
			pause.Stop()
		}
		backoff = min(2*backoff, s.opts.BackoffMax)
	}
}

// runChild is the life of one child: it returns when the child is gone, and why.
func (s *Supervisor) runChild(stopped, killed context.Context) error {
	c, err := startChild(s.opts.Command(), s.opts.Library, s.opts.Log)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.pid = c.pid
	s.starts++
	s.mu.Unlock()

	watched, over := context.WithCancel(stopped)
	defer over()
	unwell := make(chan error, 1)
	go func() { unwell <- s.watch(watched) }()
	select {
	case <-c.gone:
		over()
		<-unwell
		return c.err
	case err = <-unwell:
	}
	if stopped.Err() == nil {
		s.down(err)
		c.kill()
		<-c.gone
		return err
	}
	// The end of its pipe is the child's order to finish.
	c.hangUp()
	patience := time.NewTimer(s.opts.StopTimeout)
	defer patience.Stop()
	select {
	case <-c.gone:
	case <-patience.C:
		s.opts.Log.Warn().Msg("the read models' process does not end: killing it")
	case <-killed.Done():
	}
	c.kill()
	<-c.gone
	return nil
}

// watch waits for the child to answer, then pings it until it fails to, or ctx ends. It gives the reason.
func (s *Supervisor) watch(ctx context.Context) error {
	if err := s.awaitFirstAnswer(ctx); err != nil {
		return err
	}
	s.up()
	ticker := time.NewTicker(s.opts.PingInterval)
	defer ticker.Stop()
	failures := 0
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := s.ping(ctx)
		if err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures++
		s.opts.Log.Warn().Err(err).Int("failures", failures).Msg("the read models' process does not answer")
		if failures >= s.opts.PingFailures {
			return fmt.Errorf("it did not answer %d pings: %w", failures, err)
		}
	}
}

// firstPings is how often a child that starts is asked whether it is there.
const firstPings = 20 * time.Millisecond

func (s *Supervisor) awaitFirstAnswer(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, s.opts.StartTimeout)
	defer cancel()
	ticker := time.NewTicker(firstPings)
	defer ticker.Stop()
	for {
		err := s.ping(limit)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-limit.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("it did not answer within %s: %w", s.opts.StartTimeout, err)
		}
	}
}

func (s *Supervisor) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PingTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+socketHost+"/ping", nil)
	if err != nil {
		return fmt.Errorf("chdb: ping: %w", err)
	}
	response, err := s.web.Do(request)
	if err != nil {
		return fmt.Errorf("chdb: ping: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("chdb: ping: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("chdb: ping: status %d", response.StatusCode)
	}
	return nil
}

func (s *Supervisor) up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isReady {
		s.isReady, s.lastFail = true, nil
		close(s.ready)
		s.opts.Log.Info().Int("pid", s.pid).Msg("the read models are ready")
	}
}

func (s *Supervisor) down(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = 0
	if err != nil {
		s.lastFail = err
	}
	if s.isReady {
		s.isReady = false
		s.ready = make(chan struct{})
	}
}

// Ready says whether the child answered the last time it was asked.
func (s *Supervisor) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isReady
}

// WaitReady returns when the child answers. It fails with the end of ctx or of the supervisor, and says what ended the
// last child if one did.
func (s *Supervisor) WaitReady(ctx context.Context) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-s.ended:
		return fmt.Errorf("%w: the supervisor is closed", ErrNotReady)
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return errors.Join(fmt.Errorf("%w: %w", ErrNotReady, context.Cause(ctx)), s.lastFail)
	}
}

// Restarts is how often a child had to be started again.
func (s *Supervisor) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.starts-1)
}

// PID is the process id of the child, or 0 when there is none.
func (s *Supervisor) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// DialContext connects to the child; the address is not looked at. It is what clickhouse.Options wants.
func (s *Supervisor) DialContext(ctx context.Context, _ string) (net.Conn, error) {
	if !s.Ready() {
		return nil, ErrNotReady
	}
	return dialSocket(ctx, s.opts.Socket)
}

// Options are what clickhouse.Open needs to use the child as a ClickHouse server, with database as the current one
// (empty: Database). The caller may change the copy it gets.
func (s *Supervisor) Options(database string) *clickhouse.Options {
	if database == "" {
		database = Database
	}
	return &clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{socketHost},
		Auth:        clickhouse.Auth{Database: database},
		DialContext: s.DialContext,
		DialTimeout: 10 * time.Second,
		// More than the child runs at once: it queues, and keeps reads and writes apart.
		MaxOpenConns: 32,
		MaxIdleConns: 16,
		ReadTimeout:  5 * time.Minute,
		TransportFunc: func(t *http.Transport) (http.RoundTripper, error) {
			t.Proxy = nil // a proxy of the environment has no business on a socket of ours
			return t, nil
		},
	}
}

// Close asks the child to finish and waits until it is gone. It is killed when ctx ends or StopTimeout is over.
func (s *Supervisor) Close(ctx context.Context) error {
	s.stop()
	defer s.kill()
	defer s.web.CloseIdleConnections()
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		s.kill()
		<-s.ended
		return fmt.Errorf("chdb: close: the child was killed: %w", context.Cause(ctx))
	}
}
