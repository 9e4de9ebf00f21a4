package domain

import "context"

// Mode tells whether a key or channel moves real money.
type Mode string

// The modes.
const (
	ModeTest Mode = "test"
	ModeLive Mode = "live"
)

// Caller is who a request comes from: a merchant, through one of its API keys.
type Caller struct {
	MerchantID int64
	KeyID      string
	Mode       Mode
	TimeZone   string
	Scopes     []string
}

// May tells whether the caller's key has the scope; a key without any scopes has them all.
func (c Caller) May(scope string) bool {
	if len(c.Scopes) == 0 {
		return true
	}
	for _, s := range c.Scopes {
		if s == scope {
			return true
		}
	}
	return false
}

type callerKey struct{}

// WithCaller is ctx with the caller in it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is the caller in ctx, false when the request has none.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// Request is where a command came from over HTTP.
type Request struct {
	// ID is the request id, ours or the client's; it becomes the correlation id of the events.
	ID string
	// IP is the client's address, personal data: it goes nowhere but sealed or shortened.
	IP string
}

type requestKey struct{}

// WithRequest is ctx with the request in it.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom is the request in ctx, zero when there is none.
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
