package commands

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

const (
	// disputesSince is how far back the provider is asked for disputes that nobody told us of.
	disputesSince = 30 * 24 * time.Hour
	// answerGrace is when the provider's word that a dispute still waits is taken to mean that a lost answer did not count.
	answerGrace = 10 * time.Minute
)

// FailureAnswerNotTaken is of an answer whose fate was unknown, when the provider says that it still waits for one.
const FailureAnswerNotTaken = "answer_not_taken"

// disputeHeard is a provider's word on a dispute.
type disputeHeard struct {
	paystack.Dispute
	Words    string // as they came, for sealing
	Door     dispute.Door
	Reminder bool
}

// receiveDispute records what Paystack says of a dispute, and lets it count, for the payment too. What is said through one
// channel of a payment through another is left to that one.
func (w *WriteSide) receiveDispute(ctx context.Context, ch channel.State, d disputeHeard, by By) error {
	id, err := strconv.ParseInt(d.ID, 10, 64)
	if err != nil || id < 1 || id > ids.Max {
		w.Logger.Warn().Int64("channel", ch.ID).Msg("a dispute without a usable number; it is found when Paystack lists it")
		return nil
	}
	stream := dispute.Stream(ch.ID, id)
	cmd, ok, err := w.readDispute(ctx, ch, id, d)
	if err != nil || !ok {
		return err
	}
	out, err := Handle(ctx, w, stream, cmd, by)
	if err != nil {
		return err
	}
	return w.followDispute(ctx, out.State, by)
}

// readDispute is what Paystack says, as a command; false when it is about a payment of another channel.
func (w *WriteSide) readDispute(ctx context.Context, ch channel.State, id int64, d disputeHeard) (dispute.Weigh, bool, error) {
	now := w.log.Now()
	stream := dispute.Stream(ch.ID, id)
	cmd := dispute.Weigh{
		Raw: d.Words, Digest: w.derive.hash("dispute notice", stream, string(d.Door), d.Words), Reminder: d.Reminder,
		Resolution: d.Resolution, Returned: d.RefundAmount, ResolvedAt: orNow(d.ResolvedAt, now),
		Open: dispute.Opened{
			Merchant: ch.Merchant, Mode: ch.Mode(), Channel: ch.ID, Provider: string(ch.Provider), ID: id, ProviderReference: d.TransactionReference,
			Category: d.Category, Status: dispute.UnderReview, Door: d.Door, OpenedAt: orNow(d.CreatedAt, now), Subject: stream, At: now,
		},
	}
	switch d.State() {
	case paystack.DisputeAwaitingMerchant:
		cmd.Open.Status = dispute.NeedsResponse
	case paystack.DisputeAccepted:
		cmd.Ended = dispute.Lost
	case paystack.DisputeDeclined:
		cmd.Ended = dispute.Won
	case paystack.DisputeClosed:
		cmd.Ended = dispute.Closed
	case paystack.DisputeOpen:
	}
	if d.DueAt != nil {
		cmd.Open.DueAt = d.DueAt.UTC()
	}
	for _, at := range []*time.Time{d.UpdatedAt, d.ResolvedAt, d.CreatedAt} {
		if at != nil {
			cmd.Open.AsOf = at.UTC()
			break
		}
	}
	for _, amount := range []*money.Money{d.RefundAmount, d.TransactionAmount} {
		if amount != nil && amount.IsPositive() {
			cmd.Open.Amount = *amount
			break
		}
	}
	ref, attempt, ok := cardAttempt(d.TransactionReference)
	if !ok {
		return cmd, true, nil // a payment that was taken elsewhere with the same account
	}
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return cmd, false, err
	}
	switch a, ok := known.State.Attempt(attempt); {
	case !ok:
		return cmd, true, nil
	case a.Channel != ch.ID:
		return cmd, false, nil
	}
	cmd.Open.Reference, cmd.Open.Attempt, cmd.Open.Subject = string(ref), attempt, known.State.Subject
	return cmd, true, nil
}

// followDispute does for the payment what its dispute has come to. It may be repeated.
func (w *WriteSide) followDispute(ctx context.Context, d dispute.State, by By) error {
	if !d.Known() {
		return nil
	}
	stream := transaction.Reference(d.Reference).Stream()
	noted, err := Handle(ctx, w, stream, transaction.NoteDispute{Dispute: d.ID, Channel: d.Channel, Amount: d.Amount, At: w.log.Now()}, by)
	if err != nil {
		return err
	}
	switch d.Status {
	case dispute.Won:
		return w.releaseChargeback(ctx, d, by)
	case dispute.Lost:
		return w.takeBack(ctx, d, noted.State, by)
	case dispute.Closed:
		_, err := w.SyncCardRefunds(ctx, transaction.Reference(d.Reference), by) // money that went back is listed there
		return err
	case dispute.NeedsResponse, dispute.UnderReview:
	}
	return nil
}

