package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// ImportPath is where statements are uploaded, MaxImportBytes how large a request may be: a file and its fields.
const (
	ImportPath     = "/api/reconciliation/imports"
	MaxImportBytes = statement.MaxFileBytes + 1<<20
)

const routeImport = "reconciliation/imports"

// StatementFile is a statement that is to be compared with the books.
type StatementFile struct {
	Merchant int64
	Mode     domain.Mode
	Source   reconciliation.Source
	Channel  int64 // 0 for a bank account
	Name     string
	statement.Options
	// Bank is what the merchant calls the bank whose mapping is meant.
	Bank string

	file   *os.File // without a name: nothing of it is left when the process ends
	size   int64
	sha256 string
	// period is what was asked for, of a list that was fetched; settled the settlement of each payment, by the provider's numbers.
	period  reconciliation.Period
	settled map[string]string
	// readAs is what was said of how the file is to be read: read otherwise it is another import.
	readAs []string
}

// Close lets go of the file.
func (f *StatementFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

func (f *StatementFile) input() statement.Input {
	return statement.Input{ReaderAt: f.file, Size: f.size}
}

// stage copies a file to where nobody finds it by a name. Errors: TooLarge.
func (w *WriteSide) stage(f *StatementFile, from io.Reader) error {
	if w.StagingDir != "" {
		if err := os.MkdirAll(w.StagingDir, 0o700); err != nil {
			return fmt.Errorf("take the statement: %w", err)
		}
	}
	file, err := os.CreateTemp(w.StagingDir, "statement-*")
	if err != nil {
		return fmt.Errorf("take the statement: %w", err)
	}
	f.file = file
	if err := os.Remove(file.Name()); err != nil {
		return fmt.Errorf("take the statement: %w", err)
	}
	if f.size, err = io.Copy(file, io.LimitReader(from, statement.MaxFileBytes+1)); err != nil {
		return &domain.Error{Code: domain.CodeMalformed, Message: "The file can't be read", Err: err}
	}
	if f.size > statement.MaxFileBytes {
		return &domain.Error{Code: domain.CodeTooLarge, Message: fmt.Sprintf("The file is over %d bytes", statement.MaxFileBytes)}
	}
	f.sha256, err = statement.Digest(f.input())
	return err
}

// maxField bounds a field of the form beside the file.
const maxField = 64 << 10

// readForm reads the parts of a multipart request as they come, the file to where it is staged. Errors: Malformed, TooLarge.
func (w *WriteSide) readForm(c *fiber.Ctx, f *StatementFile) (map[string]string, error) {
	_, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || params["boundary"] == "" {
		return nil, &domain.Error{Code: domain.CodeMalformed, Message: "Content-Type must be multipart/form-data"}
	}
	stream := c.Context().RequestBodyStream()
	if !c.Request().IsBodyStream() {
		stream = strings.NewReader(string(c.Body()))
	}
	parts, fields := multipart.NewReader(stream, params["boundary"]), map[string]string{}
	for {
		part, err := parts.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return fields, nil
		case err != nil:
			return nil, &domain.Error{Code: domain.CodeMalformed, Message: "The form can't be read", Err: err}
		}
		name := part.FormName()
		if name == "file" {
			if f.file != nil {
				return nil, domain.Invalid("file", "must be one file")
			}
			if f.Name = part.FileName(); utf8.RuneCountInString(f.Name) > maxDescription || !utf8.ValidString(f.Name) {
				f.Name = ""
			}
			if err := w.stage(f, part); err != nil {
				return nil, err
			}
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(part, maxField+1))
		switch {
		case err != nil:
			return nil, &domain.Error{Code: domain.CodeMalformed, Message: "The form can't be read", Err: err}
		case len(raw) > maxField || len(fields) >= 20:
			return nil, &domain.Error{Code: domain.CodeTooLarge, Message: "A field of the form is too large"}
		}
		fields[name] = strings.TrimSpace(string(raw))
	}
}

// StatementOptions are what a request says of a file, as text.
type StatementOptions struct {
	Source, Currency, Account, Bank, Mapping, DateLayout, Encoding, Format string
}

// said is what the options say of how the file is to be read, where they say anything.
func (o StatementOptions) said() []string {
	var out []string
	for _, part := range [][2]string{{"currency", o.Currency}, {"format", o.Format}, {"date_layout", o.DateLayout}, {"encoding", o.Encoding}} {
		if part[1] != "" {
			out = append(out, part[0]+"="+part[1])
		}
	}
	return out
}

