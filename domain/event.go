package domain

// Event is a fact that has happened. Its fields are the wire form that stands in the log for ever.
type Event interface {
	// EventType is the type's name in the log, in the past tense: TransactionInitialized.
	EventType() string
}

// State is what the events of one stream add up to. The zero value is the state before the first event.
type State[S any] interface {
	// Evolve is the state after e. It never fails: what is in the log has happened. It may reuse the receiver's memory.
	Evolve(e Event) S
}

// Command is an order to an aggregate. Decide answers the events it leads to, none when everything it wants is so
// already, or an *Error that says why not. It is pure.
type Command[S any] interface {
	Decide(s S) ([]Event, error)
}

// Personal is text about a person, or somebody else's free text: a name, an email, a phone number, a provider's raw
// body. In the log it stands sealed, under the data key of the event's subject; in memory it is plain.
type Personal string

// HasSubject is an event with Personal fields: it names whose key seals them.
type HasSubject interface {
	Event
	// SubjectName is the name of the data key: "customer-…", "payment-…" or, for secrets of a channel, "channel-…".
	SubjectName() string
}
