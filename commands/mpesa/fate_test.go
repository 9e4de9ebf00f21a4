package mpesa

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// roundTripper lets a test be the network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(status int, body string) *http.Response {
	rec := httptest.NewRecorder()
	say(rec, status, body)
	return rec.Result()
}

// tokensThen answers token fetches and leaves the rest to next.
func tokensThen(next roundTripper) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			return answered(200, `{"access_token":"T1","expires_in":"3599"}`), nil
		}
		return next(r)
	})}
}

func push(t *testing.T, ctx context.Context, c *Client) *Error { //nolint:revive // t first, as helpers have it
	t.Helper()
	_, err := c.Push(ctx, testChannel, testCredentials(), testPush())
	return wantError(t, err)
}

func TestARefusedConnectionIsNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	e := push(t, context.Background(), New(Options{SandboxURL: "http://" + addr}))
	if code, _ := e.Reason(); e.Kind != NotSent || !e.Retryable || code != FailureProviderUnavailable {
		t.Errorf("%v: %v %v", e, e.Kind, code)
	}
}

func TestARefusedConnectionAfterAGoodTokenIsNotSent(t *testing.T) {
	e := push(t, context.Background(), New(Options{HTTPClient: tokensThen(func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close() // as net/http does when it cannot connect
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	})}))
	if e.Kind != NotSent || !e.Retryable {
		t.Errorf("%v", e)
	}
}

func TestAnUnknownHostIsNotSent(t *testing.T) {
	c := New(Options{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "sandbox.safaricom.co.ke", IsNotFound: true}
	}}}})
	if e := push(t, context.Background(), c); e.Kind != NotSent {
		t.Errorf("%v", e)
	}
}

func TestNothingIsSentOnceTheTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := New(Options{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			t.Error("it was sent")
		}
		cancel()
		return answered(200, `{"access_token":"T1","expires_in":"3599"}`), nil
	})}})
	if e := push(t, ctx, c); e.Kind != NotSent {
		t.Errorf("%v", e)
	}
}

func TestACallerWhoGaveUpBeforeSendingIsNotSent(t *testing.T) {
	d := newDaraja(t, always(200, acceptedRaw))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := push(t, ctx, d.client())
	if code, _ := e.Reason(); e.Kind != NotSent || code != FailureCallerGaveUp {
		t.Errorf("%v: %s", e, code)
	}
	if len(d.seen()) != 0 {
		t.Error("it was sent")
	}
}

// A timeout, a cancelled caller or a lost connection after the request may have been written.
func TestSilenceAfterWritingIsUnknown(t *testing.T) {
	for name, test := range map[string]func(w http.ResponseWriter, r *http.Request, cancel func()){
		"timeout":          func(_ http.ResponseWriter, r *http.Request, _ func()) { <-r.Context().Done() },
		"cancelled caller": func(_ http.ResponseWriter, r *http.Request, cancel func()) { cancel(); <-r.Context().Done() },
		"connection lost":  func(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) },
		"broken body": func(w http.ResponseWriter, _ *http.Request, _ func()) {
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, acceptedRaw)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			d := newDaraja(t, func(w http.ResponseWriter, r *http.Request, _ int) { test(w, r, cancel) })
			e := push(t, ctx, d.client(func(o *Options) {
				if name == "timeout" {
					o.CallTimeout = time.Second
				}
			}))
			if code, _ := e.Reason(); e.Kind != Unknown || e.Retryable || code != FailureProviderUnknownOutcome {
				t.Errorf("%v", e)
			}
			if n := len(d.seen()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// A kept connection may be closed by Daraja at the very moment that it is used again. The push that meets this may have
// been read, so that it must not be sent on another connection.
func TestAPushOnADyingKeptConnectionIsNotSentTwice(t *testing.T) {
	var pushes atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					if r.Method == http.MethodPost {
						pushes.Add(1)
						return // closed without an answer
					}
					body := `{"access_token":"T1","expires_in":"3599"}`
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n"+body)
				}
			}()
		}
	}()
	e := push(t, context.Background(), New(Options{SandboxURL: "http://" + l.Addr().String()}))
	if e.Kind != Unknown || pushes.Load() != 1 {
		t.Errorf("%v; sent %d times", e, pushes.Load())
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := newDaraja(t, always(200, acceptedRaw))
	d := newDaraja(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	e := push(t, context.Background(), d.client(func(o *Options) { o.HTTPClient = d.Client() }))
	if e.Kind != Unknown || len(other.seen()) != 0 {
		t.Errorf("%v; the other host got %d", e, len(other.seen()))
	}
}

func TestTheBreakerOpensOnSilenceAndLetsATrialThroughLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent int
		down := true
		c := New(Options{
			Breaker: BreakerOptions{Failures: 3, OpenFor: 20 * time.Second},
			HTTPClient: tokensThen(func(r *http.Request) (*http.Response, error) {
				sent++
				_, _ = io.ReadAll(r.Body)
				if down {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return answered(200, acceptedRaw), nil
			}),
		})
		ctx := context.Background()
		for range 3 {
			if e := push(t, ctx, c); e.Kind != Unknown {
				t.Fatalf("%v", e)
			}
		}
		e := push(t, ctx, c)
		if code, _ := e.Reason(); e.Kind != NotSent || !e.Retryable || code != FailureProviderUnavailable || sent != 3 {
			t.Fatalf("%v: sent %d", e, sent)
		}
		if got := c.BreakerStates()["mpesa/ch-1/push"]; got != "open" {
			t.Errorf("state %q in %v", got, c.BreakerStates())
		}
		if _, err := c.Push(ctx, "ch-2", testCredentials(), testPush()); wantError(t, err).Kind != Unknown {
			t.Errorf("another channel: %v", err)
		}
		if res, err := c.Query(ctx, testChannel, testCredentials(), QueryRequest{"ws_CO_1"}); err != nil || res.State != Pending {
			t.Errorf("a query has a breaker of its own: %v %v", res, err)
		}
		<-time.After(21 * time.Second) // of the bubble
		down = false
		if got := c.BreakerStates()["mpesa/ch-1/push"]; got != "half-open" {
			t.Errorf("state %q", got)
		}
		if _, err := c.Push(ctx, testChannel, testCredentials(), testPush()); err != nil {
			t.Fatal(err)
		}
		if got := c.BreakerStates()["mpesa/ch-1/push"]; got != "closed" {
			t.Errorf("state %q", got)
		}
	})
}

