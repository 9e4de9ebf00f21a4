package web

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/ulule/limiter/v3"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/domain"
)

// rateLimit counts requests by name in windows of fixed length.
type rateLimit struct {
	store limiter.Store
	rate  limiter.Rate
	now   func() time.Time
	limit []byte // of rate, as the header shows it
}

func newRateLimit(store limiter.Store, rate limiter.Rate, now func() time.Time) rateLimit {
	return rateLimit{store: store, rate: rate, now: now, limit: strconv.AppendInt(nil, rate.Limit, 10)}
}

// spend counts one request of name and puts what is left into the answer's headers. Errors: RateLimited.
func (l *rateLimit) spend(ctx context.Context, answer *fasthttp.RequestCtx, name string) error {
	state, err := l.store.Get(ctx, name, l.rate)
	if err != nil {
		return domain.Unavailable("The rate limit can't be checked right now", err)
	}
	var number [20]byte
	h := &answer.Response.Header
	h.SetCanonical(headerRateLimit, l.limit)
	h.SetCanonical(headerRateRemaining, strconv.AppendInt(number[:0], state.Remaining, 10))
	h.SetCanonical(headerRateReset, strconv.AppendInt(number[:0], state.Reset, 10))
	if !state.Reached {
		return nil
	}
	h.SetCanonical(headerRetryAfter, strconv.AppendInt(number[:0], l.retryAfter(state.Reset), 10))
	return &domain.Error{Code: domain.CodeRateLimited}
}

// retryAfter is after how many seconds the window is over for certain. ulule cuts reset to whole seconds, so the window
// may last up to a second longer, but never longer than its period from now.
func (l *rateLimit) retryAfter(reset int64) int64 {
	left := time.Unix(reset+1, 0).Sub(l.now())
	seconds := int64(math.Ceil(left.Seconds()))
	return min(max(seconds, 1), max(int64(l.rate.Period/time.Second), 1))
}

// failureLimit counts failed authentications by the client's network.
type failureLimit struct{ rateLimit }

// failureSlots is how many counters there are. Strangers choose their addresses, an IPv6 provider hands out millions of
// networks, and ulule's memory store has no bound of its own; so networks share slots. Two that meet in one cost each
// other nothing but a 429 in place of a 401: known keys are never held up.
const failureSlots = 1 << 16

// spend counts one failure. Errors: RateLimited.
func (l *failureLimit) spend(ctx context.Context, answer *fasthttp.RequestCtx, ip netip.Addr) error {
	name := append(make([]byte, 0, 16), "auth-"...)
	return l.rateLimit.spend(ctx, answer, string(strconv.AppendUint(name, uint64(failureSlot(ip)), 16)))
}

// failureSlot is the counter of the client's network, the same on every node that shares a store.
func failureSlot(ip netip.Addr) uint32 {
	bytes := ip.As16()
	counted := bytes[:]
	if !ip.Is4() && !ip.Is4In6() {
		counted = bytes[:8] // one customer of an IPv6 provider has a /64, at least
	}
	hash := uint32(2166136261) // FNV-1a
	for _, b := range counted {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return (hash ^ hash>>16) % failureSlots
}
