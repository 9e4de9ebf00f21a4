package channel

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatEndsOfAChannelIsKnownBefore(t *testing.T) {
	day := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	opened := Created{ID: 3, Merchant: 1, Provider: Mpesa, Environment: Production, At: day}
	initiator := InitiatorSet{Channel: 3, InitiatorName: "api", SecurityCredential: "x", CertificateEnds: day.AddDate(1, 0, 0), At: day}
	longer := initiator
	longer.PasswordDays = 180
	registered := C2BUrlsRegistered{Channel: 3, ConfirmationURL: "https://a.example/c", ValidationURL: "https://a.example/v", At: day}
	certificate := Expiry{InitiatorCertificate, day.AddDate(1, 0, 0), false}
	for name, c := range map[string]struct {
		s    State
		want []Expiry
	}{
		"nothing":              {State{}.Evolve(opened), nil},
		"an initiator":         {State{}.Evolve(opened).Evolve(initiator), []Expiry{certificate, {InitiatorPassword, day.AddDate(0, 0, 90), true}}},
		"a longer password":    {State{}.Evolve(opened).Evolve(initiator).Evolve(longer), []Expiry{certificate, {InitiatorPassword, day.AddDate(0, 0, 180), true}}},
		"registered URLs":      {State{}.Evolve(opened).Evolve(registered), []Expiry{{C2BRegistration, day.AddDate(0, 0, 365), true}}},
		"a channel that's off": {State{}.Evolve(opened).Evolve(initiator).Evolve(registered).Evolve(Deactivated{Channel: 3}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.s.Expiries()); diff != "" {
				t.Error(diff)
			}
		})
	}
	s := State{}.Evolve(opened).Evolve(registered)
	again := RegisterC2B{ConfirmationURL: registered.ConfirmationURL, ValidationURL: registered.ValidationURL, At: day.Add(time.Hour)}
	if events, err := again.Decide(s); err != nil || len(events) != 0 {
		t.Errorf("the same at once: %v, %v", events, err)
	}
	again.At = day.AddDate(0, 2, 0)
	if events, err := again.Decide(s); err != nil || len(events) != 1 {
		t.Errorf("the same months later: %v, %v", events, err)
	}
}
