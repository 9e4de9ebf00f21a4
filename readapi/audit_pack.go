package readapi

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections"
)

// AuditPack hands the files of the audit pack of a merchant's month to sink (docs/audit-pack.md), with all that was recorded up to
// least, or up to where the month was closed. Errors: Invalid on month before it begins; those of transparency, the store's.
func (d Deps) AuditPack(ctx context.Context, who domain.Caller, month period.Month, least eventstore.Position, sink transparency.PackSink) (transparency.Manifest, error) {
	p := &auditPack{api: &api{Deps: d}, who: who, trial: map[ledgerKey]*trialRow{}}
	if err := p.place(ctx, month, least); err != nil {
		return p.about, err
	}
	w, err := d.Issuer.Pack(ctx, p.AsOf, p.about, sink)
	if err != nil {
		return p.about, err
	}
	if err := w.Events(ctx, func(yield func(*eventstore.Record) error) error {
		return d.Reader.MonthEvents(ctx, p.MonthFilter, yield)
	}); err != nil {
		return p.about, err
	}
	for _, file := range []struct {
		name string
		fill func(context.Context, io.Writer) error
	}{
		{transparency.PackEntries, p.writeEntries},
		{transparency.PackTrial, p.writeTrial},
		{transparency.PackImports, p.writeImports},
		{transparency.PackDifferences, p.writeDifferences},
	} {
		if err := w.File(file.name, func(w io.Writer) error { return file.fill(ctx, w) }); err != nil {
			return p.about, err
		}
	}
	w.Counted(p.entries, p.imports, p.differences)
	return w.Seal()
}

// auditPack is a pack that is written.
type auditPack struct {
	*api
	projections.MonthFilter
	who   domain.Caller
	about transparency.Manifest
	ids   []int64 // of the imports
	trial map[ledgerKey]*trialRow
	order []ledgerKey

	entries, imports, differences int64
}

// place finds the month in time and in the log.
func (p *auditPack) place(ctx context.Context, month period.Month, least eventstore.Position) error {
	zone, err := zoneOf(p.who)
	if err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", p.who.MerchantID, err)
	}
	p.MonthFilter = projections.MonthFilter{
		MerchantID: p.who.MerchantID, Mode: p.who.Mode, Month: month, From: month.Start(zone), Until: month.Next().Start(zone), AsOf: least,
		Streams: []string{},
	}
	if p.From.After(p.Log.Now()) {
		return domain.Invalid("month", "has not begun")
	}
	p.about = transparency.Manifest{
		Merchant: p.MerchantID, Mode: string(p.Mode), Month: month.String(), TimeZone: zone.String(), From: p.From.UTC(), Until: p.Until.UTC(),
	}
	closed, err := p.closedPeriods(ctx, p.who)
	if err != nil {
		return err
	}
	for i := range closed { // the newest first: the last that fits is the first that closed it, or a later month with it
		c := &closed[i]
		if c.month >= month {
			event, _ := c.Event.(period.Closed)
			p.AsOf, p.about.Closed = c.Position, &transparency.ClosedBy{EventID: c.ID, Month: c.month.String(), At: event.At}
		} else if p.LateAfter == 0 {
			p.LateAfter = c.Position
		}
	}
	if _, err := p.Projection.Archived(ctx, max(p.AsOf, least)); err != nil {
		return err
	}
	ids, err := p.Reader.MonthImports(ctx, p.MonthFilter)
	if err != nil {
		return err
	}
	return p.keepImports(ctx, ids)
}

// line is a line of a file of values, without breaks in it.
func line(w *csv.Writer, values ...string) error {
	for i, v := range values {
		values[i] = inert(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(v))
	}
	return w.Write(values)
}

// inert is a text that no spreadsheet takes for a formula: what a payer wrote as the reference of a bank transfer is opened by an
// auditor. Amounts may begin with a minus.
func inert(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t", rune(text[0])) {
		return text
	}
	if text[0] == '-' && strings.Trim(text[1:], "0123456789.") == "" {
		return text
	}
	return "'" + text
}

func (p *auditPack) writeEntries(ctx context.Context, w io.Writer) error {
	out, err := packTable(w, transparency.EntriesHeader)
	if err != nil {
		return err
	}
	err = p.Reader.MonthEntries(ctx, p.MonthFilter, func(e *projections.LedgerEntry) error {
		p.entries++
		row := p.row(e.Account, e.Currency)
		row.debit, row.credit = row.debit+e.Debit, row.credit+e.Credit
		return line(out, e.EventID.String(), strconv.Itoa(int(e.Line)), e.EventType, e.Reference, string(e.Account), string(e.Currency),
			transparency.PackAmount(e.Debit, e.Currency), transparency.PackAmount(e.Credit, e.Currency), strconv.FormatInt(e.Channel, 10),
			packTime(e.EffectiveAt), e.Period.String(), e.LateFor.String())
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// ledgerKey is an account in a currency.
type ledgerKey struct {
	account  ledger.Account
	currency money.Currency
}

// trialRow is an account before the month, in it, and at its end.
type trialRow struct{ openingDebit, openingCredit, debit, credit, closingDebit, closingCredit int64 }

func (p *auditPack) row(account ledger.Account, currency money.Currency) *trialRow {
	key := ledgerKey{account, currency}
	if p.trial[key] == nil {
		p.trial[key] = &trialRow{}
	}
	return p.trial[key]
}

// writeTrial writes what the books come to. They are summed apart from the entries that were written, which have to agree.
func (p *auditPack) writeTrial(ctx context.Context, w io.Writer) error {
	before, err := p.Reader.MonthBalances(ctx, p.MonthFilter, p.Month-1) // no month has the number, or it is the one before
	if err != nil {
		return err
	}
	for _, b := range before {
		row := p.row(b.Account, b.Currency)
		row.openingDebit, row.openingCredit = b.Debit, b.Credit
	}
	after, err := p.Reader.MonthBalances(ctx, p.MonthFilter, p.Month)
	if err != nil {
		return err
	}
	for _, b := range after {
		row := p.row(b.Account, b.Currency)
		row.closingDebit, row.closingCredit = b.Debit, b.Credit
		p.order = append(p.order, ledgerKey{b.Account, b.Currency})
	}
	out, err := packTable(w, transparency.TrialHeader)
	if err != nil {
		return err
	}
	if len(p.order) != len(p.trial) {
		return fmt.Errorf("the books of merchant %d don't add up: entries are on %d accounts, balances on %d", p.MerchantID, len(p.trial), len(p.order))
	}
	for _, key := range p.order {
		t := p.trial[key]
		if t.openingDebit+t.debit != t.closingDebit || t.openingCredit+t.credit != t.closingCredit {
			return fmt.Errorf("the books of merchant %d don't add up: %s in %s", p.MerchantID, key.account, key.currency)
		}
		values := []string{string(key.account), string(key.currency)}
		for _, minor := range []int64{t.openingDebit, t.openingCredit, t.debit, t.credit, t.closingDebit, t.closingCredit, t.closingDebit - t.closingCredit} {
			values = append(values, transparency.PackAmount(minor, key.currency))
		}
		if err := line(out, values...); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// packTable begins a file of values.
func packTable(w io.Writer, header string) (*csv.Writer, error) {
	out := csv.NewWriter(w)
	return out, out.Write(strings.Split(header, ","))
}

// packTime is a time as it stands in a pack, empty for none.
func packTime(t time.Time) string {
	if t.IsZero() || t.Unix() == 0 {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
