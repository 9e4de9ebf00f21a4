package readapi

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// encoder writes JSON by hand: amounts are exact numbers that no float has touched, and a list costs little.
type encoder struct{ b []byte }

// key begins a member of an object.
func (e *encoder) key(name string) {
	if n := len(e.b); n > 0 && e.b[n-1] != '{' {
		e.b = append(e.b, ',')
	}
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) id(n int64) {
	e.key("id")
	e.b = strconv.AppendInt(e.b, n, 10)
}

func (e *encoder) count(name string, n uint64) {
	e.key(name)
	e.b = strconv.AppendUint(e.b, n, 10)
}

func (e *encoder) truth(name string, is bool) {
	e.key(name)
	e.b = strconv.AppendBool(e.b, is)
}

func (e *encoder) money(name string, minor int64, c money.Currency) {
	e.key(name)
	e.b = money.Of(minor, c).AppendDecimal(e.b)
}

func (e *encoder) text(name, s string) {
	e.key(name)
	e.b = appendText(e.b, s)
}

// textOrNull is null for an empty text.
func (e *encoder) textOrNull(name, s string) {
	if s == "" {
		e.null(name)
		return
	}
	e.text(name, s)
}

func (e *encoder) null(name string) {
	e.key(name)
	e.b = append(e.b, "null"...)
}

// stamp is a time in UTC, RFC 3339 with milliseconds and Z.
func (e *encoder) stamp(name string, t time.Time) {
	e.key(name)
	e.b = append(e.b, '"')
	e.b = t.UTC().AppendFormat(e.b, "2006-01-02T15:04:05.000Z")
	e.b = append(e.b, '"')
}

func (e *encoder) stampOrNull(name string, t time.Time) {
	if t.IsZero() {
		e.null(name)
		return
	}
	e.stamp(name, t)
}

// array writes a member whose elements are objects.
func (e *encoder) array(name string, n int, element func(i int)) {
	e.key(name)
	e.b = append(e.b, '[')
	for i := range n {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = append(e.b, '{')
		element(i)
		e.b = append(e.b, '}')
	}
	e.b = append(e.b, ']')
}

// object writes a member that is an object.
func (e *encoder) object(name string, members func()) {
	e.key(name)
	e.b = append(e.b, '{')
	members()
	e.b = append(e.b, '}')
}

// appendText appends a JSON string. What needs escaping is left to encoding/json.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic("readapi: a string can't be marshalled: " + err.Error())
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// listed is the body of a list with pages.
func listed(p paging, total uint64, n int, element func(e *encoder, i int)) []byte {
	e := &encoder{b: make([]byte, 0, 256+640*n)}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.array("data", n, func(i int) { element(e, i) })
	e.count("total", total)
	e.count("page", p.number)
	e.count("limit", p.limit)
	e.count("pages", p.of(total))
	e.b = append(e.b, '}')
	return e.b
}

// listed is the body of a list with pages, and where it was asked as of a moment its position.
func (w clocks) listed(at eventstore.Position, p paging, total uint64, n int, element func(e *encoder, i int)) []byte {
	e := &encoder{b: listed(p, total, n, element)}
	if w.given() {
		e.b = e.b[:len(e.b)-1] // one more member follows
		e.position(at)
		e.b = append(e.b, '}')
	}
	return e.b
}

// transaction writes the members of a transaction: the documented ones, then those added.
func (e *encoder) transaction(t *projections.Transaction) {
	e.id(t.ID)
	e.text("reference", t.Reference)
	e.money("amount", t.Amount, t.Currency)
	phone := t.PhoneNumber
	if t.Pushes == 0 {
		phone = t.Phone
	}
	if t.Pushes > 0 || t.Origin == originC2B {
		e.textOrNull("phone_number", phone)
	}
	e.text("status", string(t.Status))
	e.textOrNull("payment_method", t.PaymentMethod)
	if t.Pushes > 0 {
		e.textOrNull("checkout_request_id", t.CheckoutRequestID)
	}
	e.stamp("created_at", t.CreatedAt)
	e.text("currency", string(t.Currency))
	e.textOrNull("description", t.Description)
	e.textOrNull("merchant_reference", t.MerchantReference)
	e.payer(t)
	e.money("amount_received", t.Received, t.Currency)
	e.money("refunded_amount", t.Refunded, t.Currency)
	e.stampOrNull("paid_at", t.PaidAt)
	e.textOrNull("receipt", t.Receipt)
	e.textOrNull("failure_code", t.FailureCode)
	e.textOrNull("failure_reason", t.FailureReason)
	e.stampOrNull("expires_at", t.ExpiresAt)
	e.truth("needs_review", t.NeedsReview)
	if t.MergedInto != "" {
		e.text("merged_into", t.MergedInto)
	}
}

// payer writes who pays, null when that is not a known customer.
func (e *encoder) payer(t *projections.Transaction) {
	if t.CustomerID == 0 {
		e.null("customer")
		return
	}
	e.object("customer", func() {
		e.id(t.CustomerID)
		e.text("email", t.Email)
		e.textOrNull("first_name", t.FirstName)
		e.textOrNull("last_name", t.LastName)
		e.textOrNull("phone", t.Phone)
	})
}
