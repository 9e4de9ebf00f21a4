package paystack

import (
	"context"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// maxNoteRunes bounds a note; Paystack documents no length. What comes back is cut at the same.
const maxNoteRunes = maxTextRunes

// RefundRequest asks for a refund.
type RefundRequest struct {
	Transaction string // the reference or the id of a payment
	// Amount is what goes back. The zero value, without a currency, asks for the whole payment, which Paystack refuses
	// after a partial refund; zero of a currency is refused here.
	Amount       money.Money
	CustomerNote string // optional
	// MerchantNote comes back in FetchRefund and ListRefunds. With our own id of the refund in it, a refund whose answer
	// was lost can be told from others of the same amount. Optional.
	MerchantNote string
}

// refundBody is POST /refund (Paystack, Create Refund). The amount is in subunits.
type refundBody struct {
	Transaction  string         `json:"transaction"`
	Amount       int64          `json:"amount,omitempty"`
	Currency     money.Currency `json:"currency,omitempty"`
	CustomerNote string         `json:"customer_note,omitempty"`
	MerchantNote string         `json:"merchant_note,omitempty"`
}

// CreateRefund asks Paystack to refund a payment, in whole or in part: POST /refund. What comes back is queued, not
// done: its state arrives by webhook, or is asked with FetchRefund. The caller compares the amount.
//
// It is sent once. Paystack has no idempotency for refunds: after Unknown (a lost answer, any 5xx) the money may be on
// its way. ListRefunds of the transaction's id tells, when enough time has passed for the call to arrive, and only a
// refund that is surely not there may be sent again. NotSent, and a Rejected that is Retryable (a rate limit, a balance
// too low), have done nothing. Of a refund that may have been sent before, FailureRefundTooHigh and
// FailureAlreadyReversed can well mean that it was carried out: list before calling it failed. The error is always an
// *Error.
func (c *Client) CreateRefund(ctx context.Context, ch ChannelKey, cred Credentials, r RefundRequest) (Refund, error) {
	start := c.opts.Now()
	f, failed := c.createRefund(ctx, ch, cred, r)
	c.observe("refund", start, failed)
	if failed != nil {
		return Refund{}, failed
	}
	return f, nil
}

func (c *Client) createRefund(ctx context.Context, ch ChannelKey, cred Credentials, r RefundRequest) (Refund, *Error) {
	if failed := checkRefund(r); failed != nil {
		return Refund{}, failed
	}
	o := order{
		call: "refund", lane: laneRefund, method: http.MethodPost, path: "/refund", rules: refundRules,
		body: refundBody{r.Transaction, r.Amount.Minor, r.Amount.Currency, r.CustomerNote, r.MerchantNote},
	}
	f, rep, failed := c.oneRefund(ctx, ch, cred, o)
	switch {
	case failed != nil:
		return Refund{}, failed
	case f.isOfAnother(r.Transaction):
		return Refund{}, unclear(o, rep, "the answer is about another transaction", nil)
	}
	return f, nil
}

// checkRefund refuses what Paystack would refuse, and a zero that would refund everything.
func checkRefund(r RefundRequest) *Error {
	const call = "refund"
	switch {
	case r.Transaction == "" || len(r.Transaction) > maxReferenceBytes:
		return refuse(call, FailureInvalidReference, reasonReference, "there is no usable reference")
	case !shortEnough(r.CustomerNote) || !shortEnough(r.MerchantNote):
		return refuse(call, FailureInvalidRequest, "A note is too long.", "a note has more than 255 characters")
	case r.Amount == money.Money{}:
		return nil
	case !r.Amount.IsPositive():
		return refuse(call, FailureInvalidAmount, "The amount must be more than zero.", "the amount is not more than zero")
	}
	if _, err := money.ParseCurrency(string(r.Amount.Currency)); err != nil {
		return refuse(call, FailureUnsupportedCurrency, reasonCurrency, "the currency is unknown")
	}
	return nil
}

func shortEnough(s string) bool { return utf8.RuneCountInString(s) <= maxNoteRunes }

// RefundAccount is where a refund that needs attention goes.
type RefundAccount struct {
	Currency      money.Currency `json:"currency"`
	AccountNumber string         `json:"account_number"`
	BankID        string         `json:"bank_id"` // Paystack's number of the bank
}

// RetryRefundWithCustomerDetails gives a refund that needs attention an account of the customer's: POST
// /refund/retry_with_customer_details/{id}. It is sent once; after Unknown, FetchRefund tells whether the refund still
// needs attention. The error is always an *Error.
func (c *Client) RetryRefundWithCustomerDetails(ctx context.Context, ch ChannelKey, cred Credentials, id string, to RefundAccount) (Refund, error) {
	start := c.opts.Now()
	f, failed := c.retryRefund(ctx, ch, cred, id, to)
	c.observe("refund_retry", start, failed)
	if failed != nil {
		return Refund{}, failed
	}
	return f, nil
}

func (c *Client) retryRefund(ctx context.Context, ch ChannelKey, cred Credentials, id string, to RefundAccount) (Refund, *Error) {
	o := order{
		call: "refund_retry", lane: laneRefund, method: http.MethodPost, path: "/refund/retry_with_customer_details/" + id,
		rules: refundRules, private: []string{to.AccountNumber},
		body: struct {
			Account RefundAccount `json:"refund_account_details"`
		}{to},
	}
	switch {
	case !isID(id):
		return Refund{}, refuse(o.call, FailureInvalidRequest, reasonRequestRejected, "the id of a refund is a number")
	case to.AccountNumber == "" || to.BankID == "":
		return Refund{}, refuse(o.call, FailureInvalidRequest, "An account number and a bank are needed.", "the account number or the bank is missing")
	}
	if _, err := money.ParseCurrency(string(to.Currency)); err != nil {
		return Refund{}, refuse(o.call, FailureUnsupportedCurrency, reasonCurrency, "the currency is unknown")
	}
	f, rep, failed := c.oneRefund(ctx, ch, cred, o)
	switch {
	case failed != nil:
		return Refund{}, failed
	case f.ID != id:
		return Refund{}, unclear(o, rep, "the answer is about another refund", nil)
	}
	return f, nil
}

// FetchRefund asks what became of a refund: GET /refund/{id}, repeated after a 5xx, a timeout or a transport error. A
// refund that Paystack does not know is an *Error of kind NotFound. The error is always an *Error; Unknown here means no
// news.
func (c *Client) FetchRefund(ctx context.Context, ch ChannelKey, cred Credentials, id string) (Refund, error) {
	start := c.opts.Now()
	f, failed := c.fetchRefund(ctx, ch, cred, id)
	c.observe("fetch_refund", start, failed)
	if failed != nil {
		return Refund{}, failed
	}
	return f, nil
}

func (c *Client) fetchRefund(ctx context.Context, ch ChannelKey, cred Credentials, id string) (Refund, *Error) {
	o := order{call: "fetch_refund", lane: laneVerify, method: http.MethodGet, path: "/refund/" + id, rules: refundRules}
	if !isID(id) {
		return Refund{}, refuse(o.call, FailureInvalidRequest, reasonRequestRejected, "the id of a refund is a number")
	}
	f, rep, failed := c.oneRefund(ctx, ch, cred, o)
	switch {
	case failed != nil:
		return Refund{}, failed
	case f.ID != id:
		return Refund{}, unclear(o, rep, "the answer is about another refund", nil)
	}
	return f, nil
}

// oneRefund carries out an order whose answer is one refund.
func (c *Client) oneRefund(ctx context.Context, ch ChannelKey, cred Credentials, o order) (Refund, reply, *Error) {
	rep, failed := c.execute(ctx, ch, cred, o)
	if failed != nil {
		return Refund{}, rep, failed
	}
	data, ok := upstream.ObjectOf(rep.fields["data"])
	if !ok {
		return Refund{}, rep, unclear(o, rep, "the answer has no data", nil)
	}
	f, err := decodeRefund(data)
	if err == nil && f.ID == "" {
		err = &upstream.DecodeError{Problem: upstream.MissingField, Field: "id"}
	}
	if err != nil {
		return Refund{}, rep, unclear(o, rep, "the answer cannot be read", err)
	}
	f.Raw = rep.raw
	return f, rep, nil
}

func refundRow(raw json.RawMessage, fields map[string]json.RawMessage) (Refund, error) {
	f, err := decodeRefund(fields)
	if err == nil && f.ID == "" {
		err = &upstream.DecodeError{Problem: upstream.MissingField, Field: "id"}
	}
	f.Raw = raw
	return f, err
}
