package dispute

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// Opened says that a payer complains about a payment: the first that was heard of a dispute, by whichever door.
type Opened struct {
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	Provider string      `json:"provider"`
	// ID is the provider's number of the dispute.
	ID int64 `json:"dispute_id"`
	// Reference is the transaction, empty when the payment is not known here, and Attempt which attempt of it was paid.
	Reference string `json:"reference,omitempty"`
	Attempt   int    `json:"attempt,omitempty"`
	// ProviderReference is how the provider names the payment.
	ProviderReference string `json:"provider_reference"`
	// Amount is what the payer wants back; without a currency when the provider didn't say.
	Amount   money.Money `json:"amount"`
	Category string      `json:"category,omitempty"`
	// DueAt is until when the merchant may answer, zero when the provider didn't say.
	DueAt    time.Time `json:"due_at"`
	Status   Status    `json:"status"`
	Door     Door      `json:"door"`
	AsOf     time.Time `json:"as_of"` // by the provider's clock; zero when it didn't say
	OpenedAt time.Time `json:"opened_at"`
	Subject  string    `json:"subject"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Opened) EventType() string { return "DisputeOpened" }

// NoticeReceived keeps what the provider said of a dispute, word for word.
type NoticeReceived struct {
	ID      int64           `json:"dispute_id"`
	Subject string          `json:"subject"`
	Door    Door            `json:"door"`
	Digest  string          `json:"digest"`
	Raw     domain.Personal `json:"raw"`
	At      time.Time       `json:"at"`
}

// EventType is the wire name.
func (NoticeReceived) EventType() string { return "DisputeNoticeReceived" }

// SubjectName is whose key seals it.
func (e NoticeReceived) SubjectName() string { return e.Subject }

// Reminded says that the provider reminded the merchant to answer.
type Reminded struct {
	ID     int64     `json:"dispute_id"`
	DueAt  time.Time `json:"due_at"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (Reminded) EventType() string { return "DisputeReminded" }

// Moved says that it is somebody else's turn now, or that the deadline changed, by the provider's word.
type Moved struct {
	ID     int64     `json:"dispute_id"`
	Status Status    `json:"status"`
	DueAt  time.Time `json:"due_at"`
	Door   Door      `json:"door"`
	AsOf   time.Time `json:"as_of"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (Moved) EventType() string { return "DisputeMoved" }

// EvidenceGiven is what the merchant says about the payment. It is about to be sent to the provider; that moves no money,
// and may be done again.
type EvidenceGiven struct {
	ID              int64           `json:"dispute_id"`
	N               int             `json:"evidence"`
	Subject         string          `json:"subject"`
	CustomerEmail   domain.Personal `json:"customer_email"`
	CustomerName    domain.Personal `json:"customer_name"`
	CustomerPhone   domain.Personal `json:"customer_phone"`
	ServiceDetails  domain.Personal `json:"service_details"`
	DeliveryAddress domain.Personal `json:"delivery_address,omitempty"`
	DeliveryDate    string          `json:"delivery_date,omitempty"`
	// FileName is what the merchant calls the file; the file goes to the provider and is known here by hash and size.
	FileName   domain.Personal `json:"file_name,omitempty"`
	FileSHA256 string          `json:"file_sha256,omitempty"`
	FileBytes  int64           `json:"file_bytes,omitempty"`
	// Digest is of all of it: the same evidence again is no other.
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (EvidenceGiven) EventType() string { return "DisputeEvidenceGiven" }

// SubjectName is whose key seals it.
func (e EvidenceGiven) SubjectName() string { return e.Subject }

// EvidenceAccepted says that the provider has the evidence.
type EvidenceAccepted struct {
	ID         int64  `json:"dispute_id"`
	N          int    `json:"evidence"`
	ProviderID string `json:"provider_id"`
	// Upload is the provider's name of the file, which an answer has to carry; empty when there was none.
	Upload string    `json:"upload,omitempty"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (EvidenceAccepted) EventType() string { return "DisputeEvidenceAccepted" }

// EvidenceFailed says that the provider may not have the evidence, and why.
type EvidenceFailed struct {
	ID          int64     `json:"dispute_id"`
	N           int       `json:"evidence"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (EvidenceFailed) EventType() string { return "DisputeEvidenceFailed" }

// AnswerRequested says that the provider is about to be told the merchant's answer. Only whoever appended it may tell it,
// once: what is accepted gives money back.
type AnswerRequested struct {
	ID      int64           `json:"dispute_id"`
	N       int             `json:"answer"`
	Answer  Answer          `json:"resolution"`
	Amount  money.Money     `json:"amount"` // that goes back; zero of what is declined
	Subject string          `json:"subject"`
	Message domain.Personal `json:"message"`
	At      time.Time       `json:"at"`
}

// EventType is the wire name.
func (AnswerRequested) EventType() string { return "DisputeAnswerRequested" }

// SubjectName is whose key seals it.
func (e AnswerRequested) SubjectName() string { return e.Subject }

// AnswerAccepted says that the provider took the answer. What it comes to is told by Moved and Resolved.
type AnswerAccepted struct {
	ID int64     `json:"dispute_id"`
	N  int       `json:"answer"`
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (AnswerAccepted) EventType() string { return "DisputeAnswerAccepted" }

// AnswerRefused says that the provider did not take the answer, so that another may be given.
type AnswerRefused struct {
	ID          int64     `json:"dispute_id"`
	N           int       `json:"answer"`
	FailureCode string    `json:"failure_code"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (AnswerRefused) EventType() string { return "DisputeAnswerRefused" }

// AnswerUnknown says that the provider's word on the answer was lost: it may count. It is never sent again, but asked
// after.
type AnswerUnknown struct {
	ID     int64     `json:"dispute_id"`
	N      int       `json:"answer"`
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (AnswerUnknown) EventType() string { return "DisputeAnswerUnknown" }

// Resolved says how the dispute ended, by the provider's word.
type Resolved struct {
	ID     int64  `json:"dispute_id"`
	Status Status `json:"status"` // won, lost or closed
	// Resolution is the provider's word for it.
	Resolution string `json:"resolution,omitempty"`
	// Returned is what the payer gets back: zero of what was won, and of what was closed in a way that doesn't tell.
	Returned   money.Money `json:"returned"`
	ResolvedAt time.Time   `json:"resolved_at"`
	Door       Door        `json:"door"`
	Digest     string      `json:"digest"`
	At         time.Time   `json:"at"`
}

// EventType is the wire name.
func (Resolved) EventType() string { return "DisputeResolved" }

// NeedsAttention says that a person has to look.
type NeedsAttention struct {
	ID  int64     `json:"dispute_id"`
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// EventType is the wire name.
func (NeedsAttention) EventType() string { return "DisputeNeedsAttention" }
