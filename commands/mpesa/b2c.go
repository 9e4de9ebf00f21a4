package mpesa

import (
	"context"
	"strconv"
	"strings"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/phone"
)

// MinB2CShillings is the least that a payout can be (Daraja, B2C).
const MinB2CShillings = 10

// MaxOriginatorConversationID bounds the id of a payout. Daraja's page says "less than 20 characters" and shows one of 25;
// the ids that it makes itself have 36.
const MaxOriginatorConversationID = 40

// B2CCommand is the kind of a payout: what the receiver's SMS says, and whom it may go to.
type B2CCommand string

// The kinds (Daraja, B2C, CommandID).
const (
	BusinessPayment  B2CCommand = "BusinessPayment"
	SalaryPayment    B2CCommand = "SalaryPayment"
	PromotionPayment B2CCommand = "PromotionPayment"
)

// B2CRequest sends money from a shortcode to a customer.
type B2CRequest struct {
	// OriginatorConversationID is ours, unique for each payout for ever, and the only idempotency key in Daraja: 1 to 40
	// letters, digits, - and _. Write it down before the call.
	OriginatorConversationID string
	Command                  B2CCommand  // default BusinessPayment
	Amount                   money.Money // KES, whole shillings, at least 10
	Phone                    string      // 2547XXXXXXXX or 2541XXXXXXXX
	ShortCode                string      // that pays; default: the credentials' shortcode
	Remarks                  string      // 2 to 100 characters
	Occasion                 string      // at most 100 characters
	Notices
}

// b2cBody is POST /mpesa/b2c/v3/paymentrequest (Daraja, B2C); Occassion is misspelt as it is sent.
type b2cBody struct {
	OriginatorConversationID string
	InitiatorName            string
	SecurityCredential       string
	CommandID                B2CCommand
	Amount                   string
	PartyA                   string
	PartyB                   string
	Remarks                  string
	QueueTimeOutURL          string
	ResultURL                string
	Occassion                string
}

const reasonUnknownB2C = "M-Pesa did not answer clearly, so it is not known yet whether the money was sent. Do not send it again; the outcome is being checked."

// B2C asks Daraja to pay a customer. Accepted means queued: the result comes to ResultURL. The error is always an *Error.
// Rejected and NotSent: nothing is paid by this request; with FailureDuplicateRequest an earlier one with the same id was
// taken, and its outcome counts. Unknown: it may be paid; it is never sent again by itself, and a transaction status query
// by OriginatorConversationID tells what became of it.
func (c *Client) B2C(ctx context.Context, ch ChannelKey, cred Credentials, r B2CRequest) (InitiatorAccepted, error) {
	start := c.opts.Now()
	accepted, failed := c.b2c(ctx, ch, cred, r)
	c.observe(string(B2CAPI), start, outcomeOf(failed))
	if failed != nil {
		return InitiatorAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) b2c(ctx context.Context, ch ChannelKey, cred Credentials, r B2CRequest) (InitiatorAccepted, *Error) {
	const call = string(B2CAPI)
	r.ShortCode = orDefault(r.ShortCode, cred.ShortCode)
	r.Command = orDefault(r.Command, BusinessPayment)
	if !IsOriginatorConversationID(r.OriginatorConversationID) {
		return InitiatorAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the OriginatorConversationID is not 1 to 40 letters, digits, - and _")
	}
	switch r.Command {
	case BusinessPayment, SalaryPayment, PromotionPayment:
	default:
		return InitiatorAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the command is none of B2C's")
	}
	if failed := c.checkShillings(call, r.Amount, MinB2CShillings); failed != nil {
		return InitiatorAccepted{}, failed
	}
	if _, err := phone.Mpesa(r.Phone); err != nil {
		return InitiatorAccepted{}, refuse(call, FailureInvalidPhone, reasonInvalidPhone, "the phone number is not 2547XXXXXXXX or 2541XXXXXXXX")
	}
	accepted, failed := c.submit(ctx, ch, cred, request{
		api: B2CAPI, path: "/mpesa/b2c/v3/paymentrequest", lane: "b2c",
		body: b2cBody{
			OriginatorConversationID: r.OriginatorConversationID, InitiatorName: cred.InitiatorName, SecurityCredential: cred.SecurityCredential,
			CommandID: r.Command, Amount: strconv.FormatInt(r.Amount.Major(), 10), PartyA: r.ShortCode, PartyB: r.Phone, Remarks: r.Remarks,
			QueueTimeOutURL: r.QueueTimeOutURL, ResultURL: r.ResultURL, Occassion: r.Occasion,
		},
		shortCode: r.ShortCode, remarks: r.Remarks, occasion: r.Occasion, notices: r.Notices, private: []string{r.Phone},
		rules: movingRules(), unclear: reasonUnknownB2C,
	})
	accepted.OriginatorConversationID = orDefault(accepted.OriginatorConversationID, r.OriginatorConversationID)
	return accepted, failed
}

// IsOriginatorConversationID tells whether s can be the id of a payout of ours.
func IsOriginatorConversationID(s string) bool {
	return s != "" && len(s) <= MaxOriginatorConversationID && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	}) < 0
}
