package simulator

// disputeBody is what the API and the webhooks say of a dispute alike.
type disputeBody struct {
	ID                   uint64           `json:"id"`
	RefundAmount         int64            `json:"refund_amount"`
	Currency             string           `json:"currency"`
	Status               string           `json:"status"`
	Resolution           *string          `json:"resolution"`
	Domain               string           `json:"domain"`
	Transaction          transactionView  `json:"transaction"`
	TransactionReference *string          `json:"transaction_reference"`
	Category             string           `json:"category"`
	Customer             customerView     `json:"customer"`
	Bin                  *string          `json:"bin"`
	Last4                *string          `json:"last4"`
	DueAt                string           `json:"dueAt"`
	ResolvedAt           *string          `json:"resolvedAt"`
	Evidence             *evidence        `json:"evidence"`
	Attachments          *string          `json:"attachments"`
	Note                 *string          `json:"note"`
	History              []disputeStep    `json:"history"`
	Messages             []disputeMessage `json:"messages"`
}

// disputeView is a dispute as the API answers it (Paystack, Disputes).
type disputeView struct {
	disputeBody
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

// disputeHook is data of the charge.dispute.* events (Paystack, Webhooks), which write two names otherwise.
type disputeHook struct {
	disputeBody
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

// evidence is what a merchant gave for a dispute; given again, it replaces what was there.
type evidence struct {
	CustomerEmail   string `json:"customer_email"`
	CustomerName    string `json:"customer_name"`
	CustomerPhone   string `json:"customer_phone"`
	ServiceDetails  string `json:"service_details"`
	DeliveryAddress string `json:"delivery_address,omitempty"`
	DeliveryDate    string `json:"delivery_date,omitempty"`
	Dispute         uint64 `json:"dispute"`
	ID              uint64 `json:"id"`
	CreatedAt       string `json:"createdAt"`
	UpdatedAt       string `json:"updatedAt"`
}

// disputeView is d as it stands. The caller holds mu.
func (s *Simulator) disputeView(d *dispute) disputeView {
	v := disputeBody{
		ID: d.id, RefundAmount: d.amount, Currency: d.t.currency, Status: d.status, Domain: d.t.account.domain(),
		Transaction: s.view(d.t), Category: d.category, Customer: customerOf(d.t.account, d.t.email), DueAt: stamp(d.dueAt),
		ResolvedAt: stampOrNull(d.resolvedAt), Evidence: d.evidence, History: append([]disputeStep{}, d.history...),
		Messages: append([]disputeMessage{}, d.messages...),
	}
	if d.resolution != "" {
		resolution := d.resolution
		v.Resolution = &resolution
	}
	if c := d.t.instrument; c != nil {
		v.Bin, v.Last4 = &c.bin, &c.last4
	}
	if d.attachment != "" {
		attachment := d.attachment
		v.Attachments = &attachment
	}
	return disputeView{v, stamp(d.createdAt), stamp(d.updatedAt)}
}
