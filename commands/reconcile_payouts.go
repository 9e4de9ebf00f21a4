package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// payouts reads payouts from the log into the matcher. They leave the statement of a provider, and arrive at a bank's.
func (l *loader) payouts(ctx context.Context, references []string) error {
	bank := l.scope.Source == reconciliation.SourceBank
	for _, reference := range references {
		var s payout.State
		var booked, feeAt time.Time
		var events []string
		err := l.w.log.EachInStream(ctx, payout.Reference(reference).Stream(), 0, func(e eventstore.Envelope) error {
			switch ev := e.Event.(type) {
			case payout.Sent:
				booked = ev.At
			case payout.Recorded:
				booked = ev.At
			case payout.Failed:
				booked = time.Time{}
			case payout.Completed:
				if booked.IsZero() {
					booked = ev.At
				}
				feeAt = ev.At
			case payout.ChargeReported:
				feeAt = ev.At
			}
			s = s.Evolve(e.Event)
			if len(events) < maxNamedEvents {
				events = append(events, e.ID.String())
			}
			return nil
		})
		if err != nil {
			return asUnavailable(err)
		}
		if !s.Exists() || bank && s.Destination.Kind != payout.ToBank {
			continue
		}
		p := payoutEntry(s, booked, events, bank)
		if s.Charge != nil {
			p.Fee, p.FeeAt = *s.Charge, feeAt
		}
		if err := l.matcher.AddPayout(p); err != nil {
			return err
		}
		if s.Receipt != "" {
			l.known[s.Receipt] = true
		}
	}
	return nil
}

func payoutEntry(s payout.State, booked time.Time, events []string, bank bool) reconciliation.Payout {
	p := reconciliation.Payout{
		Reference: string(s.Reference), Channel: s.Channel, Kind: reconciliation.KindPayout, Amount: s.Amount, Incoming: bank,
		Status: reconciliation.StatusPending, Receipt: s.Receipt, SentAt: s.SentAt, BookedAt: booked, Events: events,
	}
	if s.Destination.Kind == payout.ToPhone {
		p.Phone = string(s.Destination.Number)
	}
	if s.Destination.Kind == payout.ToBank {
		p.Kind = reconciliation.KindWithdrawalToBank
	}
	switch s.Status {
	case payout.Paid:
		p.Status, p.Amount = reconciliation.StatusCompleted, s.Came
	case payout.Refused, payout.Stopped, payout.Forgotten:
		p.Status = reconciliation.StatusFailed
	case payout.Waiting, payout.Ready, payout.Pending:
	}
	if bank && s.BankReference != "" {
		p.Receipt = s.BankReference
	}
	if p.SentAt.IsZero() {
		p.SentAt = s.PaidAt
	}
	return p
}

// completePayout notes that a payout of ours went through, by the statement's word.
func (w *WriteSide) completePayout(ctx context.Context, imp journal.State, i journal.Item, by By) (journal.Resolution, error) {
	raw, digest := w.wordsOf(imp, i)
	amount := money.Of(-i.Stated.Minor, i.Stated.Currency)
	_, err := Handle[payout.State](ctx, w, payout.Reference(i.Reference).Stream(), payout.Weigh{
		Door: payout.DoorStatement, Raw: raw, Digest: digest, Done: true, Receipt: i.Receipt, Amount: &amount, PaidAt: i.At, At: w.log.Now(),
	}, by)
	if err != nil {
		return journal.Resolution{}, err
	}
	return journal.Resolution{Action: journal.Recorded, Reference: i.Reference}, nil
}

// completePayouts does so for those that are booked already, and whose end was not known: between them and their lines is no
// difference.
func (c *comparison) completePayouts(ctx context.Context, by By) error {
	for _, r := range c.paidOut {
		s, err := fold[payout.State](ctx, c.w.log, payout.Reference(r.Reference).Stream())
		if err == nil && s.State.Status == payout.Pending {
			item := journal.Item{Difference: journal.Difference{
				Identity: r.Identity(), Line: r.Line, Receipt: r.Receipt, Reference: r.Reference, Stated: r.Stated, At: r.At,
			}}
			_, err = c.w.completePayout(ctx, c.imp, item, by)
		}
		if err != nil && (ctx.Err() != nil || domain.CodeOf(err) == domain.CodeUnavailable) {
			return errors.Join(fmt.Errorf("line %d", r.Line), err)
		}
	}
	return nil
}
