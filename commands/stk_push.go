package commands

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

const routeSTKPush = "mpesa/stk-push"

// Waiting of a twin for the outcome of the first request's push.
const (
	twinWait = 25 * time.Second
	twinPoll = 50 * time.Millisecond
)

type stkPushAnswer struct {
	Status      string            `json:"status"`
	Message     string            `json:"message"`
	Transaction transactionAnswer `json:"transaction"`
}

// stkPush asks a customer's phone for a payment. The transaction and the intent to push stand in the log before Daraja is
// called; whoever appended them makes the call, once.
func (w *WriteSide) stkPush(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	idem, err := w.idempotencyOf(c, who, routeSTKPush, b)
	if err != nil {
		return err
	}
	out, ch, err := w.openPush(ctx, who, by, idem, b)
	if err != nil && idem.Key != "" && domain.CodeOf(err) != domain.CodeConflict {
		if twin, found, twinErr := w.twin(ctx, transaction.MpesaPrefix, idem); twinErr == nil && found {
			out, err = twin, nil
		}
	}
	if err != nil {
		return err
	}
	if out.Wrote() {
		out, err = w.sendPush(ctx, out.State, ch, by)
	} else {
		out, err = w.awaitPush(ctx, out.State.Reference)
	}
	if err != nil {
		return err
	}
	answerPosition(c, out.Position)
	return w.answerPush(c, out.State)
}

func (w *WriteSide) openPush(ctx context.Context, who domain.Caller, by By, idem idempotent, b *body) (out Outcome[transaction.State], ch channel.State, err error) {
	phoneNumber := b.mpesaPhone("phone_number")
	amount := b.mpesaAmount("amount")
	reference := b.text("reference", maxReference)
	description := b.text("description", maxDescription)
	if s := b.text("currency", 8); s != "" { // not asked for; but 1000 dollars must not become 1000 shillings
		if cur, err := money.ParseCurrency(s); err != nil || cur != money.KES {
			b.Add("currency", "must be KES (or KSH) for M-Pesa")
		}
	}
	if id := b.channelID(); !b.Has("payment_channel_id") {
		if ch, err = w.pickChannel(ctx, who, id); err != nil {
			var invalid *domain.Error
			if !errors.As(err, &invalid) || invalid.Code != domain.CodeInvalid {
				return out, ch, err
			}
			for f, what := range invalid.Fields {
				b.Add(f, what)
			}
		} else if ch.Provider != channel.Mpesa {
			b.Add("payment_channel_id", "is not an M-Pesa channel")
		}
	}
	if err := b.Err(); err != nil {
		return out, ch, err
	}
	if err := mayCharge(who, ch); err != nil {
		return out, ch, err
	}
	now := w.log.Now()
	out, err = w.open(ctx, transaction.MpesaPrefix, idem, by, transaction.Initialize{
		Initialized: transaction.Initialized{
			Merchant: who.MerchantID, Mode: ch.Mode(), Channel: ch.ID, Provider: string(ch.Provider), Origin: transaction.FromPush,
			Amount: amount, Phone: domain.Personal(phoneNumber), Description: domain.Personal(description),
			MerchantReference: domain.Personal(reference), Idempotency: idem.Key, Body: idem.Body, At: now,
		},
		Push: &transaction.RequestPush{Channel: ch.ID, Phone: phoneNumber, AccountReference: reference, Window: now.Add(w.PushWindow), At: now},
	})
	return out, ch, err
}

// awaitPush waits until the outcome of the first request's push is known, for its twin.
func (w *WriteSide) awaitPush(ctx context.Context, ref transaction.Reference) (Outcome[transaction.State], error) {
	ctx, cancel := context.WithTimeout(ctx, twinWait)
	defer cancel()
	tick := time.NewTicker(twinPoll)
	defer tick.Stop()
	var last *Outcome[transaction.State]
	for {
		out, err := fold[transaction.State](ctx, w.log, ref.Stream())
		if err != nil {
			if last != nil && ctx.Err() != nil {
				return *last, nil // our own patience ended in the middle of a reading
			}
			return out, err
		}
		a, _ := out.State.Attempt(1)
		if a.Answered() || w.log.Now().Sub(a.RequestedAt) > lostAfter {
			return out, nil // a callback may have come before the answer: it tells nothing of it
		}
		last = &out
		select {
		case <-tick.C:
		case <-ctx.Done():
			return out, nil
		}
	}
}

// answerPush answers as the push was answered, whatever happened since: the same for every twin.
func (w *WriteSide) answerPush(c *fiber.Ctx, s transaction.State) error {
	if s.Phone == "" { // no push is opened without one
		return erasedAnswer()
	}
	a, _ := s.Attempt(1)
	if f := a.Refusal; f != nil {
		return &domain.Error{
			Code: domain.CodeProviderRefused, Reason: f.FailureCode,
			Message: "M-Pesa did not take the request for " + string(s.Reference) + ": " + f.Reason,
		}
	}
	t := answerOpened(s.Initialized)
	phoneNumber := string(s.Phone)
	t.PhoneNumber = &phoneNumber
	message := "STK Push initiated"
	if a.CheckoutRequestID != "" {
		t.CheckoutRequestID = &a.CheckoutRequestID
		return c.JSON(stkPushAnswer{Status: "success", Message: message, Transaction: t})
	}
	// The key stays, as null: what is not known yet is not left out.
	return c.JSON(struct {
		Status      string          `json:"status"`
		Message     string          `json:"message"`
		Transaction json.RawMessage `json:"transaction"`
	}{"success", "STK Push sent; M-Pesa has not confirmed it yet", withNull(t, "checkout_request_id")})
}

// withNull is v as JSON with the key added as null.
func withNull(v any, key string) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil || len(raw) < 2 {
		return nil
	}
	out := append([]byte(`{"`+key+`":null,`), raw[1:]...)
	return out
}
