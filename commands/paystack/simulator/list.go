package simulator

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type listMeta struct {
	pageMeta
	TotalVolume int64 `json:"total_volume"` // subunits of the transactions that match
}

// cursorMeta is meta of a list that is read by cursor.
type cursorMeta struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	PerPage  int     `json:"perPage"`
}

// listFilter is what GET /transaction can be narrowed to.
type listFilter struct {
	status, currency, channel string
	amount                    int64
	customer, settlement      uint64
	from, to                  time.Time
}

// list is GET /transaction, newest first.
func (s *Simulator) list(_ http.ResponseWriter, r *http.Request, a *account) *answer {
	q := r.URL.Query()
	p, e := parsePaging(q)
	if e != nil {
		return refused(*e)
	}
	filter, ok := parseFilter(q)
	if !ok {
		return refused(errFilter)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDays(a)
	if q.Get("use_cursor") == "true" {
		return s.listFrom(a, filter, q.Get("next"), p.perPage)
	}
	rows, meta := s.rows(a, filter, p)
	return answered("Transactions retrieved", rows, meta)
}

// rows is a page of the account's transactions. The caller holds mu.
func (s *Simulator) rows(a *account, filter listFilter, p paging) ([]transactionView, listMeta) {
	var list []*transaction
	volume := int64(0)
	for _, t := range slices.Backward(a.order) {
		if filter.fits(t) {
			list = append(list, t)
			volume += t.amount
		}
	}
	page, meta := cut(list, p)
	rows := []transactionView{}
	for _, t := range page {
		rows = append(rows, s.view(t))
	}
	return rows, listMeta{meta, volume}
}

// listFrom is the page behind a cursor, which hides the id of the last row before it. The caller holds mu.
func (s *Simulator) listFrom(a *account, filter listFilter, cursor string, perPage int) *answer {
	before := uint64(math.MaxUint64)
	if cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		if before, err = idAfter(string(text), "before:", err); err != nil {
			return refused(errFilter)
		}
	}
	rows, meta := []transactionView{}, cursorMeta{PerPage: perPage}
	for _, t := range slices.Backward(a.order) {
		if t.id >= before || !filter.fits(t) {
			continue
		}
		if len(rows) == perPage {
			next := base64.RawURLEncoding.EncodeToString([]byte("before:" + strconv.FormatUint(rows[perPage-1].ID, 10)))
			meta.Next = &next
			break
		}
		rows = append(rows, s.view(t))
	}
	return answered("Transactions retrieved", rows, meta)
}

// idAfter reads the id behind a prefix, unless something was wrong before.
func idAfter(text, prefix string, err error) (uint64, error) {
	digits, found := strings.CutPrefix(text, prefix)
	if err != nil || !found {
		return 0, errors.New("no cursor")
	}
	return strconv.ParseUint(digits, 10, 64)
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
	for name, into := range map[string]*uint64{"customer": &f.customer, "settlement": &f.settlement} {
		if text := q.Get(name); text != "" {
			if *into, err = strconv.ParseUint(text, 10, 64); err != nil {
				return f, false
			}
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
		(f.settlement == 0 || t.settlement != nil && f.settlement == t.settlement.id) &&
		within(t.createdAt, f.from, f.to)
}
