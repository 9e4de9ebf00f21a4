package commands

import (
	"context"
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/idempotency"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/eventstore"
)

// idempotent is how a request with an Idempotency-Key finds its twin.
type idempotent struct {
	Key  string // keyed hash of merchant, mode, route and key; "" without a key
	Body string // keyed hash of the body
}

// idempotencyOf reads the request's key.
func (w *WriteSide) idempotencyOf(c *fiber.Ctx, who domain.Caller, route string, b *body) (idempotent, error) {
	key, err := idempotencyKey(c)
	if err != nil || key == "" {
		return idempotent{}, err
	}
	m := itoa(who.MerchantID)
	if who.Mode == domain.ModeLive {
		m += " live" // what was tried with a test key must not answer for real money
	}
	return idempotent{
		Key:  w.derive.hash("idempotency", m, route, key),
		Body: w.derive.hash("request body", m, route, b.canonical()),
	}, nil
}

// answer is what a use case answers: a status and a body to be sent as JSON, and whose data is in it.
type answer struct {
	Status  int
	Body    any
	Subject string
}

// intent is a request that is about to be carried out.
type intent struct {
	ID  int64  // drawn for it
	Key string // of its twins; "" without an Idempotency-Key
	// Again says that an earlier request under the key announced the same, and may have carried it out, all or in part.
	Again bool
	// Since is where the announcement stands in the log, 0 without one.
	Since eventstore.Position
}

// once carries out a request that opens no transaction, once per Idempotency-Key: the intent and the id drawn for it are
// written first, the answer last; a twin gets the answer, or carries on from the intent with the same id. do must be
// safe to repeat with the same id, or heed Again. Without a key it is just carried out.
func (w *WriteSide) once(ctx context.Context, who domain.Caller, by By, idem idempotent, route string, kind ids.Kind, do func(ctx context.Context, in intent) (answer, error)) (answer, error) {
	if idem.Key == "" {
		id, err := w.drawIf(ctx, kind)
		if err != nil {
			return answer{}, err
		}
		return do(ctx, intent{ID: id})
	}
	// Twins at once take turns: the second finds the first one's answer. On another node it may carry on beside it, which
	// is why do must be safe to repeat.
	give, err := w.twins.take(ctx, idem.Key)
	if err != nil {
		return answer{}, asUnavailable(err)
	}
	defer give()
	stream := idempotency.Stream(idem.Key)
	out, err := fold[idempotency.State](ctx, w.log, stream)
	if err != nil {
		return answer{}, err
	}
	if out.State.Intent.Route == "" {
		id, err := w.drawIf(ctx, kind)
		if err != nil {
			return answer{}, err
		}
		intended := idempotency.Intended{Merchant: who.MerchantID, Route: route, Body: idem.Body, ID: id, At: w.log.Now()}
		if out, err = HandleNew[idempotency.State](ctx, w, stream, idempotency.Intend{Intended: intended}, by); err != nil {
			return answer{}, err
		}
	} else if out.State.Intent.Body != idem.Body {
		return answer{}, domain.Conflictf("Idempotency-Key was used with another request body")
	}
	if a := out.State.Answer; a != nil {
		if a.Answer == "" {
			return answer{}, erasedAnswer()
		}
		return kept(*a), nil
	}
	a, err := do(ctx, intent{ID: out.State.Intent.ID, Key: idem.Key, Again: !out.Wrote(), Since: out.Position})
	if err != nil {
		return answer{}, err
	}
	raw, err := json.Marshal(a.Body)
	if err != nil {
		return answer{}, err
	}
	out, err = Handle[idempotency.State](context.WithoutCancel(ctx), w, stream, idempotency.Answer{Answered: idempotency.Answered{
		Merchant: who.MerchantID, Subject: a.Subject, Status: a.Status, Answer: domain.Personal(raw), At: w.log.Now(),
	}}, by)
	if err != nil {
		return answer{}, err
	}
	return kept(*out.State.Answer), nil // the first twin's answer is everybody's
}

// erasedAnswer is what a twin is answered when the first one's answer can't be given any more.
func erasedAnswer() error {
	return &domain.Error{Code: domain.CodeConflict, Reason: "erased", Message: "The answer to this request was erased with the customer's data"}
}

func (w *WriteSide) drawIf(ctx context.Context, kind ids.Kind) (int64, error) {
	if kind == "" {
		return 0, nil
	}
	return w.draw(ctx, kind)
}

func kept(a idempotency.Answered) answer {
	return answer{Status: a.Status, Body: json.RawMessage(a.Answer), Subject: a.Subject}
}

// refusal is a provider's no as an answer to keep: under one key it is given once, whatever the provider would say now.
type refusal struct {
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

func refused(subject, message, reason string) answer {
	return answer{Status: fiber.StatusBadGateway, Subject: subject, Body: refusal{message, reason}}
}

// send writes the answer. Errors: ProviderRefused when that is the answer.
func (a answer) send(c *fiber.Ctx) error {
	if a.Status != fiber.StatusBadGateway {
		return c.Status(a.Status).JSON(a.Body)
	}
	no, ok := a.Body.(refusal)
	if raw, isKept := a.Body.(json.RawMessage); !ok && isKept {
		if err := json.Unmarshal(raw, &no); err != nil {
			return err
		}
	}
	return &domain.Error{Code: domain.CodeProviderRefused, Message: no.Message, Reason: no.Reason}
}
