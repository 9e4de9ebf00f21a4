package web

import (
	"bytes"
	"context"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
)

// apiPrefix is where the API is mounted.
const apiPrefix = "/api"

// Server is the HTTP server of one Kipay process.
type Server struct {
	app *fiber.App
	api fiber.Router

	auth      Authenticator
	log       zerolog.Logger
	metrics   *metrics
	keys      rateLimit
	failures  failureLimit
	proxies   []netip.Prefix
	now       func() time.Time
	newID     func() string
	errorPage func(c *fiber.Ctx, status int, message, requestID string) error

	bodyLimit, publicBodyLimit int
	uploads                    map[string]int
	forms                      func(path string) bool
	requestTimeout             time.Duration
	shutdownTimeout            time.Duration

	// base is the parent of every request's context; abort ends them all, when the server stops hard.
	base  context.Context
	abort context.CancelCauseFunc

	mu        sync.Mutex
	listeners []*onceListener
	draining  bool
	drained   chan struct{} // closed when Shutdown has finished
	drainErr  error         // read after drained
}

// New builds the app. Nothing listens yet: routes are registered on API and Public first, then Listen is called.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	keyRate, err := parseRate("RateLimit", o.RateLimit)
	if err != nil {
		return nil, err
	}
	failureRate, err := parseRate("AuthFailureLimit", o.AuthFailureLimit)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	store := newRateStore(o.RateStore, o.Log, o.Now, m.storeFailures)
	s := &Server{
		auth:            o.Auth,
		log:             o.Log,
		metrics:         m,
		keys:            newRateLimit(store, keyRate, o.Now),
		failures:        failureLimit{rateLimit: newRateLimit(store, failureRate, o.Now)},
		proxies:         o.TrustedProxies,
		now:             o.Now,
		newID:           o.NewRequestID,
		errorPage:       o.ErrorPage,
		bodyLimit:       o.BodyLimit,
		publicBodyLimit: o.PublicBodyLimit,
		uploads:         o.Uploads,
		forms:           o.Forms,
		requestTimeout:  o.RequestTimeout,
		shutdownTimeout: o.ShutdownTimeout,
		drained:         make(chan struct{}),
	}
	s.base, s.abort = context.WithCancelCause(context.Background())
	s.app = fiber.New(s.config(o))
	s.tuneConnections(o)
	s.app.Use(s.observe)
	s.api = s.app.Group(apiPrefix, s.gate)
	return s, nil
}

// config is how Fiber runs.
func (s *Server) config(o Options) fiber.Config {
	return fiber.Config{
		// Params and headers end up in events, caches and goroutines; see doc.go.
		Immutable: true,
		// One spelling of a path, so that whatever matches below /api has passed the gate.
		CaseSensitive: true,
		// The body stays on the connection until the gate lets it in: a stranger makes us buffer prefetched bytes, no more.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true, // it would write to disk before anyone is authenticated
		// admitBody holds the limits. Over a limit of its own fasthttp reads past the end of the body, into the next request.
		BodyLimit:             math.MaxInt,
		ReadBufferSize:        headerLimit,
		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          o.WriteTimeout,
		IdleTimeout:           o.IdleTimeout,
		Concurrency:           o.MaxConnections,
		ErrorHandler:          s.lateError,
		DisableStartupMessage: true,
	}
}

// tuneConnections sets what Fiber has no option for.
func (s *Server) tuneConnections(o Options) {
	server := s.app.Server()
	server.SecureErrorLogMessage = true // else its errors quote the headers, keys included
	server.CloseOnShutdown = true
	server.ErrorHandler = s.connectionError
	server.Handler = s.refuseDoubtfulFraming(s.refuseUnknownMethods(server.Handler))
	if len(o.Uploads) > 0 {
		server.HeaderReceived = uploadTimeouts(o.Uploads, o.UploadTimeout)
	}
}

// uploadTimeouts gives uploads more time on the connection than other requests.
func uploadTimeouts(uploads map[string]int, timeout time.Duration) func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
	return func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		path, _, _ := bytes.Cut(h.RequestURI(), []byte("?"))
		if _, ok := uploads[string(path)]; ok {
			return fasthttp.RequestConfig{ReadTimeout: timeout}
		}
		return fasthttp.RequestConfig{}
	}
}

// App is the Fiber app, for what the two routers don't offer.
func (s *Server) App() *fiber.App { return s.app }

// API is the router at /api: authenticated, rate limited, JSON.
func (s *Server) API() fiber.Router { return s.api }

// Public is the router at /, for pages, provider doors and probes: a request id, a log line, a bounded body and
// security headers, but no authentication. A route such as /* would answer below /api too: Options.ErrorPage is the
// way to a page for what is not there.
func (s *Server) Public() fiber.Router { return s.app }

// belowAPI tells whether path belongs to the API; /apifoo doesn't.
func belowAPI(path string) bool {
	return strings.HasPrefix(path, apiPrefix) && (len(path) == len(apiPrefix) || path[len(apiPrefix)] == '/')
}
