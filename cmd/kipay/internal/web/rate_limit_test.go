package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"
	"github.com/ulule/limiter/v3"

	"github.com/benfex/kipay/domain"
)

// clock is a time that is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// clockStore counts as ulule's stores do, by a clock of the test: theirs have only the machine's.
type clockStore struct {
	limiter.Store
	clock  *clock
	mu     sync.Mutex
	counts map[string]int64
	ends   map[string]time.Time
	away   error
	asked  int
}

func newClockStore(c *clock) *clockStore {
	return &clockStore{clock: c, counts: map[string]int64{}, ends: map[string]time.Time{}}
}

func (s *clockStore) Get(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.away != nil {
		return limiter.Context{}, s.away
	}
	now := s.clock.Now()
	if now.After(s.ends[key]) {
		s.counts[key], s.ends[key] = 0, now.Add(rate.Period)
	}
	s.counts[key]++
	return limiter.Context{
		Limit: rate.Limit, Remaining: max(rate.Limit-s.counts[key], 0), Reset: s.ends[key].Unix(),
		Reached: s.counts[key] > rate.Limit,
	}, nil
}

func (s *clockStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

func TestKeyIsLimitedAndFreeAgainInTheNextWindow(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 900_000_000)}
	at := open(t, func(o *Options) {
		o.RateLimit, o.Now, o.RateStore = "3-M", now.Now, newClockStore(now)
	}, nil)
	for _, remaining := range []string{"2", "1", "0"} {
		a := at.get("/api/things/A")
		if a.status != 200 || a.header.Get("X-RateLimit-Limit") != "3" ||
			a.header.Get("X-RateLimit-Remaining") != remaining || a.header.Get("X-RateLimit-Reset") != "1700000060" {
			t.Errorf("got %d %v, want %s remaining", a.status, a.header, remaining)
		}
	}
	now.advance(10 * time.Second)
	a := at.get("/api/things/A")
	at.wantError(a, 429, "Too many requests")
	if got := a.header.Get("Retry-After"); got != "51" { // the window ends at :60.9, now is :10.9
		t.Errorf("Retry-After is %s", got)
	}
	if a := at.call("GET", "/api/things/A", "", headerAPIKey, otherKey); a.status != 200 {
		t.Errorf("another key: %d", a.status)
	}
	now.advance(51 * time.Second)
	if a := at.get("/api/things/A"); a.status != 200 || a.header.Get("X-RateLimit-Remaining") != "2" {
		t.Errorf("after Retry-After: %d %v", a.status, a.header)
	}
}

func TestMemoryStoreLimitsToo(t *testing.T) {
	at := open(t, func(o *Options) { o.RateLimit = "2-H" }, nil)
	before := time.Now().Unix()
	for range 2 {
		if a := at.get("/api/things/A"); a.status != 200 {
			t.Errorf("got %d", a.status)
		}
	}
	a := at.get("/api/things/A")
	at.wantError(a, 429, "Too many requests")
	reset, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || reset < before || reset > time.Now().Unix()+3600 {
		t.Errorf("reset %d, %v", reset, err)
	}
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 3590 || wait > 3600 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
}

func TestRetryAfterIsNeverTooEarlyNorLongerThanTheWindow(t *testing.T) {
	at := func(seconds int64, ms int64) time.Time { return time.Unix(seconds, ms*1e6) }
	for _, tc := range []struct {
		now   time.Time
		reset int64
		want  int64
	}{
		{at(100, 0), 160, 60},
		{at(100, 950), 160, 60},
		{at(150, 0), 160, 11},
		{at(150, 500), 160, 11},
		{at(160, 500), 160, 1},
		{at(170, 0), 160, 1},
	} {
		l := rateLimit{rate: limiter.Rate{Limit: 1, Period: time.Minute}, now: func() time.Time { return tc.now }}
		if got := l.retryAfter(tc.reset); got != tc.want {
			t.Errorf("at %v, reset %d: %d, want %d", tc.now, tc.reset, got, tc.want)
		}
	}
}

func TestRateHeadersStandOnEveryAnswerAsDocumented(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/fails", func(*fiber.Ctx) error { return domain.Invalid("x", "y") })
		s.API().Get("/panics", func(*fiber.Ctx) error { panic("x") })
	})
	for path, status := range map[string]int{
		"/api/things/A": 200, "/api/nowhere": 404, "/api/fails": 422, "/api/panics": 500, "/api/things": 405,
	} {
		a := at.get(path)
		if a.status != status {
			t.Errorf("%s: %d", path, a.status)
		}
		for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			if len(a.header.Values(name)) != 1 {
				t.Errorf("%s: %s is %q", path, name, a.header.Values(name))
			}
		}
	}
	wire := at.wire("GET /api/things/A HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: " + goodKey + "\r\n\r\n")
	for _, name := range []string{"X-RateLimit-Limit: ", "X-RateLimit-Remaining: ", "X-RateLimit-Reset: ", "X-Request-ID: "} {
		if !strings.Contains(wire, "\r\n"+name) {
			t.Errorf("no %q in %s", name, wire)
		}
	}
}

// wire is what comes back on the connection, byte for byte.
func (at *site) wire(request string) string {
	at.t.Helper()
	conn, err := net.Dial("tcp", at.addr)
	if err != nil {
		at.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		at.t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		at.t.Fatal(err)
	}
	return string(text)
}

func TestMemoryStandsInWhileTheSharedStoreIsAway(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 0)}
	shared := newClockStore(now)
	at := open(t, func(o *Options) { o.RateLimit, o.Now, o.RateStore = "2-H", now.Now, shared }, nil)
	shared.fail(errors.New("dial redis://:hunter@10.0.0.5: refused, kp_live_0123456789"))
	for range 2 {
		if a := at.get("/api/things/A"); a.status != 200 {
			t.Errorf("while it is away: %d", a.status)
		}
	}
	if a := at.get("/api/things/A"); a.status != 429 {
		t.Errorf("over the limit of this node: %d", a.status)
	}
	if shared.asked != 1 {
		t.Errorf("asked %d times while it is away", shared.asked)
	}
	if text := at.log.String(); strings.Contains(text, "kp_live_0") || strings.Count(text, "store is away") != 1 {
		t.Errorf("log: %s", text)
	}
	shared.fail(nil)
	now.advance(storePause + time.Second)
	if a := at.get("/api/things/A"); a.status != 200 || a.header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("when it is back: %d %v", a.status, a.header)
	}
}

func TestConcurrentRequestsShareOneCount(t *testing.T) {
	const workers, each, limit = 8, 40, 200
	at := open(t, func(o *Options) { o.RateLimit = strconv.Itoa(limit) + "-H" }, nil)
	statuses := make(chan int, workers*each)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			conn, err := net.Dial("tcp", at.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			for range each {
				_, _ = io.WriteString(conn, "GET /api/things/A HTTP/1.1\r\nHost: x\r\nX-API-Key: "+goodKey+"\r\n\r\n")
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				statuses <- res.StatusCode
			}
		})
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[200] != limit || count[429] != workers*each-limit {
		t.Errorf("got %v, want %d times 200 and %d times 429", count, limit, workers*each-limit)
	}
}

func TestMemoryStoreIsTheDefault(t *testing.T) {
	if _, shared := newRateStore(nil, zerolog.Nop(), time.Now, nil).(*sharedStore); shared {
		t.Error("a shared store without one")
	}
}
