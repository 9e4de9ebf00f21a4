package mpesa

import "context"

// TransactionStatusRequest asks what became of a transaction: by its receipt, or by the OriginatorConversationID of the
// payout or reversal; by exactly one of the two.
type TransactionStatusRequest struct {
	Receipt                  string
	OriginatorConversationID string
	ShortCode                string // a party to the transaction; default: the credentials' till or shortcode
	Remarks                  string // 2 to 100 characters
	Occasion                 string // at most 100 characters
	Notices
}

// transactionStatusBody is POST /mpesa/transactionstatus/v1/query (Daraja, Transaction Status). The id of the asked
// conversation is spelt in two ways in what Safaricom publishes; both are sent, because the other is not read.
type transactionStatusBody struct {
	Initiator                string
	SecurityCredential       string
	CommandID                string
	TransactionID            string
	OriginalConversationID   string
	OriginatorConversationID string `json:",omitempty"`
	PartyA                   string
	IdentifierType           string
	ResultURL                string
	QueueTimeOutURL          string
	Remarks                  string
	Occasion                 string
}

// The kinds of a party (Daraja, Transaction Status, IdentifierType).
const (
	identifierTill      = "2"
	identifierShortCode = "4"
)

// TransactionStatus asks after a transaction; the answer comes to ResultURL. It moves nothing: whatever the error, it may
// be asked again. The error is always an *Error.
func (c *Client) TransactionStatus(ctx context.Context, ch ChannelKey, cred Credentials, r TransactionStatusRequest) (InitiatorAccepted, error) {
	start := c.opts.Now()
	accepted, failed := c.transactionStatus(ctx, ch, cred, r)
	c.observe(string(TransactionStatusAPI), start, outcomeOf(failed))
	if failed != nil {
		return InitiatorAccepted{}, failed
	}
	return accepted, nil
}

func (c *Client) transactionStatus(ctx context.Context, ch ChannelKey, cred Credentials, r TransactionStatusRequest) (InitiatorAccepted, *Error) {
	const call = string(TransactionStatusAPI)
	r.ShortCode = orDefault(r.ShortCode, orDefault(cred.TillNumber, cred.ShortCode))
	switch {
	case (r.Receipt == "") == (r.OriginatorConversationID == ""):
		return InitiatorAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "either a receipt or an OriginatorConversationID is needed")
	case r.Receipt != "" && !IsReceipt(r.Receipt):
		return InitiatorAccepted{}, refuse(call, FailureInvalidReceipt, reasonInvalidReceipt, "the receipt is not one of M-Pesa's")
	case r.OriginatorConversationID != "" && !isID(r.OriginatorConversationID):
		return InitiatorAccepted{}, refuse(call, FailureInvalidRequest, reasonInvalidRequest, "the OriginatorConversationID cannot be used")
	}
	return c.submit(ctx, ch, cred, request{
		api: TransactionStatusAPI, path: "/mpesa/transactionstatus/v1/query", lane: "ask",
		body: transactionStatusBody{
			Initiator: cred.InitiatorName, SecurityCredential: cred.SecurityCredential, CommandID: "TransactionStatusQuery",
			TransactionID: r.Receipt, OriginalConversationID: r.OriginatorConversationID, OriginatorConversationID: r.OriginatorConversationID,
			PartyA: r.ShortCode, IdentifierType: identifierOf(cred, r.ShortCode), ResultURL: r.ResultURL, QueueTimeOutURL: r.QueueTimeOutURL,
			Remarks: r.Remarks, Occasion: r.Occasion,
		},
		shortCode: r.ShortCode, remarks: r.Remarks, occasion: r.Occasion, notices: r.Notices,
		rules: askingRules(), unclear: reasonUnknownAnswer,
	})
}

// identifierOf is the kind of a number of the channel's.
func identifierOf(cred Credentials, shortCode string) string {
	if shortCode == cred.TillNumber {
		return identifierTill
	}
	return identifierShortCode
}