// takeBack enters what a lost dispute took from its payment, once.
func (w *WriteSide) takeBack(ctx context.Context, d dispute.State, s transaction.State, by By) error {
	receipt := dispute.Receipt(d.ID)
	if !d.Returned.IsPositive() || s.Reversed(receipt) {
		return nil
	}
	p, paid := paymentOf(s, d.Attempt)
	if !paid {
		// Its webhook was lost, and the money that goes back has never been entered.
		a, _ := s.Attempt(d.Attempt)
		ch, err := w.channels.get(ctx, w.log, channel.Stream(d.Channel))
		if err != nil {
			return err
		}
		if err := w.AskCard(ctx, ch.State, s.Reference, a, by); err != nil {
			return err
		}
		again, err := fold[transaction.State](ctx, w.log, s.Reference.Stream())
		if err != nil {
			return err
		}
		if p, paid = paymentOf(again.State, d.Attempt); !paid {
			return w.flagDispute(ctx, d, "it is lost, and its payment is not known to have been made", by)
		}
	}
	out, err := Handle(ctx, w, s.Reference.Stream(), transaction.RecordReversal{
		Door: transaction.DoorDispute, Receipt: receipt, Original: p.Receipt, Amount: d.Returned, ReversedAt: d.ResolvedAt, At: w.log.Now(),
	}, by)
	if err != nil {
		return err
	}
	if !out.State.Reversed(receipt) {
		return w.flagDispute(ctx, d, "what it takes back is in another currency than its payment", by)
	}
	return nil
}

func paymentOf(s transaction.State, attempt int) (transaction.Payment, bool) {
	for _, p := range s.Payments {
		if p.Attempt == attempt {
			return p, true
		}
	}
	return transaction.Payment{}, false
}

// weighDisputeRefund lets a refund that a dispute made count, as the dispute's money: by whichever of the two it is heard of
// first, it is entered once.
func (w *WriteSide) weighDisputeRefund(ctx context.Context, s transaction.State, p transaction.Payment, row paystack.Refund, id int64, by By) error {
	found, err := fold[dispute.State](ctx, w.log, dispute.Stream(s.ChannelOf(p), id))
	if err != nil {
		return err
	}
	receipt := dispute.Receipt(id)
	switch row.State() {
	case paystack.RefundProcessed:
		for _, r := range s.Reversals {
			if r.Receipt == receipt && r.Amount != row.Amount && found.State.Exists() {
				return w.flagDispute(ctx, found.State, "the provider gave back another amount than the dispute says", by)
			}
		}
		_, err = Handle(ctx, w, s.Reference.Stream(), transaction.RecordReversal{
			Door: transaction.DoorRefundFetch, Receipt: receipt, Original: p.Receipt, Amount: row.Amount,
			ReversedAt: orNow(row.RefundedAt, w.log.Now()), Raw: string(row.Raw),
			Digest: w.derive.hash("card refund", string(s.Reference), row.ID, row.Status), At: w.log.Now(),
		}, by)
	case paystack.RefundFailed:
		if found.State.Exists() {
			err = w.flagDispute(ctx, found.State, "the provider could not give the money back to the payer", by)
		}
	case paystack.RefundPending, paystack.RefundProcessing, paystack.RefundNeedsAttention:
	}
	return err
}

func (w *WriteSide) flagDispute(ctx context.Context, d dispute.State, why string, by By) error {
	_, err := Handle(ctx, w, dispute.Stream(d.Channel, d.ID), dispute.Flag{Why: why, At: w.log.Now()}, by)
	return err
}

func (w *WriteSide) releaseChargeback(ctx context.Context, d dispute.State, by By) error {
	if !d.Known() {
		return nil
	}
	_, err := Handle(ctx, w, transaction.Reference(d.Reference).Stream(), transaction.ReleaseChargeback{Dispute: d.ID, At: w.log.Now()}, by)
	return err
}

