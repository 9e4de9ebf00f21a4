package commands

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
)

const routeClosePeriod = "periods/close"

type closePeriodAnswer struct {
	Status   string              `json:"status"`
	Message  string              `json:"message"`
	Month    string              `json:"month"`
	Position eventstore.Position `json:"position"`
}

// closePeriod closes a month of the caller's books. Closing it again changes nothing.
func (w *WriteSide) closePeriod(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	month, err := period.ParseMonth(b.required("month", 7))
	if err != nil {
		b.Add("month", "must be a month such as 2026-10")
	}
	if err := b.Err(); err != nil {
		return err
	}
	idem, err := w.idempotencyOf(c, who, routeClosePeriod, b)
	if err != nil {
		return err
	}
	var at eventstore.Position
	a, err := w.once(c.UserContext(), who, by, idem, routeClosePeriod, "", func(ctx context.Context, _ intent) (answer, error) {
		at, err = w.closeMonth(ctx, who.MerchantID, who.Mode, month, who.TimeZone, by)
		return answer{Status: fiber.StatusOK, Subject: merchant.Stream(who.MerchantID), Body: closePeriodAnswer{
			Status: "success", Message: "Period closed", Month: month.String(), Position: at,
		}}, err
	})
	if err != nil {
		return err
	}
	answerPosition(c, at)
	return a.send(c)
}

// ClosePeriod closes a month of a merchant's books, for the operator, and answers where in the log it was closed. Errors: NotFound; Invalid on
// month.
func (w *WriteSide) ClosePeriod(ctx context.Context, id merchant.ID, mode domain.Mode, month period.Month) (eventstore.Position, error) {
	m, err := fold[merchant.State](ctx, w.log, merchant.Stream(id))
	if err != nil {
		return 0, err
	}
	if !m.State.Exists() {
		return 0, domain.NotFoundf("merchant %d not found", id)
	}
	return w.closeMonth(ctx, id, mode, month, m.State.TimeZone, By{Actor: byOperator, Merchant: id})
}

func (w *WriteSide) closeMonth(ctx context.Context, id merchant.ID, mode domain.Mode, month period.Month, zoneName string, by By) (eventstore.Position, error) {
	if zoneName == "" {
		zoneName = merchant.DefaultTimeZone
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return 0, err
	}
	out, err := Handle[period.State](ctx, w, period.Stream(id, mode), period.Close{
		Merchant: id, Mode: mode, Month: month, Zone: zone, At: w.log.Now(),
	}, by)
	if err != nil || out.Wrote() {
		return out.Position, err
	}
	return w.closedAt(ctx, period.Stream(id, mode), month)
}

// closedAt is where a month was closed, or a later one with it: up to there its books go, whatever was closed since.
func (w *WriteSide) closedAt(ctx context.Context, stream string, month period.Month) (at eventstore.Position, err error) {
	err = w.log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		if c, ok := e.Event.(period.Closed); ok {
			if m, err := period.ParseMonth(c.Month); err == nil && m >= month && at == 0 {
				at = e.Position
			}
		}
		return nil
	})
	return at, asUnavailable(err)
}
