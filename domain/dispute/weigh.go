package dispute

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// maxNotices bounds what is kept of a provider's words about one dispute: it reminds every four hours, for weeks.
const maxNotices = 300

// WhyUnknown is why a person has to look at a dispute about a payment that Kipay did not take.
const WhyUnknown = "the payment is not one of Kipay's: look it up at the provider"

// Weigh lets what the provider says of a dispute count, through whichever door it came. Repeating it decides nothing, and
// the order of what is said doesn't matter.
type Weigh struct {
	// Open is what the dispute is opened with when nothing was heard of it. Its Status, DueAt, Door and AsOf are what is
	// said now; Status NeedsResponse or UnderReview of one that has ended.
	Open Opened
	// Raw are the provider's words, with their digest.
	Raw, Digest string
	// Reminder says that it is a reminder.
	Reminder bool
	// Ended is how it ended, empty while it hasn't.
	Ended      Status
	Resolution string
	// Returned is what goes back to the payer, nil when the provider didn't say.
	Returned   *money.Money
	ResolvedAt time.Time
}

// Decide opens it when it is the first that is heard, keeps the words, and decides what they change.
func (c Weigh) Decide(s State) ([]domain.Event, error) {
	var events []domain.Event
	at := c.Open.At
	if !s.Exists() {
		events = append(events, c.Open)
		if s = s.Evolve(c.Open); !s.Known() {
			events = append(events, NeedsAttention{ID: s.ID, Why: WhyUnknown, At: at})
		}
	} else if s.Has(c.Digest) {
		return nil, nil
	}
	said := c.said(s)
	// What only repeats what is known, on our own question, isn't worth keeping.
	if len(events)+len(said) > 0 || c.Open.Door == DoorWebhook && len(s.digests) < maxNotices {
		events = append(events, NoticeReceived{
			ID: s.ID, Subject: s.Subject, Door: c.Open.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: at,
		})
	}
	return append(events, said...), nil
}

// said is what the words change of a dispute that was heard of.
func (c Weigh) said(s State) []domain.Event {
	var events []domain.Event
	at := c.Open.At
	if c.Reminder && !s.Status.Final() && len(s.digests) < maxNotices {
		events = append(events, Reminded{ID: s.ID, DueAt: c.Open.DueAt, Digest: c.Digest, At: at})
	}
	switch {
	case c.Ended != "" && !s.Status.Final():
		events = append(events, c.ended(s)...)
	case c.Ended != "":
		if c.Ended != s.Status && s.Attention == "" {
			events = append(events, NeedsAttention{
				ID: s.ID, Why: "the provider says " + string(c.Ended) + " of what it had called " + string(s.Status), At: at,
			})
		}
	case s.Status.Final():
	case c.moves(s):
		events = append(events, Moved{
			ID: s.ID, Status: c.Open.Status, DueAt: c.due(s), Door: c.Open.Door, AsOf: later(s.asOf, c.Open.AsOf), Digest: c.Digest, At: at,
		})
	}
	return events
}

// moves tells whether what is said is newer than what is known, and differs from it.
func (c Weigh) moves(s State) bool {
	if c.Open.Status == s.Status && c.due(s).Equal(s.DueAt) {
		return false
	}
	switch {
	case c.Open.AsOf.IsZero(), s.asOf.IsZero(), c.Open.AsOf.Equal(s.asOf):
		// Without a clock to go by it only goes on, never back.
		return c.Open.Status.rank() > s.Status.rank() || c.Open.Status == s.Status && c.Open.DueAt.After(s.DueAt)
	}
	return c.Open.AsOf.After(s.asOf)
}

func (c Weigh) due(s State) time.Time {
	if c.Open.DueAt.IsZero() {
		return s.DueAt
	}
	return c.Open.DueAt
}

func (c Weigh) ended(s State) []domain.Event {
	at := c.Open.At
	e := Resolved{
		ID: s.ID, Status: c.Ended, Resolution: c.Resolution, Returned: money.Of(0, s.Amount.Currency), ResolvedAt: c.ResolvedAt,
		Door: c.Open.Door, Digest: c.Digest, At: at,
	}
	if c.Ended == Lost {
		if e.Returned = s.Amount; c.Returned != nil {
			e.Returned = *c.Returned
		}
	}
	events := []domain.Event{e}
	switch {
	case c.Ended == Closed:
		events = append(events, NeedsAttention{ID: s.ID, Why: "it is over, and the provider does not say who has the money", At: at})
	case c.Ended == Lost && !e.Returned.IsPositive():
		events = append(events, NeedsAttention{ID: s.ID, Why: "it is lost, and the provider does not say how much goes back", At: at})
	}
	return events
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Flag hands a dispute to a person.
type Flag struct {
	Why string
	At  time.Time
}

// Decide flags it, unless it is flagged for the same. Errors: NotFound.
func (c Flag) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("dispute not found")
	case s.Attention == c.Why:
		return nil, nil
	}
	return []domain.Event{NeedsAttention{ID: s.ID, Why: c.Why, At: c.At}}, nil
}
