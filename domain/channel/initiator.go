package channel

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// InitiatorSet gives a channel the initiator in whose name Daraja is asked to give money back, to pay out and to tell what
// became of a transaction (Daraja, Initiator and SecurityCredential).
type InitiatorSet struct {
	Channel            ID              `json:"channel_id"`
	InitiatorName      domain.Personal `json:"initiator_name"`
	SecurityCredential domain.Personal `json:"security_credential"`
	// CertificateEnds is until when the certificate is good that the password was encrypted with.
	CertificateEnds time.Time `json:"certificate_ends,omitzero"`
	// PasswordDays is for how many days the organisation portal takes the password; 0, of version 1, is the usual.
	PasswordDays int       `json:"password_days,omitempty"`
	At           time.Time `json:"at"`
}

// EventType is the wire name.
func (InitiatorSet) EventType() string { return "InitiatorSet" }

// SubjectName is the channel's own key.
func (e InitiatorSet) SubjectName() string { return Stream(e.Channel) }

// HasInitiator tells whether the channel can give money back through Daraja.
func (s State) HasInitiator() bool {
	return s.Secrets.InitiatorName != "" && s.Secrets.SecurityCredential != ""
}

// SetInitiator gives a channel its initiator, or another one.
type SetInitiator struct {
	Name            string
	Credential      string
	CertificateEnds time.Time
	// PasswordDays is for how many days the password is good, 0 for the usual.
	PasswordDays int
	At           time.Time
}

// Decide sets what differs from what there is. Errors: NotFound; Conflict on a channel of another provider; Invalid.
func (c SetInitiator) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payment channel not found")
	case s.Provider != Mpesa:
		return nil, domain.Conflictf("Only M-Pesa channels have an initiator")
	case c.Name == "":
		return nil, domain.Invalid("initiator_name", "is required")
	case c.Credential == "":
		return nil, domain.Invalid("security_credential", "is required")
	case c.PasswordDays < 0 || c.PasswordDays > mostPasswordDays:
		return nil, domain.Invalid("password_days", "must be from 1 to 3650")
	case string(s.Secrets.InitiatorName) == c.Name && string(s.Secrets.SecurityCredential) == c.Credential:
		return nil, nil
	}
	return []domain.Event{InitiatorSet{
		Channel: s.ID, InitiatorName: domain.Personal(c.Name), SecurityCredential: domain.Personal(c.Credential),
		CertificateEnds: c.CertificateEnds, PasswordDays: c.PasswordDays, At: c.At,
	}}, nil
}
