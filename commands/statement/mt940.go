package statement

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Limits of MT940 (SWIFT Standards, MT940 Customer Statement Message): lines have 65 characters, field 86 has six of them;
// banks are not that exact.
const (
	maxMT940Line = 400
	maxMT940Info = 20
)

// mt940 reads MT940 messages. Several in one file must be of one account, and follow each other: each begins with the
// balance with which the one before ended. Lines are numbered as in the file.
type mt940 struct {
	in     *bufio.Scanner
	header *Header
	number int
	// held is a line that was read too far.
	held    string
	hasHeld bool
	// pending is the entry that waits for its field 86.
	pending    Line
	hasPending bool
	infoLines  int
	tag        string // the field that a line without a tag goes on
	balance    money.Money
	open       bool // between field 60 and field 62
	final      bool // the last field 62 was 62F: no page has to follow
	block      bool // within {4: and -}
	broken     bool // an entry was bad: balances no longer follow
}

func newMT940(text io.Reader, header *Header) *mt940 {
	in := bufio.NewScanner(text)
	in.Buffer(make([]byte, 0, 4<<10), MaxRecordBytes)
	return &mt940{in: in, header: header}
}

// next reads to the end of one entry.
func (m *mt940) next(into []Line) ([]Line, error) {
	for {
		line, err := m.line()
		if errors.Is(err, io.EOF) {
			return m.end(into)
		}
		if err != nil {
			return into, err
		}
		tag, value := m.field(line)
		if tag == "61" && m.hasPending {
			m.held, m.hasHeld = line, true
			m.number--
			return m.give(into), nil
		}
		if tag != "86" && tag != "" && m.hasPending {
			into = m.give(into)
		}
		if err := m.take(tag, value); err != nil {
			return into, err
		}
		if len(into) > 0 {
			return into, nil
		}
	}
}

func (m *mt940) wrong(column, reason string) error {
	return &LineError{Line: m.number, Column: column, Reason: reason}
}

// line is the next line of the file.
func (m *mt940) line() (string, error) {
	m.number++
	if m.hasHeld {
		m.hasHeld = false
		return m.held, nil
	}
	if !m.in.Scan() {
		if err := m.in.Err(); errors.Is(err, bufio.ErrTooLong) {
			return "", ErrTooLarge
		} else if err != nil {
			return "", err
		}
		return "", io.EOF
	}
	line := strings.TrimRight(m.in.Text(), " \r")
	if len(line) > maxMT940Line {
		return "", m.wrong("", "is longer than any of MT940")
	}
	if !utf8.ValidString(line) {
		return "", m.wrong("", "is not UTF-8: say that the file is in windows-1252, if it is")
	}
	return line, nil
}

// field splits a line into its tag and what stands there; without a tag it goes on with the field before. The brackets of
// the message are none of its fields.
func (m *mt940) field(line string) (tag, value string) {
	if i := strings.LastIndex(line, "{4:"); strings.HasPrefix(line, "{") && i >= 0 {
		line = line[i+len("{4:"):]
		m.block = true
	}
	switch {
	case strings.HasPrefix(line, "-}"):
		m.block = false
		return "-", ""
	case line == "-", line == "":
		return "-", ""
	case strings.HasPrefix(line, "{"), strings.HasPrefix(line, "}"):
		return "-", ""
	case line[0] != ':':
		return "", line
	}
	end := strings.IndexByte(line[1:], ':')
	if end < 2 || end > 3 {
		return "", line // a text that begins with a colon
	}
	return line[1 : 1+end], line[end+2:]
}

// give appends the entry that waited.
func (m *mt940) give(into []Line) []Line {
	m.hasPending, m.infoLines = false, 0
	l := m.pending
	l.Kind = bankKind(nil, "", l.Amount())
	switch l.ReasonType[1:] { // SWIFT, MT940, field 61, identification code: charges, commission
	case "CHG", "COM":
		l.Kind = reconciliation.KindFee
	}
	l.Details = domain.Personal(short(string(l.Details)))
	return append(into, l)
}

// end is the end of the file.
func (m *mt940) end(into []Line) ([]Line, error) {
	if m.hasPending {
		return m.give(into), nil
	}
	if m.open || m.block || !m.final {
		return into, ErrDamaged
	}
	return into, io.EOF
}

// take takes one field.
func (m *mt940) take(tag, value string) error {
	if tag != "" {
		m.tag = tag
	}
	switch tag {
	case "25":
		return m.account(value)
	case "60F", "60M":
		return m.opening(tag, value)
	case "61":
		err := m.entry(value)
		m.broken = m.broken || err != nil
		return err
	case "62F", "62M":
		return m.closing(tag, value)
	case "86", "":
		if (m.tag == "86" || m.tag == "61") && m.hasPending {
			if m.infoLines++; m.infoLines > maxMT940Info {
				return m.wrong("86", "has too many lines")
			}
			m.pending.Details = domain.Personal(strings.TrimSpace(string(m.pending.Details) + " " + clean(value)))
		}
	}
	return nil
}

func (m *mt940) account(value string) error {
	value = clean(value)
	if have := m.header.Account; have != "" && string(have) != value {
		return m.wrong("25", "is another account than before")
	}
	m.header.Account = domain.Personal(value)
	return nil
}

