package commands

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/spool"
	"github.com/benfex/kipay/domain"
)

// spoolPause is how often the oldest notice is tried while the event store is away.
const spoolPause = 2 * time.Second

// doorPatience is how long a door waits for the event store before it keeps the notice instead.
const doorPatience = 4 * time.Second

// spooled is the door, and takes its notices to the spool while the event store is away: the provider hears what it would
// have heard. What the door refuses without the event store (a wrong token, junk) never gets there.
func (w *WriteSide) spooled(door fiber.Handler, ack string) fiber.Handler {
	if w.Spool == nil {
		return door
	}
	return func(c *fiber.Ctx) error {
		whole := c.UserContext()
		ctx, cancel := context.WithTimeout(whole, doorPatience)
		defer cancel()
		c.SetUserContext(ctx)
		err := door(c)
		c.SetUserContext(whole)
		if domain.CodeOf(err) != domain.CodeUnavailable {
			return err
		}
		req := domain.RequestFrom(whole)
		add := w.Spool.Add
		if c.Params("token") == "" {
			add = w.Spool.AddStrangers // the door is open to everybody, and whether it is the provider can't be asked now
		}
		if keepErr := add(spool.Notice{
			Path: strings.Clone(c.Path()), Signature: c.Get(paystack.SignatureHeader), Body: append([]byte(nil), c.Body()...),
			RequestID: req.ID, IP: req.IP, At: w.log.Now(),
		}); keepErr != nil {
			w.Logger.Error().Err(keepErr).Msg("a provider's notice can be neither recorded nor kept")
			return err
		}
		w.observe("callback_spooled")
		w.Logger.Warn().Str("request_id", req.ID).Err(err).Msg("the event store is away; a provider's notice waits on the disk")
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Status(fiber.StatusOK).SendString(ack)
	}
}

// DeliverSpool delivers kept notices, oldest first, when the event store is back, until ctx ends. Each goes through its own
// door again, as it came.
func (w *WriteSide) DeliverSpool(ctx context.Context) error {
	if w.Spool == nil {
		return nil
	}
	var failure error
	app := fiber.New(fiber.Config{
		Immutable: true, CaseSensitive: true, DisableStartupMessage: true,
		ErrorHandler: func(_ *fiber.Ctx, err error) error { failure = err; return nil },
	})
	var notice spool.Notice
	app.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(domain.WithRequest(ctx, domain.Request{ID: notice.RequestID, IP: notice.IP}))
		return c.Next()
	})
	w.doors(app, func(door fiber.Handler, _ string) fiber.Handler { return door })
	serve := app.Handler()
	return w.Spool.Deliver(ctx, spoolPause, func(_ context.Context, n spool.Notice) spool.Verdict {
		notice, failure = n, nil
		var request fasthttp.RequestCtx
		request.Request.Header.SetMethod(fiber.MethodPost)
		request.Request.SetRequestURI(n.Path)
		request.Request.Header.SetContentType(fiber.MIMEApplicationJSON)
		if n.Signature != "" {
			request.Request.Header.Set(paystack.SignatureHeader, n.Signature)
		}
		request.Request.SetBody(n.Body)
		serve(&request)
		log := w.Logger.With().Str("request_id", n.RequestID).Time("came", n.At).Logger()
		switch code := domain.CodeOf(failure); {
		case failure == nil:
			w.observe("callback_delivered")
			log.Info().Msg("a kept notice of a provider is recorded")
			return spool.Delivered
		case code == domain.CodeUnavailable:
			return spool.Later
		case code == domain.CodeNotFound, code == domain.CodeMalformed, code == domain.CodeInvalid, isFiberError(failure):
			// What it says is nothing of ours, today as then.
			log.Warn().Err(failure).Msg("a kept notice of a provider is refused, as it would have been when it came")
			return spool.Delivered
		default: // such as a secret that was changed meanwhile: the provider was told that we have it, and does not repeat it
			log.Error().Err(failure).Msg("a kept notice of a provider can't be recorded; it is set aside in the spool")
			w.observe("callback_parked")
			return spool.Park
		}
	})
}

// isFiberError tells an error of routing from one of ours.
func isFiberError(err error) bool {
	_, ok := err.(*fiber.Error) //nolint:errorlint // Fiber's own, as it comes
	return ok
}
