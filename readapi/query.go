package readapi

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	// maxPage keeps page × limit far from overflow. Past the last page, pages are empty.
	maxPage = 1_000_000_000
	// maxSearch is in characters.
	maxSearch = 100
)

// query reads the parameters of a request and collects what is wrong with each. What it does not know is ignored; an
// empty parameter is one that was not given.
type query struct {
	c *fiber.Ctx
	// values stand for the request's where there is none.
	values url.Values
	domain.Problems
}

// text is a parameter's value, trimmed. The value does not outlive the request.
func (q *query) text(name string) string {
	if q.c == nil {
		return strings.TrimSpace(q.values.Get(name))
	}
	return strings.TrimSpace(string(q.c.Context().QueryArgs().Peek(name)))
}

func (q *query) number(name string, otherwise, most uint64) uint64 {
	s := q.text(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n < 1 || n > most {
		q.Addf(name, "must be a whole number from 1 to %d", most)
		return otherwise
	}
	return n
}

// page are the paging parameters.
func (q *query) page() paging {
	return paging{number: q.number("page", 1, maxPage), limit: q.number("limit", defaultLimit, maxLimit)}
}

// paging is which page is asked for.
type paging struct{ number, limit uint64 }

func (p paging) offset() uint64 { return (p.number - 1) * p.limit }

// of is how many pages a total makes.
func (p paging) of(total uint64) uint64 { return (total + p.limit - 1) / p.limit }

func (q *query) status() transaction.Status {
	switch s := transaction.Status(q.text("status")); s {
	case "", transaction.StatusPending, transaction.StatusCompleted, transaction.StatusFailed:
		return s
	}
	q.Add("status", "must be pending, completed or failed")
	return ""
}

// day is a calendar day, nil when it was not given.
func (q *query) day(name string) *projections.Day {
	s := q.text(name)
	if s == "" {
		return nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		q.Add(name, "must be a date such as 2025-04-30")
		return nil
	}
	day := projections.DayOf(t, time.UTC)
	return &day
}

// booked is the reference of what has entries in the ledger, a transaction or a payout, empty when it was not given.
func (q *query) booked(name string) string {
	s := q.text(name)
	if _, ok := payout.ParseReference(s); ok {
		return s
	}
	return q.reference(name)
}

// reference is that of a transaction, empty when it was not given.
func (q *query) reference(name string) string {
	s := q.text(name)
	if s == "" {
		return ""
	}
	if _, ok := transaction.ParseReference(s); !ok {
		q.Add(name, "is not a reference of Kipay")
	}
	return s
}

// month is a calendar month, zero when it was not given.
func (q *query) month(name string) period.Month {
	s := q.text(name)
	if s == "" {
		return 0
	}
	m, err := period.ParseMonth(s)
	if err != nil {
		q.Add(name, "must be a month such as 2026-10")
	}
	return m
}

// days are date_from and date_to, both included.
func (q *query) days() (from, to *projections.Day) {
	from, to = q.day("date_from"), q.day("date_to")
	if from != nil && to != nil && *from > *to {
		q.Add("date_to", "must not be before date_from")
	}
	return from, to
}

func (q *query) flag(name string) bool {
	switch strings.ToLower(q.text(name)) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	q.Add(name, "must be true or false")
	return false
}

// search is what to look for, empty for everything.
func (q *query) search(name string) string {
	s := q.text(name)
	switch {
	case !utf8.ValidString(s):
		q.Add(name, "must be UTF-8")
	case utf8.RuneCountInString(s) > maxSearch:
		q.Addf(name, "must have at most %d characters", maxSearch)
	}
	return s
}

// zoneOf is where the caller's calendar days are counted.
func zoneOf(who domain.Caller) (*time.Location, error) {
	name := who.TimeZone
	if name == "" {
		name = merchant.DefaultTimeZone
	}
	return time.LoadLocation(name)
}
