package payout

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// Door is by which way one heard of a payout.
type Door string

// The doors.
const (
	DoorAnswer    Door = "payout_response" // the answer to the call itself
	DoorResult    Door = "payout_result"   // Daraja's result, at the payout's own URL
	DoorTimeout   Door = "payout_timeout"  // Daraja's word that a request waited too long, there
	DoorStatus    Door = "payout_status"   // a status query of ours, answered by Daraja
	DoorStatement Door = "statement"       // a line of a statement that was imported
	DoorOperator  Door = "operator"        // a person who looked it up
)

// Requested says that a payout is wanted, and whether a second person has to agree. The money is reserved by then.
type Requested struct {
	Reference   Reference       `json:"reference"`
	ID          int64           `json:"id"`
	Merchant    int64           `json:"merchant_id"`
	Mode        domain.Mode     `json:"mode"`
	Channel     int64           `json:"channel_id"`
	Funds       fee.Funds       `json:"funds"`
	Amount      money.Money     `json:"amount"`
	Destination Destination     `json:"destination"`
	Way         Way             `json:"way"`
	Reason      domain.Personal `json:"reason,omitempty"`
	// RequestedBy is the actor, as in the event's metadata: who must not be the one who approves.
	RequestedBy string `json:"requested_by"`
	// NeedsApproval and Limit are what the policy was then.
	NeedsApproval bool      `json:"needs_approval"`
	Limit         int64     `json:"limit_minor"`
	At            time.Time `json:"at"`
}

// EventType is the wire name.
func (Requested) EventType() string { return "PayoutRequested" }

// SubjectName is whose key seals it.
func (e Requested) SubjectName() string { return e.Reference.Stream() }

// Abandoned says that money had been reserved for a payout that nobody went on with: it can't be requested any more.
type Abandoned struct {
	Reference Reference `json:"reference"`
	Merchant  int64     `json:"merchant_id"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (Abandoned) EventType() string { return "PayoutAbandoned" }

// Approved says that a second person agreed.
type Approved struct {
	Reference  Reference `json:"reference"`
	ApprovedBy string    `json:"approved_by"` // the actor
	At         time.Time `json:"at"`
}

// EventType is the wire name.
func (Approved) EventType() string { return "PayoutApproved" }

// Rejected says that a person stopped it before anything was sent.
type Rejected struct {
	Reference  Reference       `json:"reference"`
	RejectedBy string          `json:"rejected_by"` // the actor
	Reason     domain.Personal `json:"reason,omitempty"`
	At         time.Time       `json:"at"`
}

// EventType is the wire name.
func (Rejected) EventType() string { return "PayoutRejected" }

// SubjectName is whose key seals it.
func (e Rejected) SubjectName() string { return e.Reference.Stream() }

// Sent says that the provider is about to be asked to pay. Only whoever appended it may ask, once.
type Sent struct {
	Reference Reference `json:"reference"`
	// OriginatorConversationID is our name of the payout to Daraja, which takes one only once.
	OriginatorConversationID string    `json:"originator_conversation_id"`
	At                       time.Time `json:"at"`
}

// EventType is the wire name.
func (Sent) EventType() string { return "PayoutSent" }

// Accepted says that the provider took the request: queued, not paid.
type Accepted struct {
	Reference      Reference       `json:"reference"`
	ConversationID string          `json:"conversation_id,omitempty"`
	Raw            domain.Personal `json:"raw"`
	At             time.Time       `json:"at"`
}

// EventType is the wire name.
func (Accepted) EventType() string { return "PayoutAccepted" }

// SubjectName is whose key seals it.
func (e Accepted) SubjectName() string { return e.Reference.Stream() }

// OutcomeUnknown says that the answer was lost: the money may be on its way. It is never sent again.
type OutcomeUnknown struct {
	Reference Reference `json:"reference"`
	Detail    string    `json:"detail"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (OutcomeUnknown) EventType() string { return "PayoutOutcomeUnknown" }

// NoticeReceived keeps what a provider, or a person, said of a payout, word for word.
type NoticeReceived struct {
	Reference Reference       `json:"reference"`
	Door      Door            `json:"door"`
	Digest    string          `json:"digest"`
	Raw       domain.Personal `json:"raw"`
	At        time.Time       `json:"at"`
}

// EventType is the wire name.
func (NoticeReceived) EventType() string { return "PayoutNoticeReceived" }

// SubjectName is whose key seals it.
func (e NoticeReceived) SubjectName() string { return e.Reference.Stream() }

// Completed says that the provider has paid.
type Completed struct {
	Reference Reference `json:"reference"`
	Door      Door      `json:"door"`
	Receipt   string    `json:"receipt,omitempty"`
	// Amount is what the provider says that it paid; Charge what it took for that, without a currency when it has not said.
	Amount money.Money `json:"amount"`
	Charge money.Money `json:"charge,omitzero"`
	PaidAt time.Time   `json:"paid_at"`
	Digest string      `json:"digest,omitempty"`
	At     time.Time   `json:"at"`
}

// EventType is the wire name.
func (Completed) EventType() string { return "PayoutCompleted" }

// ChargeReported says what the provider took for a payout that it had paid before.
type ChargeReported struct {
	Reference Reference   `json:"reference"`
	Door      Door        `json:"door"`
	Charge    money.Money `json:"charge"`
	Digest    string      `json:"digest,omitempty"`
	At        time.Time   `json:"at"`
}

// EventType is the wire name.
func (ChargeReported) EventType() string { return "PayoutChargeReported" }

// Failed says that the provider has not paid. Only word that it has leaves this state.
type Failed struct {
	Reference   Reference `json:"reference"`
	Door        Door      `json:"door"`
	Code        string    `json:"code,omitempty"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	Digest      string    `json:"digest,omitempty"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (Failed) EventType() string { return "PayoutFailed" }

// NeedsAttention says that a person has to find out what became of a payout; without a reason, that one has.
type NeedsAttention struct {
	Reference Reference `json:"reference"`
	Why       string    `json:"why"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (NeedsAttention) EventType() string { return "PayoutNeedsAttention" }

// Recorded says that a person made the transfer: by which reference of the bank's, and of which day.
type Recorded struct {
	Reference     Reference `json:"reference"`
	RecordedBy    string    `json:"recorded_by"` // the actor
	BankReference string    `json:"bank_reference"`
	// ValueDate is the day that the bank gives, and ValuedAt its start where the merchant is.
	ValueDate string    `json:"value_date"`
	ValuedAt  time.Time `json:"valued_at"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (Recorded) EventType() string { return "PayoutRecorded" }
