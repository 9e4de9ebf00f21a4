package projections

import (
	"time"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// TransactionVersion is what a payment looked like after one of its events.
type TransactionVersion struct {
	*Transaction
	EventType string
	// EffectiveAt is when it happened, by the provider's clock where that is known.
	EffectiveAt time.Time
	OccurredAt  time.Time
	RecordedAt  time.Time
	// PushAccepted tells whether the provider has taken the newest push: from then on lists show its name of it.
	PushAccepted bool
}

// transactionVersionOf is the row of an event that left the transaction as s, whose own row is t.
func transactionVersionOf(s *transaction.State, t *Transaction, effective time.Time, env *eventstore.Envelope) TransactionVersion {
	v := TransactionVersion{
		Transaction: t, EventType: env.Event.EventType(), EffectiveAt: effective, OccurredAt: env.Meta.OccurredAt, RecordedAt: env.RecordedAt,
	}
	for i := range s.Attempts {
		if a := &s.Attempts[i]; a.Method == transaction.MethodMpesaSTK {
			v.PushAccepted = a.Accepted
		}
	}
	return v
}

// versionColumns are rows of the table transaction_versions. Nothing in it is personal, so that erasure has nothing to
// clear there.
type versionColumns struct {
	*table
	reference, mode, eventType, status, currency, method, receipt, failureCode, mergedInto values[string]
	provider, origin, failureReason                                                        values[string]
	revision, merchant, id, amount, received, credited, surplus                            values[int64]
	created, effective, occurred, recorded, paid, completed                                values[int64]
	channel, refunded                                                                      values[int64]
	position                                                                               values[uint64]
	listed, review, pushAccepted                                                           values[uint8]
	pushes                                                                                 values[uint16]
}

func newVersionColumns() *versionColumns {
	c := &versionColumns{
		reference: values[string]{name: "reference", sentAs: sentString}, revision: values[int64]{name: "revision", sentAs: sentInt64},
		position: values[uint64]{name: "position", sentAs: sentUInt64}, merchant: values[int64]{name: "merchant_id", sentAs: sentInt64},
		mode: values[string]{name: "mode", sentAs: sentString}, id: values[int64]{name: "id", sentAs: sentInt64},
		created: values[int64]{name: "created_at", sentAs: sentMillis}, effective: values[int64]{name: "effective_at", sentAs: sentMillis}, occurred: values[int64]{name: "occurred_at", sentAs: sentMillis},
		recorded: values[int64]{name: "recorded_at", sentAs: sentMillis}, eventType: values[string]{name: "event_type", sentAs: sentString},
		status: values[string]{name: "status", sentAs: sentString}, listed: values[uint8]{name: "listed", sentAs: sentUInt8},
		currency: values[string]{name: "currency", sentAs: sentString}, amount: values[int64]{name: "amount_minor", sentAs: sentInt64},
		received: values[int64]{name: "received_minor", sentAs: sentInt64}, credited: values[int64]{name: "credited_minor", sentAs: sentInt64},
		surplus: values[int64]{name: "surplus_minor", sentAs: sentInt64}, method: values[string]{name: "payment_method", sentAs: sentString},
		receipt: values[string]{name: "receipt", sentAs: sentString}, failureCode: values[string]{name: "failure_code", sentAs: sentString},
		paid: values[int64]{name: "paid_at", sentAs: sentMillis}, review: values[uint8]{name: "needs_review", sentAs: sentUInt8},
		mergedInto: values[string]{name: "merged_into", sentAs: sentString}, provider: values[string]{name: "provider", sentAs: sentString},
		origin: values[string]{name: "origin", sentAs: sentString}, channel: values[int64]{name: "channel_id", sentAs: sentInt64},
		failureReason: values[string]{name: "failure_reason", sentAs: sentString}, pushes: values[uint16]{name: "pushes", sentAs: sentUInt16},
		pushAccepted: values[uint8]{name: "push_accepted", sentAs: sentUInt8},
		completed:    values[int64]{name: "completed_at", sentAs: sentMillis}, refunded: values[int64]{name: "refunded_minor", sentAs: sentInt64},
	}
	c.table = newTable("transaction_versions", &c.merchant, &c.mode, &c.created, &c.id, &c.position, &c.reference, &c.revision,
		&c.effective, &c.occurred, &c.recorded, &c.eventType, &c.status, &c.listed, &c.currency, &c.amount, &c.received, &c.credited,
		&c.surplus, &c.method, &c.receipt, &c.failureCode, &c.failureReason, &c.pushes, &c.pushAccepted, &c.paid, &c.review, &c.mergedInto,
		&c.provider, &c.origin, &c.channel, &c.completed, &c.refunded)
	return c
}

func (c *versionColumns) add(v TransactionVersion) {
	c.reference.add(v.Reference)
	c.revision.add(int64(v.Revision))
	c.position.add(uint64(v.Version))
	c.merchant.add(v.MerchantID)
	c.mode.add(string(v.Mode))
	c.id.add(v.ID)
	c.created.add(millis(v.CreatedAt))
	c.effective.add(millis(v.EffectiveAt))
	c.occurred.add(millis(v.OccurredAt))
	c.recorded.add(millis(v.RecordedAt))
	c.eventType.add(v.EventType)
	c.status.add(string(v.Status))
	c.listed.add(flag(v.Listed))
	c.currency.add(string(v.Currency))
	c.amount.add(v.Amount)
	c.received.add(v.Received)
	c.credited.add(v.Credited)
	c.surplus.add(v.Surplus)
	c.method.add(v.PaymentMethod)
	c.receipt.add(v.Receipt)
	c.failureCode.add(v.FailureCode)
	c.failureReason.add(v.FailureReason)
	c.pushes.add(v.Pushes)
	c.pushAccepted.add(flag(v.PushAccepted))
	c.paid.add(millis(v.PaidAt))
	c.review.add(flag(v.NeedsReview))
	c.mergedInto.add(v.MergedInto)
	c.provider.add(v.Provider)
	c.origin.add(v.Origin)
	c.channel.add(v.ChannelID)
	c.completed.add(millis(v.CompletedAt))
	c.refunded.add(v.Refunded)
}
