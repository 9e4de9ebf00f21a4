package readapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/idempotency"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

// withheld stands where an event holds what opens a door: credentials, and addresses with a token in them. No key may see
// those, whatever else it may read.
const withheld = "[withheld]"

// shown is the event as it may be answered.
func shown(e domain.Event) domain.Event {
	switch e := e.(type) {
	case channel.Created:
		e.Secrets = channel.Secrets{}
		return e
	case channel.InitiatorSet:
		e.SecurityCredential = withheld
		return e
	case channel.C2BUrlsRegistered:
		e.ConfirmationURL, e.ValidationURL = withoutToken(e.ConfirmationURL), withoutToken(e.ValidationURL)
		return e
	case merchant.Created:
		e.PasswordHash = withheld
		return e
	case idempotency.Answered:
		e.Answer = withheld // it may name a channel's addresses
		return e
	}
	return e
}

// withoutToken is an address of ours with its secret part left out.
func withoutToken(url string) string {
	at := strings.Index(url, "/hooks/")
	if at < 0 {
		return url
	}
	return url[:at] + "/hooks/" + withheld
}

// event writes the members of an event, opened, with the postings that it makes.
func (e *encoder) event(env *eventstore.Envelope, postings []ledger.Posting) error {
	data, err := json.Marshal(shown(env.Event))
	if err != nil {
		return fmt.Errorf("event %s: %w", env.ID, err)
	}
	e.position(env.Position)
	e.text("stream", env.Stream)
	e.key("revision")
	e.b = strconv.AppendInt(e.b, int64(env.Revision), 10)
	e.text("id", env.ID.String())
	e.text("type", env.Event.EventType())
	e.key("version")
	e.b = strconv.AppendInt(e.b, int64(env.Meta.Version), 10)
	e.stamp("occurred_at", env.Meta.OccurredAt)
	e.stamp("recorded_at", env.RecordedAt)
	e.text("actor", env.Meta.Actor)
	e.textOrNull("from", string(env.Meta.From))
	e.textOrNull("correlation_id", env.Meta.CorrelationID)
	e.textOrNull("causation_id", env.Meta.CausationID)
	if env.Erased {
		e.truth("erased", true)
	}
	e.key("data")
	e.b = append(e.b, data...)
	if len(postings) > 0 {
		e.array("postings", len(postings), func(i int) {
			p := &postings[i]
			e.key("id")
			e.b = strconv.AppendInt(e.b, int64(env.Position)*ledger.MaxPostings+int64(i), 10)
			e.text("account", string(p.Account))
			e.text("currency", string(p.Currency))
			e.money("debit", p.Debit, p.Currency)
			e.money("credit", p.Credit, p.Currency)
		})
	}
	return nil
}
