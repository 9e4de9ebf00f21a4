package simulator

import (
	"encoding/json"
	"net/http"
)

// refusal is an error as Paystack words it (Paystack, API errors).
type refusal struct {
	status   int
	message  string
	nextStep string
	kind     string // "type" in the body
	code     string
}

const (
	validationError = "validation_error"
	apiError        = "api_error"
)

// The errors. Older endpoints and the missing header give only status and message.
var (
	errNoHeader     = refusal{status: http.StatusUnauthorized, message: "No Authorization Header was found"}
	errHeaderFormat = refusal{status: http.StatusUnauthorized, message: "Format is Authorization: Bearer [secret key]"}
	errKey          = refusal{http.StatusUnauthorized, "Invalid key", "Ensure that you provide the correct authorization key for the request", validationError, "invalid_Key"}
	errRateLimited  = refusal{http.StatusTooManyRequests, "Rate limit exceeded!", "Wait a few minutes and try the API call again", apiError, "rate_limited"}
	errJSON         = params("Invalid JSON in request body", "Ensure that the request body is valid JSON")
	errEmail        = refusal{http.StatusBadRequest, "Invalid Email Address Passed", "Ensure that you provide a valid email address", validationError, "invalid_email_address"}
	errAmountAbsent = params("You must specify a valid amount", "Ensure that you provide an amount in the subunit of the currency")
	errAmountWhole  = params("Amount must be an integer", "Provide the amount in the subunit of the currency, without decimals")
	errAmountSign   = params("Invalid Amount Sent", "Provide an amount greater than zero")
	errAmountLimit  = params("Transaction amount limit exceeded", "Provide a lower amount")
	errCurrency     = refusal{http.StatusBadRequest, "Currency not supported by merchant", "Provide a currency that is enabled on the account", validationError, "unsupported_currency"}
	errReference    = params("Invalid character in transaction reference", "Use only alphanumeric characters and - . =")
	errDuplicate    = refusal{http.StatusBadRequest, "Duplicate Transaction Reference", "Provide a new reference for each transaction", validationError, "duplicate_reference"}
	errCallbackURL  = params("Invalid callback URL", "Provide an absolute http or https URL")
	errChannels     = params("Invalid channels", "Provide a list of supported channels")
	errMetadata     = params("Invalid metadata", "Provide metadata as an object or as a stringified JSON object")
	errPaging       = params("perPage and page must be positive whole numbers", "Correct the query parameters")
	errFilter       = params("Invalid filter", "Correct the query parameters")
	errNotFound     = refusal{http.StatusBadRequest, "Transaction reference not found.", "Ensure that you are passing the reference of a transaction of this account", validationError, "transaction_not_found"}
	errNoRoute      = refusal{status: http.StatusNotFound, message: "Endpoint not found"}
	errInternal     = refusal{http.StatusInternalServerError, "An error occurred", "Try again later", apiError, "internal_error"}
)

// params is a validation error with the general code.
func params(message, nextStep string) refusal {
	return refusal{http.StatusBadRequest, message, nextStep, validationError, "invalid_params"}
}

type errorBody struct {
	Status  bool       `json:"status"`
	Message string     `json:"message"`
	Meta    *errorMeta `json:"meta,omitempty"`
	Type    string     `json:"type,omitempty"`
	Code    string     `json:"code,omitempty"`
}

type errorMeta struct {
	NextStep string `json:"nextStep"`
}

func (s *Simulator) refuse(w http.ResponseWriter, e refusal) {
	s.log.Info("paystack refuses", "status", e.status, "code", e.code, "message", e.message)
	body := errorBody{Message: e.message, Type: e.kind, Code: e.code}
	if e.nextStep != "" {
		body.Meta = &errorMeta{e.nextStep}
	}
	writeJSON(w, e.status, body)
}

// envelope is every success.
type envelope struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
	Data    any    `json:"data"`
	Meta    any    `json:"meta,omitempty"`
}

func succeed(w http.ResponseWriter, message string, data, meta any) {
	writeJSON(w, http.StatusOK, envelope{true, message, data, meta})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own loss
}
