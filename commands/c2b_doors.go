package commands

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// tokenChannel is the channel whose token the URL carries.
func (w *WriteSide) tokenChannel(c *fiber.Ctx, purpose string, provider channel.Provider) (channel.State, error) {
	id, err := strconv.ParseInt(c.Params("channel"), 10, 64)
	if err != nil || id < 1 || !w.derive.tokenFits(c.Params("token"), purpose, itoa(id)) {
		w.observe("callback_refused")
		return channel.State{}, errNoSuchDoor()
	}
	out, err := w.channels.get(c.UserContext(), w.log, channel.Stream(id))
	if err != nil {
		return channel.State{}, err
	}
	if !out.State.Exists() || out.State.Provider != provider {
		return channel.State{}, errNoSuchDoor()
	}
	return out.State, nil
}

// numberChannel is the channel that has the shortcode which a notice without a token names: in production the only one
// that may, in the sandbox the last that registered.
func (w *WriteSide) numberChannel(ctx context.Context, number string) (channel.State, error) {
	for _, env := range []channel.Environment{channel.Production, channel.Sandbox} {
		route, err := fold[channel.ShortCodeState](ctx, w.log, channel.ShortCodeStream(env, number))
		if err != nil {
			return channel.State{}, err
		}
		if route.State.Channel == 0 {
			continue
		}
		out, err := w.channels.get(ctx, w.log, channel.Stream(route.State.Channel))
		if err != nil || out.State.Exists() {
			return out.State, err
		}
	}
	return channel.State{}, errNoSuchDoor()
}

// readC2B reads a notice; junk is refused.
func (w *WriteSide) readC2B(c *fiber.Ctx) (mpesa.C2BConfirmation, string, error) {
	body := string(c.Body())
	n, err := mpesa.DecodeC2B([]byte(body))
	if err != nil {
		w.observe("callback_refused")
		return n, "", &domain.Error{Code: domain.CodeMalformed, Message: "Not a C2B notice", Err: err}
	}
	return n, body, nil
}

func (w *WriteSide) c2bConfirmationDoor(c *fiber.Ctx) error {
	ch, err := w.tokenChannel(c, "c2b", channel.Mpesa)
	if err != nil {
		return err
	}
	n, body, err := w.readC2B(c)
	if err != nil {
		return err
	}
	return w.confirmC2B(c, ch, n, body, transaction.DoorC2B)
}

func (w *WriteSide) c2bOpenConfirmationDoor(c *fiber.Ctx) error {
	n, body, err := w.readC2B(c)
	if err != nil {
		return err
	}
	ch, err := w.numberChannel(c.UserContext(), n.ShortCode)
	if err != nil {
		return err
	}
	return w.confirmC2B(c, ch, n, body, transaction.DoorC2BOpen)
}

func (w *WriteSide) confirmC2B(c *fiber.Ctx, ch channel.State, n mpesa.C2BConfirmation, body string, door transaction.Door) error {
	req := domain.RequestFrom(c.UserContext())
	by := By{Actor: byMpesa, Merchant: ch.Merchant, Correlation: req.ID, Causation: req.ID, From: req.IP}
	if err := w.receiveC2B(c.UserContext(), ch, n, body, door, by); err != nil && domain.CodeOf(err) != domain.CodeConflict {
		return err
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.ConfirmationAck)
}

func (w *WriteSide) c2bValidationDoor(c *fiber.Ctx) error {
	ch, err := w.tokenChannel(c, "c2b", channel.Mpesa)
	if err != nil {
		return err
	}
	n, _, err := w.readC2B(c)
	if err != nil {
		return err
	}
	return w.validateC2B(c, ch, n)
}

func (w *WriteSide) c2bOpenValidationDoor(c *fiber.Ctx) error {
	n, _, err := w.readC2B(c)
	if err != nil {
		return err
	}
	ch, err := w.numberChannel(c.UserContext(), n.ShortCode)
	if err != nil {
		return err
	}
	return w.validateC2B(c, ch, n)
}

// validateC2B lets any account pay, unless the channel is strict: then only one that a push of ours named. Nothing is
// recorded: no money has moved yet.
func (w *WriteSide) validateC2B(c *fiber.Ctx, ch channel.State, n mpesa.C2BConfirmation) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if !ch.Strict {
		return c.SendString(mpesa.ValidationAccept)
	}
	known, err := fold[receipt.AccountState](c.UserContext(), w.log, w.accountStream(ch.ID, n.BillRef))
	if err != nil {
		return err
	}
	if len(known.State.Expected) == 0 {
		return c.SendString(mpesa.ValidationReject(mpesa.InvalidAccountNumber))
	}
	return c.SendString(mpesa.ValidationAccept)
}
