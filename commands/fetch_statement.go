package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/reconciliation"
)

// FetchStatement asks a provider for what it lists of a channel and compares that with the books, for the operator: Paystack for its
// transactions or settlements, Daraja for the payments of the last 48 hours. from is included, until is not; of Daraja's list either
// may be zero. Of settlements it asks for the payments of each, so that they are matched by what the provider says and not by days.
// Errors: Invalid on each option; ProviderRefused when the provider does not answer to the end: half a list is none.
func (w *WriteSide) FetchStatement(ctx context.Context, f StatementFile, from, until time.Time, news func(ImportProgress)) (ImportView, error) {
	by := By{Actor: byOperator, Merchant: f.Merchant}
	ch, err := w.channelOf(ctx, f.Merchant, f.Channel)
	switch {
	case err != nil:
		return ImportView{}, err
	case f.Source == reconciliation.SourceMpesaPull:
		return w.fetchPull(ctx, f, ch, from, until, news)
	case ch.Provider != channel.Paystack:
		return ImportView{}, domain.Invalid("payment_channel_id", "is not a Paystack channel")
	case from.Year() < 2000 || until.Year() > 2200: // as of statements; the columns can't hold what is far outside
		return ImportView{}, domain.Invalid("date_from", "and date_to must be in the years 2000 to 2199")
	case !from.Before(until):
		return ImportView{}, domain.Invalid("date_to", "must not be before date_from")
	}
	f.Name = fmt.Sprintf("%s %s", f.Source, from.Format(time.DateOnly))
	f.period = reconciliation.Period{From: from, Until: until}
	o := StatementOptions{Source: string(f.Source), Currency: string(ch.Currency)}
	return w.compareWritten(ctx, &f, o, by, news, func(out io.Writer) error { return w.writePage(ctx, &f, ch, from, until, out, news) })
}

// compareWritten compares what write writes with the books, as a file of the source and period in f.
func (w *WriteSide) compareWritten(ctx context.Context, f *StatementFile, o StatementOptions, by By, news func(ImportProgress), write func(io.Writer) error) (ImportView, error) {
	pages, out := io.Pipe()
	go func() { _ = out.CloseWithError(write(out)) }()
	err := w.stage(f, pages)
	_ = pages.Close() // whoever still writes is told to stop
	defer func() { _ = f.Close() }()
	if err != nil {
		return ImportView{}, err
	}
	if err := w.understand(ctx, f, o, by); err != nil {
		return ImportView{}, err
	}
	return w.importNow(ctx, f, by, news)
}

// importNow compares a file that is staged and understood, under a number of its own.
func (w *WriteSide) importNow(ctx context.Context, f *StatementFile, by By, news func(ImportProgress)) (ImportView, error) {
	id, err := w.draw(ctx, ids.Statement)
	if err != nil {
		return ImportView{}, err
	}
	return w.importStaged(ctx, f, id, by, news)
}

// writePage writes what Paystack lists as one page of its API.
func (w *WriteSide) writePage(ctx context.Context, f *StatementFile, ch channel.State, from, until time.Time, out io.Writer, news func(ImportProgress)) error {
	n := 0
	row := func(raw []byte) error {
		separator := ","
		if n == 0 {
			separator = `{"status":true,"data":[`
		}
		if n++; n%newsEvery == 0 && news != nil {
			news(ImportProgress{Step: "fetching", Done: n})
		}
		_, err := out.Write(append([]byte(separator), raw...))
		return err
	}
	var err error
	switch f.Source {
	case reconciliation.SourcePaystackTransactions:
		f.Options.Format = statement.PaystackTransactionsJSON
		query := paystack.TransactionQuery{From: from, To: until, Currency: ch.Currency}
		for t, failed := range w.Paystack.Transactions(ctx, paystackKey(ch), paystackCredentials(ch), query) {
			if err = errors.Join(refusedBy(failed), row(t.Raw)); err != nil {
				return err
			}
		}
	case reconciliation.SourcePaystackSettlement:
		f.Options.Format, f.settled = statement.PaystackSettlementsJSON, map[string]string{}
		for s, failed := range w.Paystack.Settlements(ctx, paystackKey(ch), paystackCredentials(ch), paystack.SettlementQuery{From: from, To: until}) {
			if err = errors.Join(refusedBy(failed), row(s.Raw)); err != nil {
				return err
			}
			for t, failed := range w.Paystack.SettlementTransactions(ctx, paystackKey(ch), paystackCredentials(ch), s.ID) {
				if failed != nil {
					return refusedBy(failed)
				}
				f.settled[t.ID] = s.ID
			}
		}
	default:
		return domain.Invalid("source", "must be paystack_transactions, paystack_settlement or mpesa_pull: nothing else can be fetched")
	}
	end := "]}"
	if n == 0 {
		end = `{"status":true,"data":[]}`
	}
	_, err = io.WriteString(out, end)
	return err
}

// refusedBy is the error of a list that the provider did not give to its end.
func refusedBy(err error) error {
	if err == nil {
		return nil
	}
	return &domain.Error{Code: domain.CodeProviderRefused, Message: "Paystack did not give the whole list: " + err.Error(), Err: err}
}

// ImportFile compares a statement with the books for the operator and answers what came of it. news is told of progress. Errors:
// Invalid on each option; NotFound for the file; Conflict when the file is being compared elsewhere.
func (w *WriteSide) ImportFile(ctx context.Context, path string, f StatementFile, o StatementOptions, news func(ImportProgress)) (ImportView, error) {
	by := By{Actor: byOperator, Merchant: f.Merchant}
	from, err := os.Open(path) //nolint:gosec // the operator names it
	if errors.Is(err, os.ErrNotExist) {
		return ImportView{}, domain.NotFoundf("file %s not found", path)
	}
	if err != nil {
		return ImportView{}, err
	}
	defer func() { _ = from.Close() }()
	err = w.stage(&f, from)
	defer func() { _ = f.Close() }()
	if err != nil {
		return ImportView{}, err
	}
	if err := w.understand(ctx, &f, o, by); err != nil {
		return ImportView{}, err
	}
	return w.importNow(ctx, &f, by, news)
}