// balanceOf reads C or D, YYMMDD, the currency and the amount.
func (m *mt940) balanceOf(tag, value string) (money.Money, time.Time, error) {
	if len(value) < 11 {
		return money.Money{}, time.Time{}, m.wrong(tag, "is no balance")
	}
	at, ok := swiftDate(value[1:7])
	c, err := money.ParseCurrency(value[7:10])
	if !ok || err != nil || value[0] != 'C' && value[0] != 'D' {
		return money.Money{}, time.Time{}, m.wrong(tag, "is no balance")
	}
	a, err := swiftAmount(value[10:], c)
	if err != nil {
		return money.Money{}, time.Time{}, m.wrong(tag, err.Error())
	}
	if value[0] == 'D' {
		a.Minor = -a.Minor
	}
	return a, at, nil
}

func (m *mt940) opening(tag, value string) error {
	b, at, err := m.balanceOf(tag, value)
	if err != nil {
		return err
	}
	if m.open {
		return m.wrong(tag, "begins a statement before the last one ended")
	}
	follows := m.header.Opening == nil || b == m.balance || m.broken
	m.open, m.balance = true, b
	if !follows {
		return m.wrong(tag, "is not the balance with which the last page ended")
	}
	if m.header.Opening == nil {
		m.header.Opening, m.header.From, m.header.Currency = &b, at, b.Currency
	}
	return nil
}

func (m *mt940) closing(tag, value string) error {
	b, at, err := m.balanceOf(tag, value)
	if err != nil {
		return err
	}
	if !m.open {
		return m.wrong(tag, "ends a statement that did not begin")
	}
	m.open, m.final = false, tag == "62F"
	if b != m.balance && !m.broken {
		return m.wrong(tag, "is not the opening balance and the entries")
	}
	m.balance = b
	m.header.Closing, m.header.To = &b, endOfDay(at)
	return nil
}

// entry reads field 61: value date YYMMDD, perhaps entry date MMDD, C, D, RC or RD, perhaps a letter of the currency, the
// amount, a type of four characters, the customer's reference and, behind //, the bank's.
func (m *mt940) entry(value string) error {
	if !m.open {
		return m.wrong("61", "stands outside of a statement")
	}
	at, ok := swiftDate(value[:min(6, len(value))])
	if !ok {
		return m.wrong("61", "does not begin with a date")
	}
	rest := value[6:]
	if len(rest) >= 4 && digitsOnly(rest[:4]) {
		rest = rest[4:]
	}
	out, rest, ok := debitMark(rest)
	if !ok {
		return m.wrong("61", "says neither C nor D")
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != ',' })
	if end < 1 {
		return m.wrong("61", "has no amount, or nothing behind it")
	}
	a, err := swiftAmount(rest[:end], m.header.Currency)
	if err != nil {
		return m.wrong("61", err.Error())
	}
	rest = rest[end:]
	if len(rest) < 4 || !isMT940Type(rest[:4]) {
		return m.wrong("61", "has no transaction type")
	}
	customer, bank, _ := strings.Cut(rest[4:], "//")
	reference := clean(bank)
	if reference == "" || reference == "NONREF" {
		reference = clean(customer)
	}
	if reference == "NONREF" {
		reference = ""
	}
	l := Line{
		Number: m.number, Status: statusBooked, Completed: true, CompletedAt: at, ReasonType: rest[:4], Receipt: short(reference),
		PaidIn: money.Of(0, a.Currency), Withdrawn: money.Of(0, a.Currency),
	}
	if named := clean(customer); named != "NONREF" && named != reference {
		l.Account = domain.Personal(short(named))
	}
	if out {
		l.Withdrawn = a
		m.balance.Minor -= a.Minor
	} else {
		l.PaidIn = a
		m.balance.Minor += a.Minor
	}
	if m.balance.Minor > maxBalance || m.balance.Minor < -maxBalance {
		return fmt.Errorf("%w: a balance", ErrTooLarge)
	}
	m.pending, m.hasPending, m.infoLines = l, true, 0
	return nil
}

// isMT940Type tells a transaction type: a letter, and three of letters and digits.
func isMT940Type(s string) bool {
	for i := 0; i < len(s); i++ {
		if digit := s[i] >= '0' && s[i] <= '9'; (s[i] < 'A' || s[i] > 'Z') && (!digit || i == 0) {
			return false
		}
	}
	return true
}

// maxBalance bounds sums, far from an overflow.
const maxBalance = 1 << 60

// debitMark reads whether money went out. A reversal of a credit takes it away again.
func debitMark(s string) (out bool, rest string, ok bool) {
	for _, m := range [...]struct {
		mark string
		out  bool
	}{{"RC", true}, {"RD", false}, {"EC", false}, {"ED", true}, {"C", false}, {"D", true}} {
		if !strings.HasPrefix(s, m.mark) {
			continue
		}
		rest = s[len(m.mark):]
		if rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' { // the currency's third letter
			rest = rest[1:]
		}
		return m.out, rest, true
	}
	return false, s, false
}

// swiftAmount reads digits with a comma, which must be there.
func swiftAmount(s string, c money.Currency) (money.Money, error) {
	whole, frac, ok := strings.Cut(s, ",")
	if !ok || whole == "" || len(s) > 16 || !digitsOnly(whole) || !digitsOnly(frac) {
		return money.Money{}, errNoAmount
	}
	if frac == "" {
		return money.Parse(whole, c)
	}
	return money.Parse(whole+"."+frac, c)
}

// swiftDate reads YYMMDD of this century; it is the day's begin in East Africa.
func swiftDate(s string) (time.Time, bool) {
	if len(s) != 6 || !digitsOnly(s) {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("20060102", "20"+s, eat())
	return t.UTC(), err == nil
}

// endOfDay is the last second of the day that begins at t.
func endOfDay(t time.Time) time.Time { return t.AddDate(0, 0, 1).Add(-time.Second) }
