package statement

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Sign is how a bank's file tells money in from money out.
type Sign string

// The sign conventions.
const (
	// SignMinus: one column of amounts, money out with a minus before it, or behind it, or in parentheses. The default.
	SignMinus Sign = "minus"
	// SignColumns: two columns, Debit for money out and Credit for money in; a minus in either is ignored.
	SignColumns Sign = "columns"
	// SignWord: one column of amounts, and one (Column SignName) that says which it is, by one of DebitWords or CreditWords.
	SignWord Sign = "word"
)

// Mapping says how one bank writes its CSV. It is kept per bank, as JSON.
type Mapping struct {
	Bank      string   `json:"bank"`
	Encoding  Encoding `json:"encoding,omitempty"`
	Delimiter string   `json:"delimiter,omitempty"` // , by default; \t for a tab
	// The names of columns, in any case. Date, and either Amount or Debit and Credit, are needed.
	Date      string   `json:"date"`
	Details   []string `json:"details,omitempty"` // joined by a space
	Reference string   `json:"reference,omitempty"`
	Amount    string   `json:"amount,omitempty"`
	Debit     string   `json:"debit,omitempty"`
	Credit    string   `json:"credit,omitempty"`
	Balance   string   `json:"balance,omitempty"`
	Currency  string   `json:"currency,omitempty"`
	SignName  string   `json:"sign_column,omitempty"`

	DateLayout  string   `json:"date_layout"`           // such as DD/MM/YYYY (LayoutOf)
	UTCOffset   string   `json:"utc_offset,omitempty"`  // such as +03:00, the default
	Decimal     string   `json:"decimal,omitempty"`     // . by default
	Thousands   string   `json:"thousands,omitempty"`   // one of , . ' or a space; empty for none
	Sign        Sign     `json:"sign,omitempty"`        // SignMinus by default
	DebitWords  []string `json:"debit_words,omitempty"` // such as D, DR
	CreditWords []string `json:"credit_words,omitempty"`
	// Kinds sort lines by words in their details; the first rule that fits counts.
	Kinds []KindRule `json:"kinds,omitempty"`
	// Footer says that rows without a date and an amount are no lines.
	Footer bool `json:"footer,omitempty"`
}

// KindRule sorts the lines whose details contain a text, in any case.
type KindRule struct {
	Contains string              `json:"contains"`
	Kind     reconciliation.Kind `json:"kind"`
}

// Limits of a mapping.
const (
	maxMappingText  = 100
	maxMappingItems = 100
)

// Check says what is wrong with each field of a mapping; nil when nothing is. The error is a *domain.Error.
func (m Mapping) Check() error {
	var p domain.Problems
	if _, err := LayoutOf(m.DateLayout); err != nil {
		p.Add("date_layout", reasonOf(err))
	}
	if _, err := m.zone(); err != nil {
		p.Add("utc_offset", reasonOf(err))
	}
	if _, err := m.delimiter(); err != nil {
		p.Add("delimiter", reasonOf(err))
	}
	if _, err := m.marks(); err != nil {
		p.Add("decimal", reasonOf(err))
	}
	if m.Encoding != "" && m.Encoding != UTF8 && m.Encoding != Windows1252 {
		p.Add("encoding", "must be utf-8 or windows-1252")
	}
	if folded(m.Date) == "" {
		p.Add("date", "must name a column")
	}
	m.checkSign(&p)
	for i, r := range m.Kinds {
		if folded(r.Contains) == "" || !isBankKind(r.Kind) {
			p.Addf("kinds", "rule %d needs a text and a kind: payment, payout, fee, settlement, withdrawal_to_bank, reversal or other", i+1)
		}
	}
	if len(m.Kinds) > maxMappingItems || len(m.Details) > maxMappingItems || len(m.DebitWords) > maxMappingItems || len(m.CreditWords) > maxMappingItems {
		p.Addf("kinds", "lists may have %d entries", maxMappingItems)
	}
	for _, s := range append([]string{m.Bank, m.Date, m.Reference, m.Amount, m.Debit, m.Credit, m.Balance, m.Currency, m.SignName}, m.Details...) {
		if len(s) > maxMappingText {
			p.Addf("date", "names may have %d characters", maxMappingText)
		}
	}
	return p.Err()
}

