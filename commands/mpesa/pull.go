package mpesa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/phone"
)

// PullWindow is how far back payments can be pulled (Daraja, Pull Transactions).
const PullWindow = 48 * time.Hour

// pullMargin is what a window may reach further back, for the time that a call waits and clocks that differ.
const pullMargin = 5 * time.Minute

// pullLayout is how the bounds of a pull are written, in East Africa Time.
const pullLayout = "2006-01-02 15:04:05"

// Codes of Pull Transactions.
const (
	pullDone = "1000" // registered; here are the rows
	pullNone = "1001" // registered before; there are no rows
	// codeNotPulled is the errorCode of a shortcode that is not registered.
	codeNotPulled = "400.001"
)

// RegisterPullRequest opens a shortcode for pulling, once.
type RegisterPullRequest struct {
	ShortCode       string // default: the credentials' till or shortcode
	NominatedNumber string // the phone in the shortcode's papers, 2547XXXXXXXX or 2541XXXXXXXX
	CallbackURL     string
}

// PullRegistered is Daraja's answer to a registration.
type PullRegistered struct {
	ResponseRefID string
	Already       bool // it was registered before
	Description   string
	Raw           []byte
}

type registerPullBody struct {
	ShortCode       string
	RequestType     string
	NominatedNumber string
	CallBackURL     string
}

// RegisterPull is POST /pulltransactions/v1/register (Daraja, Pull Transactions). A shortcode that is registered already
// is no error. The error is always an *Error; it may be tried again whatever it is.
func (c *Client) RegisterPull(ctx context.Context, ch ChannelKey, cred Credentials, r RegisterPullRequest) (PullRegistered, error) {
	start := c.opts.Now()
	registered, failed := c.registerPull(ctx, ch, cred, r)
	c.observe("register_pull", start, outcomeOf(failed))
	if failed != nil {
		return PullRegistered{}, failed
	}
	return registered, nil
}

func (c *Client) registerPull(ctx context.Context, ch ChannelKey, cred Credentials, r RegisterPullRequest) (PullRegistered, *Error) {
	const call = "register_pull"
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	if !isShortCode(r.ShortCode) {
		return PullRegistered{}, refuse(call, FailureInvalidShortCode, "The shortcode must be 5 to 7 digits.", "the shortcode is not 5 to 7 digits")
	}
	if _, err := phone.Mpesa(r.NominatedNumber); err != nil {
		return PullRegistered{}, refuse(call, FailureInvalidPhone, reasonInvalidPhone, "the nominated number is not 2547XXXXXXXX or 2541XXXXXXXX")
	}
	if err := CheckCallbackURL(cred.Environment, r.CallbackURL); err != nil {
		return PullRegistered{}, refuse(call, FailureInvalidCallbackURL, "M-Pesa would not accept the callback URL: it "+err.Error()+".", "the callback URL "+err.Error())
	}
	private := []string{r.NominatedNumber, r.CallbackURL}
	rep, failed := c.pullCall(ctx, ch, cred, call, "register", registerPullBody{r.ShortCode, "Pull", r.NominatedNumber, r.CallbackURL}, private)
	if failed != nil {
		return PullRegistered{}, failed
	}
	clean := newCleaner(append(private, cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey)...)
	registered := PullRegistered{
		ResponseRefID: clean.text(upstream.TextOf(rep.fields["ResponseRefID"])), Description: clean.text(upstream.TextOf(rep.fields["ResponseDescription"])), Raw: rep.raw,
	}
	switch code := resultCode(rep.fields["ResponseStatus"]); code {
	case pullDone:
		return registered, nil
	case pullNone:
		registered.Already = true
		return registered, nil
	default:
		return PullRegistered{}, pullRefused(call, rep, code, registered.Description, clean)
	}
}

// PullRequest asks for the payments of a time within the last 48 hours.
type PullRequest struct {
	ShortCode string // default: the credentials' till or shortcode
	From, To  time.Time
	Offset    int // how many rows to pass over; the sum of PullPage.Rows so far
}

