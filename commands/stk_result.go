package commands

import (
	"context"
	"encoding/hex"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
)

// byMpesa is the actor of what Daraja tells us.
const byMpesa = "provider:mpesa"

// errNoSuchDoor is the answer to a URL with a wrong token: the same as for any unknown URL.
func errNoSuchDoor() error { return domain.NotFoundf("Not found") }

// stkResultDoor takes the result of a push (Daraja, STK callback). The token in the URL says whose it is.
func (w *WriteSide) stkResultDoor(c *fiber.Ctx) error {
	raw, err := hex.DecodeString(c.Params("reference"))
	if err != nil {
		return errNoSuchDoor()
	}
	ref, ok := transaction.ParseReference(string(raw))
	attempt, err := strconv.Atoi(c.Params("attempt"))
	if !ok || err != nil || attempt < 1 || !w.derive.tokenFits(c.Params("token"), "push", string(ref), strconv.Itoa(attempt)) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	body := string(c.Body())
	if _, err := mpesa.DecodeSTKCallback([]byte(body)); err != nil {
		w.observe("callback_refused")
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not an STK callback", Err: err}
	}
	req := domain.RequestFrom(c.UserContext())
	by := By{Actor: byMpesa, Correlation: req.ID, Causation: req.ID, From: req.IP}
	if err := w.ReceiveStkResult(c.UserContext(), ref, attempt, body, by); err != nil && domain.CodeOf(err) != domain.CodeConflict {
		return err
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

// ReceiveStkResult records an STK callback word for word, then lets it count. It may be run again on a callback that is
// recorded already, to finish what a crash cut short.
func (w *WriteSide) ReceiveStkResult(ctx context.Context, ref transaction.Reference, attempt int, body string, by By) error {
	cb, err := mpesa.DecodeSTKCallback([]byte(body))
	if err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not an STK callback", Err: err}
	}
	cmd := transaction.ReceiveCallback{
		Door: transaction.DoorStkCallback, Attempt: attempt, Raw: body, At: w.log.Now(),
		Digest: w.derive.hash("callback", string(ref), strconv.Itoa(attempt), body),
	}
	ev := transaction.Evidence{Door: cmd.Door, Attempt: attempt, Digest: cmd.Digest, CheckoutRequestID: cb.CheckoutRequestID}
	what, known := mpesa.DescribeResult(cb.ResultCode)
	switch {
	case known && what.Class == mpesa.ClassSuccess && cb.Receipt != "" && cb.Amount != nil:
		ev.Kind, ev.Receipt, ev.Amount, ev.Method = transaction.ReceiptGiven, cb.Receipt, *cb.Amount, transaction.MethodMpesaSTK
		ev.PaidAt = cmd.At
		if cb.PaidAt != nil {
			ev.PaidAt = cb.PaidAt.UTC()
		}
	case known && what.Class != mpesa.ClassSuccess && what.Class != mpesa.ClassPending:
		ev.Kind, ev.Code, ev.FailureCode, ev.Reason = transaction.FailedByNotice, cb.ResultCode, what.FailureCode, what.Reason
		cmd.Evidence = &ev
	default:
		ev.Kind = transaction.NoNews // a success without receipt, or a code nobody knows: the status query will tell
	}
	before, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	by.Merchant = before.State.Merchant
	out, err := Handle(ctx, w, ref.Stream(), cmd, by)
	if err != nil {
		return err
	}
	if ev.Kind != transaction.ReceiptGiven {
		return nil
	}
	a, _ := out.State.Attempt(attempt)
	ch, err := w.channels.get(ctx, w.log, channel.Stream(a.Channel))
	if err != nil {
		return err
	}
	return w.credit(ctx, out.State, ch.State.ReceiptScope(), ev, by)
}
