package commands

import (
	"context"
	"encoding/hex"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/payout"
)

// payoutDoor finds the payout whose token the URL carries, has its notice understood, and records what it says.
func (w *WriteSide) payoutDoor(c *fiber.Ctx, door payout.Door, read func(s payout.State, body []byte) (outcome, error)) error {
	raw, err := hex.DecodeString(c.Params("reference"))
	if err != nil {
		return errNoSuchDoor()
	}
	ref, ok := payout.ParseReference(string(raw))
	if !ok || !w.derive.tokenFits(c.Params("token"), "payout", string(ref)) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	body := string(c.Body())
	req := domain.RequestFrom(c.UserContext())
	by := By{Actor: byMpesa, Correlation: req.ID, Causation: req.ID, From: req.IP}
	if err := w.receivePayoutNotice(c.UserContext(), ref, door, body, by, read); err != nil {
		if domain.CodeOf(err) == domain.CodeMalformed {
			w.observe("callback_refused")
		}
		return err
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

func (w *WriteSide) receivePayoutNotice(ctx context.Context, ref payout.Reference, door payout.Door, body string, by By, read func(payout.State, []byte) (outcome, error)) error {
	known, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	if !known.State.Exists() {
		return errNoSuchDoor()
	}
	o, err := read(known.State, []byte(body))
	if err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not a result of M-Pesa's", Err: err}
	}
	by.Merchant = known.State.Merchant
	now := w.log.Now()
	if o.refused && o.failureCode == "" {
		o.failureCode = "payout_failed"
	}
	if _, err = Handle(ctx, w, ref.Stream(), payout.Weigh{
		Door: door, Raw: body, Digest: w.derive.hash("payout notice", string(ref), string(door), body), Done: o.done, Refused: o.refused,
		Receipt: o.receipt, Amount: o.amount, Charge: o.charge, PaidAt: orNow(o.at, now), Code: o.code, FailureCode: o.failureCode, Reason: o.reason, At: now,
	}, by); err != nil || o.attention() == "" {
		return err
	}
	_, err = Handle(ctx, w, ref.Stream(), payout.Flag{Why: o.attention(), At: now}, by)
	return err
}

// payoutResultDoor takes the result of a payout (Daraja, B2C, Result).
func (w *WriteSide) payoutResultDoor(c *fiber.Ctx) error {
	return w.payoutDoor(c, payout.DoorResult, func(s payout.State, body []byte) (outcome, error) {
		return readB2C(body, asked{ours: string(s.Reference), theirs: s.ConversationID})
	})
}

// payoutStatusDoor takes the answer to a question after a payout (Daraja, Transaction Status, Result).
func (w *WriteSide) payoutStatusDoor(c *fiber.Ctx) error {
	return w.payoutDoor(c, payout.DoorStatus, func(_ payout.State, body []byte) (outcome, error) { return readB2CStatus(body) })
}

// payoutTimeoutDoor takes word that a request waited too long. It says nothing of the money: it is kept, and asked after.
func (w *WriteSide) payoutTimeoutDoor(c *fiber.Ctx) error {
	return w.payoutDoor(c, payout.DoorTimeout, func(payout.State, []byte) (outcome, error) { return outcome{}, nil })
}
