package mpesa

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/phone"
)

// maxIDBytes bounds MerchantRequestID and CheckoutRequestID; real ones are below 40 and opaque.
const maxIDBytes = 256

// PushRequest asks a customer's phone for a payment.
type PushRequest struct {
	Amount money.Money // KES, whole shillings
	Phone  string      // 2547XXXXXXXX or 2541XXXXXXXX
	// CallbackURL is where Daraja reports the result. It must carry something unguessable of this payment: callbacks
	// are not signed, and when the answer to the push is lost, it is all that tells which payment a callback is for.
	CallbackURL string
	// AccountReference and Description are what the payer reads; they are sanitised here.
	AccountReference string
	Description      string
}

// PushAccepted is Daraja's word that the prompt is queued, never that anything is paid.
type PushAccepted struct {
	MerchantRequestID string
	CheckoutRequestID string
	CustomerMessage   string
	Raw               []byte // the answer as it came, for sealing
}

// pushBody is POST /mpesa/stkpush/v1/processrequest (Daraja, M-Pesa Express).
type pushBody struct {
	BusinessShortCode string
	Password          string
	Timestamp         string
	TransactionType   string
	Amount            string
	PartyA            string
	PartyB            string
	PhoneNumber       string
	CallBackURL       string
	AccountReference  string
	TransactionDesc   string
}

// Push asks Daraja to prompt the customer. It is sent once: Daraja has no idempotency key, and the same push again is a
// second prompt and perhaps a second payment. The error is always an *Error, and its Kind says whether the push may
// have gone out. When ctx is cancelled after the push has been written, the outcome is Unknown.
func (c *Client) Push(ctx context.Context, ch ChannelKey, cred Credentials, r PushRequest) (_ PushAccepted, err error) {
	start := c.opts.Now()
	accepted, failed := c.push(ctx, ch, cred, r)
	c.observe("push", start, outcomeOf(failed))
	if failed != nil {
		return PushAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) push(ctx context.Context, ch ChannelKey, cred Credentials, r PushRequest) (PushAccepted, *Error) {
	if failed := c.checkPush(cred, r); failed != nil {
		return PushAccepted{}, failed
	}
	at := stamp(c.opts.Now())
	body := pushBody{
		BusinessShortCode: cred.ShortCode,
		Password:          password(cred, at),
		Timestamp:         at,
		TransactionType:   "CustomerPayBillOnline",
		Amount:            strconv.FormatInt(r.Amount.Major(), 10),
		PartyA:            r.Phone,
		PartyB:            cred.ShortCode,
		PhoneNumber:       r.Phone,
		CallBackURL:       r.CallbackURL,
		AccountReference:  SanitiseAccountReference(r.AccountReference),
		TransactionDesc:   SanitiseDescription(r.Description),
	}
	if cred.TillNumber != "" {
		body.TransactionType, body.PartyB = "CustomerBuyGoodsOnline", cred.TillNumber
	}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: "push", lane: "push", path: "/mpesa/stkpush/v1/processrequest", body: body,
		private: []string{body.Password, r.Phone, r.CallbackURL},
	})
	if failed != nil {
		return PushAccepted{}, failed
	}
	clean := newCleaner(cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, body.Password, r.Phone, r.CallbackURL)
	accepted := PushAccepted{
		MerchantRequestID: upstream.TextOf(rep.fields["MerchantRequestID"]),
		CheckoutRequestID: upstream.TextOf(rep.fields["CheckoutRequestID"]),
		CustomerMessage:   clean.text(upstream.TextOf(rep.fields["CustomerMessage"])),
		Raw:               rep.raw,
	}
	code := upstream.TextOf(rep.fields["ResponseCode"])
	unclear := &Error{
		Kind: Unknown, Call: "push", HTTPStatus: rep.status, Code: clean.text(code), Raw: rep.raw,
		failure: FailureProviderUnknownOutcome, reason: reasonUnknownOutcome,
	}
	switch {
	case code == "":
		unclear.Message = "the answer has no ResponseCode"
		return PushAccepted{}, unclear
	case code != "0": // any other ResponseCode is not accepted
		return PushAccepted{}, &Error{
			Kind: Rejected, Call: "push", HTTPStatus: rep.status, Code: clean.text(code), Raw: rep.raw,
			Message: clean.text(upstream.TextOf(rep.fields["ResponseDescription"])), failure: FailureRequestRejected, reason: reasonRequestRejected,
		}
	case !isID(accepted.CheckoutRequestID):
		unclear.Message = "the answer has no usable CheckoutRequestID"
		return PushAccepted{}, unclear
	case accepted.MerchantRequestID != "" && !isID(accepted.MerchantRequestID):
		accepted.MerchantRequestID = ""
	}
	return accepted, nil
}

// checkPush refuses what Daraja would refuse, or would take wrongly.
func (c *Client) checkPush(cred Credentials, r PushRequest) *Error {
	if cred.Passkey == "" {
		return misconfigured("push", "passkey is needed")
	}
	switch {
	case r.Amount.Currency != money.KES:
		return refuse("push", FailureInvalidAmount, "M-Pesa takes Kenyan shillings only.", "the amount is not in KES")
	case !r.Amount.IsWhole():
		return refuse("push", FailureInvalidAmount, "M-Pesa takes whole shillings only.", "the amount is not in whole shillings")
	case r.Amount.Major() < 1:
		return refuse("push", FailureAmountTooLow, "The smallest M-Pesa payment is KES 1.00.", "the amount is below 1")
	case r.Amount.Major() > c.opts.MaxShillings:
		most := money.Of(c.opts.MaxShillings*100, money.KES).Format()
		return refuse("push", FailureAmountTooHigh, "The largest M-Pesa payment is "+most+".", "the amount is above "+most)
	}
	if _, err := phone.Mpesa(r.Phone); err != nil {
		return refuse("push", FailureInvalidPhone, reasonInvalidPhone, "the phone number is not 2547XXXXXXXX or 2541XXXXXXXX")
	}
	if err := checkURL(cred.Environment, r.CallbackURL); err != nil {
		return refuse("push", FailureInvalidCallbackURL, "The address that M-Pesa should report to is not usable: it "+err.Error()+".", "the callback URL "+err.Error())
	}
	return nil
}

// password is base64(shortcode + passkey + timestamp), with the very timestamp of the request (Daraja, M-Pesa Express).
func password(cred Credentials, at string) string {
	return base64.StdEncoding.EncodeToString([]byte(cred.ShortCode + cred.Passkey + at))
}

// isID tells whether an id of Daraja's can be kept and compared: some printable characters without spaces.
func isID(s string) bool {
	return s != "" && len(s) <= maxIDBytes && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar
	}) < 0
}
