package chdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ClickHouse's numbers for what this package refuses or stops by itself.
const (
	codeBadArguments      = 36
	codeNotImplemented    = 48
	codeSyntaxError       = 62
	codeUnknownFormat     = 73
	codeUnknownSetting    = 115
	codeTimeoutExceeded   = 159
	codeReadonly          = 164
	codeTooLarge          = 187 // TOO_BIG_AST stands for any statement that is too long
	codeNetworkError      = 210
	codeAccessDenied      = 497
	codeQueryWasCancelled = 394
)

// errTimeout is the cause of a context whose max_execution_time is over.
var errTimeout = errors.New("max_execution_time is over")

// exception is an error in ClickHouse's own words, from which drivers read number and name.
func exception(code int, name, text string) string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, text, name)
}

func refuse(code int, name, format string, args ...any) *Error {
	return &Error{Code: code, Message: exception(code, name, fmt.Sprintf(format, args...))}
}

// inWords makes an engine's error of whatever ended a statement.
func inWords(ctx context.Context, err error) *Error {
	var known *Error
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return refuse(codeTimeoutExceeded, "TIMEOUT_EXCEEDED", "Timeout exceeded: %v", errTimeout)
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return refuse(codeQueryWasCancelled, "QUERY_WAS_CANCELLED", "Query was cancelled: %v", err)
	default:
		return refuse(codeNetworkError, "NETWORK_ERROR", "%v", err)
	}
}

// answerError writes an error before anything else was written.
func answerError(w http.ResponseWriter, e *Error) {
	body := e.Message + "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if e.Code > 0 {
		h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	}
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, body) // the caller is gone: nobody is left to tell
}

// maxFramedError bounds the text of an error inside a result: readers look for it in the last 16 KiB.
const maxFramedError = 8 << 10

// exceptionTag is a word that no result can guess, which tells a framed error from data that looks like one.
func exceptionTag() string { return strings.ToLower(rand.Text()[:16]) }

// frameError writes an error after part of the result was written, in the frame that ClickHouse uses for it. It gives the
// length of the frame.
func frameError(w io.Writer, tag string, e *Error) int {
	text := e.Message
	if len(text) > maxFramedError {
		text = strings.ToValidUTF8(text[:maxFramedError], "")
	}
	n, _ := fmt.Fprintf(w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, text, len(text)+1, tag)
	return n
}
