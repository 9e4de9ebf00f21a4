package mpesa

import (
	"strings"

	"github.com/benfex/kipay/domain/money"
)

// maxAccounts bounds the accounts of one shortcode; M-Pesa has five.
const maxAccounts = 32

// The names of the accounts that a shortcode has (Daraja, Account Balance).
const (
	UtilityAccount     = "Utility Account"  // customers' payments come in here, payouts and reversals go out
	MerchantAccount    = "Merchant Account" // the same, of a till
	WorkingAccount     = "Working Account"  // on the way to the bank
	ChargesPaidAccount = "Charges Paid Account"
	SettlementAccount  = "Organization Settlement Account"
)

// Account is the balance of one account of a shortcode, in KES; any of it may be below nothing.
type Account struct {
	Name      string
	Current   money.Money
	Available money.Money
	Reserved  money.Money
	Uncleared money.Money
}

// readAccounts reads accounts separated by &, each Name|KES|current|available|reserved|uncleared. False when one cannot
// be read, when an amount has less than cents, or when there are none.
func readAccounts(s string) ([]Account, bool) {
	parts := strings.Split(s, "&")
	if len(parts) > maxAccounts {
		return nil, false
	}
	var all []Account
	for _, part := range parts {
		if strings.TrimSpace(part) == "" {
			continue
		}
		a, ok := readAccount(part)
		if !ok {
			return nil, false
		}
		all = append(all, a)
	}
	return all, len(all) > 0
}

func readAccount(s string) (Account, bool) {
	fields := strings.Split(s, "|")
	if len(fields) < 6 || strings.TrimSpace(fields[1]) != string(money.KES) {
		return Account{}, false
	}
	a := Account{Name: shorten(strings.TrimSpace(fields[0]))}
	for i, to := range [...]*money.Money{&a.Current, &a.Available, &a.Reserved, &a.Uncleared} {
		m := shillingsOf(fields[2+i])
		if m == nil {
			return Account{}, false
		}
		*to = *m
	}
	return a, a.Name != ""
}

// Charge is a fee that M-Pesa took, in KES.
type Charge struct {
	Name   string
	Amount money.Money
}

// readCharges reads "Fee For B2C Payment|KES|22.40", several separated by &. What cannot be read is passed over.
func readCharges(s string) []Charge {
	var all []Charge
	for _, part := range strings.Split(s, "&") {
		fields := strings.Split(part, "|")
		if len(fields) < 3 || strings.TrimSpace(fields[1]) != string(money.KES) || len(all) == maxAccounts {
			continue
		}
		if m := shillingsOf(fields[2]); m != nil {
			all = append(all, Charge{Name: shorten(strings.TrimSpace(fields[0])), Amount: *m})
		}
	}
	return all
}
