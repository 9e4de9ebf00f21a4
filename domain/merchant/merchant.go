// Package merchant holds the rules of merchants and their API keys. A merchant's stream is merchant-{id}; each key has a
// stream of its own, apikey-{hash}, so that a request finds its key by what it brings.
package merchant

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
)

// ID is a merchant's number.
type ID = int64

// DefaultTimeZone is where a merchant's calendar days are counted unless told otherwise.
const DefaultTimeZone = "Africa/Nairobi"

// Stream is the merchant's stream.
func Stream(id ID) string { return "merchant-" + strconv.FormatInt(id, 10) }

// Created opens a merchant. Its name is shown to payers; many a business has the name of its owner.
type Created struct {
	ID       ID              `json:"id"`
	Name     domain.Personal `json:"name"`
	Email    domain.Personal `json:"email"`
	TimeZone string          `json:"time_zone"`
	// PasswordHash is for the dashboard, a one-way hash with its own salt, sealed all the same.
	PasswordHash domain.Personal `json:"password_hash"`
	At           time.Time       `json:"at"`
}

// EventType is the wire name.
func (Created) EventType() string { return "MerchantCreated" }

// SubjectName is the merchant's own key.
func (e Created) SubjectName() string { return Stream(e.ID) }

// DefaultChannelSet makes a payment channel the one that is used when a request names none.
type DefaultChannelSet struct {
	Merchant ID        `json:"merchant_id"`
	Channel  int64     `json:"channel_id"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (DefaultChannelSet) EventType() string { return "DefaultPaymentChannelSet" }

// ChannelAttached notes in the merchant's stream that a channel exists, so that a merchant's channels can be found
// without a read model.
type ChannelAttached struct {
	Merchant ID        `json:"merchant_id"`
	Channel  int64     `json:"channel_id"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (ChannelAttached) EventType() string { return "PaymentChannelAttached" }

// State is a merchant.
type State struct {
	ID             ID
	Name           string
	Email          string
	TimeZone       string
	DefaultChannel int64
	Channels       []int64
	CreatedAt      time.Time
}

// Exists tells whether the merchant was created.
func (s State) Exists() bool { return s.ID != 0 }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Created:
		s.ID, s.Name, s.Email, s.TimeZone, s.CreatedAt = e.ID, string(e.Name), string(e.Email), e.TimeZone, e.At
	case DefaultChannelSet:
		s.DefaultChannel = e.Channel
	case ChannelAttached:
		s.Channels = append(s.Channels[:len(s.Channels):len(s.Channels)], e.Channel)
	}
	return s
}

// Create opens a merchant.
type Create struct {
	ID           ID
	Name         string
	Email        string
	TimeZone     string
	PasswordHash string
	At           time.Time
}

// Decide opens it once. Errors: Invalid on name, email or time_zone; Conflict if the id is taken.
func (c Create) Decide(s State) ([]domain.Event, error) {
	if s.Exists() {
		return nil, domain.Conflictf("merchant %d exists", c.ID)
	}
	var p domain.Problems
	if c.Name == "" || len(c.Name) > 100 {
		p.Add("name", "must have 1 to 100 characters")
	}
	if c.Email == "" {
		p.Add("email", "is required")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	tz := c.TimeZone
	if tz == "" {
		tz = DefaultTimeZone
	}
	return []domain.Event{Created{
		ID: c.ID, Name: domain.Personal(c.Name), Email: domain.Personal(c.Email), TimeZone: tz,
		PasswordHash: domain.Personal(c.PasswordHash), At: c.At,
	}}, nil
}

// AttachChannel notes a channel that was created, and makes it the default if it is the first or asked to be.
type AttachChannel struct {
	Merchant    ID
	Channel     int64
	MakeDefault bool
	At          time.Time
}

// Decide attaches it once. A repetition decides nothing, also when another channel became the default since.
func (c AttachChannel) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("merchant %d not found", c.Merchant)
	}
	for _, id := range s.Channels {
		if id == c.Channel {
			return nil, nil
		}
	}
	events := []domain.Event{ChannelAttached{Merchant: c.Merchant, Channel: c.Channel, At: c.At}}
	if c.MakeDefault || s.DefaultChannel == 0 {
		events = append(events, DefaultChannelSet{Merchant: c.Merchant, Channel: c.Channel, At: c.At})
	}
	return events, nil
}
