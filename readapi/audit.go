package readapi

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// maxEventLimit bounds a page of events: each may hold what a provider sent, and is opened.
const maxEventLimit = 200

// auditEvents answers the caller's events, oldest first: stream, type, actor, correlation_id, from, to, as_of, after, limit. The
// next page begins after next_cursor, which is null where nothing more is there.
func (a *api) auditEvents(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	f := projections.EventFilter{
		MerchantID: who.MerchantID, Mode: who.Mode, Stream: q.search("stream"), Type: q.search("type"), Actor: q.search("actor"),
		Correlation: q.search("correlation_id"), Limit: q.number("limit", defaultLimit, maxEventLimit),
	}
	f.From, f.To = q.instant("from"), q.instant("to")
	if f.From != nil && f.To != nil && f.From.After(*f.To) {
		q.Add("to", "must not be before from")
	}
	if s := q.text("after"); s != "" {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			q.Add("after", "must be the next_cursor of another page")
		}
		f.After = eventstore.Position(n)
	}
	asOf := q.moment("as_of")
	if q.text("effective_at") != "" {
		q.Add("effective_at", "is not for events: to bounds when they happened")
	}
	if err := q.Err(); err != nil {
		return err
	}
	if f.AsOf, err = a.known(c, who, asOf); err != nil {
		return err
	}
	page := f.Limit
	f.Limit++
	records, err := a.Reader.Events(c.UserContext(), f)
	if err != nil {
		return away(c, err)
	}
	if err := a.Readings.NoteAuditRead(c.UserContext(), whatOf(f, len(records) > 0)); err != nil {
		return err
	}
	more := uint64(len(records)) > page
	if more {
		records = records[:page]
	}
	e := &encoder{b: make([]byte, 0, 1024*(1+len(records)))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.array("data", len(records), func(i int) {
		env, failed := a.Log.Decode(c.UserContext(), records[i])
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("open position %d: %w", records[i].Position, failed))
			return
		}
		err = errors.Join(err, e.event(&env, nil))
	})
	if err != nil {
		return logAway(err)
	}
	if more {
		e.text("next_cursor", strconv.FormatUint(uint64(records[len(records)-1].Position), 10))
	} else {
		e.null("next_cursor")
	}
	e.b = append(e.b, '}')
	a.answered(c, who, f.AsOf)
	return send(c, e.b)
}

// whatOf says which events are asked for, as the record of the reading has it. What was asked for and found stands in events
// already; what was not found may be anything, somebody's name too, and is left out.
func whatOf(f projections.EventFilter, found bool) string {
	what := "events"
	for _, c := range [][2]string{{"stream", f.Stream}, {"type", f.Type}, {"actor", f.Actor}, {"correlation_id", f.Correlation}} {
		switch {
		case c[1] != "" && found:
			what += " " + c[0] + "=" + c[1]
		case c[1] != "":
			what += " " + c[0] + " (not found)"
		}
	}
	return what
}

// instant is an RFC 3339 time, nil when it was not given.
func (q *query) instant(name string) *time.Time {
	s := q.text(name)
	if s == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.Add(name, "must be a time such as 2026-10-31T23:59:59+03:00")
		return nil
	}
	return &t
}
