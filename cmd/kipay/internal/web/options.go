package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/ulule/limiter/v3"

	"github.com/benfex/kipay/domain"
)

// The limits that hold when Options say nothing else. Sizes are in bytes.
const (
	defaultRateLimit        = "100-M"
	defaultAuthFailureLimit = "20-M"
	defaultBodyLimit        = 1 << 20
	defaultPublicBodyLimit  = 256 << 10
	defaultMaxConnections   = 16 << 10
	defaultReadTimeout      = 15 * time.Second
	defaultUploadTimeout    = 2 * time.Minute
	defaultWriteTimeout     = time.Minute
	defaultIdleTimeout      = 75 * time.Second // longer than the 60 s of common proxies, which must close first
	defaultRequestTimeout   = 35 * time.Second // stk-push answers within 30 s, whatever Daraja does
	defaultShutdownTimeout  = 30 * time.Second

	// headerLimit bounds the request line and the headers together; more is 431.
	headerLimit = 8 << 10
)

// Authenticator knows the API keys. It is called once for each request below /api, so the implementation caches.
type Authenticator interface {
	// Authenticate tells whose key it is. The error has domain.CodeUnauthorized for a key that is unknown, revoked or
	// malformed, and only then counts as a failed authentication.
	Authenticate(ctx context.Context, apiKey string) (domain.Caller, error)
}

// Options are what the server needs from outside. Only Auth has no default.
type Options struct {
	Auth    Authenticator
	Log     zerolog.Logger
	Metrics prometheus.Registerer // nil: counted, but shown nowhere

	// RateLimit is what one API key may do, as ulule/limiter writes it: "100-M", "5-S", "1000-H".
	RateLimit string
	// RateStore holds the counters; nil keeps them in memory. While a given store is away, memory stands in.
	RateStore limiter.Store
	// AuthFailureLimit is how many failed authentications one client network (IPv4 address, IPv6 /64) has.
	AuthFailureLimit string
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix

	Now          func() time.Time
	NewRequestID func() string

	// BodyLimit bounds bodies below /api, PublicBodyLimit everywhere else, in bytes.
	BodyLimit, PublicBodyLimit int
	// Uploads are the exact paths that take multipart files, with their own limit in bytes. The handler reads the body
	// off the connection (c.FormFile), after it has checked who is calling; a Content-Length is required.
	Uploads map[string]int

	// Forms tells which other paths take multipart forms besides JSON, within the usual limit; nil for none.
	Forms func(path string) bool

	// ReadTimeout is how long a client may take to send one request, UploadTimeout the same for Uploads.
	ReadTimeout, UploadTimeout time.Duration
	// WriteTimeout is how long it may take to receive the answer, IdleTimeout how long a connection is kept for the next.
	WriteTimeout, IdleTimeout time.Duration
	// RequestTimeout ends the context of a request.
	RequestTimeout time.Duration
	// ShutdownTimeout is how long Listen lets requests finish once its context is done.
	ShutdownTimeout time.Duration
	// MaxConnections bounds the open connections; fasthttp refuses more with 503, in plain text, before it reads anything.
	MaxConnections int

	// ErrorPage answers errors outside /api to clients that accept HTML; nil answers them as JSON too. The status is set
	// before the call.
	ErrorPage func(c *fiber.Ctx, status int, message, requestID string) error
}

// withDefaults is o with every gap filled, or what is wrong with it.
func (o Options) withDefaults() (Options, error) {
	if o.Auth == nil {
		return o, errors.New("web: Auth is required")
	}
	orText(&o.RateLimit, defaultRateLimit)
	orText(&o.AuthFailureLimit, defaultAuthFailureLimit)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewRequestID == nil {
		o.NewRequestID = rand.Text
	}
	for _, n := range []struct {
		name  string
		value *int
		or    int
	}{
		{"BodyLimit", &o.BodyLimit, defaultBodyLimit},
		{"PublicBodyLimit", &o.PublicBodyLimit, defaultPublicBodyLimit},
		{"MaxConnections", &o.MaxConnections, defaultMaxConnections},
	} {
		if err := orNumber(n.name, n.value, n.or); err != nil {
			return o, err
		}
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		or    time.Duration
	}{
		{"ReadTimeout", &o.ReadTimeout, defaultReadTimeout},
		{"UploadTimeout", &o.UploadTimeout, defaultUploadTimeout},
		{"WriteTimeout", &o.WriteTimeout, defaultWriteTimeout},
		{"IdleTimeout", &o.IdleTimeout, defaultIdleTimeout},
		{"RequestTimeout", &o.RequestTimeout, defaultRequestTimeout},
		{"ShutdownTimeout", &o.ShutdownTimeout, defaultShutdownTimeout},
	} {
		if err := orNumber(d.name, d.value, d.or); err != nil {
			return o, err
		}
	}
	for path, limit := range o.Uploads {
		if !strings.HasPrefix(path, "/") || limit <= 0 {
			return o, fmt.Errorf("web: upload %q of %d bytes: a path and a positive limit are needed", path, limit)
		}
	}
	return o, nil
}

// parseRate reads a rate such as "100-M".
func parseRate(name, text string) (limiter.Rate, error) {
	rate, err := limiter.NewRateFromFormatted(text)
	if err != nil {
		return rate, fmt.Errorf("web: %s: %w", name, err)
	}
	if rate.Limit <= 0 {
		return rate, fmt.Errorf("web: %s %q must allow at least one request", name, text)
	}
	return rate, nil
}

func orText(value *string, or string) {
	if *value == "" {
		*value = or
	}
}

func orNumber[N ~int | ~int64](name string, value *N, or N) error {
	if *value < 0 {
		return fmt.Errorf("web: %s must not be negative", name)
	}
	if *value == 0 {
		*value = or
	}
	return nil
}
