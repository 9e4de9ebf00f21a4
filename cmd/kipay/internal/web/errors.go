package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

// row says how a code is answered.
type row struct {
	status  int
	name    string // in the log
	message string // when the error brings none
	fixed   bool   // message stands whatever the error says
}

// answers is the one table from code to HTTP.
var answers = [...]row{
	domain.CodeInternal:        {http.StatusInternalServerError, "internal", "Something went wrong on our side", true},
	domain.CodeMalformed:       {http.StatusBadRequest, "malformed", "Malformed request", false},
	domain.CodeInvalid:         {http.StatusUnprocessableEntity, "invalid", "Validation failed", false},
	domain.CodeUnauthorized:    {http.StatusUnauthorized, "unauthorized", "Invalid API key", true},
	domain.CodeForbidden:       {http.StatusForbidden, "forbidden", "Not allowed", false},
	domain.CodeNotFound:        {http.StatusNotFound, "not_found", "Not found", false},
	domain.CodeConflict:        {http.StatusConflict, "conflict", "Conflict", false},
	domain.CodeTooLarge:        {http.StatusRequestEntityTooLarge, "too_large", "The body is too large", false},
	domain.CodeRateLimited:     {http.StatusTooManyRequests, "rate_limited", "Too many requests", false},
	domain.CodeProviderRefused: {http.StatusBadGateway, "provider_refused", "The provider refused the request", false},
	domain.CodeUnavailable:     {http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable, try again", false},
}

// failure is an error as it is answered.
type failure struct {
	row
	reason string
	fields map[string]string
	err    error // what it was, for the log
}

// failureOf finds the answer for an error.
func failureOf(err error) failure {
	f := failure{row: answers[domain.CodeInternal], err: err}
	var known *domain.Error
	var routing *fiber.Error
	switch {
	case errors.As(err, &known) && known.Code > domain.CodeInternal && int(known.Code) < len(answers):
		f.row = answers[known.Code]
		if !f.fixed && known.Message != "" {
			f.message = known.Message
		}
		f.fields, f.reason = known.Fields, known.Reason
	case errors.As(err, &routing):
		f.row = rowOf(routing.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Ours, not the client's: it took too long, or the server is stopping.
		f.row = answers[domain.CodeUnavailable]
	}
	return f
}

// rowOf answers what Fiber and fasthttp refuse by themselves. Their own words are not shown: they quote the request.
func rowOf(status int) row {
	switch status {
	case http.StatusBadRequest:
		return answers[domain.CodeMalformed]
	case http.StatusNotFound:
		return row{status: status, name: "no_route", message: "No such route"}
	case http.StatusMethodNotAllowed:
		return row{status: status, name: "wrong_method", message: "Method not allowed"}
	case http.StatusRequestEntityTooLarge:
		return answers[domain.CodeTooLarge]
	case http.StatusTooManyRequests:
		return answers[domain.CodeRateLimited]
	case http.StatusServiceUnavailable:
		return answers[domain.CodeUnavailable]
	}
	if status >= 400 && status < 500 && http.StatusText(status) != "" {
		return row{status: status, name: "refused", message: http.StatusText(status)}
	}
	return answers[domain.CodeInternal]
}

// isRoutingError tells whether Fiber found no route; handlers that find nothing return domain errors.
func isRoutingError(err error) bool {
	var e *fiber.Error
	return errors.As(err, &e) && (e.Code == http.StatusNotFound || e.Code == http.StatusMethodNotAllowed)
}
