package faults

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain/reconciliation"
)

// window is how long a push waits for its answer.
const window = 3 * time.Minute

// sale is a payment as it was asked for, and the customer behind it.
type sale struct {
	reconciliation.Payment
	phone, masked, account string
	at                     time.Time
}

// ask opens a payment with one push.
func (b *builder) ask(channel, amount int64) sale {
	s := sale{at: b.moment(), account: b.account()}
	s.phone, s.masked = b.phone()
	s.Payment = reconciliation.Payment{
		Reference: b.reference("MPESA"), MerchantReference: s.account, Channel: channel, Asked: true, Amount: kes(amount),
		Status: reconciliation.StatusFailed, OpenedAt: s.at,
		Attempts: []reconciliation.Attempt{{Phone: s.phone, Account: s.account, RequestedAt: s.at, Window: s.at.Add(window)}},
	}
	return s
}

// paid completes a sale under a receipt.
func (b *builder) paid(s *sale, receipt string, amount int64, at time.Time) {
	s.Status = reconciliation.StatusCompleted
	s.Receipts = append(s.Receipts, reconciliation.Receipt{Number: receipt, Amount: kes(amount), PaidAt: at, CreditedAt: at.Add(2 * time.Second)})
}

// confirmed completes a sale by the provider's word alone.
func (b *builder) confirmed(s *sale, at time.Time) {
	s.Status = reconciliation.StatusCompleted
	s.Receipts = append(s.Receipts, reconciliation.Receipt{Amount: s.Amount, PaidAt: at, CreditedAt: at})
}

// payIn is the line of a customer's payment.
func payIn(receipt, account, masked string, amount int64, at time.Time) reconciliation.Line {
	return reconciliation.Line{Kind: reconciliation.KindPayment, Receipt: receipt, Account: account, Phone: masked, Amount: kes(amount), At: at}
}

// sold is a sale that went well, on both sides.
func (b *builder) sold(amount int64) (s sale, receipt string, at time.Time) {
	s = b.ask(b.plan.Channel, amount)
	receipt, at = b.receipt(), b.soon(s.at)
	b.paid(&s, receipt, amount, at)
	b.add(payIn(receipt, s.account, s.masked, amount, at), nil, s.Reference)
	return s, receipt, at
}

// The mix of payments without a fault: of ten, so many were not asked for.
const (
	mixOf      = 10
	mixUnasked = 2
	// accountsOfCustomers is how many account numbers of their own customers pay to.
	accountsOfCustomers = 500
)

// clean is a payment without a fault.
func (b *builder) clean() {
	amount := b.shillings(50, 20_000)
	if b.draw.below(mixOf) >= mixUnasked {
		s, _, _ := b.sold(amount)
		b.books(s.Payment)
		return
	}
	b.unasked("ACC"+strconv.Itoa(10_000+b.draw.below(accountsOfCustomers)), amount)
}

// unasked is a payment that a customer made to an account, on both sides.
func (b *builder) unasked(account string, amount int64) {
	at, receipt := b.moment(), b.receipt()
	_, masked := b.phone()
	p := reconciliation.Payment{
		Reference: b.reference("MPESA"), MerchantReference: account, Channel: b.plan.Channel, Amount: kes(amount),
		Status: reconciliation.StatusCompleted, OpenedAt: at,
		Receipts: []reconciliation.Receipt{{Number: receipt, Amount: kes(amount), PaidAt: at, CreditedAt: at.Add(time.Second)}},
	}
	b.books(p)
	b.add(payIn(receipt, account, masked, amount, at), nil, p.Reference)
}
