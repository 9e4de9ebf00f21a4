package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// limit bounds one question, a stream of millions of lines included.
const limit = 15 * time.Minute

// Head describes a column of a report.
type Head struct {
	Name  string
	Type  Type
	Unit  string
	Scale int
	// From says how a figure follows from the values of its facts; empty for what rows are grouped by.
	From string
}

// Row is a row of a report.
type Row struct {
	// Keys are the values of the columns that come before the figures, empty where there is none; the last is the currency.
	Keys     []string
	Currency money.Currency
	Figures  []int64
	// Balance is set for the first and last row of a statement, whose last figure alone means something. Before is set for the
	// first: it is of what happened earlier.
	Balance, Before bool
	// Entry is the posting of a statement's line.
	Entry int64
}

// Total is what a report comes to in one currency.
type Total struct {
	Currency money.Currency
	Heads    []Head
	Figures  []int64
}

// Kinds of a statement's rows.
const (
	KindOpening = "opening"
	KindLine    = "line"
	KindClosing = "closing"
)

// Heads are the columns: what rows are grouped by, and how many of those there are, then the figures.
func (q *Question) Heads() (heads []Head, keys int) {
	if q.Report.Running {
		heads = []Head{
			{Name: "kind", Type: Text},
			{Name: "at", Type: Instant},
			{Name: "event", Type: Text},
			{Name: "description", Type: Text},
			{Name: "reference", Type: Text},
			{Name: "payment_channel_id", Type: Integer},
			{Name: "currency", Type: Text},
		}
	} else {
		for _, d := range q.grouped() {
			heads = append(heads, Head{Name: d.Column, Type: d.Type})
		}
	}
	keys = len(heads)
	for _, c := range q.Report.Columns {
		h := Head{Name: c.Name, Type: c.Type, Unit: c.Unit, Scale: c.Scale, From: c.From()}
		if q.Report.Running && c.Name == "balance" {
			h.From = "the balance before + sum(balance)"
		}
		heads = append(heads, h)
	}
	return heads, keys
}

// ask runs a question of this report's.
func (q *Question) ask(ctx context.Context, r *projections.Reader, sql string, more []any, row func(driver.Rows) error) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(q.settings()))
	err := r.Ask(ctx, limit, func(whole eventstore.Position) (string, []any) { return sql, append(q.args(whole), more...) }, row)
	if err != nil {
		return fmt.Errorf("report %s: %w", q.Report.Name, err)
	}
	return nil
}

// Each calls row for each row of the report, in order, and answers what they come to, by currency. The row and what it holds is
// only good until row returns.
func (q *Question) Each(ctx context.Context, r *projections.Reader, row func(*Row) error) ([]Total, error) {
	if q.Report.Running {
		return q.statement(ctx, r, row)
	}
	if sums := newSums(q); sums != nil {
		err := q.each(ctx, r, func(r *Row) error {
			sums.add(r)
			return row(r)
		})
		return sums.totals(), err
	}
	if err := q.each(ctx, r, row); err != nil {
		return nil, err
	}
	// What some of the figures come to does not follow from the rows.
	all := *q
	all.GroupBy = nil
	heads, keys := all.Heads()
	var totals []Total
	err := all.each(ctx, r, func(r *Row) error {
		totals = append(totals, Total{r.Currency, heads[keys:], slices.Clone(r.Figures)})
		return nil
	})
	return totals, err
}

func (q *Question) each(ctx context.Context, r *projections.Reader, row func(*Row) error) error {
	out := Row{Keys: make([]string, len(q.grouped())), Figures: make([]int64, len(q.Report.Columns))}
	dest := pointers(out.Keys, out.Figures)
	return q.ask(ctx, r, q.rows(), nil, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		out.Currency = money.Currency(out.Keys[len(out.Keys)-1])
		return row(&out)
	})
}

func pointers(texts []string, numbers []int64) []any {
	var dest []any
	for i := range texts {
		dest = append(dest, &texts[i])
	}
	for i := range numbers {
		dest = append(dest, &numbers[i])
	}
	return dest
}

// statement is Each of a report whose facts are its rows.
func (q *Question) statement(ctx context.Context, r *projections.Reader, row func(*Row) error) ([]Total, error) {
	opening, err := q.opening(ctx, r)
	if err != nil {
		return nil, err
	}
	s := &statement{q: q, opening: opening, left: slices.Sorted(maps.Keys(opening)), row: row}
	values := make([]int64, len(q.Report.Values))
	if err := q.ask(ctx, r, q.lines(), nil, func(rows driver.Rows) error {
		e, err := scanEntry(rows, values)
		if err != nil {
			return err
		}
		return s.line(e, values)
	}); err != nil {
		return nil, err
	}
	return s.totals, s.openThrough("")
}

