package simulator

import (
	"encoding/json"
	"time"
)

// webhookView is t as charge.success tells it, whatever really happened: a forged one claims success too. The caller
// holds mu.
func (s *Simulator) webhookView(t *transaction) webhookData {
	paid := t.paidAt
	if paid.IsZero() {
		paid = s.opts.Now()
	}
	metadata := t.metadata
	if string(metadata) == `""` {
		metadata = json.RawMessage("0") // the documents' own sample
	}
	data := webhookData{
		ID: t.id, Domain: t.account.domain(), Status: statusSuccess, Reference: t.reference, Amount: t.amount,
		GatewayResponse: Success.gatewayResponse(), PaidAt: stamp(paid), CreatedAt: stamp(t.createdAt), Channel: "card",
		Currency: t.currency, IPAddress: t.ip, Metadata: metadata, Fees: t.fees(),
		Customer: customerOf(t.account, t.email), Authorization: t.authorization(),
		Log: webhookLog{Attempts: t.attempts, Errors: t.errors, Input: []string{}, History: []string{}},
	}
	if !t.startedAt.IsZero() {
		data.Log.TimeSpent = int64(paid.Sub(t.startedAt) / time.Second)
	}
	if asked := authentication(t.card); asked != "" {
		data.Log.Authentication = &asked
	}
	return data
}

func authentication(c Card) string {
	switch {
	case c.OTP != "":
		return "otp"
	case c.PIN != "":
		return "pin"
	case c.BankPage:
		return "3DS"
	}
	return ""
}
