package mpesa

import (
	"strings"

	"github.com/benfex/kipay/domain/phone"
)

// Party is who gave or got money, as M-Pesa writes it: "254708374149 - JOHN DOE", "600782 - Some Shop".
type Party struct {
	Phone     string // 2547XXXXXXXX or 2541XXXXXXXX; empty when it is masked, or no customer
	ShortCode string // empty when it is no organisation
	Number    string // as it came, perhaps masked: 25472****108
	Name      string
}

// readParty reads a party; whatever it is, it is no error.
func readParty(s string) Party {
	number, name, named := strings.Cut(s, " - ")
	p := Party{Number: strings.TrimSpace(number), Name: strings.TrimSpace(name)}
	if !named && strings.ContainsFunc(p.Number, func(r rune) bool { return (r < '0' || r > '9') && r != '*' && r != '+' }) {
		return Party{Name: p.Number} // a name alone
	}
	if digits := strings.TrimPrefix(p.Number, "+"); isShortCode(digits) {
		p.ShortCode = digits
	} else if msisdn, err := phone.Mpesa(digits); err == nil {
		p.Phone = msisdn
	}
	return p
}