// AskDispute finishes what a crash may have cut short of a dispute, asks Paystack how it stands while it hasn't ended, and
// answers its state. No news is no error.
func (w *WriteSide) AskDispute(ctx context.Context, channelID, id int64, by By) (dispute.State, error) {
	stream := dispute.Stream(channelID, id)
	out, err := fold[dispute.State](ctx, w.log, stream)
	if err != nil || !out.State.Exists() {
		return out.State, err
	}
	by.Merchant = out.State.Merchant
	if err := w.followDispute(ctx, out.State, by); err != nil || out.State.Status.Final() {
		return out.State, err
	}
	if a, ok := out.State.LastAnswer(); ok && a.Outcome == dispute.Pending && w.log.Now().Sub(a.At) >= lostAfter {
		if out, err = Handle(ctx, w, stream, dispute.SettleAnswer{
			N: a.N, Outcome: dispute.Unknown, Reason: "the node that was to give it stopped before it could say what came of it", At: w.log.Now(),
		}, by); err != nil {
			return out.State, err
		}
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(channelID))
	if err != nil {
		return out.State, err
	}
	d, err := w.Paystack.FetchDispute(ctx, paystackKey(ch.State), paystackCredentials(ch.State), itoa(id))
	if err != nil {
		w.Logger.Warn().Int64("dispute", id).Int64("channel", channelID).Err(err).Msg("Paystack could not be asked after a dispute")
		return out.State, nil
	}
	if err := w.receiveDispute(ctx, ch.State, disputeHeard{Dispute: d, Words: string(d.Raw), Door: dispute.DoorFetch}, by); err != nil {
		return out.State, err
	}
	return w.weighAnswer(ctx, stream, by)
}

// weighAnswer settles an answer whose fate was unknown by what the provider says now.
func (w *WriteSide) weighAnswer(ctx context.Context, stream string, by By) (dispute.State, error) {
	out, err := fold[dispute.State](ctx, w.log, stream)
	if err != nil {
		return out.State, err
	}
	a, ok := out.State.LastAnswer()
	if !ok || a.Outcome != dispute.Unknown {
		return out.State, nil
	}
	settle := dispute.SettleAnswer{N: a.N, Outcome: dispute.Taken, At: w.log.Now()}
	if out.State.Status == dispute.NeedsResponse {
		if w.log.Now().Sub(a.KnownAt) < answerGrace {
			return out.State, nil
		}
		settle.Outcome, settle.FailureCode, settle.Reason = dispute.Refused, FailureAnswerNotTaken, "Paystack says that this dispute still waits for an answer"
	}
	if out, err = Handle(ctx, w, stream, settle, by); err != nil {
		return out.State, err
	}
	if settle.Outcome == dispute.Refused {
		err = w.releaseChargeback(ctx, out.State, by)
	}
	return out.State, err
}

// FindDisputes asks Paystack for the disputes of every card channel, so that a lost webhook doesn't matter. A channel whose
// provider can't be asked is left until the next time.
func (w *WriteSide) FindDisputes(ctx context.Context, by By) error {
	return w.EachMerchant(ctx, func(m merchant.State) error {
		for _, id := range m.Channels {
			ch, err := w.channels.get(ctx, w.log, channel.Stream(id))
			if err != nil {
				return err
			}
			if ch.State.Provider != channel.Paystack {
				continue
			}
			if err := w.findDisputesOf(ctx, ch.State, by); err != nil {
				return err
			}
		}
		return nil
	})
}

// findDisputesOf asks for those of one channel, one that takes no new payments too. The error is only ever ours.
func (w *WriteSide) findDisputesOf(ctx context.Context, ch channel.State, by By) error {
	by.Merchant = ch.Merchant
	since := paystack.DisputeQuery{From: w.log.Now().Add(-disputesSince)}
	for d, err := range w.Paystack.Disputes(ctx, paystackKey(ch), paystackCredentials(ch), since) {
		var unreadable *upstream.DecodeError
		switch {
		case errors.As(err, &unreadable):
			w.Logger.Error().Int64("channel", ch.ID).Err(err).Msg("a dispute that Paystack lists can't be read; somebody should look")
		case err != nil:
			w.Logger.Warn().Int64("channel", ch.ID).Err(err).Msg("Paystack could not be asked for disputes")
			return nil
		default:
			if err := w.receiveDispute(ctx, ch, disputeHeard{Dispute: d, Words: string(d.Raw), Door: dispute.DoorList}, by); err != nil {
				if code := domain.CodeOf(err); code == domain.CodeUnavailable {
					return err
				}
				w.Logger.Error().Int64("channel", ch.ID).Str("dispute", d.ID).Err(err).Msg("a dispute could not be recorded")
			}
		}
	}
	return ctx.Err()
}
