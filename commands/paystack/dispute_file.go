package paystack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// MaxDisputeFile bounds a file about a dispute, in bytes.
const MaxDisputeFile = 700 << 10

// UsableFilename tells whether a file about a dispute may be called so.
func UsableFilename(name string) bool { return isFilename(name) }

// UploadDisputeFile puts a file where DisputeUpload said, once. It moves no money; after Unknown ask for another place and
// try again. The place is not Paystack's API: no key goes there. The error is always an *Error.
func (c *Client) UploadDisputeFile(ctx context.Context, to Upload, content []byte) error {
	const call = "dispute_file"
	start := c.opts.Now()
	failed := c.putFile(ctx, call, to, content)
	c.observe(call, start, failed)
	if failed != nil {
		return failed
	}
	return nil
}

func (c *Client) putFile(ctx context.Context, call string, to Upload, content []byte) *Error {
	if len(content) == 0 || len(content) > MaxDisputeFile {
		return refuse(call, FailureInvalidRequest, "The file is empty or too large.", "the size of the file")
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.OperationTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, to.SignedURL, bytes.NewReader(content))
	if err != nil {
		return refuse(call, FailureProviderError, reasonProviderError, "the place for the file is no URL")
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.http.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // without the URL, which carries its permission in it
		}
		return &Error{Kind: Unknown, Retryable: true, Call: call, Message: "no answer came", Err: err, failure: FailureUnknownOutcome, reason: reasonUnknownOutcome}
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxResponseBytes)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		e := refuse(call, FailureProviderError, "Paystack's store did not take the file.", "the file was not taken")
		e.HTTPStatus = res.StatusCode
		return e
	}
	return nil
}
