package analyst

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// failuresPerMinute is how many wrong tokens a network may try.
const failuresPerMinute = 20

// maxHeader bounds a request's line and headers: parameters of statements come in the URL.
const maxHeader = 1 << 20

// Port is the analysts' port. It is an http.Handler, and Serve listens with it.
type Port struct {
	opts     Options
	child    *http.Client
	turns    *turns
	rate     *buckets // by token
	failures *buckets // by network
}

// New checks the options. Its errors are options that cannot work.
func New(opts Options) (*Port, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Port{
		opts: opts, child: newChild(opts.Engine), turns: newTurns(opts.Limits),
		rate: newBuckets(opts.Limits.PerMinute, opts.Now), failures: newBuckets(failuresPerMinute, opts.Now),
	}, nil
}

// Serve answers on the listener until ctx ends, and lets statements finish for a while. It closes the listener.
func (p *Port) Serve(ctx context.Context, listener net.Listener) error {
	// Statements have a context of their own: the end of ctx lets them finish, stop does not.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	web := &http.Server{
		Handler:           p,
		BaseContext:       func(net.Listener) context.Context { return running },
		ReadHeaderTimeout: p.opts.StallTimeout,
		IdleTimeout:       10 * time.Minute,
		MaxHeaderBytes:    maxHeader,
	}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(limit(listener, p.opts.MaxConnections)) }()
	defer p.child.CloseIdleConnections()
	select {
	case err := <-ended:
		return fmt.Errorf("analyst: serve: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(running, p.opts.StopTimeout)
	defer cancel()
	if err := web.Shutdown(patience); err != nil {
		stop()
		_ = web.Close() // ends those that still run; their own errors are answered
	}
	<-ended
	return nil
}

// ServeHTTP answers a request as ClickHouse's HTTP interface does.
func (p *Port) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asks := r.Method == http.MethodPost || r.URL.Query().Has("query")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Path == "/ping" || r.URL.Path == "/" && !asks:
		p.ping(w)
	case r.URL.Path != "/":
		http.Error(w, "there is nothing here: statements go to /", http.StatusNotFound)
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		p.statement(w, r)
	}
}

// ping says whether the engine is there, to anybody, as ClickHouse does.
func (p *Port) ping(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	if !p.opts.Engine.Ready() {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "Not ready.\n") // the client is gone: nobody is left to tell
		return
	}
	_, _ = io.WriteString(w, "Ok.\n") // likewise
}

// statement carries one statement out.
func (p *Port) statement(w http.ResponseWriter, r *http.Request) {
	who, key, failed := p.authenticate(r)
	if failed != nil {
		failed.answer(w)
		return
	}
	o := &Observation{Analyst: who, From: addressOf(r.RemoteAddr), At: p.opts.Now()}
	cut := p.carryOut(w, r, key, o)
	o.Elapsed = p.opts.Now().Sub(o.At)
	p.observed(r.Context(), o)
	if cut {
		panic(http.ErrAbortHandler) // how the server is told to break a connection off
	}
}

// carryOut answers who was let in. It fills in the observation, and says whether the answer was cut off in the middle.
func (p *Port) carryOut(w http.ResponseWriter, r *http.Request, key string, o *Observation) (cut bool) {
	s, failed := readStatement(w, r, p.opts.StallTimeout)
	if failed == nil {
		o.Statement = hash(p.opts.HashKey, s.sql)
		failed = p.admit(key)
	}
	var pack *packer
	if failed == nil {
		pack, failed = choosePacker(r)
	}
	if failed != nil {
		p.refuse(w, o, failed, nil)
		return false
	}
	over, err := p.turns.wait(r.Context(), key)
	if errors.Is(err, errBusy) {
		p.refuse(w, o, &exception{http.StatusTooManyRequests, codeTooManyAtOnce, fmt.Sprintf("this token runs %d statements at once and has no room for more that wait", p.opts.Limits.Concurrent)}, nil)
		return false
	}
	if err != nil {
		o.Code = codeCancelled
		return false
	}
	defer over()
	return p.ask(w, r, s, pack, o)
}

// authenticate finds out who asks. The key names the token.
func (p *Port) authenticate(r *http.Request) (who Analyst, key string, failed *exception) {
	token, failed := credentials(r)
	if failed != nil {
		return who, "", failed
	}
	from := network(r.RemoteAddr)
	if p.failures.empty(from) {
		return who, "", &exception{http.StatusTooManyRequests, codeQuotaExceeded, "too many wrong tokens from this network: wait a minute"}
	}
	who, err := p.opts.Authenticate(r.Context(), token)
	switch {
	case errors.Is(err, ErrUnknownToken):
		p.failures.take(from)
		p.opts.Log.Warn().Str("network", from).Msg("an analyst's token was wrong")
		return who, "", wrongToken()
	case err != nil:
		p.opts.Log.Error().Err(err).Msg("an analyst's token could not be looked up")
		return who, "", &exception{http.StatusServiceUnavailable, codeNetworkError, "the token could not be checked: ask again in a moment"}
	}
	return who, keyOf(token), nil
}

func (p *Port) admit(key string) *exception {
	if !p.rate.take(key) {
		return &exception{http.StatusTooManyRequests, codeQuotaExceeded, fmt.Sprintf("this token may ask %d statements a minute", p.opts.Limits.PerMinute)}
	}
	return nil
}

// refuse answers with an error of this side's own.
func (p *Port) refuse(w http.ResponseWriter, o *Observation, e *exception, cause error) {
	o.Code = e.code
	if cause != nil {
		p.opts.Log.Warn().Err(cause).Str("analyst", o.Analyst.Name).Msg("a statement of an analyst was not answered")
	}
	e.answer(w)
}

// observed logs a statement that is over and tells the audit of it.
func (p *Port) observed(ctx context.Context, o *Observation) {
	p.opts.Log.Info().Str("analyst", o.Analyst.Name).Str("token", o.Analyst.ID).Int64("merchant", o.Analyst.MerchantID).Str("statement", o.Statement).Strs("tables", o.Tables).
		Bool("personal", o.Personal).Bool("denied", o.Denied).Int("code", o.Code).Bool("complete", o.Complete).Uint64("rows", o.Rows).Uint64("bytes", o.Bytes).
		Dur("elapsed", o.Elapsed).Msg("an analyst has asked")
	p.opts.Observe(context.WithoutCancel(ctx), *o)
}
