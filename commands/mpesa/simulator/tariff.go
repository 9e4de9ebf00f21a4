package simulator

import "fmt"

// Tariff is what M-Pesa charges the organisation. The zero value charges nothing, as the sandbox does. A charge on a
// payment is taken from the utility account at once and stands on the statement below the payment, with its receipt; the
// charge on a payout goes to the charges paid account (Daraja, Account Balance and B2C, result parameters).
type Tariff struct {
	// C2BBasisPoints of each customer's payment, rounded down to the cent: 55 takes KES 8.25 of KES 1,500.
	C2BBasisPoints int64 `json:"c2b_basis_points"`
	// B2CCents for each payout: 2240 takes KES 22.40.
	B2CCents int64 `json:"b2c_cents"`
}

// Validate names the first charge that cannot be.
func (t Tariff) Validate() error {
	if t.C2BBasisPoints < 0 || t.C2BBasisPoints > 10_000 {
		return fmt.Errorf("c2b_basis_points: from 0 to 10000")
	}
	if t.B2CCents < 0 || t.B2CCents > maxAmount*100 {
		return fmt.Errorf("b2c_cents: from 0 to %d", maxAmount*100)
	}
	return nil
}

// Tariff is the tariff as it stands.
func (s *Simulator) Tariff() Tariff {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tariff
}

// SetTariff charges what happens from now on.
func (s *Simulator) SetTariff(t Tariff) error {
	if err := t.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp(s.opts.Now())
	s.tariff = t
	return nil
}
