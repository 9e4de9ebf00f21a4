package simulator

import (
	"errors"
	"fmt"
)

// What a person does on the organisation portal. Nothing is posted to anybody: a merchant's server finds out by asking.

// maxPortalAmount bounds what is moved by hand at once, in shillings.
const maxPortalAmount = 1_000_000_000

// Balance are the accounts of a shortcode, in cents.
type Balance struct {
	ShortCode   string `json:"shortcode"`
	Utility     int64  `json:"utility_cents"` // the merchant account, of a till
	Working     int64  `json:"working_cents"`
	ChargesPaid int64  `json:"charges_paid_cents"`
}

var errNoShortCode = errors.New("shortcode: no app has it")

// shortCode finds a number among those of all apps.
func (s *Simulator) shortCode(number string) (ShortCode, error) {
	for i := range s.opts.Apps {
		if sc, known := s.opts.Apps[i].shortCode(number); known {
			return sc, nil
		}
	}
	return ShortCode{}, errNoShortCode
}

// Balances are the accounts of every shortcode, in the order of the apps.
func (s *Simulator) Balances() []Balance {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(s.opts.Now())
	list := []Balance{}
	for _, app := range s.opts.Apps {
		for _, sc := range app.ShortCodes {
			f := s.ledger.of(sc.Number)
			list = append(list, Balance{sc.Number, f[utility], f[working], f[chargesPaid]})
		}
	}
	return list
}

// ReverseOnPortal gives a payment back to the customer without being asked by API, and answers the receipt of the
// reversal.
func (s *Simulator) ReverseOnPortal(receipt string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	s.catchUp(now)
	paid := s.ledger.byReceipt[receipt]
	switch {
	case paid == nil || paid.kind != customerPayment:
		return "", fmt.Errorf("receipt: no payment %q", receipt)
	case paid.reversedBy != "":
		return "", fmt.Errorf("receipt: %s is reversed already, by %s", receipt, paid.reversedBy)
	case s.ledger.of(paid.shortCode)[utility] < paid.cents:
		return "", fmt.Errorf("receipt: %s has not enough to give it back", paid.shortCode)
	}
	return s.reverse(paid, paid.cents, now, now, nil).receipt, nil
}

// Withdraw moves money of a shortcode out of its utility account, on the way to the bank, and answers the receipt.
func (s *Simulator) Withdraw(shortCode string, shillings int64) (string, error) {
	return s.byHand(shortCode, shillings, func(cents int64) (*movement, error) {
		if s.ledger.of(shortCode)[utility] < cents {
			return nil, fmt.Errorf("amount: %s has not that much", shortCode)
		}
		return s.withdraw(shortCode, cents, s.opts.Now()), nil
	})
}

// Deposit puts money into the utility account of a shortcode, as for payouts, and answers the receipt.
func (s *Simulator) Deposit(shortCode string, shillings int64) (string, error) {
	return s.byHand(shortCode, shillings, func(cents int64) (*movement, error) { return s.payIn(shortCode, cents, s.opts.Now()), nil })
}

func (s *Simulator) byHand(shortCode string, shillings int64, do func(cents int64) (*movement, error)) (string, error) {
	if _, err := s.shortCode(shortCode); err != nil {
		return "", err
	}
	if shillings < 1 || shillings > maxPortalAmount {
		return "", fmt.Errorf("amount: from 1 to %d shillings", maxPortalAmount)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(s.opts.Now())
	m, err := do(shillings * 100)
	if err != nil {
		return "", err
	}
	return m.receipt, nil
}
