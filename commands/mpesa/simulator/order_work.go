package simulator

import (
	"encoding/json"
	"strings"
	"time"
)

// What carries orders out. All of it is done while the caller holds mu, at the moment when the provider does it.

// workReversal gives a payment back, once. A part of it is given back only when the switch says that this can be done: it
// is not documented.
func (s *Simulator) workReversal(o *order, amount int64, at time.Time) outcome {
	paid := s.ledger.byReceipt[o.receipt]
	switch {
	case paid == nil || paid.kind != customerPayment || paid.shortCode != o.shortCode:
		return outcome{code: "R000002"}
	case paid.reversedBy != "":
		return outcome{code: "R000001"}
	case amount > paid.cents || amount < paid.cents && !s.faults.PartialReversals:
		return outcome{code: "25"}
	case s.ledger.of(o.shortCode)[utility] < amount:
		return outcome{code: "1"}
	}
	m := s.reverse(paid, amount, at, o.acceptedAt, o)
	return outcome{code: "0", receipt: m.receipt, parameters: []parameter{
		{"DebitAccountBalance", accountText(utilityName(paid.buyGoods), m.lines[0].balance)},
		{"Amount", json.Number(cents(amount))},
		{"TransCompletedTime", json.Number(at.In(eat).Format(timestampLayout))},
		{"OriginalTransactionID", paid.receipt},
		{"Charge", json.Number("0.00")},
		{"CreditPartyPublicName", partyName(paid)},
		{"DebitPartyPublicName", o.shortCode + " - " + shopName(o.shortCode)},
	}}
}

// workB2C sends money to a customer (Daraja, B2C, Result Codes).
func (s *Simulator) workB2C(o *order, from ShortCode, command string, amount int64, at time.Time) outcome {
	code := ""
	switch {
	case from.Type != PayBill:
		code = "2028"
	case amount < minPayout:
		code = "2"
	case amount > maxAmount:
		code = "3"
	case s.ledger.of(o.shortCode)[utility] < amount*100:
		code = "1"
	}
	if code != "" {
		return outcome{code: code, receipt: s.decline(o, payout, amount*100, at).receipt}
	}
	m := s.payOut(o, command, amount*100, at)
	left := s.ledger.of(o.shortCode)
	return outcome{code: "0", receipt: m.receipt, parameters: []parameter{
		{"TransactionAmount", json.Number(cents(m.cents))},
		{"TransactionReceipt", m.receipt},
		{"ReceiverPartyPublicName", partyName(m)},
		{"TransactionCompletedDateTime", at.In(eat).Format("02.01.2006 15:04:05")},
		{"B2CUtilityAccountAvailableFunds", json.Number(cents(left[utility]))},
		{"B2CWorkingAccountAvailableFunds", json.Number(cents(left[working]))},
		{"B2CRecipientIsRegisteredCustomer", "Y"},
		{"B2CChargesPaidAccountAvailableFunds", json.Number(cents(left[chargesPaid]))},
	}}
}

// minPayout is the least that a payout can be, in shillings (Daraja, B2C).
const minPayout = 10

// workStatus looks a transaction up. What M-Pesa says of one that it does not know is not documented; R000002 is what a
// reversal says of it.
func (s *Simulator) workStatus(o *order, receipt, conversation string) outcome {
	m := s.ledger.byReceipt[receipt]
	if receipt == "" {
		m = s.ledger.byConversation[conversationKey(o.shortCode, conversation)]
	}
	if m == nil || (o.shortCode != "" && m.shortCode != o.shortCode) || (o.msisdn != "" && m.msisdn != o.msisdn) {
		return outcome{code: "R000002"}
	}
	status := m.status
	if status == statusReversed && s.faults.ReversedReadsCompleted {
		status = statusCompleted
	}
	shop, other := m.shortCode+" - "+shopName(m.shortCode), partyName(m)
	payer, payee, account := shop, other, utilityName(m.buyGoods)
	switch m.kind {
	case customerPayment:
		payer, payee, account = other, shop, "MMF Account For Customer"
	case deposit, withdrawal:
		payee = shop
	case paymentReversal, payout:
	}
	charges := any(nil)
	if m.charge > 0 && m.kind == payout {
		charges = "Fee For B2C Payment|KES|" + cents(m.charge)
	}
	stamp := func(t time.Time) json.Number { return json.Number(t.In(eat).Format(timestampLayout)) }
	text := func(t string) any {
		if t == "" {
			return nil
		}
		return t
	}
	return outcome{code: "0", parameters: []parameter{
		{"DebitPartyName", payer},
		{"CreditPartyName", payee},
		{"OriginatorConversationID", text(m.originatorID)},
		{"InitiatedTime", stamp(m.initiated)},
		{"DebitAccountType", account},
		{"DebitPartyCharges", charges},
		{"TransactionReason", nil},
		{"ReasonType", m.reason},
		{"TransactionStatus", status},
		{"FinalisedTime", stamp(m.completed)},
		{"Amount", cents(m.cents)},
		{"ConversationID", text(m.conversationID)},
		{"ReceiptNo", m.receipt},
	}}
}

// workBalance reads the accounts of a shortcode.
func (s *Simulator) workBalance(of ShortCode, at time.Time) outcome {
	f := s.ledger.of(of.Number)
	return outcome{code: "0", parameters: []parameter{
		{"AccountBalance", strings.Join([]string{
			accountText("Working Account", f[working]),
			accountText("Float Account", 0),
			accountText(utilityName(of.Type == Till), f[utility]),
			accountText("Charges Paid Account", f[chargesPaid]),
			accountText("Organization Settlement Account", f[settlement]),
		}, "&")},
		{"BOCompletedTime", at.In(eat).Format(timestampLayout)},
	}}
}

// accountText is Name|KES|current|available|reserved|uncleared.
func accountText(name string, c int64) string {
	return name + "|KES|" + cents(c) + "|" + cents(c) + "|0.00|0.00"
}

// utilityName is the account that payments come to (Daraja, Account Balance, accounts of the kinds of shortcode).
func utilityName(till bool) string {
	if till {
		return "Merchant Account"
	}
	return "Utility Account"
}

// partyName is a movement's customer, as results show it: in the clear.
func partyName(m *movement) string {
	switch {
	case m.organisation:
		return organisationName
	case m.msisdn == "":
		return m.shortCode + " - " + shopName(m.shortCode)
	}
	return m.msisdn + " - " + customerName
}
