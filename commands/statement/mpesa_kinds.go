package statement

import (
	"strings"

	"github.com/benfex/kipay/domain/reconciliation"
)

// mpesaKind sorts a row by the provider's own words: the reason type, which is an open set, and what the details begin with.
// Names and account references, which come later in the details, are not looked at: anybody can be called Charge.
func mpesaKind(reason, details string, in bool) reconciliation.Kind {
	text := " " + strings.ToLower(reason) + " | " + strings.ToLower(opening(details)) + " "
	has := func(any ...string) bool {
		for _, s := range any {
			if strings.Contains(text, s) {
				return true
			}
		}
		return false
	}
	switch {
	case has("charge"):
		return reconciliation.KindCharge
	case has("reversal"):
		return reconciliation.KindReversal
	case has("utility account", "utility to") && has("settlement account", "merchant account", "working account", "mmf account"):
		return reconciliation.KindUtilityToMerchant
	case !in && has("to bank", "bank account", "bank withdrawal", "withdrawal to", "withdraw to", "organization withdrawal"):
		return reconciliation.KindWithdrawalToBank
	case !in && has("business payment", "salary payment", "promotion payment", "b2c", "business to customer", "refund"):
		return reconciliation.KindPayout
	case has(" fee ", " fees ", "levy", "excise"):
		return reconciliation.KindFee
	case in && has("pay", "fuliza", "standing order", "buy goods", "c2b", "customer"):
		return reconciliation.KindPayment
	}
	return reconciliation.KindOther
}

// opening is what details begin with: up to the first digit, name or account.
func opening(details string) string {
	for i := 0; i < len(details); i++ {
		if details[i] >= '0' && details[i] <= '9' {
			details = details[:i]
			break
		}
	}
	for _, mark := range [...]string{" - ", " Acc.", " acc."} {
		details, _, _ = strings.Cut(details, mark)
	}
	return details
}

// accountIn is the account reference that details end with: Pay Bill from 25472****108 - JOHN DOE Acc. INV001.
func accountIn(details string) string {
	const mark = " Acc. "
	i := strings.LastIndex(details, mark)
	if i < 0 {
		return ""
	}
	return strings.TrimSpace(details[i+len(mark):])
}

// partyIn is the number and name in details, as the column Other Party Info would have them.
func partyIn(details string) string {
	const mark = " from "
	i := strings.Index(details, mark)
	if i < 0 {
		return ""
	}
	party := details[i+len(mark):]
	if end := strings.LastIndex(party, " Acc. "); end >= 0 {
		party = party[:end]
	}
	number, _, named := strings.Cut(party, " - ")
	if !named || len(number) < 9 || strings.Trim(number, "0123456789*") != "" {
		return ""
	}
	return strings.TrimSpace(party)
}

// receiptIn is the one receipt other than own that a text names: ten of letters and digits, some of each; empty when there
// is none, or more than one.
func receiptIn(text, own string) string {
	const usual = 10
	found := ""
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) {
		letters := strings.Trim(w, "0123456789")
		if len(w) != usual || w == own || letters == "" || len(letters) == usual || w == found {
			continue
		}
		if found != "" {
			return ""
		}
		found = w
	}
	return found
}
