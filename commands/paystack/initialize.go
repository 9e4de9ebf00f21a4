package paystack

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// maxReferenceBytes bounds a reference; Paystack documents no length.
const maxReferenceBytes = 100

// InitializeRequest opens a checkout.
type InitializeRequest struct {
	Email  string
	Amount money.Money
	// Currency is the amount's when empty; another one is refused.
	Currency money.Currency
	// Reference is ours, and can be used once: letters, digits, dash, dot, equal sign.
	Reference   string
	CallbackURL string         // where the browser returns to; optional
	Channels    []string       // card, mobile_money, bank …; optional
	Metadata    map[string]any // numbers in it come back as texts; optional
}

// Initialized is an open checkout. It proves nothing about a payment.
type Initialized struct {
	AuthorizationURL string
	AccessCode       string
	Reference        string
	Raw              []byte // the answer as it came, for sealing
}

// initializeBody is POST /transaction/initialize (Paystack, Initialize Transaction). The amount is in subunits.
type initializeBody struct {
	Email       string         `json:"email"`
	Amount      int64          `json:"amount"`
	Currency    money.Currency `json:"currency"`
	Reference   string         `json:"reference"`
	CallbackURL string         `json:"callback_url,omitempty"`
	Channels    []string       `json:"channels,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
}

// Initialize opens a checkout. It is sent once. After Unknown or DuplicateReference the authorization URL cannot be
// had any more: Verify the reference, and open another checkout under a new one. The error is always an *Error.
func (c *Client) Initialize(ctx context.Context, ch ChannelKey, cred Credentials, r InitializeRequest) (Initialized, error) {
	start := c.opts.Now()
	res, failed := c.initialize(ctx, ch, cred, r)
	c.observe("initialize", start, failed)
	if failed != nil {
		return Initialized{}, failed
	}
	return res, nil
}

func (c *Client) initialize(ctx context.Context, ch ChannelKey, cred Credentials, r InitializeRequest) (Initialized, *Error) {
	if failed := checkInitialize(r); failed != nil {
		return Initialized{}, failed
	}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: "initialize", lane: laneInitialize, method: http.MethodPost, path: "/transaction/initialize",
		body:    initializeBody{r.Email, r.Amount.Minor, r.Amount.Currency, r.Reference, r.CallbackURL, r.Channels, r.Metadata},
		private: []string{r.Email},
	})
	if failed != nil {
		return Initialized{}, failed
	}
	data, _ := upstream.ObjectOf(rep.fields["data"])
	res := Initialized{
		AuthorizationURL: upstream.TextOf(data["authorization_url"]),
		AccessCode:       upstream.TextOf(data["access_code"]),
		Reference:        upstream.TextOf(data["reference"]),
		Raw:              rep.raw,
	}
	unclear := &Error{
		Kind: Unknown, Call: "initialize", HTTPStatus: rep.status, Raw: rep.raw,
		failure: FailureUnknownOutcome, reason: reasonUnknownOutcome,
	}
	switch {
	case !isWebURL(res.AuthorizationURL):
		unclear.Message = "the answer has no usable authorization_url"
		return Initialized{}, unclear
	case res.Reference != r.Reference:
		unclear.Message = "the answer is about another reference"
		return Initialized{}, unclear
	}
	return res, nil
}

// checkInitialize refuses what Paystack would refuse.
func checkInitialize(r InitializeRequest) *Error {
	const call = "initialize"
	if _, err := money.ParseCurrency(string(r.Amount.Currency)); err != nil || r.Currency != "" && r.Currency != r.Amount.Currency {
		return refuse(call, FailureUnsupportedCurrency, reasonCurrency, "the currency is unknown or not the amount's")
	}
	switch {
	case !r.Amount.IsPositive():
		return refuse(call, FailureInvalidAmount, "The amount must be more than zero.", "the amount is not more than zero")
	case !strings.Contains(r.Email, "@"):
		return refuse(call, FailureInvalidEmail, reasonInvalidEmail, "the email address is missing or wrong")
	case !isReference(r.Reference):
		return refuse(call, FailureInvalidReference, reasonReference, "the reference has characters that Paystack does not document")
	case r.CallbackURL != "" && !isWebURL(r.CallbackURL):
		return refuse(call, FailureInvalidRequest, "The return address must be an absolute URL.", "the callback URL is not absolute")
	}
	return nil
}

// isReference tells whether Paystack takes s: letters, digits and "-.=" (Paystack, Initialize Transaction). An
// underscore is accepted in test mode, undocumented.
func isReference(s string) bool {
	if s == "" || len(s) > maxReferenceBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.' && c != '=' {
			return false
		}
	}
	return true
}

// isWebURL tells whether a browser can be sent to s.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}
