package reactor

import (
	"context"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/retention"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// mendAfter is when the second half of something is looked for that its own request should have done long ago.
const mendAfter = 3 * time.Second

// takeUpAgain is when it is looked again whether a statement has counted to its end.
const takeUpAgain = 10 * time.Second

// cardBackoff is when an open card page is asked after: webhooks get lost.
var cardBackoff = []time.Duration{time.Minute, 4 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

// onEvent says which event sets off what. It looks at types first: most events are none of its business.
func (r *Reactor) onEvent(ctx context.Context, rec eventstore.Record) error {
	switch rec.Type {
	case "StkPushRequested", "CardCheckoutRequested", "CallbackReceived", "C2BPaymentReceived", "PaymentChannelCreated", "CustomerCreated",
		"RefundRequested", "RefundNoticeReceived":
	case "PayoutFundsReserved", "PayoutRequested", "PayoutApproved", "PayoutRejected", "PayoutSent", "PayoutCompleted", "PayoutChargeReported",
		"PayoutFailed", "PayoutRecorded":
	case "CustomerErasureStarted", "LegalHoldReleased", "RetentionRulesSet", "StatementDifferencesResolved", "SuspenseReleased":
	case "StatementReconciled":
	default:
		return nil
	}
	env, err := r.Log.Decode(ctx, rec)
	if err != nil {
		return err
	}
	cause := by(r.watch.name, rec.ID.String())
	cause.Correlation, cause.Merchant = env.Meta.CorrelationID, env.Meta.Merchant
	t := &task{source: r.watch, position: rec.Position}
	switch e := env.Event.(type) {
	case transaction.StkPushRequested:
		t.kind, t.since, t.due = kindPush, e.At, e.At.Add(r.FirstQuery)
		t.run = func(ctx context.Context, t *task) (time.Time, error) { return r.askPush(ctx, t, e, cause) }
	case transaction.CardCheckoutRequested:
		t.kind, t.due = kindCard, e.At.Add(cardBackoff[0])
		t.run = func(ctx context.Context, t *task) (time.Time, error) { return r.askCard(ctx, t, e, cause) }
	case transaction.CallbackReceived:
		if e.Door == transaction.DoorStkQuery || e.Door == transaction.DoorC2B || e.Door == transaction.DoorC2BOpen {
			return nil // weighed in the append that recorded it
		}
		t.kind, t.due = kindNotice, e.At.Add(mendAfter)
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			if err := r.Write.Resume(ctx, e.Reference, cause); err != nil {
				return time.Time{}, err
			}
			return time.Time{}, r.Write.EraseLate(ctx, e.Reference, cause)
		}
	case receipt.Confirmation:
		t.kind, t.due = kindReceipt, e.At.Add(mendAfter)
		asked := e.Awaits == ""
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			if !asked && !r.Log.Now().Before(e.Until) {
				// Before it stands alone: the push that it fits may be paid by this very money, and only the query says so.
				if _, err := r.Write.AskStatus(ctx, transaction.Reference(e.Awaits), e.Attempt, cause); err != nil {
					return time.Time{}, err
				}
				asked = true
			}
			due, err := r.Write.SettleReceipt(ctx, e.Scope, e.Number, cause)
			switch {
			case err != nil:
				return due, err
			case due.IsZero():
				return due, r.Write.EraseLateConfirmation(ctx, e.Scope, e.Number, cause)
			}
			return earlier(due, r.Log.Now().Add(mendAfter)), nil
		}
	case receipt.SuspenseReleased:
		if e.How != receipt.ReleaseCredited {
			return nil
		}
		t.kind, t.due = kindReceipt, e.At.Add(mendAfter) // the payment has it by then
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.RecordCredited(ctx, rec.Stream, cause)
		}
	case journal.Resolved:
		one := e.Resolutions[0]
		t.kind, t.due = kindReceipt, e.At.Add(mendAfter)
		if one.TakenBack.MovesSuspense() {
			t.run = func(ctx context.Context, _ *task) (time.Time, error) {
				return time.Time{}, r.Write.CarryOutReopening(ctx, e.ID, one.N, one.TakenBack, cause)
			}
			break
		}
		if !one.Action.Books() {
			return nil
		}
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.CarryOutDecision(ctx, e.ID, one.N, cause)
		}
	case transaction.RefundRequested:
		t.kind, t.since, t.due = kindRefund, e.At, e.At.Add(r.FirstQuery)
		t.run = func(ctx context.Context, t *task) (time.Time, error) {
			due, err := r.askRefund(ctx, t, e, cause)
			if err == nil && due.IsZero() {
				err = r.Write.EraseLate(ctx, e.Reference, cause)
			}
			return due, err
		}
	case transaction.RefundNoticeReceived:
		if e.Door != transaction.DoorRefundWebhook {
			return nil // weighed in the append that recorded it
		}
		t.kind, t.due = kindNotice, e.At
		t.run = func(ctx context.Context, t *task) (time.Time, error) { return r.askRefundNews(ctx, t, e, cause) }
	case customer.ErasureStarted:
		t.kind, t.due = kindErasure, e.At.Add(mendAfter)
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.ResumeErasure(ctx, e.Hash, cause)
		}
	case customer.HoldReleased:
		t.kind, t.due = kindErasure, e.At
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.CarryOutErasure(ctx, e.Hash, cause)
		}
	case retention.RulesSet:
		t.kind, t.due = kindErasure, e.At
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.CarryOutDue(ctx, true, cause)
		}
	case payout.FundsReserved:
		t.kind, t.due = kindPayout, e.At.Add(reservedFor)
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			done, err := r.Write.SettleReservation(ctx, e, cause)
			return r.unless(done, mendAfter), err
		}
	case payout.Requested:
		if e.NeedsApproval || e.Way != payout.ByB2C {
			return nil
		}
		r.sendPayout(t, e.Reference, e.At, cause)
	case payout.Approved:
		r.sendPayout(t, e.Reference, e.At, cause)
	case payout.Sent:
		t.kind, t.since, t.due = kindPayout, e.At, e.At.Add(r.FirstQuery)
		t.run = func(ctx context.Context, t *task) (time.Time, error) { return r.askPayout(ctx, t, e, cause) }
	case payout.Rejected:
		r.accountPayout(t, e.Reference, e.At, cause)
	case payout.Completed:
		r.accountPayout(t, e.Reference, e.At, cause)
	case payout.ChargeReported:
		r.accountPayout(t, e.Reference, e.At, cause)
	case payout.Failed:
		r.accountPayout(t, e.Reference, e.At, cause)
	case payout.Recorded:
		r.accountPayout(t, e.Reference, e.At, cause)
	case journal.Reconciled:
		if !e.Counting {
			return nil
		}
		t.kind, t.due = kindStatement, e.At.Add(mendAfter)
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			done, err := r.Write.TakeUpStatement(ctx, e.ID, cause)
			return r.unless(done, takeUpAgain), err
		}
	case channel.Created:
		t.kind, t.due = kindChannel, e.At.Add(mendAfter)
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			_, err := r.Write.AttachChannel(ctx, channel.State{Created: e, Active: true}, cause)
			return time.Time{}, err
		}
	case customer.Created:
		t.kind, t.due = kindCustomer, e.At
		t.run = func(ctx context.Context, _ *task) (time.Time, error) {
			return time.Time{}, r.Write.AssignCustomerID(ctx, e, cause)
		}
	}
	return r.queue.add(ctx, t)
}

