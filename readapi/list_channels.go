package readapi

import (
	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/projections"
)

// listChannels answers the caller's payment channels, newest first: active_only, as_of, effective_at. Never their secrets.
func (a *api) listChannels(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	activeOnly, w := q.flag("active_only"), q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	channels, at, err := answer(a, c, who, w,
		func() ([]projections.Channel, error) {
			return a.Reader.Channels(c.UserContext(), who.MerchantID, activeOnly)
		},
		func(m projections.Moment) ([]projections.Channel, error) {
			return a.past.Channels(c.UserContext(), who.MerchantID, activeOnly, m)
		})
	if err != nil {
		return err
	}
	e := &encoder{b: make([]byte, 0, 64+256*len(channels))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.array("channels", len(channels), func(i int) { e.channel(&channels[i]) })
	if w.given() {
		e.position(at)
	}
	e.b = append(e.b, '}')
	a.answered(c, who, at)
	return send(c, e.b)
}

// channel writes the members of a payment channel.
func (e *encoder) channel(r *projections.Channel) {
	e.id(r.ID)
	e.text("name", r.Name)
	e.text("provider", r.Provider)
	e.truth("is_active", r.Active)
	e.truth("is_default", r.Default)
	e.stamp("created_at", r.CreatedAt)
	e.text("environment", r.Environment)
	e.text("currency", r.Currency)
	e.text("funds", r.Funds)
	e.textOrNull("shortcode", r.ShortCode)
	e.textOrNull("till_number", r.TillNumber)
	e.truth("c2b_registered", r.C2BRegistered)
}
