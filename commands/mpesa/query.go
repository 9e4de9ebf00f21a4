package mpesa

import (
	"context"
	"encoding/json"

	"github.com/benfex/kipay/commands/upstream"
)

// State is what a status query knows of a payment.
type State int

// The states.
const (
	Pending   State = iota // no news; the zero value
	Succeeded              // paid
	Failed                 // this attempt failed; Outcome says how surely
)

// String is the state's word.
func (s State) String() string {
	switch s {
	case Succeeded:
		return "succeeded"
	case Failed:
		return "failed"
	case Pending:
		return "pending"
	}
	return "pending"
}

// QueryRequest names the push that is asked after.
type QueryRequest struct {
	CheckoutRequestID string
}

// QueryResult is what Daraja knows. A success by query comes without receipt, amount, phone or date.
type QueryResult struct {
	State      State
	ResultCode string // empty when there is no news
	ResultDesc string // Daraja's words, cleaned; never to branch on
	Outcome    Outcome
	// UnknownCode: Daraja named a result that is not in the table. The payment stays pending and somebody should look.
	UnknownCode bool
	// ErrorCode is why there was no news, if Daraja said.
	ErrorCode string
	// Throttled: Daraja asked for fewer calls; the next query of this shortcode should wait longer.
	Throttled bool
	Raw       []byte // the answer as it came, for sealing
}

// queryBody is POST /mpesa/stkpushquery/v1/query (Daraja, M-Pesa Express Query).
type queryBody struct {
	BusinessShortCode string
	Password          string
	Timestamp         string
	CheckoutRequestID string
}

// Query asks what became of a push. Only a 200 with a ResultCode that codes.go knows is news. ResultCode 4999, every
// 500.001.1001 (Daraja says it for pending, for unknown, and at random for valid ids), every 5xx, a timeout and an
// unreadable answer are Pending without an error. An error is always an *Error: nothing was asked (NotSent), or the
// question itself is wrong (Rejected); the result with it is Pending.
func (c *Client) Query(ctx context.Context, ch ChannelKey, cred Credentials, r QueryRequest) (QueryResult, error) {
	start := c.opts.Now()
	res, failed := c.query(ctx, ch, cred, r)
	if failed != nil {
		c.observe("query", start, outcomeOf(failed))
		return res, failed
	}
	c.observe("query", start, res.State.String())
	return res, nil
}

func (c *Client) query(ctx context.Context, ch ChannelKey, cred Credentials, r QueryRequest) (QueryResult, *Error) {
	if cred.Passkey == "" {
		return QueryResult{}, misconfigured("query", "passkey is needed")
	}
	if !isID(r.CheckoutRequestID) {
		return QueryResult{}, refuse("query", FailureInvalidRequest, reasonInvalidRequest, "there is no usable CheckoutRequestID")
	}
	at := stamp(c.opts.Now())
	body := queryBody{cred.ShortCode, password(cred, at), at, r.CheckoutRequestID}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: "query", lane: "query", path: "/mpesa/stkpushquery/v1/query", body: body, private: []string{body.Password},
	})
	if failed != nil {
		if noNews(failed) {
			return QueryResult{
				ErrorCode: failed.Code, ResultDesc: failed.Message, Raw: failed.Raw,
				Throttled: failed.failure == FailureProviderBusy || failed.failure == FailureQuotaExceeded,
			}, nil
		}
		return QueryResult{Raw: failed.Raw}, failed
	}
	clean := newCleaner(cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, body.Password)
	res := QueryResult{ResultDesc: clean.text(upstream.TextOf(rep.fields["ResultDesc"])), Raw: rep.raw}
	code := resultCode(rep.fields["ResultCode"])
	if about := upstream.TextOf(rep.fields["CheckoutRequestID"]); about != "" && about != r.CheckoutRequestID {
		return res, nil // an answer about another push is no news of this one
	}
	if accepted := upstream.TextOf(rep.fields["ResponseCode"]); code == "" || accepted != "" && accepted != "0" {
		return res, nil
	}
	outcome, known := DescribeResult(code)
	res.ResultCode, res.Outcome, res.UnknownCode = clean.text(code), outcome, !known
	switch outcome.Class {
	case ClassSuccess:
		res.State = Succeeded
	case ClassFinal, ClassRetry, ClassAmbiguous:
		res.State = Failed
	case ClassPending:
	}
	return res, nil
}

// noNews tells an answer that says nothing about the payment from a question that could not be asked.
func noNews(e *Error) bool {
	switch e.Kind {
	case NotSent:
		return false
	case Unknown:
		return true
	case Rejected:
		return e.Code == "500.001.1001" || e.HTTPStatus >= 500 || e.Retryable && !e.tokenRejected
	}
	return true
}

// resultCode is a code as the table has it. A number may come as 0.0 or 1E+1; a text counts as it is.
func resultCode(raw json.RawMessage) string {
	s := upstream.TextOf(raw)
	if !upstream.StartsWith(raw, '"') {
		if plain, ok := plainDecimal(s); ok {
			return plain
		}
	}
	return s
}
