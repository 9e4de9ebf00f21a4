package paystack

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// DefaultURL is Paystack's one host, for test and live.
const DefaultURL = "https://api.paystack.co"

// Limits on what is sent and kept. maxResponseBytes bounds what is read of an answer.
const (
	maxResponseBytes = 1 << 20
	maxMessageRunes  = 300
)

// ChannelKey names a payment channel: whose breaker, and whose share of connections. Any text that is unique per
// channel; it appears in BreakerStates.
type ChannelKey string

// Options configure a Client. The zero value is what production wants.
type Options struct {
	BaseURL string // default DefaultURL
	// HTTPClient carries the calls; its redirect policy and cookie jar are replaced. It must not retry by itself.
	// Default: HTTP/1.1 without HTTP/2, which may repeat a POST.
	HTTPClient *http.Client
	// Now is the clock for durations. Default time.Now.
	Now func() time.Time
	// Sleep waits between the attempts of a GET, and as long as a rate limit asks before the next page of a list; it
	// returns an error when ctx ends first. Default a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Observe is told of every operation, and of every page of a list: its name (initialize, verify, probe, refund,
	// refund_retry, fetch_refund, list_refunds, list_transactions, list_settlements, settlement_transactions,
	// list_disputes, fetch_dispute, dispute_evidence, dispute_upload_url, dispute_file, dispute_resolve), how it ended (ok, rejected,
	// unknown, not_sent, duplicate_reference, not_found) and how long it took. It must not block.
	Observe func(call, outcome string, d time.Duration)

	CallTimeout      time.Duration // one HTTP call; default 15 s
	OperationTimeout time.Duration // an operation with its repetitions; default 25 s

	// Concurrency is how many calls of one kind one channel may have under way; others wait. Default 32.
	Concurrency int
	// Channels is for how many channels breakers and slots are kept; the least recently used are forgotten. Default 4096.
	Channels int
	// Attempts is how often a GET is tried in all; a POST or a PUT is sent once. Default 3. Pages of lists are more
	// patient.
	Attempts int

	Breaker BreakerOptions
}

// BreakerOptions say when a breaker opens. Only transport errors, timeouts and 5xx answers that are not Paystack's own
// words are counted.
type BreakerOptions = upstream.BreakerOptions

// Client speaks to Paystack for all channels. It is safe for concurrent use.
type Client struct {
	opts  Options
	http  *http.Client
	lanes *upstream.Lanes[reply]
}

// New makes a Client. It does no I/O.
func New(o Options) *Client {
	o.BaseURL = strings.TrimRight(orDefault(o.BaseURL, DefaultURL), "/")
	o.CallTimeout = orDefault(o.CallTimeout, 15*time.Second)
	o.OperationTimeout = orDefault(o.OperationTimeout, 25*time.Second)
	o.Concurrency = orDefault(o.Concurrency, 32)
	o.Channels = orDefault(o.Channels, 4096)
	o.Attempts = orDefault(o.Attempts, 3)
	o.Breaker.Failures = orDefault(o.Breaker.Failures, 5)
	o.Breaker.OpenFor = orDefault(o.Breaker.OpenFor, 20*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	return &Client{
		opts: o,
		http: upstream.HTTPClient(o.HTTPClient),
		lanes: upstream.NewLanes[reply](upstream.LaneOptions{
			Provider: "paystack", Channels: o.Channels, Each: laneNames, Slots: o.Concurrency, Breaker: o.Breaker,
		}),
	}
}

// BreakerStates are the breakers' states (closed, half-open, open) by paystack/{channel}/{call}, of channels used
// lately.
func (c *Client) BreakerStates() map[string]string { return c.lanes.States() }

// PublicNetworks are the addresses that Paystack's webhooks come from, test and live (Paystack, Webhooks).
func PublicNetworks() []netip.Prefix {
	hosts := [...]string{"52.31.139.75", "52.49.173.169", "52.214.14.220"}
	nets := make([]netip.Prefix, len(hosts))
	for i, h := range hosts {
		nets[i] = netip.PrefixFrom(netip.MustParseAddr(h), 32)
	}
	return nets
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// observe reports an operation that started at start.
func (c *Client) observe(call string, start time.Time, err *Error) {
	outcome := "ok"
	if err != nil {
		outcome = err.Kind.String()
	}
	c.opts.Observe(call, outcome, c.opts.Now().Sub(start))
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
