package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// newsEvery is how many lines pass between two words of progress.
const newsEvery = 10_000

// differencesAtOnce is how many differences are kept by one append, decisionsAtOnce how many decisions by one event.
const (
	differencesAtOnce = 200
	decisionsAtOnce   = 1000
)

// comparison is a statement that is being compared with the books.
type comparison struct {
	w       *WriteSide
	job     importJob
	imp     journal.State
	known   Outcome[journal.State] // imp with where its stream stands
	channel channel.State          // zero for a bank
	header  statement.Header
	summary statement.Summary
	scope   reconciliation.Scope
	balance *reconciliation.BalanceCheck
	found   []journal.Difference
	paidOut []reconciliation.Result // payouts that stand on the statement as they are booked
	news    func(ImportProgress)
}

// reconcile reads a statement, compares it with the books, keeps what was found, and lets what is certain count. A statement that
// can't be taken is refused as a whole, which is no error.
func (w *WriteSide) reconcile(ctx context.Context, job importJob, news func(ImportProgress)) error {
	imp, err := fold[journal.State](ctx, w.log, journal.Stream(job.id))
	if err != nil {
		return err
	}
	c := &comparison{w: w, job: job, imp: imp.State, known: imp, news: news}
	if c.news == nil {
		c.news = func(ImportProgress) {}
	}
	if imp.State.Reconciled != nil { // it was compared before; what was cut off then counts now
		if imp.State.Channel != 0 {
			if c.channel, err = w.channelOf(ctx, imp.State.Merchant, imp.State.Channel); err != nil {
				return err
			}
		}
		return c.finish(ctx)
	}
	err = c.run(ctx)
	var refused *notTaken
	if !errors.As(err, &refused) {
		return err
	}
	e := refused.event
	e.ID, e.At = job.id, w.log.Now()
	_, err = Handle[journal.State](ctx, w, journal.Stream(job.id), journal.Refuse{Refused: e}, job.by)
	return err
}

// notTaken is a statement that is not taken.
type notTaken struct{ event journal.Refused }

func (r *notTaken) Error() string { return r.event.Reason }

func refuse(format string, args ...any) error {
	return &notTaken{journal.Refused{Reason: fmt.Sprintf(format, args...)}}
}

// unreadable is the error of a file: a refusal where the file is at fault.
func unreadable(err error) error {
	var bad *statement.Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		e := journal.Refused{Reason: "Nothing of the file was taken: " + bad.Error(), Bad: bad.Count}
		for _, l := range bad.Lines {
			e.Lines = append(e.Lines, journal.BadLine{Line: l.Line, Column: l.Column, Reason: l.Reason})
		}
		return &notTaken{e}
	case errors.Is(err, statement.ErrUnknown), errors.Is(err, statement.ErrOldExcel), errors.Is(err, statement.ErrTooLarge),
		errors.Is(err, statement.ErrDamaged), errors.Is(err, statement.ErrMapping):
		return refuse("Nothing of the file was taken: %s", err.Error())
	}
	return err
}

func (c *comparison) run(ctx context.Context) error {
	c.news(ImportProgress{Step: "reading"})
	var err error
	if c.header, c.summary, err = statement.Inspect(ctx, c.job.file.input(), c.job.file.Options); err != nil {
		return unreadable(err)
	}
	if err := c.setScope(ctx); err != nil {
		return err
	}
	m, err := reconciliation.New(c.scope)
	if err != nil {
		return err
	}
	m.Grow(c.summary.Completed, 0)
	load := c.w.newLoader(c.imp.Merchant, m, c.scope, c.channel)
	load.settled = c.job.file.settled
	q := BooksQuery{
		Merchant: c.imp.Merchant, Mode: c.imp.Mode, Channel: c.imp.Channel, Currency: c.scope.Currency,
		From: c.scope.Period.From.Add(-activityMargin), Until: c.scope.Period.Until.Add(activityMargin),
	}
	at, err := load.books(ctx, q, c.news)
	if err != nil {
		return err
	}
	if err := c.lines(ctx, m, load); err != nil {
		return err
	}
	c.news(ImportProgress{Step: "matching", Total: c.summary.Lines})
	totals, err := m.Match(c.keep)
	if err != nil {
		return err
	}
	texts, err := c.texts(ctx)
	if err != nil {
		return err
	}
	done, err := c.conclusion(ctx, totals, uint64(at))
	if err != nil {
		return err
	}
	if err := c.record(ctx, texts, done); err != nil {
		return err
	}
	return c.finish(ctx)
}

// finish lets what is certain count, and notes when all of it has. It needs no file.
func (c *comparison) finish(ctx context.Context) error {
	if err := c.act(ctx); err != nil {
		return err
	}
	by := c.job.by
	by.Actor = byReconciliation
	_, err := handleFrom(ctx, c.w, journal.Stream(c.job.id), c.known, journal.Count{Counted: journal.Counted{ID: c.job.id, At: c.w.log.Now()}}, by)
	return err
}