// opening is each currency's balance before the first day.
func (q *Question) opening(ctx context.Context, r *projections.Reader) (map[money.Currency]int64, error) {
	out := map[money.Currency]int64{}
	if q.From == nil {
		return out, nil
	}
	before := q.Before()
	err := before.each(ctx, r, func(r *Row) error {
		out[r.Currency] = r.Figures[len(r.Figures)-1]
		return nil
	})
	return out, err
}

// Before is the question for what happened before the first day.
func (q *Question) Before() Question {
	b := *q
	last := *q.From - 1
	b.From, b.To, b.GroupBy = nil, &last, nil
	return b
}

// statement makes a statement's rows of its lines, currency by currency.
type statement struct {
	q       *Question
	opening map[money.Currency]int64
	left    []money.Currency // of opening, in order, that have not come yet
	row     func(*Row) error
	totals  []Total
	open    bool
}

func (s *statement) line(e *projections.LedgerEntry, values []int64) error {
	if !s.open || s.current().Currency != e.Currency {
		if err := s.openThrough(e.Currency); err != nil {
			return err
		}
	}
	t := s.current()
	t.Figures[1] += values[0]
	t.Figures[2] += values[1]
	t.Figures[3] += values[2]
	return s.row(&Row{
		Keys:     []string{KindLine, Stamp(e.EffectiveAt), e.EventType, describe(e.EventType, values[0] > 0), e.Reference, fmt.Sprint(e.Channel), string(e.Currency)},
		Currency: e.Currency, Figures: []int64{values[0], values[1], t.Figures[3]}, Entry: e.ID(),
	})
}

func (s *statement) current() *Total { return &s.totals[len(s.totals)-1] }

// openThrough ends the currency that is open and begins those up to c, of which only c stays open; empty is the end of all.
func (s *statement) openThrough(c money.Currency) error {
	if err := s.end(); err != nil {
		return err
	}
	for len(s.left) > 0 && (c == "" || s.left[0] < c) {
		next := s.left[0]
		s.left = s.left[1:]
		if err := s.begin(next); err != nil {
			return err
		}
		if err := s.end(); err != nil {
			return err
		}
	}
	if c == "" {
		return nil
	}
	if len(s.left) > 0 && s.left[0] == c {
		s.left = s.left[1:]
	}
	return s.begin(c)
}

func (s *statement) begin(c money.Currency) error {
	head := func(name string) Head { return Head{Name: name, Type: Amount, Unit: UnitMajor} }
	s.totals = append(s.totals, Total{
		Currency: c, Heads: []Head{head("opening"), head("money_in"), head("money_out"), head("closing")},
		Figures: []int64{s.opening[c], 0, 0, s.opening[c]},
	})
	s.open = true
	at := ""
	if s.q.From != nil {
		at = Stamp(projections.DayStart(*s.q.From, s.q.Zone))
	}
	return s.balance(KindOpening, at, s.opening[c], true)
}

func (s *statement) end() error {
	if !s.open {
		return nil
	}
	s.open = false
	at := ""
	if s.q.To != nil {
		at = Stamp(projections.DayStart(*s.q.To+1, s.q.Zone).Add(-time.Millisecond))
	}
	return s.balance(KindClosing, at, s.current().Figures[3], false)
}

func (s *statement) balance(kind, at string, minor int64, before bool) error {
	c := s.current().Currency
	return s.row(&Row{Keys: []string{kind, at, "", kind + " balance", "", "", string(c)}, Currency: c, Figures: []int64{0, 0, minor}, Balance: true, Before: before})
}

// Stamp is a moment as text: UTC, RFC 3339 with milliseconds and Z.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Fact is what a figure is made of: one of these, and what it adds, value by value.
type Fact struct {
	Payment    *PaymentFact
	Payout     *PaymentFact
	Dispute    *DisputeFact
	Entry      *projections.LedgerEntry
	Difference *DifferenceFact
	Values     []int64
}

// DifferenceFact is a difference between a statement and the books, as it stood.
type DifferenceFact struct {
	Position           eventstore.Position
	ID, Import         int64
	Cause, Rule, State string
	LineNumber         uint32
	Reference, Receipt string
	EventIDs           []string // of the books
	Currency           money.Currency
	Channel            int64
	At                 time.Time
	Event              projections.EventName
}

// DisputeFact is a dispute as it was. Its Reference is the payment's, empty where that isn't one of Kipay's.
type DisputeFact struct {
	PaymentFact
	DueAt time.Time // zero where the provider does not say
}

