package mpesa

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/sony/gobreaker/v2"

	"github.com/benfex/kipay/commands/upstream"
)

// order is one POST to Daraja.
type order struct {
	call    string // for errors and metrics
	lane    string // whose breaker and slots
	path    string
	body    any
	private []string    // what must not stand in an error text, besides the credentials
	rules   []errorRule // tried before the common ones
}

// reply is an answer of Daraja's, decoded as far as it is JSON.
type reply struct {
	status int
	raw    []byte
	fields map[string]json.RawMessage // nil when the body is not a JSON object
	whole  bool                       // false when the body broke off or was too large
}

// execute carries out an order: a slot, the breaker, a token, the call; and, when the token was refused, a new token
// and the call once more, which is safe because a refused call was not executed. Nothing else is ever repeated.
func (c *Client) execute(ctx context.Context, ch ChannelKey, cred Credentials, o order) (reply, *Error) {
	if p := cred.problem(); p != "" {
		return reply{}, misconfigured(o.call, p)
	}
	body, err := json.Marshal(o.body)
	if err != nil {
		return reply{}, refuse(o.call, FailureInvalidRequest, reasonInvalidRequest, "the request cannot be encoded")
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.OperationTimeout)
	defer cancel()
	l := c.lanes.Get(string(ch), o.lane)
	if err := l.Slots.Acquire(ctx, 1); err != nil {
		return reply{}, notSent(ctx, o.call, err, "waiting for a free slot")
	}
	defer l.Slots.Release(1)

	rep, err := l.Breaker.Execute(func() (reply, error) {
		rep, failed := c.withToken(ctx, cred, o, body)
		if failed != nil {
			return rep, failed
		}
		return rep, nil
	})
	var failed *Error
	switch {
	case err == nil:
		return rep, nil
	case errors.As(err, &failed):
		return rep, failed
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return reply{}, &Error{
			Kind: NotSent, Retryable: true, Call: o.call, Err: err,
			failure: FailureProviderUnavailable, reason: reasonUnavailable,
		}
	}
	return reply{}, &Error{Call: o.call, Err: err, failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome}
}

func (c *Client) withToken(ctx context.Context, cred Credentials, o order, body []byte) (reply, *Error) {
	app := cred.fingerprint(c.baseURL(cred.Environment))
	for attempt := 0; ; attempt++ {
		tk, failed := c.token(ctx, o.call, cred)
		if failed != nil {
			return reply{}, failed
		}
		rep, failed := c.post(ctx, cred, o, body, tk)
		if failed == nil || !failed.tokenRejected {
			return rep, failed
		}
		c.tokens.drop(app, tk)
		if attempt == 1 {
			return rep, failed
		}
	}
}

// post makes the call, once.
func (c *Client) post(ctx context.Context, cred Credentials, o order, body []byte, tk string) (reply, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.CallTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return reply{}, notSent(ctx, o.call, err, "the time was up before it was sent")
	}
	clean := newCleaner(append([]string{tk, cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, cred.SecurityCredential}, o.private...)...)

	var g upstream.Gate
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.baseURL(cred.Environment)+o.path, g.Body(body))
	if err != nil {
		return reply{}, notSent(ctx, o.call, clean.cause(err), "base URL of Daraja")
	}
	req.ContentLength = int64(len(body))
	// GetBody lets net/http move to another connection when the one it picked was dead before the first byte.
	req.GetBody = func() (io.ReadCloser, error) { return g.Body(body), nil }
	req.Header.Set("Authorization", "Bearer "+tk)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")

	rep, err := c.exchange(req)
	if err != nil {
		if g.Close() {
			return reply{}, notSent(ctx, o.call, clean.cause(err), "nothing was sent")
		}
		return reply{}, &Error{
			Kind: Unknown, Call: o.call, Message: "no answer came", Err: clean.cause(err), trips: true,
			cancelled: callerGaveUp(ctx), failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome,
		}
	}
	return rep, judge(o, rep, clean)
}

// exchange sends req and reads the answer, within bounds. An error means that no answer came; an answer that breaks off
// is a reply that is not whole.
func (c *Client) exchange(req *http.Request) (reply, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxResponseBytes+1))
	rep := reply{status: res.StatusCode, raw: raw, whole: err == nil && len(raw) <= maxResponseBytes}
	if rep.whole && upstream.CheckJSON(raw, maxResponseBytes, maxDepth) == nil {
		rep.fields, _ = upstream.ObjectOf(upstream.WithoutBOM(raw))
	}
	return rep, nil
}

// judge is nil when an answer is a JSON object under a 2xx without an error in it; what it says is for the caller to
// read. Otherwise it is what the error means.
func judge(o order, rep reply, clean cleaner) *Error {
	code, message, requestID := upstream.TextOf(rep.fields["errorCode"]), upstream.TextOf(rep.fields["errorMessage"]), upstream.TextOf(rep.fields["requestId"])
	if fault, ok := upstream.ObjectOf(rep.fields["fault"]); ok { // the gateway's own error body
		message = upstream.TextOf(fault["faultstring"])
	}
	if rep.status/100 == 2 && rep.fields != nil && code == "" && message == "" {
		return nil
	}
	rule := ruleFor(o.rules, rep.status, code, message)
	e := &Error{
		Kind: rule.kind, Retryable: rule.retry, Call: o.call, HTTPStatus: rep.status,
		Code: clean.text(code), Message: clean.text(message), RequestID: clean.text(requestID), Raw: rep.raw,
		failure: rule.failure, reason: rule.reason, tokenRejected: rule.token,
		// An errorCode is Daraja's own word, however wrong things are behind it: it is there and it answers.
		trips: !rep.whole || rep.status >= 500 && code == "" && rule.kind == Unknown,
	}
	switch {
	case e.Message != "":
	case !rep.whole:
		e.Message = "the answer broke off or is too large"
	case rep.fields == nil:
		e.Message = "the answer is not JSON"
	}
	return e
}

// notSent is a failure before anything was written.
func notSent(ctx context.Context, call string, cause error, doing string) *Error {
	e := &Error{
		Kind: NotSent, Retryable: true, Call: call, Message: doing, Err: cause, trips: true,
		failure: FailureProviderUnavailable, reason: reasonUnavailable,
	}
	if callerGaveUp(ctx) {
		e.cancelled, e.failure, e.reason = true, FailureCallerGaveUp, reasonCallerGaveUp
	}
	return e
}

// callerGaveUp tells a cancelled caller from a deadline that passed: only the latter says something about Daraja.
func callerGaveUp(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func misconfigured(call, what string) *Error {
	return refuse(call, FailureChannelMisconfigured, "This payment channel is not set up completely: "+what+".", what)
}