// setScope says what is compared with what. Errors: a refusal when it is another account's statement.
func (c *comparison) setScope(ctx context.Context) error {
	name, err := c.w.zoneOf(ctx, c.imp.Merchant)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return err
	}
	if c.imp.Channel != 0 {
		if c.channel, err = c.w.channelOf(ctx, c.imp.Merchant, c.imp.Channel); err != nil {
			return err
		}
		if code := c.header.ShortCode; code != "" && code != c.channel.ShortCode && code != c.channel.TillNumber {
			return refuse("It is the statement of shortcode %.20s, and the payment channel's is %s", code, c.channel.ShortCode)
		}
	}
	if c.summary.Completed == 0 {
		return refuse("No line of it moved money")
	}
	period, stated := c.header.Period()
	switch {
	case !c.job.file.period.From.IsZero():
		period = c.job.file.period
	case !stated:
		period.From, period.Until = dayOf(c.summary.First, zone), dayOf(c.summary.Last, zone).AddDate(0, 0, 1)
	}
	c.scope = reconciliation.Scope{Source: c.imp.Source, Channel: c.imp.Channel, Currency: c.header.Currency, Period: period, Zone: zone}
	c.balance = reconciliation.NewBalanceCheck(c.scope.Currency)
	return nil
}

// dayOf is the begin of the day.
func dayOf(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// linesAhead is how many lines are read at once while others are taken.
const linesAhead = 512

// each reads the file again, ahead of who takes its lines.
func (c *comparison) each(ctx context.Context, take func(*statement.Line) error) error {
	f, err := statement.Open(c.job.file.input(), c.job.file.Options)
	if err != nil {
		return unreadable(err)
	}
	lines := make(chan []statement.Line, 2)
	g, reading := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(lines)
		return unbroken(func() error { return ahead(reading, f, lines) })
	})
	g.Go(func() error {
		for part := range lines {
			for i := range part {
				if err := take(&part[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return errors.Join(g.Wait(), f.Close())
}

// ahead reads a file's lines for whoever takes them.
func ahead(ctx context.Context, f *statement.File, lines chan<- []statement.Line) error {
	part := make([]statement.Line, 0, linesAhead)
	for l := range f.Lines(ctx) {
		if part = append(part, l); len(part) < linesAhead {
			continue
		}
		select {
		case lines <- part:
		case <-ctx.Done():
			return ctx.Err()
		}
		part = make([]statement.Line, 0, linesAhead)
	}
	select {
	case lines <- part:
	case <-ctx.Done():
		return ctx.Err()
	}
	return unreadable(f.Err())
}

// lines gives the statement's lines to the matcher, and the books of receipts that are not of the time or the channel.
func (c *comparison) lines(ctx context.Context, m *reconciliation.Matcher, load *loader) error {
	n := 0
	return c.each(ctx, func(l *statement.Line) error {
		if n++; n%newsEvery == 0 {
			c.news(ImportProgress{Step: "lines", Done: n, Total: c.summary.Lines})
		}
		line, moved := l.Entry()
		if !moved {
			return nil
		}
		c.balance.Add(line)
		if err := m.AddLine(line); err != nil {
			return refuse("%s", err.Error())
		}
		if c.imp.Channel == 0 {
			return nil
		}
		if err := load.byReceipt(ctx, line.Receipt); err != nil {
			return err
		}
		return load.byReceipt(ctx, line.Linked)
	})
}

// keep takes what differs from the matcher's results.
func (c *comparison) keep(r reconciliation.Result) error {
	if r.Cause == "" {
		if r.Entry == reconciliation.EntryPayout && r.Line != 0 && len(c.paidOut) < journal.MaxDifferences {
			c.paidOut = append(c.paidOut, r)
		}
		return nil
	}
	if len(c.found) >= journal.MaxDifferences {
		return refuse("More than %d lines and payments differ: is it the statement of this channel?", journal.MaxDifferences)
	}
	c.found = append(c.found, journal.Difference{
		N: len(c.found) + 1, Identity: r.Identity(), Line: r.Line, Kind: r.Kind, Receipt: r.Receipt, Entry: r.Entry, Reference: r.Reference, Payment: r.Payment,
		References: r.References, Events: r.Events, Rule: r.Rule, Cause: r.Cause, State: r.State, Amount: r.Amount, Stated: r.Stated,
		Booked: r.Booked, At: r.At, Text: r.Explanation,
	})
	return nil
}

// texts are the lines that differ as they stand in the file, by number. What they are linked to is noted with the differences.
func (c *comparison) texts(ctx context.Context) (map[int]journal.LineText, error) {
	wanted := map[int]journal.LineText{}
	for i := range c.found {
		if n := c.found[i].Line; n != 0 {
			wanted[n] = journal.LineText{}
		}
	}
	if len(wanted) == 0 {
		return wanted, nil
	}
	linked := map[int]string{}
	err := c.each(ctx, func(l *statement.Line) error {
		if _, ok := wanted[l.Number]; ok && l.Completed {
			linked[l.Number] = l.Linked
			text := journal.LineText{
				Party: string(l.Party), Account: string(l.Account), Details: string(l.Details), Status: l.Status, Reason: l.ReasonType,
			}
			if c.mayBeWords(l.Receipt) {
				text.Reference = l.Receipt
			}
			wanted[l.Number] = text
		}
		return nil
	})
	for i := range c.found {
		d := &c.found[i]
		if d.Line == 0 {
			continue
		}
		if d.Linked = linked[d.Line]; c.mayBeWords(d.Linked) {
			d.Linked = ""
		}
		if d.Cause != reconciliation.Fee && c.mayBeWords(d.Receipt) { // of a charge no words are kept, and they are the bank's
			d.Receipt = ""
		}
	}
	return wanted, err
}

// conclusion is what the comparison came to, with the proof of the balance where the statement shows one.
func (c *comparison) conclusion(ctx context.Context, t reconciliation.Totals, at uint64) (journal.Reconciled, error) {
	b := c.balance.Result()
	e := journal.Reconciled{
		ID: c.job.id, Books: at, From: c.scope.Period.From.UTC(), Until: c.scope.Period.Until.UTC(), Currency: c.scope.Currency, Lines: t.Lines,
		Matched: t.Matched, Statement: t.Statement, Booked: t.Books, Difference: t.Difference, Explained: t.Explained, Unexplained: t.Unexplained,
		Open: t.OpenCount, Differences: len(c.found), Checked: b.Checked, Breaks: b.Breaks, Counting: true,
	}
	if f := b.First; f != nil {
		e.First = journal.Break{Line: f.Line, Stated: f.Stated, Expected: f.Expected}
	}
	for _, cause := range reconciliation.Causes() {
		if s, ok := t.ByCause[cause]; ok {
			e.ByCause = append(e.ByCause, journal.CauseSum{Cause: cause, Count: s.Count, Amount: s.Amount})
		}
	}
	account, ok := c.statementAccount(b)
	if !ok || c.imp.Channel == 0 {
		return e, nil
	}
	var clearing reconciliation.Account
	for _, side := range []struct {
		at   time.Time
		into *money.Money
	}{{c.scope.Period.From, &clearing.Opening}, {c.scope.Period.Until, &clearing.Closing}} {
		minor, err := c.w.Books.Clearing(ctx, BooksQuery{
			Merchant: c.imp.Merchant, Mode: c.imp.Mode, Channel: c.imp.Channel, Currency: c.scope.Currency, Until: side.at,
		})
		if err != nil {
			return e, fmt.Errorf("balance of the clearing account: %w", err)
		}
		*side.into = money.Of(minor, c.scope.Currency)
	}
	p, err := reconciliation.Prove(clearing, account, t, b)
	if err != nil {
		return e, err
	}
	e.Proof = journal.Proof{
		ClearingOpening: clearing.Opening, ClearingClosing: clearing.Closing, StatementOpening: account.Opening, StatementClosing: account.Closing,
		Ties: p.Ties, Proven: p.Proven,
	}
	for _, s := range p.Steps {
		e.Proof.Steps = append(e.Proof.Steps, journal.Step{Name: string(s.Name), Count: s.Count, Amount: s.Amount, Balance: s.Balance})
	}
	return e, nil
}

// statementAccount is the statement's own balances: what its head states, else what its lines show.
func (c *comparison) statementAccount(b reconciliation.Balance) (reconciliation.Account, bool) {
	opening, closing := c.header.Opening, c.header.Closing
	if opening == nil {
		opening = b.Opening
	}
	if closing == nil {
		closing = b.Closing
	}
	if opening == nil || closing == nil {
		return reconciliation.Account{}, false
	}
	return reconciliation.Account{Opening: *opening, Closing: *closing}, true
}

// record appends the differences, and last what makes them count.
func (c *comparison) record(ctx context.Context, texts map[int]journal.LineText, done journal.Reconciled) error {
	stream := journal.Stream(c.job.id)
	known := c.known // read once: with its differences it grows long
	for from := 0; from < len(c.found); from += differencesAtOnce {
		part := c.found[from:min(from+differencesAtOnce, len(c.found))]
		events, err := c.sealed(ctx, part, texts)
		if err != nil {
			return err
		}
		if known, err = handleFrom(ctx, c.w, stream, known, journal.Find{Found: events}, c.job.by); err != nil {
			return fmt.Errorf("keep differences: %w", err)
		}
		c.news(ImportProgress{Step: "recording", Done: from, Total: len(c.found)})
	}
	done.At = c.w.log.Now()
	known, err := handleFrom(ctx, c.w, stream, known, journal.Conclude{Reconciled: done}, c.job.by)
	c.imp, c.known = known.State, known
	return err
}
