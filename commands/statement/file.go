package statement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Options are what a file does not say of itself.
type Options struct {
	// Format is what the file is; empty to look (Detect), with Source as what it has to be.
	Format Format
	Source reconciliation.Source
	// Currency is that of files that name none; KES if empty.
	Currency money.Currency
	// Account names the account whose statement it is, for files that don't. It is part of the lines' keys.
	Account string
	// Encoding is that of text files without a byte order mark; UTF-8 if empty.
	Encoding Encoding
	// DateLayout is how dates are written (LayoutOf), for files that a spreadsheet has saved in its own way; empty for the
	// provider's own layouts.
	DateLayout string
	// Bank says which column is what, for BankCSV; Paystack may do so for its tables.
	Bank     *Mapping
	Paystack *PaystackColumns
	// TempDir is where the parts of a large workbook are unpacked, and removed again by Close; empty for the system's.
	TempDir string
	// IgnoreTotals takes a file whose lines do not add up to its header. Summary.Checks still tells.
	IgnoreTotals bool
}

// File is a statement that is being read: Lines once, then Err and Summary.
type File struct {
	opts    Options
	format  Format
	hash    hash.Hash
	raw     io.Reader // what is left of the file, for its hash
	entries entries
	header  *Header
	keys    *keys
	summary Summary
	bad     []LineError
	badSeen int
	err     error
	read    bool
	close   func() error
}

// entries gives what a format's file holds, an entry or row at a time. next appends its lines to into; it answers io.EOF
// behind the last, a *LineError for one that is bad, any other error for the end of it all. It fills the header as it comes
// to it, at the latest before io.EOF.
type entries interface {
	next(into []Line) ([]Line, error)
}

// Open begins to read a file. Errors: those of Detect, ErrMapping, ErrTooLarge, ErrDamaged; a *Refused when the header is
// bad. The file must be closed if there is no error.
func Open(in Input, o Options) (*File, error) {
	if in.Size > MaxFileBytes {
		return nil, ErrTooLarge
	}
	if o.Format == "" {
		format, err := Detect(in, o.Source)
		if err != nil {
			return nil, err
		}
		o.Format = format
	}
	if o.Currency == "" {
		o.Currency = money.KES
	}
	f := &File{opts: o, format: o.Format, hash: sha256.New(), header: &Header{}, keys: newKeys(o.Format.Source()), close: func() error { return nil }}
	f.header.Currency = o.Currency
	if err := f.begin(in); err != nil {
		err = firstError(err, f.close())
		var bad *LineError
		if errors.As(err, &bad) {
			return nil, &Refused{Lines: []LineError{*bad}, Count: 1}
		}
		return nil, err
	}
	return f, nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// begin makes the reader of the format.
func (f *File) begin(in Input) error {
	section := io.NewSectionReader(in, 0, in.Size)
	if f.format == MpesaXLSX {
		return f.beginXLSX(in, section)
	}
	f.raw = io.TeeReader(section, f.hash)
	if f.format == BankCAMT053 { // XML names its encoding itself
		f.entries = newCAMT053(decoded(f.raw, UTF8), f.header)
		return nil
	}
	text := decoded(f.raw, f.opts.Encoding)
	var err error
	switch f.format {
	case MpesaCSV:
		text, mark, e := f.chooseDelimiter(text, isMpesaHeader)
		if e != nil {
			return e
		}
		f.entries, err = newMpesa(newCSVRows(text, mark), f.header, f.opts, false)
	case PaystackTransactionsCSV:
		text, mark, e := f.chooseDelimiter(text, f.opts.Paystack.isTransactions)
		if e != nil {
			return e
		}
		f.entries, err = newPaystackTransactions(newCSVRows(text, mark), f.header, f.opts)
	case PaystackSettlementsCSV:
		text, mark, e := f.chooseDelimiter(text, f.opts.Paystack.isSettlements)
		if e != nil {
			return e
		}
		f.entries, err = newPaystackSettlements(newCSVRows(text, mark), f.header, f.opts)
	case PaystackTransactionsJSON:
		f.opts.Paystack, f.opts.DateLayout = nil, ""
		f.entries, err = newPaystackTransactions(newJSONRows(text, transactionFields()), f.header, f.opts)
	case PaystackSettlementsJSON:
		f.opts.Paystack, f.opts.DateLayout = nil, ""
		f.entries, err = newPaystackSettlements(newJSONRows(text, settlementFields()), f.header, f.opts)
	case MpesaPullJSON:
		f.entries, err = newPulled(text, f.header)
	case BankCSV:
		f.entries, err = newBank(text, f.header, f.opts)
	case BankMT940:
		f.entries = newMT940(text, f.header)
	default:
		return ErrUnknown
	}
	return err
}

// Format is what the file is.
func (f *File) Format() Format { return f.format }

// Header is what the file says of itself. Some formats tell a part of it only at their end.
func (f *File) Header() Header { return *f.header }

// Close gives back what reading holds. It may be called at any time.
func (f *File) Close() error {
	c := f.close
	f.close = func() error { return nil }
	return c()
}

// Lines are the lines in the order of the file, until the first bad one: behind it nothing is given any more, only looked
// at. Whoever takes lines must see Err afterwards before anything of them counts. It can be ranged over once.
func (f *File) Lines(ctx context.Context) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		if f.read {
			f.err = firstError(f.err, errors.New("a file's lines can be read once"))
			return
		}
		f.read = true
		f.summary.Format = f.format
		done, err := f.walk(ctx, yield)
		if err != nil {
			f.err = firstError(f.err, fmt.Errorf("read the statement: %w", err))
		}
		if done {
			f.finish()
		}
	}
}

