package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/phone"
)

// Lengths of texts that merchants send, in characters.
const (
	maxName        = 100
	maxEmail       = 254
	maxDescription = 500
	maxReference   = 100
	maxSecret      = 512
	maxCredential  = 2048
	maxURL         = 500
	maxKeyHeader   = 255
)

// body reads the fields of a JSON object one by one and collects what is wrong with each, so that all are named at once.
type body struct {
	fields map[string]json.RawMessage
	domain.Problems
}

// readBody decodes the request's body. Errors: Malformed unless it is one JSON object.
func readBody(c *fiber.Ctx) (*body, error) {
	raw := c.Body()
	fields, ok := members(raw)
	switch {
	case ok:
		return &body{fields: fields}, nil
	case json.Valid(raw):
		return nil, &domain.Error{Code: domain.CodeMalformed, Message: "The request body must be a JSON object"}
	}
	return nil, &domain.Error{Code: domain.CodeMalformed, Message: "The request body is not valid JSON"}
}

// raw is the field's JSON, nil when it is missing or null.
func (b *body) raw(name string) json.RawMessage {
	v := b.fields[name]
	if bytes.Equal(v, []byte("null")) {
		return nil
	}
	return v
}

// text is a field of at most limit characters, trimmed, without control characters; "" when it is missing.
func (b *body) text(name string, limit int) string {
	v := b.raw(name)
	if v == nil {
		return ""
	}
	s, ok := unquote(v)
	if !ok {
		b.Add(name, "must be a string")
		return ""
	}
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > limit {
		b.Addf(name, "must have at most %d characters", limit)
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError }) {
		b.Add(name, "must not have control characters")
		return ""
	}
	return s
}

// unquote is the text of a JSON string. Most have nothing escaped and are what they look like.
func unquote(v json.RawMessage) (s string, ok bool) {
	if v[0] != '"' {
		return "", false
	}
	if plain := v[1 : len(v)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain), true
	}
	err := json.Unmarshal(v, &s)
	return s, err == nil
}

// required is text that must be there.
func (b *body) required(name string, limit int) string {
	s := b.text(name, limit)
	if s == "" {
		b.Add(name, "is required")
	}
	return s
}

// flag is a boolean, false when it is missing.
func (b *body) flag(name string) bool {
	switch v := b.raw(name); {
	case v == nil, string(v) == "false":
	case string(v) == "true":
		return true
	default:
		b.Add(name, "must be true or false")
	}
	return false
}

// channelID is the number of a payment channel, 0 when it is missing.
func (b *body) channelID() int64 {
	const name = "payment_channel_id"
	v := b.raw(name)
	if v == nil {
		return 0
	}
	var n int64
	if json.Unmarshal(v, &n) != nil || n < 1 || n >= 1<<53 {
		b.Add(name, "must be a positive integer")
		return 0
	}
	return n
}

// email is an address such as jane@example.com, required or not.
func (b *body) email(name string, required bool) string {
	s := b.text(name, maxEmail)
	if s == "" {
		if required {
			b.Add(name, "is required")
		}
		return ""
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || addr.Name != "" || !strings.Contains(s[strings.LastIndexByte(s, '@'):], ".") {
		b.Add(name, "must be a valid email address")
		return ""
	}
	return s
}

// contactPhone is any plausible international number, "" when it is missing.
func (b *body) contactPhone(name string) string {
	s := b.text(name, 32)
	if s == "" {
		return ""
	}
	n, err := phone.Contact(s)
	if err != nil {
		b.Add(name, err.Error())
	}
	return n
}

// mpesaPhone is a number in the one form that M-Pesa's API takes; a JSON number is taken as its digits.
func (b *body) mpesaPhone(name string) string {
	v := b.raw(name)
	if v == nil {
		b.Add(name, "is required")
		return ""
	}
	s := string(v)
	if v[0] == '"' {
		s = b.text(name, 32)
	}
	n, err := phone.Mpesa(s)
	if err != nil {
		b.Add(name, err.Error())
	}
	return n
}

// amount is a positive amount in major units, as a JSON number or a decimal text.
func (b *body) amount(name string, cur money.Currency) money.Money {
	v := b.raw(name)
	if v == nil {
		b.Add(name, "is required")
		return money.Money{}
	}
	s := string(v)
	if v[0] == '"' {
		if json.Unmarshal(v, &s) != nil {
			s = ""
		}
		s = strings.TrimSpace(s)
	}
	m, err := money.Parse(s, cur)
	switch {
	case errors.Is(err, money.ErrPrecision):
		b.Addf(name, "must have at most %d decimal places", cur.MinorDigits())
	case err != nil:
		b.Add(name, err.Error())
	case !m.IsPositive():
		b.Add(name, "must be more than zero")
	}
	return m
}

// onlyIn refuses a currency, which nobody asks for, when it is another one: 100 dollars must not become 100 shillings.
func (b *body) onlyIn(cur money.Currency) {
	if s := b.text("currency", 8); s != "" {
		if named, err := money.ParseCurrency(s); err != nil || named != cur {
			b.Add("currency", "must be "+string(cur)+", or absent")
		}
	}
}

// maxMpesaMajor is the most that M-Pesa moves at once, in shillings.
const maxMpesaMajor = 250_000

// mpesaAmount is an amount that M-Pesa can move: whole shillings, 1 to 250,000.
func (b *body) mpesaAmount(name string) money.Money {
	m := b.amount(name, money.KES)
	if b.Has(name) {
		return m
	}
	b.checkMpesaAmount(name, m)
	return m
}

func (b *body) checkMpesaAmount(name string, m money.Money) {
	switch {
	case m.Currency != money.KES:
		b.Add("currency", "must be KES for M-Pesa")
	case !m.IsWhole():
		b.Add(name, "must be whole shillings for M-Pesa")
	case m.Major() < 1 || m.Major() > maxMpesaMajor:
		b.Add(name, "must be from 1 to 250000 for M-Pesa")
	}
}

// canonical is the body with its fields in a fixed order and without white space, so that the same request is recognised.
func (b *body) canonical() string {
	var v any
	raw, err := json.Marshal(b.fields)
	if err != nil {
		return ""
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(raw)
	}
	if raw, err = json.Marshal(v); err != nil {
		return ""
	}
	return string(raw)
}

// idempotencyKey is the request's Idempotency-Key, "" when it has none. Errors: Invalid when it is too long.
func idempotencyKey(c *fiber.Ctx) (string, error) {
	key := c.Get("Idempotency-Key")
	if len(key) > maxKeyHeader {
		return "", domain.Invalid("Idempotency-Key", "must have at most 255 characters")
	}
	return strings.Clone(key), nil
}