// PulledTransaction is a row of Pull Transactions.
type PulledTransaction struct {
	Receipt string
	At      *time.Time // UTC; nil when it cannot be read. A time without a zone is East Africa Time.
	Amount  money.Money
	MSISDN  string // as it came: with or without 254, or masked; never an identity
	Sender  string
	// Type is "c2b-pay-bill-debit" for a customer's payment. Only a payment is money that came in: see IsPayment.
	Type              string
	BillRef           string // as the customer typed it
	BillRefNormalised string // for matching: NormaliseBillRef(BillRef)
	Organisation      string
}

// IsPayment tells whether a row is a customer's payment; what other types Daraja answers is not documented.
func (p PulledTransaction) IsPayment() bool {
	t := strings.ToLower(p.Type)
	return strings.HasPrefix(t, "c2b-") && strings.HasSuffix(t, "-debit")
}

// PullPage is one answer. A page with no rows is the last.
type PullPage struct {
	Transactions []PulledTransaction
	// Rows counts the rows of the page, with those that could not be read; Unreadable counts the latter, and somebody
	// should look at Raw.
	Rows, Unreadable int
	ResponseRefID    string
	Raw              []byte // the answer as it came, for sealing
}

type pullBody struct {
	ShortCode   string
	StartDate   string
	EndDate     string
	OffSetValue string
}

// Pull is /pulltransactions/v1/query (Daraja, Pull Transactions; by POST, as its clients do, though the page has GET). The
// shortcode has to be registered for it. It moves nothing: whatever the error, it may be asked again. The error is always
// an *Error.
func (c *Client) Pull(ctx context.Context, ch ChannelKey, cred Credentials, r PullRequest) (PullPage, error) {
	start := c.opts.Now()
	page, failed := c.pull(ctx, ch, cred, r)
	c.observe("pull", start, outcomeOf(failed))
	if failed != nil {
		return PullPage{}, failed
	}
	return page, nil
}