func (m Mapping) checkSign(p *domain.Problems) {
	switch m.Sign {
	case SignColumns:
		if folded(m.Debit) == "" || folded(m.Credit) == "" {
			p.Add("debit", "debit and credit must both name a column")
		}
	case SignWord:
		if folded(m.SignName) == "" || len(m.DebitWords) == 0 || len(m.CreditWords) == 0 {
			p.Add("sign_column", "a sign column needs its name, debit_words and credit_words")
		}
		fallthrough
	case SignMinus, "":
		if folded(m.Amount) == "" {
			p.Add("amount", "must name a column")
		}
	default:
		p.Add("sign", "must be minus, columns or word")
	}
}

func isBankKind(k reconciliation.Kind) bool {
	switch k {
	case reconciliation.KindPayment, reconciliation.KindPayout, reconciliation.KindFee, reconciliation.KindSettlement,
		reconciliation.KindWithdrawalToBank, reconciliation.KindReversal, reconciliation.KindOther:
		return true
	default:
		return false
	}
}

// reasonOf is an error of the mapping without its class.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), ErrMapping.Error()+": ") }

func (m Mapping) delimiter() (rune, error) {
	switch m.Delimiter {
	case "":
		return ',', nil
	case `\t`:
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(m.Delimiter)
	if size != len(m.Delimiter) || r == utf8.RuneError || !strings.ContainsRune(",;|\t^~", r) {
		return 0, fmt.Errorf("%w: must be one of , ; | ^ ~ or \\t", ErrMapping)
	}
	return r, nil
}

func (m Mapping) marks() (marks, error) {
	out := marks{decimal: '.'}
	switch m.Decimal {
	case "", ".":
	case ",":
		out.decimal = ','
	default:
		return marks{}, fmt.Errorf("%w: the decimal mark must be . or ,", ErrMapping)
	}
	switch m.Thousands {
	case "", " ": // spaces are always left out
	case ",", ".", "'":
		out.thousands = m.Thousands[0]
	default:
		return marks{}, fmt.Errorf("%w: the thousands mark must be , . ' a space or nothing", ErrMapping)
	}
	if out.thousands == out.decimal {
		return marks{}, fmt.Errorf("%w: the decimal and the thousands mark must differ", ErrMapping)
	}
	return out, nil
}

// maxOffset is how far a zone can be from UTC.
const maxOffset = 14 * time.Hour

func (m Mapping) zone() (*time.Location, error) {
	if m.UTCOffset == "" {
		return eat(), nil
	}
	t, err := time.Parse("-07:00", m.UTCOffset)
	if err != nil {
		return nil, fmt.Errorf("%w: must be such as +03:00", ErrMapping)
	}
	_, seconds := t.Zone()
	if d := time.Duration(seconds) * time.Second; d > maxOffset || d < -maxOffset {
		return nil, fmt.Errorf("%w: must be within 14 hours of UTC", ErrMapping)
	}
	return time.FixedZone(m.UTCOffset, seconds), nil
}

// settled is what of a mapping is worked out once.
func (m Mapping) settled() (mark rune, numbers marks, d dates, err error) {
	layout, err := LayoutOf(m.DateLayout)
	zone, zoneErr := m.zone()
	mark, markErr := m.delimiter()
	numbers, numbersErr := m.marks()
	if err = errors.Join(err, zoneErr, markErr, numbersErr); err != nil {
		return 0, marks{}, dates{}, err
	}
	return mark, numbers, dates{layouts: []string{layout}, chosen: true, zone: zone}, nil
}
