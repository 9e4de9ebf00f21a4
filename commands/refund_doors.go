package commands

import (
	"context"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

// refundReader understands a notice about a refund, and answers why a person has to look, if one has to.
type refundReader func(r transaction.Refund, body []byte, cmd *transaction.WeighRefund) (attention string, err error)

// refundDoor finds the refund whose token the URL carries, has its notice understood, and records what it says.
func (w *WriteSide) refundDoor(c *fiber.Ctx, door transaction.Door, read refundReader) error {
	raw, err := hex.DecodeString(c.Params("reference"))
	if err != nil {
		return errNoSuchDoor()
	}
	ref, ok := transaction.ParseReference(string(raw))
	id, err := strconv.ParseInt(c.Params("refund"), 10, 64)
	if !ok || err != nil || !w.derive.tokenFits(c.Params("token"), "refund", string(ref), itoa(id)) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	body := string(c.Body())
	req := domain.RequestFrom(c.UserContext())
	by := By{Actor: byMpesa, Correlation: req.ID, Causation: req.ID, From: req.IP}
	if err := w.receiveRefundNotice(c.UserContext(), ref, id, door, body, by, read); err != nil && domain.CodeOf(err) != domain.CodeConflict {
		if domain.CodeOf(err) == domain.CodeMalformed {
			w.observe("callback_refused")
		}
		return err
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

func (w *WriteSide) receiveRefundNotice(ctx context.Context, ref transaction.Reference, id int64, door transaction.Door, body string, by By, read refundReader) error {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	r, ok := known.State.RefundOf(id)
	if !ok {
		return errNoSuchDoor()
	}
	now := w.log.Now()
	cmd := transaction.WeighRefund{
		Refund: id, Door: door, Raw: body, Digest: w.derive.hash("refund notice", string(ref), itoa(id), string(door), body), RefundedAt: now, At: now,
	}
	attention, err := read(r, []byte(body), &cmd)
	if err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "Not a result of M-Pesa's", Err: err}
	}
	by.Merchant = known.State.Merchant
	if _, err = Handle(ctx, w, ref.Stream(), cmd, by); err != nil || attention == "" {
		return err
	}
	_, err = Handle(ctx, w, ref.Stream(), transaction.FlagRefund{Refund: id, Why: attention, At: now}, by)
	return err
}

// refundResultDoor takes the result of a reversal or a payout (Daraja, Reversal and B2C, Result).
func (w *WriteSide) refundResultDoor(c *fiber.Ctx) error {
	return w.refundDoor(c, transaction.DoorRefundResult, func(r transaction.Refund, body []byte, cmd *transaction.WeighRefund) (string, error) {
		if r.Way == transaction.RefundByPayout {
			o, err := readB2C(body, asked{ours: r.Name, theirs: r.ProviderID})
			o.onto(cmd)
			return o.attention(), err
		}
		got, err := mpesa.DecodeReversalResult(body)
		if got.ResultCode == "" {
			return "", err
		}
		o := outcomeOf(got.ResultCode, got.Outcome)
		o.receipt, o.amount, o.at = got.Receipt, got.Amount, got.CompletedAt
		if got.Outcome.FailureCode == mpesa.FailureAlreadyReversed {
			o.done, o.refused = true, false // that is what was wanted, and it is so
		}
		o = o.about(asked{theirs: r.ProviderID}, got.Result)
		o.onto(cmd)
		return o.attention(), nil
	})
}

// refundStatusDoor takes the answer to a question after a refund (Daraja, Transaction Status, Result).
func (w *WriteSide) refundStatusDoor(c *fiber.Ctx) error {
	return w.refundDoor(c, transaction.DoorRefundStatus, func(r transaction.Refund, body []byte, cmd *transaction.WeighRefund) (string, error) {
		if r.Way == transaction.RefundByPayout {
			o, err := readB2CStatus(body)
			if o.refused {
				o.failureCode = "refund_failed"
			}
			o.onto(cmd)
			return o.attention(), err
		}
		got, err := mpesa.DecodeTransactionStatusResult(body)
		if got.ResultCode == "" {
			return "", err
		}
		cmd.RefundedAt = orNow(got.FinalisedAt, cmd.At)
		cmd.Done = got.State == mpesa.TransactionReversed // what was asked after is the payment: a receipt of the reversal isn't told
		return "", nil
	})
}

// refundTimeoutDoor takes word that a request waited too long. It says nothing of the money: it is kept, and asked after.
func (w *WriteSide) refundTimeoutDoor(c *fiber.Ctx) error {
	return w.refundDoor(c, transaction.DoorRefundTimeout, func(transaction.Refund, []byte, *transaction.WeighRefund) (string, error) { return "", nil })
}

// onto lets it count for a refund.
func (o outcome) onto(cmd *transaction.WeighRefund) {
	cmd.Done, cmd.Refused, cmd.Receipt, cmd.Amount, cmd.RefundedAt = o.done, o.refused, o.receipt, o.amount, orNow(o.at, cmd.At)
	cmd.Code, cmd.FailureCode, cmd.Reason = o.code, o.failureCode, o.reason
}

func orNow(t *time.Time, now time.Time) time.Time {
	if t == nil {
		return now
	}
	return t.UTC()
}
