package mpesa

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/phone"
)

// The defaults that a shortcode can have for when ValidationURL does not answer in time (Daraja, C2B Register URL).
const (
	ResponseCompleted = "Completed"
	ResponseCancelled = "Cancelled"
)

// The versions of the C2B API: v1 hashes the payer's number in what it posts, v2 masks it.
const (
	C2BVersion1 = "v1"
	C2BVersion2 = "v2"
)

// RegisterC2BRequest says where Daraja posts payments that customers start themselves.
type RegisterC2BRequest struct {
	ShortCode       string // default: the credentials' till or shortcode
	ConfirmationURL string
	ValidationURL   string
	ResponseType    string // ResponseCompleted (default) or ResponseCancelled
	Version         string // C2BVersion2 by default
}

// C2BAccepted is Daraja's acceptance of a C2B call.
type C2BAccepted struct {
	OriginatorConversationID string
	ConversationID           string
	Description              string
	Raw                      []byte
}

type registerBody struct {
	ShortCode       string
	ResponseType    string
	ConfirmationURL string
	ValidationURL   string
}

// RegisterC2B registers the URLs of a shortcode. In production this works once: later it is Rejected with
// FailureURLsAlreadyRegistered until the URLs are removed on the portal. The error is always an *Error.
func (c *Client) RegisterC2B(ctx context.Context, ch ChannelKey, cred Credentials, r RegisterC2BRequest) (C2BAccepted, error) {
	start := c.opts.Now()
	accepted, failed := c.registerC2B(ctx, ch, cred, r)
	c.observe("register_c2b", start, outcomeOf(failed))
	if failed != nil {
		return C2BAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) registerC2B(ctx context.Context, ch ChannelKey, cred Credentials, r RegisterC2BRequest) (C2BAccepted, *Error) {
	const call = "register_c2b"
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	r.ResponseType = orDefault(r.ResponseType, ResponseCompleted)
	r.Version = orDefault(r.Version, C2BVersion2)
	if !isShortCode(r.ShortCode) {
		return C2BAccepted{}, refuse(call, FailureInvalidShortCode, "The shortcode must be 5 to 7 digits.", "the shortcode is not 5 to 7 digits")
	}
	if r.ResponseType != ResponseCompleted && r.ResponseType != ResponseCancelled {
		return C2BAccepted{}, refuse(call, FailureInvalidRequest, "The response type must be Completed or Cancelled.", "the response type is neither Completed nor Cancelled")
	}
	if r.Version != C2BVersion1 && r.Version != C2BVersion2 {
		return C2BAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the version is neither v1 nor v2")
	}
	for _, u := range [...]struct{ name, url string }{{"confirmation", r.ConfirmationURL}, {"validation", r.ValidationURL}} {
		if err := CheckCallbackURL(cred.Environment, u.url); err != nil {
			return C2BAccepted{}, refuse(call, FailureInvalidCallbackURL, "M-Pesa would not accept the "+u.name+" URL: it "+err.Error()+".", "the "+u.name+" URL "+err.Error())
		}
	}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: call, lane: "c2b", path: "/mpesa/c2b/" + r.Version + "/registerurl",
		body:    registerBody{r.ShortCode, r.ResponseType, r.ConfirmationURL, r.ValidationURL},
		private: []string{r.ConfirmationURL, r.ValidationURL},
	})
	if failed != nil {
		return C2BAccepted{}, failed
	}
	return c2bAccepted(call, rep, newCleaner(cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, r.ConfirmationURL, r.ValidationURL))
}

// SimulateC2BRequest is a payment that a test customer starts.
type SimulateC2BRequest struct {
	ShortCode string      // default: the credentials' till or shortcode
	Amount    money.Money // KES, whole shillings
	Phone     string      // 2547XXXXXXXX or 2541XXXXXXXX
	BillRef   string      // the account number that the customer types; not sent for a till
	BuyGoods  bool        // a till instead of a paybill
	Version   string      // C2BVersion2 by default
}

// simulateBody is POST /mpesa/c2b/v2/simulate (Daraja, C2B Simulate); its numbers are numbers there.
type simulateBody struct {
	ShortCode     json.Number
	CommandID     string
	Amount        json.Number
	Msisdn        json.Number
	BillRefNumber *string
}

