package mpesa

import "context"

// AccountBalanceRequest asks for the balances of a shortcode's accounts.
type AccountBalanceRequest struct {
	ShortCode string // default: the credentials' shortcode
	Remarks   string // 2 to 100 characters
	Notices
}

// accountBalanceBody is POST /mpesa/accountbalance/v1/query (Daraja, Account Balance).
type accountBalanceBody struct {
	Initiator          string
	SecurityCredential string
	CommandID          string
	PartyA             string
	IdentifierType     string
	Remarks            string
	QueueTimeOutURL    string
	ResultURL          string
}

// AccountBalance asks for balances; the answer comes to ResultURL. It moves nothing: whatever the error, it may be asked
// again. The error is always an *Error.
func (c *Client) AccountBalance(ctx context.Context, ch ChannelKey, cred Credentials, r AccountBalanceRequest) (InitiatorAccepted, error) {
	start := c.opts.Now()
	r.ShortCode = orDefault(r.ShortCode, cred.ShortCode)
	accepted, failed := c.submit(ctx, ch, cred, request{
		api: AccountBalanceAPI, path: "/mpesa/accountbalance/v1/query", lane: "ask",
		body: accountBalanceBody{
			Initiator: cred.InitiatorName, SecurityCredential: cred.SecurityCredential, CommandID: "AccountBalance",
			PartyA: r.ShortCode, IdentifierType: identifierShortCode, Remarks: r.Remarks,
			QueueTimeOutURL: r.QueueTimeOutURL, ResultURL: r.ResultURL,
		},
		shortCode: r.ShortCode, remarks: r.Remarks, notices: r.Notices, rules: askingRules(), unclear: reasonUnknownAnswer,
	})
	c.observe(string(AccountBalanceAPI), start, outcomeOf(failed))
	if failed != nil {
		return InitiatorAccepted{}, failed
	}
	return accepted, nil
}
