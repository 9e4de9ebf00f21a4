package simulator

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

type listMeta struct {
	Total       int   `json:"total"`
	TotalVolume int64 `json:"total_volume"` // subunits of the transactions that match
	Skipped     int   `json:"skipped"`
	PerPage     int   `json:"perPage"`
	Page        int   `json:"page"`
	PageCount   int   `json:"pageCount"`
}

// listFilter is what GET /transaction can be narrowed to.
type listFilter struct {
	status, currency, channel string
	amount                    int64
	customer                  uint64
	from, to                  time.Time
}

const (
	defaultPerPage = 50
	maxPerPage     = 1_000
)

// list is GET /transaction, newest first.
func (s *Simulator) list(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	q := r.URL.Query()
	perPage, okPer := positive(q.Get("perPage"), defaultPerPage)
	page, okPage := positive(q.Get("page"), 1)
	if !okPer || !okPage || perPage > maxPerPage {
		return refused(errPaging)
	}
	filter, ok := parseFilter(q)
	if !ok {
		return refused(errFilter)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	meta := listMeta{Skipped: (page - 1) * perPage, PerPage: perPage, Page: page}
	rows := []transactionView{}
	for i := len(a.order) - 1; i >= 0; i-- {
		t := a.order[i]
		if !filter.fits(t) {
			continue
		}
		if meta.Total >= meta.Skipped && len(rows) < perPage {
			rows = append(rows, s.view(t))
		}
		meta.Total++
		meta.TotalVolume += t.amount
	}
	meta.PageCount = (meta.Total + perPage - 1) / perPage
	return answered("Transactions retrieved", rows, meta)
}

func positive(text string, fallback int) (int, bool) {
	if text == "" {
		return fallback, true
	}
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil && n > 0
}

func parseFilter(q url.Values) (f listFilter, ok bool) {
	var err error
	f.status, f.currency, f.channel = q.Get("status"), q.Get("currency"), q.Get("channel")
	if text := q.Get("amount"); text != "" {
		if f.amount, err = strconv.ParseInt(text, 10, 64); err != nil {
			return f, false
		}
	}
	if text := q.Get("customer"); text != "" {
		if f.customer, err = strconv.ParseUint(text, 10, 64); err != nil {
			return f, false
		}
	}
	var okFrom, okTo bool
	f.from, okFrom = parseMoment(q.Get("from"), false)
	f.to, okTo = parseMoment(q.Get("to"), true)
	return f, okFrom && okTo
}

// parseMoment takes RFC 3339 or a bare day, which for an upper bound means its end.
func parseMoment(text string, end bool) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	day, err := time.Parse(time.DateOnly, text)
	if err == nil && end {
		day = day.AddDate(0, 0, 1).Add(-time.Millisecond)
	}
	return day, err == nil
}

func (f listFilter) fits(t *transaction) bool {
	return (f.status == "" || f.status == t.status) &&
		(f.currency == "" || f.currency == t.currency) &&
		(f.channel == "" || f.channel == "card") &&
		(f.amount == 0 || f.amount == t.amount) &&
		(f.customer == 0 || f.customer == customerOf(t.account, t.email).ID) &&
		(f.from.IsZero() || !t.createdAt.Before(f.from)) &&
		(f.to.IsZero() || !t.createdAt.After(f.to))
}
