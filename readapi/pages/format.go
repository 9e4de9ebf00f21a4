package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/benfex/kipay/domain/money"
)

// nairobi is East Africa Time, three hours ahead of UTC all year round. It is fixed here so that no time zone database
// is needed.
var nairobi = time.FixedZone("EAT", 3*60*60)

// amount is an amount of money in the parts that the page shows in different sizes.
type amount struct {
	// Text is all of it, "KES 10,000.00"; empty when there is nothing to show.
	Text                   string
	Currency, Whole, Cents string
	// Size is the class that makes a long one fit: empty, sum-long or sum-longer.
	Size string
}

// amountOf takes m apart.
func amountOf(m money.Money) amount {
	text := m.Format()
	currency, number, _ := strings.Cut(text, " ")
	whole, cents, _ := strings.Cut(number, ".")
	a := amount{Text: text, Currency: currency, Whole: whole, Cents: "." + cents}
	switch n := len(whole); {
	case n > len("99,999,999"):
		a.Size = "sum-longer"
	case n > len("999,999"):
		a.Size = "sum-long"
	}
	return a
}

// timeText is t for people, in Nairobi: "14 June 2026, 15:04 (Nairobi)".
func (c catalogue) timeText(t time.Time) string {
	t = t.In(nairobi)
	return c.text("time",
		"day", strconv.Itoa(t.Day()),
		"month", c.text("month_"+strconv.Itoa(int(t.Month()))),
		"year", strconv.Itoa(t.Year()),
		"clock", t.Format("15:04"))
}

// clockText is a number of seconds as minutes and seconds: "1:05".
func clockText(seconds int) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) }

// secondsUntil is the whole seconds from now to t, rounded up, at least zero.
func secondsUntil(now, t time.Time) int {
	d := t.Sub(now)
	if d <= 0 {
		return 0
	}
	return int((d + time.Second - 1) / time.Second)
}

// initialOf is the first letter or digit of a name, in upper case.
func initialOf(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// cut is the first n characters of s, in memory of its own: what fiber hands out is reused after the request.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return strings.Clone(s)
}
