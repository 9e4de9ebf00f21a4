package analyst

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ClickHouse's numbers of the errors that this side gives or looks at.
const (
	codeBadArguments         = 36
	codeUnknownTable         = 60
	codeUnknownDatabase      = 81
	codeNotImplemented       = 48
	codeSyntaxError          = 62
	codeTimeoutExceeded      = 159
	codeReadonly             = 164
	codeTooBig               = 168
	codeRequiredPassword     = 194
	codeQuotaExceeded        = 201
	codeTooManyAtOnce        = 202
	codeNetworkError         = 210
	codeCancelled            = 394
	codeFunctionNotAllowed   = 446
	codeAccessDenied         = 497
	codeAuthenticationFailed = 516
)

// exception is an error as ClickHouse answers it.
type exception struct {
	status, code int
	text         string
}

func (e *exception) name() string {
	switch e.code {
	case codeBadArguments:
		return "BAD_ARGUMENTS"
	case codeNotImplemented:
		return "NOT_IMPLEMENTED"
	case codeSyntaxError:
		return "SYNTAX_ERROR"
	case codeTooBig:
		return "TOO_BIG_AST"
	case codeRequiredPassword:
		return "REQUIRED_PASSWORD"
	case codeQuotaExceeded:
		return "QUOTA_EXCEEDED"
	case codeTooManyAtOnce:
		return "TOO_MANY_SIMULTANEOUS_QUERIES"
	case codeAuthenticationFailed:
		return "AUTHENTICATION_FAILED"
	default:
		return "NETWORK_ERROR"
	}
}

// answer writes an error before anything else was written.
func (e *exception) answer(w http.ResponseWriter) {
	answerText(w, e.status, e.code, fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)\n", e.code, e.text, e.name()))
}

func answerText(w http.ResponseWriter, status, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(code))
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="kipay analysts", charset="UTF-8"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client is gone: nobody is left to tell
}

// statusOf is the HTTP status of an error of the engine.
func statusOf(code int) int {
	switch code {
	case codeBadArguments, codeSyntaxError, codeTooBig:
		return http.StatusBadRequest
	case codeUnknownTable, codeUnknownDatabase:
		return http.StatusNotFound
	case codeReadonly, codeAccessDenied, codeFunctionNotAllowed:
		return http.StatusForbidden
	case codeNotImplemented:
		return http.StatusNotImplemented
	default:
		return http.StatusInternalServerError
	}
}

// isDenial says whether an error means that something was asked for that may not be had.
func isDenial(code int) bool {
	return code == codeReadonly || code == codeAccessDenied || code == codeFunctionNotAllowed
}