// errStopped is a caller that took no more lines.
var errStopped = errors.New("it was not read to its end")

// walk reads to the end; done is false when it was not reached.
func (f *File) walk(ctx context.Context, yield func(Line) bool) (done bool, err error) {
	var lines []Line
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		lines, err = f.entries.next(lines[:0])
		var bad *LineError
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return true, nil
		case errors.As(err, &bad):
			f.note(*bad)
			if f.badSeen >= MaxBadCount {
				return true, nil
			}
			continue
		default:
			return false, err
		}
		if len(lines) == 0 {
			f.summary.Skipped++
			continue
		}
		for i := range lines {
			if f.summary.Lines >= MaxLines {
				return false, fmt.Errorf("%w: more than %d lines", ErrTooLarge, MaxLines)
			}
			if !f.take(&lines[i], yield) {
				return false, errStopped
			}
		}
	}
}

func (f *File) note(bad LineError) {
	f.badSeen++
	if len(f.bad) < MaxBadLines {
		f.bad = append(f.bad, bad)
	}
}

// take counts a good line and hands it on.
func (f *File) take(l *Line, yield func(Line) bool) bool {
	s := &f.summary
	if s.Lines == 0 { // some formats name their currency and account just above their first line
		s.PaidIn, s.Withdrawn = money.Of(0, f.header.Currency), money.Of(0, f.header.Currency)
		f.keys.account = f.accountKey()
	}
	switch c := s.PaidIn.Currency; {
	case l.PaidIn.Currency != c || l.Withdrawn.Currency != c:
		f.note(LineError{Line: l.Number, Column: columnCurrency, Reason: "is not the statement's currency, " + string(c)})
		return true
	case max(l.PaidIn.Minor, l.Withdrawn.Minor) > reconciliation.MaxAmount:
		f.note(LineError{Line: l.Number, Column: columnAmount, Reason: "is more than can be reconciled"})
		return true
	}
	f.keys.give(l)
	s.Lines++
	if at := l.CompletedAt; !at.IsZero() && (s.First.IsZero() || at.Before(s.First)) {
		s.First = at
	}
	if l.CompletedAt.After(s.Last) {
		s.Last = l.CompletedAt
	}
	if l.AccountUnsure {
		s.Unsure++
	}
	if l.Completed {
		s.Completed++
		s.PaidIn, s.Withdrawn = s.PaidIn.Add(l.PaidIn), s.Withdrawn.Add(l.Withdrawn)
	}
	if f.badSeen > 0 {
		return true
	}
	return yield(*l)
}

