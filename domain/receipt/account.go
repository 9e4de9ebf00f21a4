package receipt

import (
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// AccountStream remembers which pushes asked for money under an account reference of a channel, so that a C2B
// confirmation, which names nothing else of ours, finds the push that it belongs to. hash is a keyed hash of
// NormaliseAccount: account references are the merchants' own words.
func AccountStream(channel int64, hash string) string {
	return "account-" + strconv.FormatInt(channel, 10) + "-" + hash
}

// NormaliseAccount is how account references are compared: customers type them in any case, with spaces.
func NormaliseAccount(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(s), ""))
}

// PushExpected notes that a push asked for money under this account reference.
type PushExpected struct {
	Channel     int64       `json:"channel_id"`
	Merchant    int64       `json:"merchant_id"`
	Transaction string      `json:"transaction"`
	Attempt     int         `json:"attempt"`
	Amount      money.Money `json:"amount"`
	At          time.Time   `json:"at"`
}

// EventType is the wire name.
func (PushExpected) EventType() string { return "AccountPushExpected" }

// maxExpected is how many pushes of one account are remembered in memory: the newest.
const maxExpected = 32

// AccountState is what is expected under an account reference.
type AccountState struct{ Expected []PushExpected }

// Evolve is the state after e.
func (s AccountState) Evolve(e domain.Event) AccountState {
	if e, ok := e.(PushExpected); ok {
		kept := s.Expected
		if len(kept) >= maxExpected {
			kept = kept[len(kept)-maxExpected+1:]
		}
		s.Expected = append(append([]PushExpected(nil), kept...), e)
	}
	return s
}

// ExpectPush notes a push.
type ExpectPush struct{ PushExpected }

// Decide notes it once.
func (c ExpectPush) Decide(s AccountState) ([]domain.Event, error) {
	for _, e := range s.Expected {
		if e.Transaction == c.Transaction && e.Attempt == c.Attempt {
			return nil, nil
		}
	}
	return []domain.Event{c.PushExpected}, nil
}
