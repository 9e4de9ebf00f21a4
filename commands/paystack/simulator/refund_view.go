package simulator

import "strconv"

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// refundView is a refund as the API answers it (Paystack, Refunds). Transaction is the whole of it when the refund is
// made, its id afterwards.
type refundView struct {
	Integration       uint64  `json:"integration"`
	Transaction       any     `json:"transaction"`
	Dispute           *uint64 `json:"dispute"`
	Settlement        *uint64 `json:"settlement"`
	ID                uint64  `json:"id"`
	Domain            string  `json:"domain"`
	Currency          string  `json:"currency"`
	Amount            int64   `json:"amount"`
	Status            string  `json:"status"`
	RefundedAt        *string `json:"refunded_at"`
	RefundedBy        string  `json:"refunded_by"`
	CustomerNote      string  `json:"customer_note"`
	MerchantNote      string  `json:"merchant_note"`
	DeductedAmount    int64   `json:"deducted_amount"`
	FullyDeducted     bool    `json:"fully_deducted"`
	Channel           *string `json:"channel"`
	ExpectedAt        string  `json:"expected_at"`
	BankReference     *string `json:"bank_reference"`
	Reason            *string `json:"reason"`
	RefundType        string  `json:"refund_type"`
	TransactionAmount int64   `json:"transaction_amount"`
	InitiatedBy       string  `json:"initiated_by"`
	RefundChannel     string  `json:"refund_channel"`
	CreatedAt         string  `json:"createdAt"`
	UpdatedAt         string  `json:"updatedAt"`
}

// refundedBy stands where Paystack names a user of the dashboard.
const refundedBy = "owner@shop.example.com"

// refundDays is when the customer should have the money.
const refundDays = 7

// view is r, with transaction as is asked. The caller holds mu.
func (r *refund) view(transaction any) refundView {
	v := refundView{
		Integration: r.t.account.integration(), Transaction: transaction, ID: r.id, Domain: r.t.account.domain(),
		Currency: r.t.currency, Amount: r.amount, Status: r.status, RefundedAt: stampOrNull(r.processedAt), RefundedBy: refundedBy,
		CustomerNote: r.customerNote, MerchantNote: r.merchantNote, DeductedAmount: r.deducted, FullyDeducted: r.deducted == r.amount,
		ExpectedAt: stamp(r.createdAt.AddDate(0, 0, refundDays)), RefundType: "partial", TransactionAmount: r.t.amount,
		InitiatedBy: refundedBy, RefundChannel: "card", CreatedAt: stamp(r.createdAt), UpdatedAt: stamp(r.updatedAt),
	}
	if r.amount == r.t.amount {
		v.RefundType = "full"
	}
	if r.dispute != nil {
		v.Dispute = &r.dispute.id
	}
	if r.settlement != nil {
		v.Settlement = &r.settlement.id
	}
	if r.reference != "" {
		v.BankReference = &r.reference
	}
	if r.status == refundFailed {
		reason := "The customer's bank did not take the refund"
		v.Reason = &reason
	}
	return v
}

// refundHook is data of the refund.* events (Paystack, Webhooks). The amount is a text.
type refundHook struct {
	Status               string         `json:"status"`
	TransactionReference string         `json:"transaction_reference"`
	RefundReference      *string        `json:"refund_reference"`
	Amount               string         `json:"amount"`
	Currency             string         `json:"currency"`
	Processor            string         `json:"processor"`
	Customer             refundCustomer `json:"customer"`
	Integration          uint64         `json:"integration"`
	Domain               string         `json:"domain"`
	// In needs-attention only.
	ID           uint64 `json:"id,omitempty"`
	CustomerNote string `json:"customer_note,omitempty"`
	MerchantNote string `json:"merchant_note,omitempty"`
}

type refundCustomer struct {
	FirstName *string `json:"first_name"`
	LastName  *string `json:"last_name"`
	Email     string  `json:"email"`
}

// hookView is r as it stands, without the amount. The caller holds mu.
func (r *refund) hookView() refundHook {
	v := refundHook{
		Status: r.status, TransactionReference: r.t.reference, Currency: r.t.currency, Processor: "simulator",
		Customer: refundCustomer{Email: r.t.email}, Integration: r.t.account.integration(), Domain: r.t.account.domain(),
	}
	if r.reference != "" {
		reference := r.reference
		v.RefundReference = &reference
	}
	if r.status == refundNeedsAttention {
		v.ID, v.CustomerNote, v.MerchantNote = r.id, r.customerNote, r.merchantNote
	}
	return v
}