// accountKey names the statement's account in the keys: what the caller calls it, else what the file does.
func (f *File) accountKey() string {
	if f.opts.Account != "" {
		return folded(f.opts.Account)
	}
	return folded(f.header.ShortCode) + "/" + folded(string(f.header.Account))
}

// finish reads the rest of the file for its hash and holds the sums to the header.
func (f *File) finish() {
	if f.raw != nil {
		if _, err := io.Copy(io.Discard, f.raw); err != nil {
			f.err = firstError(f.err, fmt.Errorf("read the end of the statement: %w", err))
		}
	}
	s, h := &f.summary, f.header
	if s.Lines == 0 {
		s.PaidIn, s.Withdrawn = money.Of(0, h.Currency), money.Of(0, h.Currency)
	}
	s.SHA256 = hex.EncodeToString(f.hash.Sum(nil))
	compare := func(name string, stated *money.Money, found money.Money) {
		if stated != nil {
			s.Checks = append(s.Checks, Check{Name: name, Stated: *stated, Found: found})
		}
	}
	compare("total paid in", h.PaidIn, s.PaidIn)
	compare("total withdrawn", h.TakenOut, s.Withdrawn)
	if h.Opening != nil {
		compare("closing balance", h.Closing, money.Of(h.Opening.Minor+s.PaidIn.Minor-s.Withdrawn.Minor, h.Currency))
	}
}

// Err is nil when the file was read to its end and all of it is good. Otherwise nothing of it is to be imported: a *Refused
// names the bad lines or the totals that do not agree, ErrTooLarge, ErrDamaged and the context's error say the rest.
func (f *File) Err() error {
	if !f.read {
		return errStopped
	}
	if f.err != nil && (f.badSeen == 0 || !errors.Is(f.err, ErrDamaged)) { // a bad line says more than what it led to
		return f.err
	}
	refused := &Refused{Lines: f.bad, Count: f.badSeen}
	if f.badSeen == 0 && !f.opts.IgnoreTotals {
		for _, c := range f.summary.Checks {
			if !c.Agrees() {
				refused.Totals = append(refused.Totals, c)
			}
		}
	}
	if f.badSeen == 0 && len(refused.Totals) == 0 {
		return nil
	}
	return refused
}

// Summary is what the file comes to. It is complete once Err is nil; the hash is there whenever the end was reached.
func (f *File) Summary() Summary { return f.summary }

// Inspect reads a file to its end without giving its lines to anybody, to see whether it is good.
func Inspect(ctx context.Context, in Input, o Options) (Header, Summary, error) {
	f, err := Open(in, o)
	if err != nil {
		return Header{}, Summary{}, err
	}
	for range f.Lines(ctx) {
		continue
	}
	return f.Header(), f.Summary(), firstError(f.Err(), f.Close())
}

// Digest is a file's SHA-256 in hex, to know a file again before it is read.
func Digest(in Input) (string, error) {
	if in.Size > MaxFileBytes {
		return "", ErrTooLarge
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(in, 0, in.Size)); err != nil {
		return "", fmt.Errorf("read the file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// datesOf are the dates of a file whose own layouts these are, unless the caller chose one.
func (o Options) datesOf(layouts []string, zone *time.Location) (dates, error) {
	if o.DateLayout == "" {
		return dates{layouts: layouts, zone: zone}, nil
	}
	layout, err := LayoutOf(o.DateLayout)
	if err != nil {
		return dates{}, err
	}
	return dates{layouts: append([]string{layout}, layouts...), chosen: true, zone: zone}, nil
}
