// Package channel holds the rules of payment channels: a merchant's account at a provider, with its secrets. A channel's
// stream is channel-{id}.
package channel

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// ID is a channel's number.
type ID = int64

// Provider is who moves the money.
type Provider string

// The providers.
const (
	Mpesa    Provider = "mpesa"
	Paystack Provider = "paystack"
)

// Environment is the provider's side that a channel talks to.
type Environment string

// The environments.
const (
	Sandbox    Environment = "sandbox"
	Production Environment = "production"
)

// Stream is the channel's stream.
func Stream(id ID) string { return "channel-" + strconv.FormatInt(id, 10) }

// Secrets are what the provider gave the merchant. They are sealed in the event like personal data, under a key of the
// channel's own, and go nowhere but to the provider.
type Secrets struct {
	ConsumerKey    domain.Personal `json:"consumer_key,omitempty"`
	ConsumerSecret domain.Personal `json:"consumer_secret,omitempty"`
	Passkey        domain.Personal `json:"passkey,omitempty"`
	PublicKey      domain.Personal `json:"public_key,omitempty"`
	SecretKey      domain.Personal `json:"secret_key,omitempty"`
	// InitiatorName and SecurityCredential let it give money back and pay out through Daraja.
	InitiatorName      domain.Personal `json:"initiator_name,omitempty"`
	SecurityCredential domain.Personal `json:"security_credential,omitempty"`
}

// String keeps secrets out of logs.
func (Secrets) String() string { return "[secrets]" }

// GoString keeps secrets out of %#v too.
func (Secrets) GoString() string { return "[secrets]" }

// Created opens a channel.
type Created struct {
	ID          ID             `json:"id"`
	Merchant    int64          `json:"merchant_id"`
	Name        string         `json:"name"`
	Provider    Provider       `json:"provider"`
	Environment Environment    `json:"environment"`
	Currency    money.Currency `json:"currency"`
	ShortCode   string         `json:"shortcode,omitempty"`
	TillNumber  string         `json:"till_number,omitempty"`
	Strict      bool           `json:"strict,omitempty"`
	// Funds says whose money comes through it; empty, of channels of version 1, is the merchant's own.
	Funds       fee.Funds `json:"funds,omitempty"`
	Secrets     Secrets   `json:"secrets"`
	MakeDefault bool      `json:"make_default,omitempty"`
	Idempotency string    `json:"idempotency,omitempty"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (Created) EventType() string { return "PaymentChannelCreated" }

// SubjectName is the channel's own key.
func (e Created) SubjectName() string { return Stream(e.ID) }

// C2BUrlsRegistered notes that the provider sends this channel's customer payments to these URLs.
type C2BUrlsRegistered struct {
	Channel         ID        `json:"channel_id"`
	ConfirmationURL string    `json:"confirmation_url"`
	ValidationURL   string    `json:"validation_url"`
	At              time.Time `json:"at"`
}

// EventType is the wire name.
func (C2BUrlsRegistered) EventType() string { return "C2BUrlsRegistered" }

// Deactivated ends the use of a channel for new payments.
type Deactivated struct {
	Channel ID        `json:"channel_id"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (Deactivated) EventType() string { return "PaymentChannelDeactivated" }

// Activated takes a deactivated channel into use again.
type Activated struct {
	Channel ID        `json:"channel_id"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (Activated) EventType() string { return "PaymentChannelActivated" }

// State is a channel.
type State struct {
	Created
	Active bool
	Fees   fee.Schedule
	// CertificateEnds is until when the certificate is good that the initiator's password was encrypted with; zero when that
	// is not known.
	CertificateEnds time.Time
	// PasswordEnds is until when the initiator's password is assumed to be good.
	PasswordEnds  time.Time
	C2BRegistered bool
	// C2BRegisteredAt is when the provider last took the URLs.
	C2BRegisteredAt time.Time
	ConfirmationURL string
	ValidationURL   string
	// Pulls says that Daraja is asked for the channel's payments; NominatedNumber is what the shortcode is registered under for it.
	Pulls           bool
	NominatedNumber domain.Personal
}

// Exists tells whether the channel was created.
func (s State) Exists() bool { return s.ID != 0 }

// Mode is test for what moves no real money.
func (s State) Mode() domain.Mode {
	if s.Environment == Production {
		return domain.ModeLive
	}
	return domain.ModeTest
}

// SandboxReceipts is whose word receipts of M-Pesa's sandbox are: there everybody shares the numbers.
const SandboxReceipts = "mpesa.sandbox"

// ReceiptScope is whose word a receipt of this channel is: see receipt.Stream.
func (s State) ReceiptScope() string {
	if s.Provider == Mpesa && s.Environment == Sandbox {
		return SandboxReceipts
	}
	return string(s.Provider) + "." + strconv.FormatInt(s.ID, 10)
}

// Terms are what payments through the channel go by.
func (s State) Terms() fee.Terms {
	return fee.Terms{Channel: s.ID, Funds: s.Funds, Currency: s.Currency, Schedule: s.Fees}
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Created:
		s.Created, s.Active = e, true
		if s.Funds == "" {
			s.Funds = fee.OfMerchant
		}
	case InitiatorSet:
		s.Secrets.InitiatorName, s.Secrets.SecurityCredential, s.CertificateEnds = e.InitiatorName, e.SecurityCredential, e.CertificateEnds
		s.PasswordEnds = passwordEnds(e)
	case PullingSet:
		s.Pulls, s.NominatedNumber = e.On, e.NominatedNumber
	case FeeRulesSet:
		s.Fees = e.Schedule
	case C2BUrlsRegistered:
		s.C2BRegistered, s.ConfirmationURL, s.ValidationURL = true, e.ConfirmationURL, e.ValidationURL
		s.C2BRegisteredAt = e.At
	case Deactivated:
		s.Active = false
	case Activated:
		s.Active = true
	}
	return s
}

// Create opens a channel. What it checks of the fields is what the provider demands of them; the field names are those of
// the API.
type Create struct{ Created }

// Decide opens it once; the same again decides nothing. Errors: Conflict if the id belongs to another channel.
func (c Create) Decide(s State) ([]domain.Event, error) {
	if s.Exists() {
		if s.Merchant == c.Merchant && s.Idempotency == c.Idempotency && c.Idempotency != "" {
			return nil, nil
		}
		return nil, domain.Conflictf("channel %d exists", c.ID)
	}
	return []domain.Event{c.Created}, nil
}

// RegisterC2B notes a registration that the provider accepted.
type RegisterC2B struct {
	ConfirmationURL string
	ValidationURL   string
	At              time.Time
}

// registeredAgain is how much later the same registration is news: it tells how old the provider's knowledge is.
const registeredAgain = 24 * time.Hour

// Decide notes it unless it says what is so already, and was said not long ago.
func (c RegisterC2B) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("payment channel not found")
	}
	if s.C2BRegistered && c.At.Sub(s.C2BRegisteredAt) < registeredAgain && s.ConfirmationURL == c.ConfirmationURL && s.ValidationURL == c.ValidationURL {
		return nil, nil
	}
	return []domain.Event{C2BUrlsRegistered{Channel: s.ID, ConfirmationURL: c.ConfirmationURL, ValidationURL: c.ValidationURL, At: c.At}}, nil
}
