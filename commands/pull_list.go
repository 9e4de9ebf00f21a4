package commands

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/phone"
	"github.com/benfex/kipay/domain/reconciliation"
)

const (
	// maxPulled bounds one list: more payments in two days than any shortcode has.
	maxPulled = 1_000_000
	// maxBlankPages is how many pages without a row that can be read are looked behind.
	maxBlankPages = 3
)

// pullPeriod is what can be asked for of a wanted time: nothing of it is ahead of now, and Daraja keeps 48 hours. A zero from is as
// far back as that, a zero until is now. Errors: Invalid on date_from and date_to.
func pullPeriod(from, until, now time.Time) (reconciliation.Period, error) {
	oldest := now.Add(-mpesa.PullWindow)
	if from.IsZero() {
		from = oldest
	}
	if until.IsZero() || until.After(now) {
		until = now
	}
	p := reconciliation.Period{From: from.Truncate(time.Second), Until: until.Truncate(time.Second)}
	switch {
	case from.Before(oldest):
		return p, domain.Invalid("date_from", "must be within the last 48 hours: M-Pesa lists no older payments; import a statement instead")
	case !p.From.Before(p.Until):
		return p, domain.Invalid("date_to", "must not be before date_from")
	}
	return p, nil
}

// pullList asks Daraja for a channel's payments of a time, to the end of the list, and registers the shortcode for it if that is
// what is missing. Rows that can't be read are left out, and somebody is told. Errors: ProviderRefused.
func (w *WriteSide) pullList(ctx context.Context, ch channel.State, p reconciliation.Period, news func(ImportProgress)) ([]statement.Pulled, error) {
	var rows []statement.Pulled
	seen, unreadable, blank, registered := map[string]bool{}, 0, 0, false
	for offset := 0; offset < maxPulled; {
		page, err := w.Mpesa.Pull(ctx, channelKey(ch), mpesaCredentials(ch), mpesa.PullRequest{From: p.From, To: p.Until, Offset: offset})
		if err != nil && !registered && mpesa.NotRegisteredForPull(err) && ch.NominatedNumber != "" {
			registered = true
			if err = w.registerPull(ctx, ch); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, pullFailed(ch, err)
		}
		unreadable += page.Unreadable
		fresh := false
		for _, t := range page.Transactions {
			if key := t.Type + " " + t.Receipt; !seen[key] {
				seen[key], fresh = true, true
				if t.At == nil {
					unreadable++
					continue
				}
				rows = append(rows, statement.Pulled{
					Receipt: t.Receipt, At: *t.At, Amount: t.Amount, Payment: t.IsPayment(), Type: t.Type, Account: t.BillRef, Phone: t.MSISDN, Name: t.Sender,
				})
			}
		}
		if page.Rows > 0 && len(page.Transactions) == 0 { // there may be readable ones behind them
			blank++
			fresh = blank < maxBlankPages
		}
		if offset += page.Rows; !fresh {
			break // nothing that was not there before
		}
		if news != nil {
			news(ImportProgress{Step: "fetching", Done: len(rows)})
		}
	}
	if unreadable > 0 {
		w.Logger.Error().Int64("channel", ch.ID).Int("rows", unreadable).Msg("M-Pesa lists payments that can't be read; somebody should compare a statement")
	}
	return rows, nil
}

// registerPull opens the channel's shortcode for pulling. That it is open already is fine.
func (w *WriteSide) registerPull(ctx context.Context, ch channel.State) error {
	_, err := w.Mpesa.RegisterPull(ctx, channelKey(ch), mpesaCredentials(ch), mpesa.RegisterPullRequest{
		NominatedNumber: string(ch.NominatedNumber), CallbackURL: w.PublicURL + "/hooks/pull/" + itoa(ch.ID) + "/" + w.derive.token("pull", itoa(ch.ID)),
	})
	return err
}

// pullDoor is the address that a registration for pulling has to name. What Daraja would say there is not documented, and nothing of
// it counts: the list itself is asked for.
func (w *WriteSide) pullDoor(c *fiber.Ctx) error {
	if !w.derive.tokenFits(c.Params("token"), "pull", c.Params("channel")) {
		w.observe("callback_refused")
		return errNoSuchDoor()
	}
	w.observe("callback_accepted")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(mpesa.AckBody)
}

// pullFailed is the error of a list that Daraja did not give to its end: half a list is none.
func pullFailed(ch channel.State, err error) error {
	message := "M-Pesa did not give the list of payments: " + err.Error()
	var failed *mpesa.Error
	if errors.As(err, &failed) {
		_, sentence := failed.Reason()
		message = "M-Pesa did not give the list of payments: " + sentence
	}
	if mpesa.NotRegisteredForPull(err) && ch.NominatedNumber == "" {
		message += " To register it, say under which phone: kipay channel pull " + itoa(ch.ID) + " --number 2547XXXXXXXX"
	}
	return &domain.Error{Code: domain.CodeProviderRefused, Message: message, Err: err}
}

// fetchPull asks Daraja for a channel's payments and compares them with the books.
func (w *WriteSide) fetchPull(ctx context.Context, f StatementFile, ch channel.State, from, until time.Time, news func(ImportProgress)) (ImportView, error) {
	if ch.Provider != channel.Mpesa {
		return ImportView{}, domain.Invalid("payment_channel_id", "is not an M-Pesa channel")
	}
	p, err := pullPeriod(from, until, w.log.Now())
	if err != nil {
		return ImportView{}, err
	}
	rows, err := w.pullList(ctx, ch, p, news)
	if err != nil {
		return ImportView{}, err
	}
	return w.comparePulled(ctx, f, rows, p, By{Actor: byOperator, Merchant: f.Merchant}, news)
}

// comparePulled compares a list that Daraja gave with the books, as a statement of customers' payments.
func (w *WriteSide) comparePulled(ctx context.Context, f StatementFile, rows []statement.Pulled, p reconciliation.Period, by By, news func(ImportProgress)) (ImportView, error) {
	f.Source, f.Options.Format, f.period = reconciliation.SourceMpesaPull, statement.MpesaPullJSON, p
	f.Name = string(f.Source) + " " + p.From.UTC().Format(time.RFC3339) + " to " + p.Until.UTC().Format(time.RFC3339)
	return w.compareWritten(ctx, &f, StatementOptions{Source: string(f.Source)}, by, news, func(out io.Writer) error { return statement.WritePulled(out, rows) })
}

// SetPulling has a channel's payments asked for every so often, or no more, for the operator. number is the phone in the shortcode's
// papers, empty for the one that is known. Errors: NotFound, Conflict, Invalid.
func (w *WriteSide) SetPulling(ctx context.Context, id channel.ID, on bool, number string) (channel.State, error) {
	if number != "" {
		plain, err := phone.Mpesa(number)
		if err != nil {
			return channel.State{}, domain.Invalid("nominated_number", "must be 2547XXXXXXXX or 2541XXXXXXXX")
		}
		number = plain
	}
	return w.changeChannel(ctx, id, channel.SetPulling{On: on, NominatedNumber: number, At: w.log.Now()})
}
