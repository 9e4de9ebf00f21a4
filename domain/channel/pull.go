package channel

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// PullingSet says whether Daraja is asked, time and again, for the payments that came to a channel (Daraja, Pull Transactions).
type PullingSet struct {
	Channel ID   `json:"channel_id"`
	On      bool `json:"on"`
	// NominatedNumber is the phone in the shortcode's papers, under which the shortcode is registered for it.
	NominatedNumber domain.Personal `json:"nominated_number,omitempty"`
	At              time.Time       `json:"at"`
}

// EventType is the wire name.
func (PullingSet) EventType() string { return "PullingSet" }

// SubjectName is the channel's own key.
func (e PullingSet) SubjectName() string { return Stream(e.Channel) }

// SetPulling has a channel's payments asked for, or no more. Without a number the one that is known stays.
type SetPulling struct {
	On bool
	// NominatedNumber is 2547XXXXXXXX or 2541XXXXXXXX.
	NominatedNumber string
	At              time.Time
}

// Decide sets what differs from what there is. Errors: NotFound; Conflict on a channel of another provider; Invalid on
// nominated_number when none is known.
func (c SetPulling) Decide(s State) ([]domain.Event, error) {
	if c.NominatedNumber == "" {
		c.NominatedNumber = string(s.NominatedNumber)
	}
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payment channel not found")
	case s.Provider != Mpesa:
		return nil, domain.Conflictf("Only the payments of M-Pesa channels can be pulled")
	case c.On && c.NominatedNumber == "":
		return nil, domain.Invalid("nominated_number", "is required: the phone in the shortcode's papers")
	case c.On == s.Pulls && c.NominatedNumber == string(s.NominatedNumber):
		return nil, nil
	}
	return []domain.Event{PullingSet{Channel: s.ID, On: c.On, NominatedNumber: domain.Personal(c.NominatedNumber), At: c.At}}, nil
}
