package commands

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/eventstore"
)

const routeRegisterC2B = "mpesa/register-c2b-urls"

type c2bURLs struct {
	Confirmation string `json:"confirmation"`
	Validation   string `json:"validation"`
}

type registerC2BAnswer struct {
	Status  string  `json:"status"`
	Message string  `json:"message"`
	URLs    c2bURLs `json:"urls"`
}

// registerC2BURLs tells Daraja where to report customers' own payments.
func (w *WriteSide) registerC2BURLs(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	ch, err := w.mpesaChannel(c.UserContext(), who, b)
	if err != nil {
		return err
	}
	urls := c2bURLs{b.text("confirmation_url", maxURL), b.text("validation_url", maxURL)}
	own := w.defaultC2BURLs(ch)
	for _, f := range []struct {
		name string
		url  *string
		own  string
	}{{"confirmation_url", &urls.Confirmation, own.Confirmation}, {"validation_url", &urls.Validation, own.Validation}} {
		if *f.url == "" {
			*f.url = f.own
		}
		// Of an unknown channel the URLs are checked as the sandbox would, so that all that is wrong is named at once.
		if err := mpesa.CheckCallbackURL(string(ch.Environment), *f.url); err != nil {
			b.Add(f.name, err.Error())
		}
	}
	if err := b.Err(); err != nil {
		return err
	}
	// Where real money is reported is not for a key that is given to whoever tries things out.
	if who.Mode == domain.ModeTest && ch.Environment == channel.Production {
		return domain.Forbiddenf("A test API key can't register the URLs of a production channel")
	}
	idem, err := w.idempotencyOf(c, who, routeRegisterC2B, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeRegisterC2B, "", func(ctx context.Context, _ intent) (answer, error) {
		var err error
		at, err = w.registerC2B(ctx, ch, urls, by)
		return answer{Status: fiber.StatusOK, Subject: channel.Stream(ch.ID), Body: registerC2BAnswer{
			Status: "success", Message: "C2B URLs registered successfully", URLs: urls,
		}}, err
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// registerC2B calls Daraja and records what it took. Registering the same again is fine: in production Daraja answers that
// they are registered, which is what was wanted.
func (w *WriteSide) registerC2B(ctx context.Context, ch channel.State, urls c2bURLs, by By) (eventstore.Position, error) {
	_, err := w.Mpesa.RegisterC2B(ctx, channelKey(ch), mpesaCredentials(ch), mpesa.RegisterC2BRequest{
		ConfirmationURL: urls.Confirmation, ValidationURL: urls.Validation,
	})
	var failed *mpesa.Error
	if errors.As(err, &failed) {
		code, sentence := failed.Reason()
		if code != mpesa.FailureURLsAlreadyRegistered || !ch.C2BRegistered || ch.ConfirmationURL != urls.Confirmation || ch.ValidationURL != urls.Validation {
			return 0, &domain.Error{Code: domain.CodeProviderRefused, Reason: code, Message: "M-Pesa did not register the URLs: " + sentence, Err: failed}
		}
	} else if err != nil {
		return 0, err
	}
	// Daraja has them: what is written of it must not be cut off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	now := w.log.Now()
	routed, err := Handle[channel.ShortCodeState](ctx, w, channel.ShortCodeStream(ch.Environment, newChannel{ch.Created}.receives()), channel.RouteShortCode{
		Environment: ch.Environment, Number: newChannel{ch.Created}.receives(), Channel: ch.ID, Merchant: ch.Merchant, At: now,
	}, by)
	if err != nil {
		return 0, err
	}
	out, err := Handle[channel.State](ctx, w, channel.Stream(ch.ID), channel.RegisterC2B{
		ConfirmationURL: urls.Confirmation, ValidationURL: urls.Validation, At: now,
	}, by)
	if err == nil {
		w.channels.put(channel.Stream(ch.ID), out)
	}
	return max(routed.Position, out.Position), err
}

// mpesaChannel is the M-Pesa channel that the body names; what is wrong with it is noted in the body.
func (w *WriteSide) mpesaChannel(ctx context.Context, who domain.Caller, b *body) (channel.State, error) {
	id := b.channelID()
	if id == 0 {
		b.Add("payment_channel_id", "is required")
		return channel.State{}, nil
	}
	ch, err := w.pickChannel(ctx, who, id)
	switch {
	case domain.CodeOf(err) == domain.CodeInvalid:
		var invalid *domain.Error
		errors.As(err, &invalid)
		b.Add("payment_channel_id", invalid.Fields["payment_channel_id"])
		return ch, nil
	case err != nil:
		return ch, err
	case ch.Provider != channel.Mpesa:
		b.Add("payment_channel_id", "is not an M-Pesa channel")
	}
	return ch, nil
}

// defaultC2BURLs are where this install takes a channel's customer payments: in the sandbox the two of the API reference,
// in production, where Daraja refuses the word in them, the channel's own with its token.
func (w *WriteSide) defaultC2BURLs(ch channel.State) c2bURLs {
	if ch.Environment == channel.Production {
		own := w.channelURLs(ch)
		return c2bURLs{own["confirmation"], own["validation"]}
	}
	return c2bURLs{w.PublicURL + "/mpesa/confirmation", w.PublicURL + "/mpesa/validation"}
}