// understand reads the options into f. Errors: Invalid on each field.
func (w *WriteSide) understand(ctx context.Context, f *StatementFile, o StatementOptions, by By) error {
	var p domain.Problems
	if f.file == nil {
		p.Add("file", "is required")
	}
	f.Source = reconciliation.Source(o.Source)
	if !f.Source.Known() {
		p.Add("source", "must be mpesa_statement, paystack_settlement, paystack_transactions or bank")
	}
	if f.Source == reconciliation.SourceMpesaPull && f.period.From.IsZero() {
		p.Add("source", "is asked for, not uploaded: kipay reconcile fetch")
	}
	f.Options.Source = f.Source
	if o.Format != "" {
		f.Options.Format = statement.Format(o.Format)
	}
	if o.Format != "" && f.Options.Format.Source() != f.Source {
		p.Add("format", "is none of the source's")
	}
	f.Options.TempDir, f.Options.DateLayout, f.Options.Encoding = w.StagingDir, o.DateLayout, statement.Encoding(o.Encoding)
	if o.DateLayout != "" {
		if _, err := statement.LayoutOf(o.DateLayout); err != nil {
			p.Add("date_layout", "must be a layout such as DD/MM/YYYY HH:mm")
		}
	}
	if e := f.Options.Encoding; e != "" && e != statement.UTF8 && e != statement.Windows1252 {
		p.Add("encoding", "must be utf-8 or windows-1252")
	}
	currency := money.KES
	if o.Currency != "" {
		var err error
		if currency, err = money.ParseCurrency(o.Currency); err != nil {
			p.Add("currency", err.Error())
		}
	}
	switch {
	case f.Source == reconciliation.SourceBank:
		f.Channel = 0
		if o.Account == "" && o.Bank == "" {
			p.Add("account", "is required for a bank: what you call the account")
		}
	case f.Channel == 0:
		p.Add("payment_channel_id", "is required")
	default:
		ch, err := w.channelOf(ctx, f.Merchant, f.Channel)
		switch {
		case domain.CodeOf(err) == domain.CodeNotFound:
			p.Add("payment_channel_id", "does not exist")
		case err != nil:
			return err
		case ch.Mode() != f.Mode:
			p.Addf("payment_channel_id", "is a channel for %s money", ch.Mode())
		case (ch.Provider == channel.Mpesa) != f.Source.OfMpesa():
			p.Addf("source", "is not that of a %s channel", ch.Provider)
		}
		if o.Currency == "" {
			currency = ch.Currency
		}
	}
	f.Options.Currency, f.Bank, f.readAs = currency, o.Bank, o.said()
	if f.Options.Account = o.Account; o.Account == "" {
		f.Options.Account = o.Bank
	}
	for name, value := range map[string]string{"account": o.Account, "bank": o.Bank} {
		if utf8.RuneCountInString(value) > maxReference {
			p.Addf(name, "must have at most %d characters", maxReference)
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	return w.mapBank(ctx, f, o, by)
}

// mapBank finds, or keeps, how the bank writes its CSV. Errors: Invalid on mapping.
func (w *WriteSide) mapBank(ctx context.Context, f *StatementFile, o StatementOptions, by By) error {
	if f.Source != reconciliation.SourceBank {
		return nil
	}
	stream := journal.MappingStream(f.Merchant, w.derive.hash("bank", itoa(f.Merchant), strings.ToLower(f.Options.Account)))
	if o.Mapping == "" {
		kept, err := fold[journal.MappingState](ctx, w.log, stream)
		if err != nil || len(kept.State.Mapping) == 0 {
			return err
		}
		f.Options.Bank, f.readAs = new(statement.Mapping), append(f.readAs, "mapping="+kept.State.Mapping)
		return json.Unmarshal([]byte(kept.State.Mapping), f.Options.Bank)
	}
	m, err := readMapping(o.Mapping)
	if err != nil {
		return err
	}
	if err := m.Check(); err != nil {
		return err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = Handle[journal.MappingState](ctx, w, stream, journal.KeepMapping{MappingKept: journal.MappingKept{
		Merchant: f.Merchant, Bank: f.Options.Account, Mapping: string(raw), At: w.log.Now(),
	}}, by)
	f.Options.Bank, f.readAs = m, append(f.readAs, "mapping="+string(raw))
	return err
}

// readMapping reads how a bank writes its CSV. Errors: Invalid on mapping.
func readMapping(text string) (*statement.Mapping, error) {
	const see = ": see docs/reconciliation.md"
	m := new(statement.Mapping)
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(m)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil && d.More():
		return nil, domain.Invalid("mapping", "must be one JSON object"+see)
	case err == nil:
		return m, nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return nil, domain.Invalid("mapping", fmt.Sprintf("%s can't be a JSON %s%s", wrong.Field, wrong.Value, see))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return nil, domain.Invalid("mapping", "has no field "+name+see)
	}
	return nil, domain.Invalid("mapping", "must be a JSON object"+see)
}

// importStatement takes a statement: 202 while it is compared, 200 when the file is known.
func (w *WriteSide) importStatement(c *fiber.Ctx) error {
	who, by, err := caller(c)
	if err != nil {
		return err
	}
	f := &StatementFile{Merchant: who.MerchantID, Mode: who.Mode}
	given := false
	defer func() {
		if !given {
			_ = f.Close()
		}
	}()
	fields, err := w.readForm(c, f)
	if err != nil {
		return err
	}
	if text := fields["payment_channel_id"]; text != "" {
		if f.Channel, err = strconv.ParseInt(text, 10, 64); err != nil || f.Channel < 1 || f.Channel > ids.Max {
			return domain.Invalid("payment_channel_id", "must be a positive integer")
		}
	}
	o := optionsOf(fields)
	if err := w.understand(c.UserContext(), f, o, by); err != nil {
		return err
	}
	said := o.said()
	if o.Mapping != "" { // what was kept of others is no part of the request
		said = append(said, "mapping="+o.Mapping)
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	var idem idempotent
	if key != "" {
		m := itoa(who.MerchantID) + " " + string(who.Mode)
		idem = idempotent{
			Key:  w.derive.hash("idempotency", m, routeImport, key),
			Body: w.derive.hash("request body", append([]string{m, routeImport, f.sha256, string(f.Source), itoa(f.Channel), f.Options.Account}, said...)...),
		}
	}
	a, err := w.once(c.UserContext(), who, by, idem, routeImport, ids.Statement, func(ctx context.Context, in intent) (answer, error) {
		s, fresh, err := w.beginImport(ctx, f, in.ID, by)
		status := fiber.StatusOK
		if fresh {
			status = fiber.StatusAccepted
		}
		return answer{Status: status, Subject: s.Subject, Body: importAnswer{Status: "success", Import: viewImport(s, true)}}, err
	})
	if err != nil {
		return err
	}
	given, err = w.reconciler.submit(c.UserContext(), w, f, by)
	if err != nil {
		return err
	}
	answerPosition(c, w.seen.Of(who.MerchantID))
	return a.send(c)
}

func optionsOf(fields map[string]string) StatementOptions {
	return StatementOptions{
		Source: fields["source"], Currency: fields["currency"], Account: fields["account"], Bank: fields["bank"], Mapping: fields["mapping"],
		DateLayout: fields["date_layout"], Encoding: fields["encoding"], Format: fields["format"],
	}
}

func (w *WriteSide) fileStream(f *StatementFile) string {
	parts := []string{itoa(f.Merchant), string(f.Mode), string(f.Source), itoa(f.Channel), f.Options.Account, f.sha256}
	return journal.FileStream(w.derive.hash("statement file", append(parts, f.readAs...)...))
}

// beginImport opens the import of a file, under the number drawn for it, or answers that which the file has. It may be repeated. An
// import is begun before the file is given to it, so that whoever finds the file taken finds its import; one that comes second is
// refused.
func (w *WriteSide) beginImport(ctx context.Context, f *StatementFile, id int64, by By) (_ journal.State, fresh bool, _ error) {
	stream := w.fileStream(f)
	give, err := w.twins.take(ctx, stream) // on this node nobody comes second who was not there before
	if err != nil {
		return journal.State{}, false, asUnavailable(err)
	}
	defer give()
	for {
		known, err := fold[journal.FileState](ctx, w.log, stream)
		if err != nil {
			return journal.State{}, false, err
		}
		n := known.State.Import
		if n != 0 && n != id {
			s, err := fold[journal.State](ctx, w.log, journal.Stream(n))
			if err != nil {
				return journal.State{}, false, err
			}
			if s.State.Exists() && s.State.Status() != journal.Failed {
				return s.State, s.State.Status() == journal.Processing, w.giveWay(ctx, id, n, by)
			}
		}
		own, err := HandleNew[journal.State](ctx, w, journal.Stream(id), journal.Begin{Begun: journal.Begun{
			ID: id, Merchant: f.Merchant, Mode: f.Mode, Channel: f.Channel, Source: f.Source, Format: string(f.Options.Format), Subject: journal.Stream(id),
			File: domain.Personal(f.Name), Account: domain.Personal(f.Options.Account), SHA256: f.sha256, Bytes: f.size, At: w.log.Now(),
		}}, by)
		if err != nil {
			return journal.State{}, false, err
		}
		if own.State.Status() == journal.Failed { // the number was used up by a request that was cut off
			if id, err = w.draw(ctx, ids.Statement); err != nil {
				return journal.State{}, false, err
			}
			continue
		}
		if n != id {
			out, err := Handle[journal.FileState](ctx, w, stream, journal.ClaimFile{
				FileClaimed: journal.FileClaimed{Import: id, Merchant: f.Merchant, SHA256: f.sha256, At: w.log.Now()}, Instead: n,
			}, by)
			switch {
			case err != nil:
				return journal.State{}, false, err
			case out.State.Import != id:
				continue
			}
		}
		return own.State, own.State.Status() == journal.Processing, nil
	}
}

// giveWay refuses an import, if it was begun, whose file is another's.
func (w *WriteSide) giveWay(ctx context.Context, id, to int64, by By) error {
	_, err := Handle[journal.State](ctx, w, journal.Stream(id), journal.Refuse{Refused: journal.Refused{
		ID: id, Reason: fmt.Sprintf("The same file is import %d.", to), At: w.log.Now(),
	}}, by)
	return err
}

// zoneOf is a merchant's time zone.
func (w *WriteSide) zoneOf(ctx context.Context, id merchant.ID) (string, error) {
	m, err := w.merchants.get(ctx, w.log, merchant.Stream(id))
	if err != nil || m.State.TimeZone == "" {
		return merchant.DefaultTimeZone, err
	}
	return m.State.TimeZone, nil
}