// PaymentFact is a payment, or a payout, as it was.
type PaymentFact struct {
	Position  eventstore.Position
	ID        int64
	Reference string
	Status    string
	Currency  money.Currency
	Amount    int64 // minor units
	Channel   int64
	CreatedAt time.Time
	Event     projections.EventName
}

// Lineage are facts of the question, in the order of the log, and how many there are.
func (q *Question) Lineage(ctx context.Context, r *projections.Reader, offset, most uint64) ([]Fact, uint64, error) {
	var total uint64
	if err := q.ask(ctx, r, q.count(), nil, func(rows driver.Rows) error { return rows.Scan(&total) }); err != nil {
		return nil, 0, err
	}
	var out []Fact
	if offset >= total {
		return out, total, nil
	}
	page := []any{clickhouse.Named("limit", most), clickhouse.Named("offset", offset)}
	if err := q.ask(ctx, r, q.lineage(), page, func(rows driver.Rows) (err error) {
		f := Fact{Values: make([]int64, len(q.Report.Values))}
		switch q.Report.Facts {
		case Payments:
			f.Payment, err = scanPayment(rows, f.Values)
		case Payouts:
			f.Payout, err = scanPayment(rows, f.Values)
		case Disputes:
			f.Dispute, err = scanDispute(rows, f.Values)
		case Differences:
			f.Difference, err = scanDifference(rows, f.Values)
		case Entries:
			f.Entry, err = scanEntry(rows, f.Values)
		}
		out = append(out, f)
		return err
	}); err != nil || q.Report.Facts == Entries {
		return out, total, err
	}
	return out, total, nameEvents(ctx, r, out)
}

// stands is by which event a fact stands, and where its name goes. Not of postings, which have it.
func (f *Fact) stands() (eventstore.Position, *projections.EventName) {
	switch {
	case f.Payment != nil:
		return f.Payment.Position, &f.Payment.Event
	case f.Payout != nil:
		return f.Payout.Position, &f.Payout.Event
	case f.Dispute != nil:
		return f.Dispute.Position, &f.Dispute.Event
	default:
		return f.Difference.Position, &f.Difference.Event
	}
}

// nameEvents fills in the events that facts stand by.
func nameEvents(ctx context.Context, r *projections.Reader, facts []Fact) error {
	positions := make([]uint64, len(facts))
	for i := range facts {
		at, _ := facts[i].stands()
		positions[i] = uint64(at)
	}
	names, err := r.EventNames(ctx, positions)
	for i := range facts {
		_, name := facts[i].stands()
		*name = names[positions[i]]
	}
	return err
}

func scanDifference(rows driver.Rows, values []int64) (*DifferenceFact, error) {
	var d DifferenceFact
	var position uint64
	var events, currency string
	err := rows.Scan(append([]any{
		&position, &d.ID, &d.Import, &d.Cause, &d.Rule, &d.State, &d.LineNumber, &d.Reference, &d.Receipt, &events, &currency, &d.Channel, &d.At,
	}, pointers(nil, values)...)...)
	d.Position, d.Currency, d.EventIDs = eventstore.Position(position), money.Currency(currency), strings.Fields(events)
	return &d, err
}

func scanPayment(rows driver.Rows, values []int64) (*PaymentFact, error) {
	var p PaymentFact
	return &p, p.scan(rows, pointers(nil, values)...)
}

func scanDispute(rows driver.Rows, values []int64) (*DisputeFact, error) {
	var d DisputeFact
	err := d.scan(rows, append([]any{&d.DueAt}, pointers(nil, values)...)...)
	if d.DueAt.UnixMilli() == 0 {
		d.DueAt = time.Time{}
	}
	return &d, err
}

func (p *PaymentFact) scan(rows driver.Rows, more ...any) error {
	var position uint64
	var currency string
	err := rows.Scan(append([]any{&position, &p.ID, &p.Reference, &p.Status, &currency, &p.Amount, &p.Channel, &p.CreatedAt}, more...)...)
	p.Position, p.Currency = eventstore.Position(position), money.Currency(currency)
	return err
}

func scanEntry(rows driver.Rows, values []int64) (*projections.LedgerEntry, error) {
	var e projections.LedgerEntry
	var position uint64
	var account, currency string
	var booked uint32
	err := rows.Scan(append([]any{
		&position, &e.Line, &e.EventID, &e.EventType, &e.Reference, &account, &currency, &e.Channel, &e.Debit, &e.Credit,
		&e.EffectiveAt, &e.RecordedAt, &booked,
	}, pointers(nil, values)...)...)
	e.Position, e.Account, e.Currency = eventstore.Position(position), ledger.Account(account), money.Currency(currency)
	e.Period = period.Month(booked)
	return &e, err
}
