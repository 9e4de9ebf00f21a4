package domain

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Code says what kind of failure an Error is; the web layer maps it to an HTTP status in one table.
type Code int

// The codes.
const (
	CodeInternal        Code = iota // our own fault; the detail is for the log only
	CodeMalformed                   // the body is not what it says it is
	CodeInvalid                     // fields are wrong; Fields names them
	CodeUnauthorized                // no, unknown or revoked key
	CodeForbidden                   // a known caller who may not do this
	CodeNotFound                    // the thing named in the path is not there for this caller
	CodeConflict                    // it contradicts what is so already
	CodeTooLarge                    // the body is over the limit
	CodeRateLimited                 // too many requests
	CodeProviderRefused             // the provider refused or broke
	CodeUnavailable                 // a part of Kipay is away; try again
)

// Error is the one error type whose message is fit for a merchant.
type Error struct {
	Code    Code
	Message string
	// Fields names what is wrong with each bad field, for CodeInvalid.
	Fields map[string]string
	// Reason is a stable word for programs, such as a provider's failure code; it may be empty.
	Reason string
	// Err is the cause, for the log; never shown.
	Err error
}

// Error is the message, with the fields and the cause, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if len(e.Fields) > 0 {
		names := make([]string, 0, len(e.Fields))
		for f := range e.Fields {
			names = append(names, f)
		}
		sort.Strings(names)
		for _, f := range names {
			fmt.Fprintf(&b, "; %s: %s", f, e.Fields[f])
		}
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of the first Error in err's chain, CodeInternal if there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Invalid says what is wrong with one field.
func Invalid(field, what string) *Error {
	return &Error{Code: CodeInvalid, Message: "Validation failed", Fields: map[string]string{field: what}}
}

// Conflictf says what a command contradicts.
func Conflictf(format string, args ...any) *Error {
	return &Error{Code: CodeConflict, Message: fmt.Sprintf(format, args...)}
}

// NotFoundf says what is not there.
func NotFoundf(format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

// Forbiddenf says what the caller may not do.
func Forbiddenf(format string, args ...any) *Error {
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf(format, args...)}
}

// Unavailable says which part of Kipay is away; err is for the log.
func Unavailable(what string, err error) *Error {
	return &Error{Code: CodeUnavailable, Message: what, Err: err}
}

// Problems collects what is wrong with the fields of one request, so that all are named at once.
type Problems struct{ fields map[string]string }

// Add notes a problem; the first one of a field stays.
func (p *Problems) Add(field, what string) {
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	if _, ok := p.fields[field]; !ok {
		p.fields[field] = what
	}
}

// Addf is Add with a format.
func (p *Problems) Addf(field, format string, args ...any) {
	p.Add(field, fmt.Sprintf(format, args...))
}

// Has tells whether the field has a problem.
func (p *Problems) Has(field string) bool { _, ok := p.fields[field]; return ok }

// Err is nil when there are no problems, else an Error that names them all.
func (p *Problems) Err() error {
	if len(p.fields) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: "Validation failed", Fields: p.fields}
}

// Fields are the problems noted so far, by field.
func (p *Problems) Fields() map[string]string { return p.fields }
