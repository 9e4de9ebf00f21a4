package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// notification is the body of validation and confirmation: every value a string (Daraja, C2B, notification).
type notification struct {
	TransactionType   string  `json:"TransactionType"`
	TransID           string  `json:"TransID"`
	TransTime         string  `json:"TransTime"`
	TransAmount       string  `json:"TransAmount"`
	BusinessShortCode string  `json:"BusinessShortCode"`
	BillRefNumber     string  `json:"BillRefNumber"`
	InvoiceNumber     string  `json:"InvoiceNumber"`
	OrgAccountBalance string  `json:"OrgAccountBalance"` // blank on validation
	ThirdPartyTransID string  `json:"ThirdPartyTransID"`
	MSISDN            string  `json:"MSISDN"`
	FirstName         *string `json:"FirstName,omitempty"` // the keys are missing for an organisation's payment
	MiddleName        *string `json:"MiddleName,omitempty"`
	LastName          *string `json:"LastName,omitempty"`
}

func (p *payment) body(reg registration, balance, thirdParty string) string {
	n := notification{
		TransactionType: p.kind, TransID: p.receipt, TransTime: p.at.In(eat).Format(timestampLayout),
		TransAmount: shillings(p.amount), BusinessShortCode: p.shortCode, BillRefNumber: p.billRef,
		OrgAccountBalance: balance, ThirdPartyTransID: thirdParty,
	}
	if p.bare {
		n.TransactionType = "Organization To Organization Transfer"
	} else {
		first, last, _ := strings.Cut(customerName, " ")
		middle := ""
		n.MSISDN, n.FirstName, n.MiddleName, n.LastName = hideMSISDN(p.msisdn, reg.version), &first, &middle, &last
	}
	body, err := json.Marshal(n)
	if err != nil {
		panic("simulator: a notification of plain strings does not marshal: " + err.Error())
	}
	return string(body)
}

// hideMSISDN is how a notification shows the payer: v1 the lowercase hex SHA-256 of the number, v2 a mask.
func hideMSISDN(msisdn string, version int) string {
	if version == 1 {
		sum := sha256.Sum256([]byte(msisdn))
		return hex.EncodeToString(sum[:])
	}
	return msisdn[:4] + " ***** " + msisdn[len(msisdn)-3:]
}