// askPush asks after a push until something final is known, and ends the waiting when its window is over.
func (r *Reactor) askPush(ctx context.Context, t *task, e transaction.StkPushRequested, cause commands.By) (time.Time, error) {
	s, err := r.Write.AskStatus(ctx, e.Reference, e.Attempt, cause)
	if err != nil {
		return time.Time{}, err
	}
	now := r.Log.Now()
	if !s.Unsettled(e.Attempt) {
		return time.Time{}, nil
	}
	until := e.Window
	if !now.Before(e.Window) {
		if s, err = r.Write.Expire(ctx, e.Reference, cause); err != nil {
			return time.Time{}, err
		}
		if due := s.Due(); s.Status() == transaction.StatusPending && now.Before(due) && s.Origin == transaction.FromPush {
			return due, nil
		}
		// The payer of a checkout may try again by now. This prompt may have been paid all the same, and is asked after as
		// long as any other.
		if until = e.At.Add(r.Write.PushWindow); !now.Before(until) {
			return time.Time{}, nil
		}
	}
	return earlier(now.Add(r.Backoff[min(t.tries-1, len(r.Backoff)-1)]), until), nil
}

// refundBackoff is when a refund is asked after, beginning with the second time; the last one is repeated.
var refundBackoff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}

// refundEnd is when a refund is left to the person who was told of it.
const refundEnd = 30 * 24 * time.Hour

// askRefund asks after a refund until something final is known.
func (r *Reactor) askRefund(ctx context.Context, t *task, e transaction.RefundRequested, cause commands.By) (time.Time, error) {
	done, err := r.Write.AskRefund(ctx, e.Reference, e.Refund, cause)
	now := r.Log.Now()
	if err != nil || done || now.Sub(e.At) > refundEnd {
		return time.Time{}, err
	}
	return now.Add(refundBackoff[min(t.tries-1, len(refundBackoff)-1)]), nil
}

// askRefundNews asks Paystack what is new about a payment's refunds, which it says once, until it answers: money that went back without having
// been asked for here is not asked after by anybody else.
func (r *Reactor) askRefundNews(ctx context.Context, t *task, e transaction.RefundNoticeReceived, cause commands.By) (time.Time, error) {
	answered, err := r.Write.SyncCardRefunds(ctx, e.Reference, cause)
	if err == nil {
		err = r.Write.EraseLate(ctx, e.Reference, cause)
	}
	now := r.Log.Now()
	if err != nil || answered || now.Sub(e.At) > refundEnd {
		return time.Time{}, err
	}
	return now.Add(refundBackoff[min(t.tries-1, len(refundBackoff)-1)]), nil
}

// askCard asks Paystack after an attempt that is still open.
func (r *Reactor) askCard(ctx context.Context, t *task, e transaction.CardCheckoutRequested, cause commands.By) (time.Time, error) {
	due, err := r.Write.AskCardAttempt(ctx, e.Reference, e.Attempt, cause)
	if err != nil || due.IsZero() {
		return time.Time{}, err
	}
	now := r.Log.Now()
	if !now.Before(due) {
		return time.Time{}, nil
	}
	return earlier(now.Add(cardBackoff[min(t.tries, len(cardBackoff)-1)]), due), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
