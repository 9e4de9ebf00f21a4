package paystack

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/benfex/kipay/commands/upstream"
)

// Verify asks what became of a reference: GET /transaction/verify/{reference}, repeated after a 5xx, a timeout or a
// transport error. The caller compares amount, currency and domain before it believes a success. A reference that
// Paystack does not know is an *Error of kind NotFound. The error is always an *Error; Unknown here means no news.
func (c *Client) Verify(ctx context.Context, ch ChannelKey, cred Credentials, reference string) (Transaction, error) {
	start := c.opts.Now()
	t, failed := c.verify(ctx, ch, cred, reference)
	c.observe("verify", start, failed)
	if failed != nil {
		return Transaction{}, failed
	}
	return t, nil
}

func (c *Client) verify(ctx context.Context, ch ChannelKey, cred Credentials, reference string) (Transaction, *Error) {
	if strings.Trim(reference, ".") == "" || len(reference) > maxReferenceBytes { // "." and ".." would leave the path
		return Transaction{}, refuse("verify", FailureInvalidReference, reasonReference, "there is no usable reference")
	}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: "verify", lane: laneVerify, method: http.MethodGet, path: "/transaction/verify/" + url.PathEscape(reference),
	})
	if failed != nil {
		return Transaction{}, failed
	}
	noNews := &Error{
		Kind: Unknown, Retryable: true, Call: "verify", HTTPStatus: rep.status, Raw: rep.raw,
		failure: FailureUnknownOutcome, reason: reasonUnknownOutcome,
	}
	data, ok := upstream.ObjectOf(rep.fields["data"])
	if !ok {
		noNews.Message = "the answer has no data"
		return Transaction{}, noNews
	}
	t, err := decodeTransaction(data)
	if err != nil {
		noNews.Message, noNews.Err = "the answer cannot be read", err
		return Transaction{}, noNews
	}
	if t.Reference != reference {
		noNews.Message = "the answer is about another reference"
		return Transaction{}, noNews
	}
	t.Raw = rep.raw
	return t, nil
}

// Probe asks whether the secret key is good, by reading one line of the list of transactions. For the operator's check
// of a channel.
func (c *Client) Probe(ctx context.Context, ch ChannelKey, cred Credentials) error {
	start := c.opts.Now()
	_, failed := c.execute(ctx, ch, cred, order{
		call: "probe", lane: laneVerify, method: http.MethodGet, path: "/transaction?perPage=1&page=1",
	})
	c.observe("probe", start, failed)
	if failed != nil {
		return failed
	}
	return nil
}
