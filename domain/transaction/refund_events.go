package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// RefundWay is how money goes back.
type RefundWay string

// The ways.
const (
	RefundByPaystack RefundWay = "paystack"       // Paystack's refund
	RefundByReversal RefundWay = "mpesa_reversal" // Daraja reverses the payment, as a whole
	RefundByPayout   RefundWay = "mpesa_b2c"      // Daraja pays the customer
)

// The doors through which one hears of refunds.
const (
	DoorRefundAnswer  Door = "refund_response"         // the answer to the call itself
	DoorFunds         Door = "funds"                   // our own count of what a channel has: the provider was not asked
	DoorRefundResult  Door = "refund_result"           // Daraja's result, at the refund's own URL
	DoorRefundTimeout Door = "refund_timeout"          // Daraja's word that a request waited too long, there
	DoorRefundStatus  Door = "refund_status"           // a status query of ours, answered by Daraja
	DoorRefundWebhook Door = "paystack_refund_webhook" // signed with the channel's secret key
	DoorRefundFetch   Door = "paystack_refund_fetch"   // our question, answered by Paystack
)

// RefundRequested says that money is about to be given back. Only whoever appended it may ask the provider to, once.
type RefundRequested struct {
	Reference Reference `json:"reference"`
	Refund    int64     `json:"refund_id"`
	// Name is our reference of the refund, and the provider's where it takes one.
	Name   string      `json:"refund_reference"`
	Amount money.Money `json:"amount"`
	// Surplus is how much of it comes out of what was paid beyond what was asked.
	Surplus money.Money     `json:"surplus"`
	Way     RefundWay       `json:"way"`
	Receipt string          `json:"receipt"` // of the payment
	Subject string          `json:"subject"`
	Phone   domain.Personal `json:"phone,omitempty"` // that is paid, of a payout
	Reason  domain.Personal `json:"reason,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (RefundRequested) EventType() string { return "RefundRequested" }

// SubjectName is whose key seals it.
func (e RefundRequested) SubjectName() string { return e.Subject }

// RefundAccepted says that the provider took the request: queued, not done.
type RefundAccepted struct {
	Reference  Reference       `json:"reference"`
	Refund     int64           `json:"refund_id"`
	Subject    string          `json:"subject"`
	ProviderID string          `json:"provider_id,omitempty"`
	Raw        domain.Personal `json:"raw"`
	At         time.Time       `json:"at"`
}

// EventType is the wire name.
func (RefundAccepted) EventType() string { return "RefundAccepted" }

// SubjectName is whose key seals it.
func (e RefundAccepted) SubjectName() string { return e.Subject }

// RefundOutcomeUnknown says that the answer was lost: the money may be on its way. It is never asked for again.
type RefundOutcomeUnknown struct {
	Reference Reference `json:"reference"`
	Refund    int64     `json:"refund_id"`
	Detail    string    `json:"detail"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (RefundOutcomeUnknown) EventType() string { return "RefundOutcomeUnknown" }

// RefundNoticeReceived keeps what a provider said of a refund, word for word.
type RefundNoticeReceived struct {
	Reference Reference       `json:"reference"`
	Refund    int64           `json:"refund_id,omitempty"` // 0 of a reversal that was started elsewhere
	Subject   string          `json:"subject"`
	Door      Door            `json:"door"`
	Digest    string          `json:"digest"`
	Raw       domain.Personal `json:"raw"`
	At        time.Time       `json:"at"`
}

// EventType is the wire name.
func (RefundNoticeReceived) EventType() string { return "RefundNoticeReceived" }

// SubjectName is whose key seals it.
func (e RefundNoticeReceived) SubjectName() string { return e.Subject }

// RefundCompleted says that the money has gone back.
type RefundCompleted struct {
	Reference  Reference   `json:"reference"`
	Refund     int64       `json:"refund_id"`
	Door       Door        `json:"door"`
	Receipt    string      `json:"receipt,omitempty"` // the provider's, of the refund
	Amount     money.Money `json:"amount"`
	RefundedAt time.Time   `json:"refunded_at"`
	Digest     string      `json:"digest,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (RefundCompleted) EventType() string { return "RefundCompleted" }

// RefundFailed says that the money has not gone back. Only the provider's word that it has leaves this state.
type RefundFailed struct {
	Reference   Reference `json:"reference"`
	Refund      int64     `json:"refund_id"`
	Door        Door      `json:"door"`
	Code        string    `json:"code,omitempty"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	Digest      string    `json:"digest,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (RefundFailed) EventType() string { return "RefundFailed" }

// RefundNeedsAttention says that a person has to find out what became of a refund, or give the provider what it asks for; without a
// reason, that one has.
type RefundNeedsAttention struct {
	Reference Reference `json:"reference"`
	Refund    int64     `json:"refund_id"`
	Why       string    `json:"why"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (RefundNeedsAttention) EventType() string { return "RefundNeedsAttention" }

// PaymentReversed says that the provider took money back without having been asked by us.
type PaymentReversed struct {
	Reference  Reference   `json:"reference"`
	Door       Door        `json:"door"`
	Receipt    string      `json:"receipt"`  // of the reversal
	Original   string      `json:"original"` // of the payment
	Amount     money.Money `json:"amount"`
	Surplus    money.Money `json:"surplus"`
	ReversedAt time.Time   `json:"reversed_at"`
	Digest     string      `json:"digest,omitempty"`
	Terms
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (PaymentReversed) EventType() string { return "PaymentReversed" }
