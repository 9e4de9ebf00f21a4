package paystack

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/benfex/kipay/commands/upstream"
)

// Limits of lists.
const (
	defaultPerPage = 100
	maxPerPage     = 1_000
	maxPages       = 20_000
	maxPageBytes   = 16 << 20 // a page of transactions carries the merchant's own metadata
)

// listing is a list of Paystack's, to be read page by page.
type listing struct {
	call    string
	path    string
	query   url.Values
	perPage int // default defaultPerPage
	cursor  bool
	rules   []errorRule
	problem *Error // why it is not even asked for
}

// page is one page of a list.
type page struct {
	rows      []json.RawMessage
	number    int    // from 1, when pages are numbered
	pageCount int    // 0 when Paystack does not say
	next      string // the cursor of the next page
}

// each reads a list with one page in memory at a time. An error of type *upstream.DecodeError is about one row, which comes with
// what could be read of it, and the list goes on; any other is an *Error and the end. A list that ends without an error
// is complete.
func each[T any](ctx context.Context, c *Client, ch ChannelKey, cred Credentials, l listing, decode func(raw json.RawMessage, fields map[string]json.RawMessage) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if l.problem != nil {
			yield(none, l.problem)
			return
		}
		p := page{}
		for range maxPages {
			var failed *Error
			if p, failed = c.page(ctx, ch, cred, l, p); failed != nil {
				yield(none, failed)
				return
			}
			for _, raw := range p.rows {
				if ctx.Err() != nil {
					yield(none, notSent(ctx, l.call, ctx.Err(), "the caller left before the end of the list"))
					return
				}
				fields, ok := upstream.ObjectOf(raw)
				if !ok {
					if !yield(none, &upstream.DecodeError{Problem: upstream.WrongType, Field: "data"}) {
						return
					}
					continue
				}
				if !yield(decode(raw, fields)) {
					return
				}
			}
			if last, failed := l.ends(p); failed != nil {
				yield(none, failed)
				return
			} else if last {
				return
			}
		}
		yield(none, l.broken("the list has more pages than can be"))
	}
}

// page asks for the page behind one that was read, the first behind the zero page.
func (c *Client) page(ctx context.Context, ch ChannelKey, cred Credentials, l listing, before page) (page, *Error) {
	perPage := orDefault(l.perPage, defaultPerPage)
	query := maps.Clone(l.query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("perPage", strconv.Itoa(perPage))
	number := before.number + 1
	switch {
	case l.cursor && (before.next != "" || before.number == 0):
		query.Set("use_cursor", "true")
		if before.next != "" {
			query.Set("next", before.next)
		}
	default:
		query.Set("page", strconv.Itoa(number))
	}
	o := order{
		call: l.call, lane: laneList, method: http.MethodGet, path: l.path + "?" + query.Encode(),
		rules: l.rules, maxBytes: maxPageBytes,
	}
	start := c.opts.Now()
	rep, failed := c.askPatiently(ctx, ch, cred, o)
	c.observe(l.call, start, failed)
	if failed != nil {
		return page{}, failed
	}
	var rows []json.RawMessage
	if !upstream.StartsWith(rep.fields["data"], '[') || json.Unmarshal(rep.fields["data"], &rows) != nil {
		return page{}, unclear(o, rep, "the answer has no list", nil)
	}
	meta, _ := upstream.ObjectOf(rep.fields["meta"])
	pageCount, _ := strconv.Atoi(upstream.TextOf(meta["pageCount"])) // 0 when it is not there
	got := page{rows: rows, number: number, pageCount: max(pageCount, 0), next: upstream.TextOf(meta["next"])}
	if got.next != "" && got.next == before.next {
		return page{}, l.broken("the list turns in a circle")
	}
	return got, nil
}

// ends tells whether p is the last page. A list that stops before the end that it announced is an error: what is missing
// would pass for not there. Without a count, a page that is not full is the last.
func (l listing) ends(p page) (bool, *Error) {
	switch {
	case l.cursor && p.next != "":
		return false, nil
	case p.pageCount > p.number && len(p.rows) == 0:
		return false, l.broken("the list has an empty page before its end")
	case p.pageCount > 0:
		return p.number >= p.pageCount, nil
	case l.cursor:
		return true, nil
	}
	return len(p.rows) < orDefault(l.perPage, defaultPerPage), nil
}

func (l listing) broken(message string) *Error {
	return &Error{
		Kind: Unknown, Retryable: true, Call: l.call, Message: message,
		failure: FailureUnknownOutcome, reason: reasonUnknownOutcome,
	}
}

// between sets from and to, as Paystack writes times.
func between(q url.Values, from, to time.Time) {
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
}

// setText sets what is not empty.
func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// isID tells whether s is an id of Paystack's: an unsigned 64-bit number.
func isID(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// idOf is an id that stands as a number, as a text or inside an object; empty when there is none.
func idOf(raw json.RawMessage) string {
	if inner, ok := upstream.ObjectOf(raw); ok {
		raw = inner["id"]
	}
	s := upstream.TextOf(raw)
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}
