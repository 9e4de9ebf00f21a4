package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// maxNotices bounds what is kept of notices for one transaction; a provider sends a handful.
const maxNotices = 200

// ReceiveCallback records a provider's notice word for word, before it is understood. With Evidence that needs no claim
// on a receipt, it is weighed in the same append.
type ReceiveCallback struct {
	Door     Door
	Attempt  int
	Digest   string
	Raw      string
	Evidence *Evidence
	At       time.Time
}

// Decide records it once: a repetition decides nothing. When there are more notices than any provider sends, the rest is
// not kept word for word, but still counts: a flood must not hide the one that brings the money. Errors: NotFound when
// there is no such attempt.
func (c ReceiveCallback) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() || (c.Attempt > len(s.Attempts)) {
		return nil, domain.NotFoundf("transaction not found")
	}
	var events []domain.Event
	if !s.Has(c.Digest) && len(s.digests) < maxNotices {
		received := CallbackReceived{
			Reference: s.Reference, Attempt: c.Attempt, Subject: s.Subject, Door: c.Door, Digest: c.Digest,
			Raw: domain.Personal(c.Raw), At: c.At,
		}
		events = append(events, received)
		s = s.Evolve(received)
	}
	if c.Evidence == nil {
		return events, nil
	}
	more, err := Weigh{Evidence: *c.Evidence, At: c.At}.Decide(s)
	if err != nil {
		return nil, err
	}
	return append(events, more...), nil
}

// NoteConflict keeps a contradiction that was found outside, such as a receipt that pays another transaction.
type NoteConflict struct {
	Attempt int
	Kind    ConflictKind
	Receipt string
	Detail  string
	Digest  string
	At      time.Time
}

// Decide keeps it once.
func (c NoteConflict) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("transaction not found")
	}
	w := Weigh{Evidence: Evidence{Attempt: c.Attempt, Digest: c.Digest}, At: c.At}
	return w.conflict(s, c.Kind, c.Receipt, c.Detail)
}
