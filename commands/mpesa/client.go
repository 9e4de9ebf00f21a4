package mpesa

import (
	"net/http"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// The hosts of Daraja; paths are the same on both.
const (
	DefaultSandboxURL    = "https://sandbox.safaricom.co.ke"
	DefaultProductionURL = "https://api.safaricom.co.ke"
)

// Limits on what is sent and kept. maxResponseBytes bounds what is read of an answer; real ones are below 2 KiB.
const (
	maxResponseBytes = 1 << 20
	maxMessageRunes  = 300

	// DefaultMaxShillings is the most that one transaction can move (Daraja, M-Pesa Express; 150,000 and 70,000 in
	// older texts, hence an option).
	DefaultMaxShillings = 250_000
)

// ChannelKey names a payment channel: whose breaker, and whose share of connections. Any text that is unique per
// channel; it appears in BreakerStates.
type ChannelKey string

// Options configure a Client. The zero value is what production wants.
type Options struct {
	SandboxURL    string // default DefaultSandboxURL
	ProductionURL string // default DefaultProductionURL
	// HTTPClient carries the calls; its redirect policy and cookie jar are replaced (Daraja uses neither, and a
	// followed redirect would send a push twice). It must not retry by itself. Default: HTTP/1.1 without HTTP/2,
	// because HTTP/2 may repeat a POST when a server says that it did not process the first.
	HTTPClient *http.Client
	// Now is the clock for timestamps and token expiry. Default time.Now.
	Now func() time.Time
	// Observe is told of every call: its name (push, query, oauth, register_c2b, simulate_c2b, reversal, b2c,
	// transaction_status, account_balance, register_pull, pull), how it ended (ok, rejected, unknown, not_sent; pending,
	// succeeded, failed for a query) and how long it took. It must not block.
	Observe func(call, outcome string, d time.Duration)

	TokenTimeout time.Duration // one token fetch; default 8 s
	CallTimeout  time.Duration // one HTTP call; default 15 s
	// OperationTimeout bounds an operation with all it may take: waiting for a slot, token, call, token and call again.
	// Default 25 s, so that an API call that waits for a push can answer within 30 s.
	OperationTimeout time.Duration

	// Concurrency is how many calls of one kind one channel may have under way; others wait. Default 32.
	Concurrency int
	// Channels is for how many channels breakers and slots are kept, and for how many apps tokens; the least recently
	// used are forgotten. Default 4096.
	Channels int
	// MaxShillings is the most that Push, Reversal and B2C accept. Default DefaultMaxShillings.
	MaxShillings int64

	Breaker BreakerOptions
}

// BreakerOptions say when a breaker opens. Only transport errors, timeouts and 5xx answers that are not Daraja's own
// words are counted.
type BreakerOptions = upstream.BreakerOptions

// Client speaks to Daraja for all channels. It is safe for concurrent use.
type Client struct {
	opts   Options
	http   *http.Client
	lanes  *upstream.Lanes[reply]
	tokens *tokens
}

// New makes a Client. It does no I/O.
func New(o Options) *Client {
	o.SandboxURL = strings.TrimRight(orDefault(o.SandboxURL, DefaultSandboxURL), "/")
	o.ProductionURL = strings.TrimRight(orDefault(o.ProductionURL, DefaultProductionURL), "/")
	o.TokenTimeout = orDefault(o.TokenTimeout, 8*time.Second)
	o.CallTimeout = orDefault(o.CallTimeout, 15*time.Second)
	o.OperationTimeout = orDefault(o.OperationTimeout, 25*time.Second)
	o.Concurrency = orDefault(o.Concurrency, 32)
	o.Channels = orDefault(o.Channels, 4096)
	o.MaxShillings = orDefault(o.MaxShillings, DefaultMaxShillings)
	o.Breaker.Failures = orDefault(o.Breaker.Failures, 5)
	o.Breaker.OpenFor = orDefault(o.Breaker.OpenFor, 20*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	return &Client{
		opts: o,
		http: upstream.HTTPClient(o.HTTPClient),
		lanes: upstream.NewLanes[reply](upstream.LaneOptions{
			Provider: "mpesa", Channels: o.Channels, Each: laneNames, Slots: o.Concurrency, Breaker: o.Breaker,
		}),
		tokens: newTokens(o.Channels),
	}
}

// laneNames is how many lanes a channel can have: push, query, c2b, reversal, b2c, ask. Neither Daraja's slow queries nor a flood of
// them keep a push from being sent.
const laneNames = 6

// BreakerStates are the breakers' states (closed, half-open, open) by mpesa/{channel}/{call}, of channels used lately.
func (c *Client) BreakerStates() map[string]string { return c.lanes.States() }

func (c *Client) baseURL(environment string) string {
	if environment == Production {
		return c.opts.ProductionURL
	}
	return c.opts.SandboxURL
}

// observe reports a call that started at start.
func (c *Client) observe(call string, start time.Time, outcome string) {
	c.opts.Observe(call, outcome, c.opts.Now().Sub(start))
}

// outcomeOf is the word for Observe.
func outcomeOf(err *Error) string {
	if err == nil {
		return "ok"
	}
	return err.Kind.String()
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