func (c *Client) pull(ctx context.Context, ch ChannelKey, cred Credentials, r PullRequest) (PullPage, *Error) {
	const call = "pull"
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	switch {
	case !isShortCode(r.ShortCode):
		return PullPage{}, refuse(call, FailureInvalidShortCode, "The shortcode must be 5 to 7 digits.", "the shortcode is not 5 to 7 digits")
	case !r.From.Before(r.To):
		return PullPage{}, refuse(call, FailureInvalidRequest, "The time to pull must end after it begins.", "the window ends before it begins")
	case r.From.Before(c.opts.Now().Add(-PullWindow - pullMargin)):
		return PullPage{}, refuse(call, FailureInvalidRequest, "M-Pesa gives out the payments of the last 48 hours only.", "the window begins more than 48 hours ago")
	case r.Offset < 0:
		return PullPage{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the offset is negative")
	}
	rep, failed := c.pullCall(ctx, ch, cred, call, "query", pullBody{
		r.ShortCode, r.From.In(eat()).Format(pullLayout), r.To.In(eat()).Format(pullLayout), strconv.Itoa(r.Offset),
	}, nil)
	if failed != nil {
		return PullPage{}, failed
	}
	clean := newCleaner(cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey)
	code := resultCode(rep.fields["ResponseCode"])
	if code != pullDone && code != pullNone {
		return PullPage{}, pullRefused(call, rep, code, clean.text(upstream.TextOf(rep.fields["ResponseMessage"])), clean)
	}
	// The sandbox answers RequestID where the page has ResponseRefID.
	page := PullPage{ResponseRefID: clean.text(orDefault(upstream.TextOf(rep.fields["ResponseRefID"]), upstream.TextOf(rep.fields["RequestID"]))), Raw: rep.raw}
	if code == pullDone {
		page.readRows(rep.fields["Response"], 0)
	}
	return page, nil
}

func (c *Client) pullCall(ctx context.Context, ch ChannelKey, cred Credentials, call, what string, body any, private []string) (reply, *Error) {
	rep, failed := c.execute(ctx, ch, cred, order{
		call: call, lane: "ask", path: "/pulltransactions/v1/" + what, body: body, private: private,
		rules: askingRules(
			errorRule{code: codeNotPulled, kind: Rejected, failure: FailureInvalidShortCode, reason: "M-Pesa does not give out the payments of this shortcode. Check that it is registered for pulling."},
			errorRule{code: "400.002.02", contains: "nominatednumber", kind: Rejected, failure: FailureInvalidPhone, reason: reasonInvalidPhone},
		),
	})
	if failed != nil && failed.failure == FailureProviderUnknownOutcome {
		failed.reason = reasonUnknownAnswer
	}
	return rep, failed
}

// NotRegisteredForPull tells whether Daraja does not give out a shortcode's payments because it isn't registered for that; it says
// the same of a shortcode that is none of the app's.
func NotRegisteredForPull(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Code == codeNotPulled
}

// pullRefused is an answer without the codes of a yes.
func pullRefused(call string, rep reply, code, message string, clean cleaner) *Error {
	e := &Error{
		Kind: Rejected, Call: call, HTTPStatus: rep.status, Code: clean.text(code), Message: message, Raw: rep.raw,
		failure: FailureRequestRejected, reason: reasonRequestRejected,
	}
	if code == "" {
		e.Kind, e.Message, e.failure, e.reason = Unknown, "the answer has no code", FailureProviderUnknownOutcome, reasonUnknownAnswer
	}
	return e
}

// maxRowNesting is how deep the rows may lie: Daraja's samples have them in a list, in a list within a list, and as a
// text that holds one.
const maxRowNesting = 4

// readRows takes the rows out of lists within lists.
func (p *PullPage) readRows(raw json.RawMessage, depth int) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null" || depth > maxRowNesting:
	case raw[0] == '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return
		}
		for _, each := range list {
			p.readRows(each, depth+1)
		}
	case raw[0] == '"':
		if text := upstream.TextOf(raw); upstream.CheckJSON([]byte(text), maxResponseBytes, maxDepth) == nil {
			p.readRows(json.RawMessage(text), depth+1)
		}
	case raw[0] == '{':
		fields, ok := upstream.ObjectOf(raw)
		if !ok {
			return
		}
		p.Rows++
		if row, ok := readRow(fields); ok {
			p.Transactions = append(p.Transactions, row)
		} else {
			p.Unreadable++
		}
	default:
		p.Rows++
		p.Unreadable++
	}
}

// readRow reads one row; its names are compared without case. False without a possible receipt and amount.
func readRow(fields map[string]json.RawMessage) (PulledTransaction, bool) {
	low := make(map[string]json.RawMessage, len(fields))
	for name, v := range fields {
		low[strings.ToLower(name)] = v
	}
	r := reader{fields: low}
	t := PulledTransaction{
		Receipt: r.receipt("transactionid", "transactionId", true), At: pulledAt(low["trxdate"]), MSISDN: phoneText(low["msisdn"]),
		Sender: shorten(upstream.TextOf(low["sender"])), Type: shorten(upstream.TextOf(low["transactiontype"])),
		BillRef: shorten(upstream.TextOf(low["billreference"])), Organisation: shorten(upstream.TextOf(low["organizationname"])),
	}
	t.BillRefNormalised = NormaliseBillRef(t.BillRef)
	if amount := r.amount("amount", "amount", true); amount != nil {
		t.Amount = *amount
	}
	return t, r.err == nil
}

// pulledAt reads 2020-08-05T10:13:00Z, or a date as Safaricom writes them elsewhere.
func pulledAt(raw json.RawMessage) *time.Time {
	t, err := time.Parse(time.RFC3339, upstream.TextOf(raw))
	if err != nil {
		return dateOf(raw)
	}
	if y := t.UTC().Year(); y < 2000 || y > 2199 {
		return nil
	}
	t = t.UTC()
	return &t
}
