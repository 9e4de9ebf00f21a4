package mpesa

import (
	"context"
	"strconv"

	"github.com/benfex/kipay/domain/money"
)

// ReversalRequest gives a payment back to the customer who made it.
type ReversalRequest struct {
	Receipt string // of the STK or C2B payment; the customer's money must have come to ShortCode
	// Amount is the payment's own, in KES and whole shillings. Whether Daraja takes a lower one is not confirmed; to give
	// back a part, a payout (B2C) is sure.
	Amount    money.Money
	ShortCode string // that received the money; default: the credentials' till or shortcode
	Remarks   string // 2 to 100 characters; no personal data: it stands on the statement
	Occasion  string // at most 100 characters
	Notices
}

// reversalBody is POST /mpesa/reversal/v1/request (Daraja, Reversal); RecieverIdentifierType is misspelt as it is sent.
type reversalBody struct {
	Initiator              string
	SecurityCredential     string
	CommandID              string
	TransactionID          string
	Amount                 string
	ReceiverParty          string
	RecieverIdentifierType string
	ResultURL              string
	QueueTimeOutURL        string
	Remarks                string
	Occasion               string
}

const reasonUnknownReversal = "M-Pesa did not answer clearly, so it is not known yet whether the payment was reversed. Do not send it again; the outcome is being checked."

// Reversal asks Daraja to reverse a payment. Accepted means queued: the result comes to ResultURL. The error is always an
// *Error. Rejected and NotSent: the money stays. Unknown: it may go back; the reversal is never sent again by itself, its
// result may still come, and a transaction status query of the payment, a pull or the statement tell. Daraja has no
// idempotency key here, but a payment is reversed once: a second reversal ends with R000001.
func (c *Client) Reversal(ctx context.Context, ch ChannelKey, cred Credentials, r ReversalRequest) (InitiatorAccepted, error) {
	start := c.opts.Now()
	accepted, failed := c.reversal(ctx, ch, cred, r)
	c.observe(string(ReversalAPI), start, outcomeOf(failed))
	if failed != nil {
		return InitiatorAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) reversal(ctx context.Context, ch ChannelKey, cred Credentials, r ReversalRequest) (InitiatorAccepted, *Error) {
	const call = string(ReversalAPI)
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	if !IsReceipt(r.Receipt) {
		return InitiatorAccepted{}, refuse(call, FailureInvalidReceipt, reasonInvalidReceipt, "the receipt is not one of M-Pesa's")
	}
	if failed := c.checkShillings(call, r.Amount, 1); failed != nil {
		return InitiatorAccepted{}, failed
	}
	return c.submit(ctx, ch, cred, request{
		api: ReversalAPI, path: "/mpesa/reversal/v1/request", lane: "reversal",
		body: reversalBody{
			Initiator: cred.InitiatorName, SecurityCredential: cred.SecurityCredential, CommandID: "TransactionReversal",
			TransactionID: r.Receipt, Amount: strconv.FormatInt(r.Amount.Major(), 10), ReceiverParty: r.ShortCode, RecieverIdentifierType: "11",
			ResultURL: r.ResultURL, QueueTimeOutURL: r.QueueTimeOutURL, Remarks: r.Remarks, Occasion: r.Occasion,
		},
		shortCode: r.ShortCode, remarks: r.Remarks, occasion: r.Occasion, notices: r.Notices,
		rules: movingRules(), unclear: reasonUnknownReversal,
	})
}

// checkShillings refuses an amount that is not whole KES from least to the most that one transaction can move.
func (c *Client) checkShillings(call string, m money.Money, least int64) *Error {
	switch {
	case m.Currency != money.KES:
		return refuse(call, FailureInvalidAmount, "M-Pesa takes Kenyan shillings only.", "the amount is not in KES")
	case !m.IsWhole():
		return refuse(call, FailureInvalidAmount, "M-Pesa takes whole shillings only.", "the amount is not in whole shillings")
	case m.Major() < least:
		low := money.Of(least*100, money.KES).Format()
		return refuse(call, FailureAmountTooLow, "The smallest amount that M-Pesa takes here is "+low+".", "the amount is below "+low)
	case m.Major() > c.opts.MaxShillings:
		most := money.Of(c.opts.MaxShillings*100, money.KES).Format()
		return refuse(call, FailureAmountTooHigh, "The largest amount that M-Pesa takes is "+most+".", "the amount is above "+most)
	}
	return nil
}