// SimulateC2B has Daraja's sandbox act as if a customer had paid. It is Rejected with FailureSandboxOnly in
// production. The sandbox often accepts and then never posts the confirmation. The error is always an *Error.
func (c *Client) SimulateC2B(ctx context.Context, ch ChannelKey, cred Credentials, r SimulateC2BRequest) (C2BAccepted, error) {
	start := c.opts.Now()
	accepted, failed := c.simulateC2B(ctx, ch, cred, r)
	c.observe("simulate_c2b", start, outcomeOf(failed))
	if failed != nil {
		return C2BAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) simulateC2B(ctx context.Context, ch ChannelKey, cred Credentials, r SimulateC2BRequest) (C2BAccepted, *Error) {
	const call = "simulate_c2b"
	if cred.Environment != Sandbox {
		return C2BAccepted{}, refuse(call, FailureSandboxOnly, "Payments can only be simulated on a sandbox channel.", "not a sandbox channel")
	}
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	r.Version = orDefault(r.Version, C2BVersion2)
	switch {
	case !isShortCode(r.ShortCode):
		return C2BAccepted{}, refuse(call, FailureInvalidShortCode, "The shortcode must be 5 to 7 digits.", "the shortcode is not 5 to 7 digits")
	case r.Version != C2BVersion1 && r.Version != C2BVersion2:
		return C2BAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the version is neither v1 nor v2")
	case r.Amount.Currency != money.KES || !r.Amount.IsWhole() || r.Amount.Major() < 1 || r.Amount.Major() > c.opts.MaxShillings:
		return C2BAccepted{}, refuse(call, FailureInvalidAmount, reasonInvalidAmount, "the amount is not within limits in whole KES")
	}
	if _, err := phone.Mpesa(r.Phone); err != nil {
		return C2BAccepted{}, refuse(call, FailureInvalidPhone, reasonInvalidPhone, "the phone number is not 2547XXXXXXXX or 2541XXXXXXXX")
	}
	body := simulateBody{
		ShortCode: number(r.ShortCode), CommandID: "CustomerPayBillOnline",
		Amount: json.Number(strconv.FormatInt(r.Amount.Major(), 10)), Msisdn: number(r.Phone), BillRefNumber: &r.BillRef,
	}
	if r.BuyGoods {
		body.CommandID, body.BillRefNumber = "CustomerBuyGoodsOnline", nil
	}
	rep, failed := c.execute(ctx, ch, cred, order{
		call: call, lane: "c2b", path: "/mpesa/c2b/" + r.Version + "/simulate", body: body, private: []string{r.Phone},
	})
	if failed != nil {
		return C2BAccepted{}, failed
	}
	return c2bAccepted(call, rep, newCleaner(cred.ConsumerKey, cred.ConsumerSecret, cred.Passkey, r.Phone))
}

// number is digits as a JSON number, which may not begin with a zero.
func number(digits string) json.Number {
	n, _ := plainDecimal(digits)
	return json.Number(n)
}

// c2bAccepted reads the answer to a C2B call. OriginatorCoversationID is misspelt as it is sent; older answers have the
// right spelling, a ConversationID, or no ResponseCode.
func c2bAccepted(call string, rep reply, clean cleaner) (C2BAccepted, *Error) {
	a := C2BAccepted{
		OriginatorConversationID: clean.text(orDefault(upstream.TextOf(rep.fields["OriginatorCoversationID"]), upstream.TextOf(rep.fields["OriginatorConversationID"]))),
		ConversationID:           clean.text(upstream.TextOf(rep.fields["ConversationID"])),
		Description:              clean.text(upstream.TextOf(rep.fields["ResponseDescription"])),
		Raw:                      rep.raw,
	}
	code := upstream.TextOf(rep.fields["ResponseCode"])
	switch {
	case code == "0", code == "" && a.OriginatorConversationID != "":
		return a, nil
	case code == "":
		return C2BAccepted{}, &Error{Kind: Unknown, Call: call, HTTPStatus: rep.status, Message: "the answer has no ResponseCode", Raw: rep.raw}
	}
	return C2BAccepted{}, &Error{
		Kind: Rejected, Call: call, HTTPStatus: rep.status, Code: clean.text(code), Message: a.Description,
		Raw: rep.raw, failure: FailureRequestRejected, reason: reasonRequestRejected,
	}
}
