package paystack

import (
	"fmt"
	"strings"
	"time"
)

// Kind says what is known about the fate of a call.
type Kind int

// The kinds.
const (
	// Unknown: it may have been carried out. An initialize is never sent again; Verify its reference. Nor is a refund;
	// ListRefunds of its transaction. The zero value, so that a mistake of ours errs on the safe side.
	Unknown Kind = iota
	// Rejected: Paystack answered, and did not carry it out.
	Rejected
	// NotSent: nothing of it reached Paystack.
	NotSent
	// DuplicateReference: the reference was used before, by whatever amount, paid or not. Verify it; if it is
	// abandoned, initialize again under a new reference.
	DuplicateReference
	// NotFound: Paystack does not know the reference or the id. It says so with a 400 or a 404.
	NotFound
)

// String is the word that metrics and logs use.
func (k Kind) String() string {
	switch k {
	case Rejected:
		return "rejected"
	case NotSent:
		return "not_sent"
	case DuplicateReference:
		return "duplicate_reference"
	case NotFound:
		return "not_found"
	case Unknown:
		return "unknown"
	}
	return "unknown"
}

// Error is why a call to Paystack did not succeed. Its text never holds a key, an email address or a phone number; Raw
// may, and is for sealing only.
type Error struct {
	Kind Kind
	// Retryable: the same call may well succeed later. Of kind Unknown only questions have it, never a POST or a PUT.
	Retryable bool
	// RetryAfter is how long Paystack asked to wait before the next call; 0 when it did not say.
	RetryAfter time.Duration
	// Call is the call that failed, by the name that Options.Observe gets: initialize, verify, refund …
	Call string
	// HTTPStatus is 0 when no answer came.
	HTTPStatus int
	// Code is Paystack's code, such as invalid_params. Older endpoints send none.
	Code string
	// Message is what Paystack said, cleaned, or what went wrong here.
	Message string
	// Raw is the answer as it came, for sealing.
	Raw []byte `json:"-"`
	// Err is the cause, when it was not an answer.
	Err error `json:"-"`

	failure   string // the stable word
	reason    string // the sentence for the merchant
	trips     bool   // the breaker counts it
	cancelled bool   // the caller gave up; says nothing about Paystack
}

// Reason is a stable word (one of the Failure constants) and a sentence that a merchant understands.
func (e *Error) Reason() (code, sentence string) {
	if e.failure == "" {
		return FailureProviderError, reasonProviderError
	}
	return e.failure, e.reason
}

// Error is for logs: the call, the kind, what Paystack said.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "paystack %s: %s", e.Call, e.Kind)
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.HTTPStatus != 0 {
		fmt.Fprintf(&b, " (http %d)", e.HTTPStatus)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Trips tells whether a breaker counts it (upstream.Failure).
func (e *Error) Trips() bool { return e.trips }

// CallerGaveUp tells whether it was the caller who gave up, which says nothing about the provider (upstream.Failure).
func (e *Error) CallerGaveUp() bool { return e.cancelled }

// GoString is Error, so that %#v shows no raw body.
func (e *Error) GoString() string { return e.Error() }

// Unwrap is the cause, so that errors.Is finds context.Canceled and its like.
func (e *Error) Unwrap() error { return e.Err }

// cleanCause is a cause whose text has been cleaned: net/http quotes what a server sent in some of its errors.
type cleanCause struct {
	text string
	err  error
}

func (c cleanCause) Error() string { return c.text }
func (c cleanCause) Unwrap() error { return c.err }

// refuse is a request that is wrong before it is sent.
func refuse(call, failure, reason, message string) *Error {
	return &Error{Kind: Rejected, Call: call, Message: message, failure: failure, reason: reason}
}
