package mpesa

import (
	"strings"
	"time"
	"unicode"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// C2BConfirmation is what Daraja posts to ConfirmationURL when money has come in, and to ValidationURL before it does.
// It is a claim: it is not signed.
type C2BConfirmation struct {
	TransactionType   string     // "Pay Bill", "Buy Goods", and others in production
	TransID           string     // the M-Pesa receipt
	PaidAt            *time.Time // UTC; nil when TransTime cannot be read
	Amount            money.Money
	ShortCode         string
	BillRef           string // as the customer typed it; empty for tills
	BillRefNormalised string // for matching: NormaliseBillRef(BillRef)
	InvoiceNumber     string
	ThirdPartyTransID string // what validation answered
	MSISDN            string // a SHA-256 in hex (v1), a mask (v2) or empty; never an identity
	FirstName         string
	MiddleName        string
	LastName          string
}

// DecodeC2B reads a C2B validation or confirmation. All values are texts in what Daraja sends; numbers are taken too.
// TransID, TransAmount and BusinessShortCode are needed and must be possible values; the rest may be missing or odd,
// because the money has moved whatever the names look like. Size and nesting are checked before anything is decoded. Of
// members with one name the last counts. The error is always a *upstream.DecodeError; the fields that could be read are filled
// all the same, for the record.
func DecodeC2B(raw []byte) (C2BConfirmation, error) {
	fields, err := payload(raw)
	if err != nil {
		return C2BConfirmation{}, err
	}
	r := reader{fields: fields}
	free := func(name string) string { return shorten(upstream.TextOf(fields[name])) }
	c := C2BConfirmation{
		TransactionType:   free("TransactionType"),
		TransID:           r.receipt("TransID", "TransID", true),
		PaidAt:            dateOf(fields["TransTime"]),
		ShortCode:         r.text("BusinessShortCode", true),
		BillRef:           free("BillRefNumber"),
		InvoiceNumber:     free("InvoiceNumber"),
		ThirdPartyTransID: free("ThirdPartyTransID"),
		MSISDN:            phoneText(fields["MSISDN"]),
		FirstName:         free("FirstName"),
		MiddleName:        free("MiddleName"),
		LastName:          free("LastName"),
	}
	c.BillRefNormalised = NormaliseBillRef(c.BillRef)
	if amount := r.amount("TransAmount", "TransAmount", true); amount != nil {
		c.Amount = *amount
	}
	if c.ShortCode != "" && !isShortCode(c.ShortCode) {
		c.ShortCode = ""
		r.fail(upstream.BadValue, "BusinessShortCode")
	}
	if r.err != nil {
		return c, r.err
	}
	return c, nil
}

// NormaliseBillRef is an account number as it is matched: upper case, without any spaces. Customers type it.
func NormaliseBillRef(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s))
}
