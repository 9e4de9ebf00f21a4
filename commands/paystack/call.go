package paystack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/benfex/kipay/commands/upstream"
)

// backoff is the wait before the second attempt of a GET; it is fourfold before each one after that.
const backoff = 250 * time.Millisecond

// order is one call to Paystack.
type order struct {
	call     string // for errors and metrics
	lane     string // whose breaker and slots
	method   string
	path     string // escaped, with its query
	body     any    // for a POST or a PUT
	private  []string
	rules    []errorRule // what messages mean to this call, before errorRules
	maxBytes int         // of the answer; default maxResponseBytes
	once     bool        // the caller repeats by itself
}

// reply is an answer of Paystack's, decoded as far as it is JSON.
type reply struct {
	status int
	header http.Header
	raw    []byte
	fields map[string]json.RawMessage // nil when the body is not a JSON object
	whole  bool                       // false when the body broke off or was too large
}

// execute carries out an order: a slot, the breaker, the call. A GET is repeated after a 5xx, a timeout or a transport
// error; a POST or a PUT never is.
func (c *Client) execute(ctx context.Context, ch ChannelKey, cred Credentials, o order) (reply, *Error) {
	if p := cred.problem(); p != "" {
		return reply{}, misconfigured(o.call, p)
	}
	var body []byte
	if o.body != nil {
		var err error
		if body, err = json.Marshal(o.body); err != nil {
			return reply{}, refuse(o.call, FailureInvalidRequest, reasonRequestRejected, "the request cannot be encoded")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.OperationTimeout)
	defer cancel()
	l := c.lanes.Get(string(ch), o.lane)
	if err := l.Slots.Acquire(ctx, 1); err != nil {
		return reply{}, notSent(ctx, o.call, err, "waiting for a free slot")
	}
	defer l.Slots.Release(1)

	attempts, wait := c.opts.Attempts, backoff
	if o.once {
		attempts = 1
	}
	for attempt := 1; ; attempt++ {
		rep, failed := c.attempt(ctx, l, cred, o, body)
		if failed != nil && failed.Kind == Unknown {
			failed.Retryable = o.method == http.MethodGet
		}
		again := o.method == http.MethodGet && failed != nil && attempt < attempts &&
			(failed.trips || failed.Kind == Unknown) && ctx.Err() == nil
		if !again || c.opts.Sleep(ctx, wait) != nil {
			return rep, failed
		}
		wait *= 4
	}
}

// attempt is one call, unless the breaker is open.
func (c *Client) attempt(ctx context.Context, l *upstream.Lane[reply], cred Credentials, o order, body []byte) (reply, *Error) {
	rep, err := l.Breaker.Execute(func() (reply, error) {
		rep, failed := c.send(ctx, cred, o, body)
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
	return reply{}, &Error{Call: o.call, Err: err, failure: FailureUnknownOutcome, reason: reasonUnknownOutcome}
}

// send makes the call, once.
func (c *Client) send(ctx context.Context, cred Credentials, o order, body []byte) (reply, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.CallTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return reply{}, notSent(ctx, o.call, err, "the time was up before it was sent")
	}
	clean := newCleaner(append([]string{cred.SecretKey, cred.PublicKey}, o.private...)...)

	var g upstream.Gate
	req, err := http.NewRequestWithContext(ctx, o.method, c.opts.BaseURL+o.path, nil)
	if err != nil {
		return reply{}, notSent(ctx, o.call, clean.cause(err), "base URL of Paystack")
	}
	if body != nil {
		req.Body, req.ContentLength = g.Body(body), int64(len(body))
		// GetBody lets net/http move to another connection when the one it picked was dead before the first byte.
		req.GetBody = func() (io.ReadCloser, error) { return g.Body(body), nil }
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+cred.SecretKey)
	req.Header.Set("Accept", "application/json")

	rep, err := c.exchange(req, orDefault(o.maxBytes, maxResponseBytes))
	if err == nil {
		failed := judge(o, rep, clean)
		if failed != nil {
			failed.RetryAfter = pauseAsked(rep.status, rep.header, c.opts.Now())
		}
		return rep, failed
	}
	if body != nil && g.Close() {
		return reply{}, notSent(ctx, o.call, clean.cause(err), "nothing was sent")
	}
	return reply{}, &Error{
		Kind: Unknown, Call: o.call, Message: "no answer came", Err: clean.cause(err), trips: true,
		cancelled: callerGaveUp(ctx), failure: FailureUnknownOutcome, reason: reasonUnknownOutcome,
	}
}

// exchange sends req and reads the answer, up to maxBytes. An error means that no answer came; an answer that breaks off
// is a reply that is not whole.
func (c *Client) exchange(req *http.Request, maxBytes int) (reply, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, int64(maxBytes)+1))
	rep := reply{status: res.StatusCode, header: res.Header, raw: raw, whole: err == nil && len(raw) <= maxBytes}
	if rep.whole && upstream.CheckJSON(raw, maxBytes, maxDepth) == nil {
		rep.fields, _ = upstream.ObjectOf(raw)
	}
	return rep, nil
}

// judge is nil for a 2xx whose envelope says status true; what the data says is for the caller to read. Otherwise it is
// what the error means (Paystack, Errors: status, message, type, code, meta).
func judge(o order, rep reply, clean cleaner) *Error {
	code, message := upstream.TextOf(rep.fields["code"]), upstream.TextOf(rep.fields["message"])
	said := string(rep.fields["status"])
	if rep.status/100 == 2 && said == "true" {
		return nil
	}
	if rep.status/100 == 2 && said != "false" {
		code, message = "", "" // no envelope of Paystack's
	}
	rule := ruleFor(rep.status, code, message, o.rules)
	e := &Error{
		Kind: rule.kind, Retryable: rule.retry, Call: o.call, HTTPStatus: rep.status,
		Code: clean.text(code), Message: clean.text(message), Raw: rep.raw,
		failure: rule.failure, reason: rule.reason,
		trips: !rep.whole || rep.status >= 500 && said != "false",
	}
	switch {
	case e.Message != "":
	case !rep.whole:
		e.Message = "the answer broke off or is too large"
	case rep.fields == nil:
		e.Message = "the answer is not JSON"
	default:
		e.Message = "the answer is not what Paystack documents"
	}
	return e
}

// unclear is a yes that cannot be read: of a question no news, of anything else an unknown outcome.
func unclear(o order, rep reply, message string, cause error) *Error {
	return &Error{
		Kind: Unknown, Retryable: o.method == http.MethodGet, Call: o.call, HTTPStatus: rep.status, Raw: rep.raw,
		Message: message, Err: cause, failure: FailureUnknownOutcome, reason: reasonUnknownOutcome,
	}
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

// callerGaveUp tells a cancelled caller from a deadline that passed: only the latter says something about Paystack.
func callerGaveUp(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func misconfigured(call, what string) *Error {
	return refuse(call, FailureChannelMisconfigured, "This payment channel is not set up completely: "+what+".", what)
}