func TestTheBreakerCountsOnlySilenceAndForeign5xx(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"Daraja's own 500":  {500, errorBody("500.001.1001", "The transaction is being processed"), "closed"},
		"Daraja's own busy": {500, errorBody("500.003.02", "busy"), "closed"},
		"a rejection":       {400, errorBody("400.002.02", "Bad Request"), "closed"},
		"a foreign 4xx":     {403, "<html>", "closed"},
		"a foreign 5xx":     {502, "<html>", "open"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newDaraja(t, always(test.status, test.body)).client(func(o *Options) { o.Breaker.Failures = 2 })
			for range 3 {
				_ = push(t, context.Background(), c)
			}
			if got := c.BreakerStates()["mpesa/ch-1/push"]; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestCallersWhoGiveUpDoNotOpenTheBreaker(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := New(Options{Breaker: BreakerOptions{Failures: 1}, HTTPClient: tokensThen(func(r *http.Request) (*http.Response, error) {
		_, _ = io.ReadAll(r.Body)
		cancel()
		return nil, r.Context().Err()
	})})
	if e := push(t, ctx, c); e.Kind != Unknown {
		t.Errorf("%v", e)
	}
	if got := c.BreakerStates()["mpesa/ch-1/push"]; got != "closed" {
		t.Error(got)
	}
}

func TestAChannelHasABoundedNumberOfPushesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, sent atomic.Int32
		c := New(Options{Concurrency: 4, HTTPClient: tokensThen(func(r *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(r.Body)
			sent.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			<-time.After(time.Second) // of the bubble
			now.Add(-1)
			return answered(200, acceptedRaw), nil
		})})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Push(context.Background(), testChannel, testCredentials(), testPush()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() > 4 || sent.Load() != 20 {
			t.Errorf("%d at once, %d in all", most.Load(), sent.Load())
		}
	})
}

func TestWaitingForASlotEndsAsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		c := New(Options{Concurrency: 1, HTTPClient: tokensThen(func(r *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(r.Body)
			sent.Add(1)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		first := make(chan error, 1)
		go func() {
			_, err := c.Push(context.Background(), testChannel, testCredentials(), testPush())
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if e := push(t, ctx, c); e.Kind != NotSent || !e.Retryable {
			t.Errorf("%v", e)
		}
		if e := wantError(t, <-first); e.Kind != Unknown || sent.Load() != 1 {
			t.Errorf("%v, sent %d", e, sent.Load())
		}
	})
}

func TestWhatIsKeptOfChannelsIsBounded(t *testing.T) {
	c := newDaraja(t, always(200, acceptedRaw)).client(func(o *Options) { o.Channels = 2 })
	for _, ch := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		if _, err := c.Push(context.Background(), ChannelKey(ch), testCredentials(), testPush()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.BreakerStates()); n != 2*laneNames {
		t.Errorf("%d lanes", n)
	}
}
