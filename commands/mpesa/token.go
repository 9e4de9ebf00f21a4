package mpesa

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/benfex/kipay/commands/upstream"
)

// tokenMargin is how long before its expiry a token is no longer used. Daraja's tokens live 3600 s (Daraja,
// Authorization).
const tokenMargin = 60 * time.Second

// tokenLifeUnknown is taken when an answer does not say how long its token lives; a token that is refused earlier is
// replaced anyway.
const tokenLifeUnknown = 10 * time.Minute

const maxTokenBytes = 8 << 10

type token struct {
	value   string
	goodFor time.Time // its expiry less tokenMargin
}

// tokens are the access tokens by Daraja app. One app has one token at a time, however many channels and goroutines
// want it, because a new token may end the earlier one (SAF-DOC, Authorization FAQ; not confirmed by observation).
type tokens struct {
	flights singleflight.Group

	mu  sync.Mutex
	lru *simplelru.LRU[string, token]
}

func newTokens(size int) *tokens {
	lru, err := simplelru.NewLRU[string, token](max(size, 1), nil)
	if err != nil {
		panic(fmt.Sprintf("mpesa: tokens for %d apps: %v", size, err))
	}
	return &tokens{lru: lru}
}

func (t *tokens) get(app string, now time.Time) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.lru.Get(app)
	if !ok || !now.Before(found.goodFor) {
		return "", false
	}
	return found.value, true
}

func (t *tokens) put(app string, tk token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lru.Add(app, tk)
}

// drop forgets a token that was refused, unless it has been replaced already.
func (t *tokens) drop(app, value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found, ok := t.lru.Peek(app); ok && found.value == value {
		t.lru.Remove(app)
	}
}

// token is an access token, from the cache or fetched once for all who wait for it. The fetch goes on when a waiter
// gives up. Its errors are always NotSent: whatever the token was for has not been sent.
func (c *Client) token(ctx context.Context, call string, cred Credentials) (string, *Error) {
	base := c.baseURL(cred.Environment)
	app := cred.fingerprint(base)
	if tk, ok := c.tokens.get(app, c.opts.Now()); ok {
		return tk, nil
	}
	return c.fly(ctx, call, app, func(ctx context.Context) (string, *Error) {
		if tk, ok := c.tokens.get(app, c.opts.Now()); ok {
			return tk, nil // another flight landed between the look above and this one
		}
		return c.mint(ctx, base, app, cred)
	})
}

// fly is the token that fetch brings, or that of the fetch for this app that is under way already.
func (c *Client) fly(ctx context.Context, call, app string, fetch func(context.Context) (string, *Error)) (string, *Error) {
	flight := c.tokens.flights.DoChan(app, func() (any, error) {
		tk, err := fetch(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		return tk, nil
	})
	select {
	case <-ctx.Done():
		return "", notSent(ctx, call, ctx.Err(), "waiting for an access token")
	case r := <-flight:
		if r.Err != nil {
			failed, ok := r.Err.(*Error) //nolint:errorlint // the flight returns nothing else
			if !ok {
				return "", notSent(ctx, call, r.Err, "fetching an access token")
			}
			e := *failed
			e.Call = call
			return "", &e
		}
		tk, _ := r.Val.(string)
		return tk, nil
	}
}

// mint fetches a token and keeps it. A fetch moves no money, so that a failed one is repeated once.
func (c *Client) mint(ctx context.Context, base, app string, cred Credentials) (string, *Error) {
	tk, err := c.mintOnce(ctx, base, app, cred)
	if err != nil && err.trips {
		tk, err = c.mintOnce(ctx, base, app, cred)
	}
	return tk, err
}

// mintOnce is GET /oauth/v1/generate?grant_type=client_credentials with Basic authentication (Daraja, Authorization).
func (c *Client) mintOnce(ctx context.Context, base, app string, cred Credentials) (_ string, failed *Error) {
	start := c.opts.Now()
	defer func() { c.observe("oauth", start, outcomeOf(failed)) }()
	ctx, cancel := context.WithTimeout(ctx, c.opts.TokenTimeout)
	defer cancel()

	clean := newCleaner(cred.ConsumerKey, cred.ConsumerSecret)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/oauth/v1/generate?grant_type=client_credentials", nil)
	if err != nil {
		return "", notSent(ctx, "oauth", clean.cause(err), "base URL of Daraja")
	}
	req.SetBasicAuth(cred.ConsumerKey, cred.ConsumerSecret)
	req.Header.Set("Accept", "application/json")
	rep, err := c.exchange(req)
	if err != nil {
		return "", notSent(ctx, "oauth", clean.cause(err), "fetching an access token")
	}
	value := upstream.TextOf(rep.fields["access_token"])
	if rep.status/100 == 2 && usableToken(value) {
		life := tokenLife(rep.fields["expires_in"])
		c.tokens.put(app, token{value: value, goodFor: start.Add(life - tokenMargin)})
		return value, nil
	}
	return "", tokenFailure(rep, clean)
}

// tokenFailure is an answer without a token. What Daraja sends for a wrong key or secret is not confirmed: a 400 with
// 400.008.01, or with an empty body.
func tokenFailure(rep reply, clean cleaner) *Error {
	e := judge(order{call: "oauth"}, rep, clean)
	if e == nil { // a 200 without a usable token
		e = &Error{HTTPStatus: rep.status, Message: "the answer has no access token"}
	}
	e.Call, e.Kind, e.Raw = "oauth", NotSent, nil // Raw might hold a token
	switch rep.status {
	case 400, 401, 403:
		if e.failure != FailureInvalidRequest {
			e.failure, e.reason = FailureInvalidCredentials, reasonCredentials
		}
		e.Retryable = false
	default:
		if e.failure != FailureProviderBusy && e.failure != FailureQuotaExceeded {
			e.failure, e.reason = FailureProviderUnavailable, reasonUnavailable
		}
		e.Retryable = true
	}
	return e
}

// tokenLife reads expires_in: a text in practice, a number in Safaricom's own sample.
func tokenLife(raw json.RawMessage) time.Duration {
	text, _ := plainDecimal(upstream.TextOf(raw))
	s, err := strconv.ParseInt(text, 10, 32)
	if err != nil || s < 0 {
		return tokenLifeUnknown
	}
	return time.Duration(s) * time.Second
}

// usableToken tells whether a token can stand in a header.
func usableToken(s string) bool {
	if s == "" || len(s) > maxTokenBytes {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Probe asks whether the consumer key and secret are good, by fetching a token anew, or with the fetch that is under way;
// the token is kept for use. For the operator's check of a channel. The passkey cannot be checked without prompting
// somebody.
func (c *Client) Probe(ctx context.Context, cred Credentials) error {
	if p := cred.problem(); p != "" {
		return misconfigured("probe", p)
	}
	base := c.baseURL(cred.Environment)
	app := cred.fingerprint(base)
	if _, err := c.fly(ctx, "probe", app, func(ctx context.Context) (string, *Error) { return c.mint(ctx, base, app, cred) }); err != nil {
		return err
	}
	return nil
}
