package channel

import "time"

// What of a channel expires.
const (
	InitiatorPassword    = "initiator_password"
	InitiatorCertificate = "initiator_certificate"
	C2BRegistration      = "c2b_registration"
)

const (
	// passwordDays is for how long the organisation portal takes an initiator's password, unless the operator says otherwise.
	passwordDays     = 90
	mostPasswordDays = 3650
	// registrationDays is how old a registration of C2B URLs may be before somebody should look: Daraja doesn't tell whether
	// it still has it, and a shortcode that moves to another aggregator loses it without a word.
	registrationDays = 365
)

// Expiry is something that ends, and when. Assumed says that nobody has told so, and that it is reckoned by age.
type Expiry struct {
	What    string
	At      time.Time
	Assumed bool
}

// Expiries are what of the channel ends, also what has ended; none of a channel that is off.
func (s State) Expiries() []Expiry {
	var out []Expiry
	if !s.Active {
		return nil
	}
	if s.HasInitiator() {
		if !s.CertificateEnds.IsZero() {
			out = append(out, Expiry{InitiatorCertificate, s.CertificateEnds, false})
		}
		out = append(out, Expiry{InitiatorPassword, s.PasswordEnds, true})
	}
	if s.C2BRegistered && s.Environment == Production {
		out = append(out, Expiry{C2BRegistration, s.C2BRegisteredAt.AddDate(0, 0, registrationDays), true})
	}
	return out
}

func passwordEnds(e InitiatorSet) time.Time {
	days := e.PasswordDays
	if days == 0 {
		days = passwordDays
	}
	return e.At.AddDate(0, 0, days)
}
