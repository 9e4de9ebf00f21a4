package eventstore

import (
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
)

// Metadata stands beside every event. Its JSON is part of the wire form.
type Metadata struct {
	// CorrelationID is shared by all that one request or callback set off. EventStoreDB's own name for it.
	CorrelationID string `json:"$correlationId,omitempty"`
	// CausationID is the event or request that this event follows from directly.
	CausationID string `json:"$causationId,omitempty"`
	// Actor is who did it: "key:ID", "provider:mpesa", "reactor:NAME", "operator", "payer".
	Actor string `json:"actor"`
	// Merchant is the merchant it belongs to, 0 for the install's own events.
	Merchant int64 `json:"merchant,omitempty"`
	// OccurredAt is when it happened by our clock, UTC.
	OccurredAt time.Time `json:"occurred_at"`
	// Version is the version of the event type's wire form.
	Version int `json:"version"`
	// Subject is the name of the data key that seals the event's personal fields.
	Subject string `json:"subject,omitempty"`
	// Key tells which of the subject's data keys sealed it, in hex; absent where nothing is sealed. A subject that comes
	// back after its key was destroyed has another one.
	Key string `json:"key,omitempty"`
	// From is the client's address, sealed under Subject; absent where there is no subject.
	From domain.Personal `json:"from,omitempty"`
}

// Envelope is an event read from the log, decoded and opened.
type Envelope struct {
	Position   Position
	Stream     string
	Revision   Revision
	ID         uuid.UUID
	RecordedAt time.Time
	Meta       Metadata
	Event      domain.Event
	// Erased tells that the key of the subject is destroyed: personal fields are empty.
	Erased bool
}
