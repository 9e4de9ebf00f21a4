package commands

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const routeSimulateC2B = "mpesa/simulate-c2b"

type simulatedTransaction struct {
	Amount      json.RawMessage `json:"amount"`
	PhoneNumber string          `json:"phone_number"`
	Reference   string          `json:"reference"`
	Status      string          `json:"status"`
	// What the payment became here, once its confirmation arrived.
	TransactionReference *string `json:"transaction_reference"`
	Receipt              *string `json:"receipt"`
}

type simulateC2BAnswer struct {
	Status      string               `json:"status"`
	Message     string               `json:"message"`
	Transaction simulatedTransaction `json:"transaction"`
}

// simulateC2B has Daraja's sandbox pretend that a customer paid on their own, and waits a few seconds for the confirmation.
func (w *WriteSide) simulateC2B(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	ch, err := w.mpesaChannel(ctx, who, b)
	if err != nil {
		return err
	}
	phoneNumber, amount, reference := b.mpesaPhone("phone_number"), b.mpesaAmount("amount"), b.text("reference", maxC2BReference)
	if reference == "" && ch.Provider == channel.Mpesa && ch.TillNumber == "" && !b.Has("reference") { // Daraja wants an account of who pays a shortcode
		b.Add("reference", "is required")
	}
	if err := b.Err(); err != nil {
		return err
	}
	if ch.Environment != channel.Sandbox {
		return domain.Forbiddenf("C2B payments can only be simulated on a sandbox channel")
	}
	if !ch.C2BRegistered {
		return domain.Conflictf("Register the C2B URLs of this payment channel first")
	}
	idem, err := w.idempotencyOf(c, who, routeSimulateC2B, b)
	if err != nil {
		return err
	}
	a, err := w.once(ctx, who, by, idem, routeSimulateC2B, "", func(ctx context.Context, in intent) (answer, error) {
		return w.orderC2B(ctx, ch, in, mpesa.SimulateC2BRequest{
			Amount: amount, Phone: phoneNumber, BillRef: reference, BuyGoods: ch.TillNumber != "",
		})
	})
	if err != nil {
		return err
	}
	if at := w.seen.Of(who.MerchantID); at > 0 {
		answerPosition(c, at)
	}
	return a.send(c)
}

// orderC2B orders the payment and waits for what comes of it. Whose twin may have ordered it already only waits: Daraja
// would take the same order twice.
func (w *WriteSide) orderC2B(ctx context.Context, ch channel.State, in intent, r mpesa.SimulateC2BRequest) (answer, error) {
	from, subject := in.Since, channel.Stream(ch.ID)
	if from == 0 {
		var err error
		if from, err = w.log.Store().Head(ctx); err != nil {
			return answer{}, asUnavailable(err)
		}
	}
	if !in.Again {
		_, err := w.Mpesa.SimulateC2B(ctx, channelKey(ch), mpesaCredentials(ch), r)
		var failed *mpesa.Error
		if errors.As(err, &failed) {
			code, sentence := failed.Reason()
			message := "M-Pesa did not simulate the payment: " + sentence
			if failed.Kind == mpesa.Unknown {
				return answer{}, &domain.Error{Code: domain.CodeProviderRefused, Reason: code, Message: message, Err: failed}
			}
			w.Logger.Warn().Int64("channel", ch.ID).Err(failed).Msg("simulated payment refused")
			return refused(subject, message, code), nil
		} else if err != nil {
			return answer{}, err
		}
	}
	t := simulatedTransaction{
		Amount: r.Amount.AppendDecimal(nil), PhoneNumber: r.Phone, Reference: r.BillRef, Status: string(transaction.StatusPending),
	}
	conf, err := w.awaitConfirmation(ctx, from, func(e receipt.Confirmation) bool {
		return e.Merchant == ch.Merchant && e.Amount == r.Amount &&
			(r.BuyGoods || receipt.NormaliseAccount(string(e.Account)) == receipt.NormaliseAccount(r.BillRef))
	})
	if err != nil {
		return answer{}, err
	}
	if conf != nil {
		t.Receipt = &conf.Number
		owner, err := fold[receipt.State](ctx, w.log, receipt.Stream(conf.Scope, conf.Number))
		if err != nil {
			return answer{}, err
		}
		// Without an owner it waits for the push that it fits.
		paid, err := fold[transaction.State](ctx, w.log, transaction.Reference(owner.State.Owner).Stream())
		if err != nil {
			return answer{}, err
		}
		if paid.State.Exists() && paid.State.Merchant == ch.Merchant {
			t.Status, t.TransactionReference = string(paid.State.Status()), &owner.State.Owner
		}
	}
	return answer{Status: fiber.StatusOK, Subject: subject, Body: simulateC2BAnswer{
		Status: "success", Message: "C2B transaction simulated", Transaction: t,
	}}, nil
}

// maxC2BReference is how long an account reference can be that a customer types (Daraja, C2B: BillRefNumber).
const maxC2BReference = 20

// awaitConfirmation waits for a C2B confirmation after the position, SimulateWait at most; nil when none came.
func (w *WriteSide) awaitConfirmation(ctx context.Context, from eventstore.Position, fits func(receipt.Confirmation) bool) (*receipt.Confirmation, error) {
	ctx, cancel := context.WithTimeout(ctx, w.SimulateWait)
	defer cancel()
	sub, err := w.log.Store().Subscribe(ctx, from)
	if err != nil {
		return nil, asUnavailable(err)
	}
	defer func() { _ = sub.Close() }()
	for {
		batch, err := sub.Next(ctx)
		if ctx.Err() != nil {
			return nil, nil
		}
		if err != nil {
			return nil, asUnavailable(err)
		}
		for _, r := range batch.Records {
			if r.Type != (receipt.Confirmation{}).EventType() {
				continue
			}
			env, err := w.log.Decode(ctx, r)
			if err != nil {
				continue // a key that was erased meanwhile; not ours
			}
			e, ok := env.Event.(receipt.Confirmation)
			if !ok || !fits(e) {
				continue
			}
			// The door records, then settles; run it too, so that what is answered as completed is.
			if _, err := w.SettleReceipt(ctx, e.Scope, e.Number, By{Actor: byMpesa, Causation: r.ID.String()}); err != nil {
				return nil, err
			}
			w.seen.Note(e.Merchant, r.Position)
			return &e, nil
		}
	}
}
