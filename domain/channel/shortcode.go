package channel

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// ShortCodeStream says which channel a shortcode belongs to: shortcode-{environment}-{number}.
func ShortCodeStream(env Environment, number string) string {
	return "shortcode-" + string(env) + "-" + number
}

// ShortCodeRouted gives the shortcode's customer payments to a channel.
type ShortCodeRouted struct {
	Environment Environment `json:"environment"`
	Number      string      `json:"number"`
	Channel     ID          `json:"channel_id"`
	Merchant    int64       `json:"merchant_id"`
	At          time.Time   `json:"at"`
}

// EventType is the wire name.
func (ShortCodeRouted) EventType() string { return "ShortCodeRouted" }

// ShortCodeState is who has a shortcode.
type ShortCodeState struct {
	Channel  ID
	Merchant int64
	At       time.Time
}

// Evolve is the state after e.
func (s ShortCodeState) Evolve(e domain.Event) ShortCodeState {
	if e, ok := e.(ShortCodeRouted); ok {
		s.Channel, s.Merchant, s.At = e.Channel, e.Merchant, e.At
	}
	return s
}

// RouteShortCode claims a shortcode for a channel.
type RouteShortCode struct {
	Environment Environment
	Number      string
	Channel     ID
	Merchant    int64
	// Abandoned is a channel that claimed the shortcode and was never created.
	Abandoned ID
	At        time.Time
}

// Decide gives a production shortcode to its first channel only, since what it receives is credited to that merchant;
// in the sandbox, where everybody shares the same numbers, to the last that asks. Errors: Conflict.
func (c RouteShortCode) Decide(s ShortCodeState) ([]domain.Event, error) {
	if s.Channel == c.Channel {
		return nil, nil
	}
	if c.Environment == Production && s.Channel != 0 && s.Channel != c.Abandoned {
		return nil, domain.Conflictf("shortcode %s is taken by another payment channel", c.Number)
	}
	return []domain.Event{ShortCodeRouted{Environment: c.Environment, Number: c.Number, Channel: c.Channel, Merchant: c.Merchant, At: c.At}}, nil
}
