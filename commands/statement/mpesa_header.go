package statement

import (
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// above reads a row of the block above the table: labels with their values behind them, in the same cell or in the next
// one that says something.
func (m *mpesa) above(r row) error {
	if folded(firstFilled(r.cells)) == "time period" || strings.HasPrefix(folded(firstFilled(r.cells)), "time period ") {
		return m.period(&r)
	}
	for i, c := range r.cells {
		label, inside, split := strings.Cut(c, ":")
		value := clean(inside)
		if !split || value == "" {
			value = r.cell(i + 1)
		}
		text := value
		if text == "" { // merged cells
			text = firstFilled(r.cells[i+1:])
		}
		switch folded(label) {
		case "account holder":
			m.header.Holder = domain.Personal(short(text))
		case "short code", "shortcode":
			m.header.ShortCode = short(text)
		case "account":
			m.header.Account = domain.Personal(short(text))
		case "opening balance":
			if err := m.stated(&r, "Opening Balance", value, &m.header.Opening); err != nil {
				return err
			}
		case "closing balance":
			if err := m.stated(&r, "Closing Balance", value, &m.header.Closing); err != nil {
				return err
			}
		case "total paid in":
			if err := m.stated(&r, "Total Paid In", value, &m.header.PaidIn); err != nil {
				return err
			}
		case "total withdrawn":
			if err := m.stated(&r, "Total Withdrawn", value, &m.header.TakenOut); err != nil {
				return err
			}
			if w := m.header.TakenOut; w != nil && w.Minor < 0 {
				w.Minor = -w.Minor
			}
		}
	}
	return nil
}

func firstFilled(cells []string) string {
	for _, c := range cells {
		if c != "" {
			return c
		}
	}
	return ""
}

// stated reads a balance or total; a blank one is not stated.
func (m *mpesa) stated(r *row, column, value string, into **money.Money) error {
	if value == "" {
		return nil
	}
	a, err := m.amount(value)
	if err != nil {
		return r.wrong(column, err)
	}
	*into = &a
	return nil
}

// period reads From … To …, in one cell or in several.
func (m *mpesa) period(r *row) error {
	words := strings.Fields(strings.Join(r.cells, " "))
	for i, w := range words {
		var into *time.Time
		switch strings.ToLower(strings.TrimSuffix(w, ":")) {
		case "from":
			into = &m.header.From
		case "to":
			into = &m.header.To
		default:
			continue
		}
		rest := words[i+1 : min(i+3, len(words))]
		t, err := m.dates.parse(strings.Join(rest, " "))
		if err != nil && len(rest) > 0 { // a number of days is one word
			t, err = m.dates.parse(rest[0])
		}
		if err != nil {
			return r.wrong(columnPeriod, err)
		}
		*into = t
	}
	if m.header.From.IsZero() != m.header.To.IsZero() || m.header.To.Before(m.header.From) {
		return r.wrongText(columnPeriod, "does not begin before it ends")
	}
	return nil
}
