package mpesa

import (
	"fmt"
	"strings"
)

// Kind says what is known about the fate of a call.
type Kind int

// The kinds.
const (
	// Unknown: it may have been carried out. Never send it again; ask after it, or wait for its callback. The zero
	// value, so that a mistake of ours errs on the safe side.
	Unknown Kind = iota
	// Rejected: Daraja answered, and did not carry it out.
	Rejected
	// NotSent: nothing of it reached Daraja.
	NotSent
)

// String is the word that metrics and logs use.
func (k Kind) String() string {
	switch k {
	case Rejected:
		return "rejected"
	case NotSent:
		return "not_sent"
	case Unknown:
		return "unknown"
	}
	return "unknown"
}

// Error is why a call to Daraja did not succeed. Its text never holds a secret, a token or a phone number; Raw may, and
// is for sealing only.
type Error struct {
	Kind Kind
	// Retryable: the same order may well succeed later (Daraja is busy, the payer is in another transaction, the
	// breaker is open). Never set on Unknown.
	Retryable bool
	// Call is the call that failed: push, query, oauth …
	Call string
	// HTTPStatus is 0 when no answer came.
	HTTPStatus int
	// Code is Daraja's errorCode, or the ResponseCode of an order that was not accepted. It may be empty.
	Code string
	// Message is what Daraja said, cleaned, or what went wrong here.
	Message string
	// RequestID is Daraja's requestId, for support.
	RequestID string
	// Raw is the answer as it came, for sealing.
	Raw []byte `json:"-"`
	// Err is the cause, when it was not an answer.
	Err error `json:"-"`

	failure       string // the stable word
	reason        string // the sentence for the merchant
	tokenRejected bool   // the token was refused, hence the call was not executed
	trips         bool   // the breaker counts it
	cancelled     bool   // the caller gave up; says nothing about Daraja
}

// Reason is a stable word (one of the Failure constants) and a sentence that a merchant understands.
func (e *Error) Reason() (code, sentence string) {
	if e.failure == "" {
		return FailureProviderError, reasonProviderError
	}
	return e.failure, e.reason
}

// Error is for logs: the call, the kind, what Daraja said.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mpesa %s: %s", e.Call, e.Kind)
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
