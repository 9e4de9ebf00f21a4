package payout

import (
	"strings"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/phone"
)

// Kind is where money goes.
type Kind string

// The kinds.
const (
	ToPhone Kind = "phone"
	ToBank  Kind = "bank"
	ToTill  Kind = "till"
)

// Way is how it goes there.
type Way string

// The ways.
const (
	ByB2C    Way = "mpesa_b2c" // Daraja pays the phone
	ByPerson Way = "manual"    // a person makes the transfer, and says so
)

// Destination is where a payout goes. All of it but the kind is personal.
type Destination struct {
	Kind Kind `json:"kind"`
	// Number is the phone in M-Pesa's form, the till's number, or the bank account's.
	Number domain.Personal `json:"number"`
	Bank   domain.Personal `json:"bank,omitempty"` // its name, of a bank account
	Name   domain.Personal `json:"name,omitempty"` // who gets it
}

// Way is how money goes to a destination of the kind.
func (d Destination) Way() Way {
	if d.Kind == ToPhone {
		return ByB2C
	}
	return ByPerson
}

// Hint is enough of the number to tell one destination from another, and too little to pay to it.
func (d Destination) Hint() string {
	n := string(d.Number)
	const shown = 3
	if len(n) <= 2*shown {
		return strings.Repeat("*", len(n))
	}
	return strings.Repeat("*", len(n)-shown) + n[len(n)-shown:]
}

// The longest texts of a destination, in characters.
const (
	MaxAccountNumber = 34 // an IBAN
	MaxName          = 100
	minTill, maxTill = 5, 9
)

// check says what is wrong with a destination; fields are named as the API does.
func (d Destination) check(p *domain.Problems) {
	switch d.Kind {
	case ToPhone:
		if _, err := phone.Mpesa(string(d.Number)); err != nil {
			p.Add("phone_number", err.Error())
		}
	case ToTill:
		if n := len(d.Number); n < minTill || n > maxTill || strings.IndexFunc(string(d.Number), notDigit) >= 0 {
			p.Add("till_number", "must be 5 to 9 digits")
		}
	case ToBank:
		if d.Number == "" || len(d.Number) > MaxAccountNumber || strings.IndexFunc(string(d.Number), notOfAccount) >= 0 {
			p.Add("account_number", "must be 1 to 34 letters, digits, - or /")
		}
		if d.Bank == "" {
			p.Add("bank_name", "is required")
		}
		if d.Name == "" {
			p.Add("account_name", "is required")
		}
	default:
		p.Add("destination", "must be phone, bank or till")
	}
	for field, s := range map[string]domain.Personal{"bank_name": d.Bank, "account_name": d.Name} {
		if characters(string(s)) > MaxName {
			p.Addf(field, "must have at most %d characters", MaxName)
		}
	}
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

func notOfAccount(r rune) bool {
	return notDigit(r) && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '/'
}

func characters(s string) int { return len([]rune(s)) }
