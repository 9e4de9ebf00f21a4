package domain

import (
	"context"
	"slices"
)

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

// Scopes of an API key: what it may do.
const (
	ScopeRead  = "read"
	ScopeWrite = "write"
	// ScopeApprove is a second person's yes to what another key asked for. A key has it only where it was given.
	ScopeApprove = "approve"
)

// May tells whether the caller's key has the scope. A key that was issued without any may read and write, and not approve.
func (c Caller) May(scope string) bool {
	if len(c.Scopes) == 0 {
		return scope == ScopeRead || scope == ScopeWrite
	}
	return slices.Contains(c.Scopes, scope)
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
