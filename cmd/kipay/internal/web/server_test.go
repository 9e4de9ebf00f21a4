package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/domain"
)

// The keys that keyring knows; every other one is unknown.
const (
	goodKey    = "kp_test_good0000000000000000000000"
	otherKey   = "kp_test_other000000000000000000000"
	revokedKey = "kp_test_revoked0000000000000000000"
	outageKey  = "kp_test_outage00000000000000000000" // the store is away when this one is looked up
)

// keyring is an Authenticator.
type keyring struct{}

func (keyring) Authenticate(_ context.Context, key string) (domain.Caller, error) {
	switch key {
	case goodKey:
		return domain.Caller{MerchantID: 7, KeyID: "key_7", Mode: domain.ModeTest}, nil
	case otherKey:
		return domain.Caller{MerchantID: 8, KeyID: "key_8", Mode: domain.ModeTest}, nil
	case outageKey:
		return domain.Caller{}, domain.Unavailable("The event store is away", errors.New("dial tcp: refused"))
	case revokedKey:
		return domain.Caller{}, &domain.Error{Code: domain.CodeUnauthorized, Message: "revoked yesterday"}
	default:
		return domain.Caller{}, &domain.Error{Code: domain.CodeUnauthorized, Message: "no such key"}
	}
}

// journal is a log that can be read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// last is the newest line. A line is written before its answer is, so it is there once the answer is.
func (j *journal) last(t *testing.T) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(j.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatalf("log line %q: %v", lines[len(lines)-1], err)
	}
	return line
}

// site is a server on a socket.
type site struct {
	*Server
	t       *testing.T
	addr    string
	log     *journal
	metrics *prometheus.Registry
	client  *http.Client
	served  chan error // what Listen returned
}

// open starts a server with some routes; more are added, and options changed, by the functions.
func open(t *testing.T, change func(*Options), routes func(*Server)) *site {
	t.Helper()
	at := &site{t: t, log: &journal{}, metrics: prometheus.NewRegistry(), served: make(chan error, 1)}
	o := Options{
		Auth: keyring{}, Log: zerolog.New(at.log), Metrics: at.metrics, RateLimit: "1000-H", AuthFailureLimit: "1000-H",
	}
	if change != nil {
		change(&o)
	}
	var err error
	if at.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	at.API().Get("/things/:reference", func(c *fiber.Ctx) error {
		return c.JSON(fiber.Map{"status": "success", "reference": c.Params("reference")})
	})
	at.API().Post("/things", func(c *fiber.Ctx) error { return c.Status(http.StatusCreated).Send(c.Body()) })
	at.Public().Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok") })
	at.Public().Post("/door", func(c *fiber.Ctx) error { return c.Send(c.Body()) })
	if routes != nil {
		routes(at.Server)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at.addr = ln.Addr().String()
	transport := &http.Transport{}
	at.client = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	go func() { at.served <- at.Listen(context.Background(), ln) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = at.Shutdown(ctx)
	})
	return at
}

// answer is a response that was read to its end.
type answer struct {
	status int
	closes bool // the connection
	header http.Header
	text   string
	body   struct {
		Status    string            `json:"status"`
		Message   string            `json:"message"`
		Code      string            `json:"code"`
		Errors    map[string]string `json:"errors"`
		RequestID string            `json:"request_id"`
	}
}

// call sends one request; headers come in pairs.
func (at *site) call(method, path, body string, headers ...string) answer {
	at.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+at.addr+path, strings.NewReader(body))
	if err != nil {
		at.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return at.do(req)
}

func (at *site) do(req *http.Request) answer {
	at.t.Helper()
	res, err := at.client.Do(req)
	if err != nil {
		at.t.Fatal(err)
	}
	return at.read(res)
}

// get calls with a key that is known.
func (at *site) get(path string) answer {
	at.t.Helper()
	return at.call(http.MethodGet, path, "", headerAPIKey, goodKey)
}

func (at *site) read(res *http.Response) answer {
	at.t.Helper()
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		at.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, closes: res.Close, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body) // wantError tells
	return a
}

// raw sends bytes as they are, and reads the answers to the end of the connection.
func (at *site) raw(request string) []answer {
	at.t.Helper()
	conn, err := net.Dial("tcp", at.addr)
	if err != nil {
		at.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }()
	var answers []answer
	for r := bufio.NewReader(conn); ; {
		if _, err := r.Peek(1); err != nil {
			return answers
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			at.t.Fatalf("after %d answers: %v", len(answers), err)
		}
		answers = append(answers, at.read(res))
	}
}

// wantError checks the status, the message and the shape of an error.
func (at *site) wantError(a answer, status int, message string) {
	at.t.Helper()
	if a.status != status || a.body.Message != message {
		at.t.Errorf("got %d %q, want %d %q", a.status, a.text, status, message)
	}
	if a.body.Status != "error" {
		at.t.Errorf("status in %q is %q", a.text, a.body.Status)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		at.t.Errorf("Content-Type is %q", got)
	}
	if a.body.RequestID == "" || a.body.RequestID != a.header.Get("X-Request-ID") {
		at.t.Errorf("request_id %q, X-Request-ID %q", a.body.RequestID, a.header.Get("X-Request-ID"))
	}
	if strings.Contains(a.text, "goroutine") || strings.Contains(a.text, "<") {
		at.t.Errorf("a stack or HTML in %q", a.text)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"no authenticator": {},
		"no rate":          {Auth: keyring{}, RateLimit: "many"},
		"rate of nothing":  {Auth: keyring{}, RateLimit: "0-M"},
		"failure rate":     {Auth: keyring{}, AuthFailureLimit: "1-Y"},
		"negative size":    {Auth: keyring{}, BodyLimit: -1},
		"negative time":    {Auth: keyring{}, ReadTimeout: -1},
		"upload":           {Auth: keyring{}, Uploads: map[string]int{"/api/x": 0}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	taken := prometheus.NewRegistry()
	if _, err := New(Options{Auth: keyring{}, Metrics: taken}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Auth: keyring{}, Metrics: taken}); err == nil {
		t.Error("two servers on one registry: accepted")
	}
}

func TestEveryAnswerCarriesSecurityHeadersAndNoServerName(t *testing.T) {
	at := open(t, nil, nil)
	for path, want := range map[string]map[string]string{
		"/api/things/A": {
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
		},
		"/healthz": {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"},
		"/nowhere": {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
	} {
		a := at.get(path)
		for name, value := range want {
			if got := a.header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		for _, name := range []string{"Server", "Strict-Transport-Security"} {
			if got := a.header.Get(name); got != "" {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}
