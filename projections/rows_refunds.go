package projections

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// Refund is a refund as the read model holds it. Nothing in it is personal.
type Refund struct {
	MerchantID     int64
	Mode           domain.Mode
	CreatedAt      time.Time
	ID             int64
	Version        eventstore.Position
	Name           string // our reference of it
	Reference      string // of the transaction
	Currency       money.Currency
	Amount         int64 // minor units
	Status         transaction.RefundStatus
	Method         string
	ChannelID      int64
	Receipt        string
	FailureCode    string
	FailureReason  string
	RefundedAt     time.Time
	OutcomeUnknown bool // while the provider's answer is lost
	NeedsAttention string
}

// RefundsOf are the rows of a payment's refunds, as of an event of it.
func RefundsOf(s transaction.State, version eventstore.Position) []Refund {
	out := make([]Refund, 0, len(s.Refunds))
	for _, r := range s.Refunds {
		out = append(out, refundOf(s, r, version))
	}
	return out
}

// refundOf is the row of a refund of the transaction, whose last event stands at version.
func refundOf(s transaction.State, r transaction.Refund, version eventstore.Position) Refund {
	out := Refund{
		MerchantID: s.Merchant, Mode: s.Mode, CreatedAt: r.At, ID: r.Refund, Version: version, Name: r.Name, Reference: string(s.Reference),
		Currency: r.Amount.Currency, Amount: r.Amount.Minor, Status: r.Status, Method: string(r.Way), ChannelID: r.Terms.Channel,
		Receipt: r.RefundReceipt, RefundedAt: r.RefundedAt, OutcomeUnknown: r.OutcomeUnknown(), NeedsAttention: r.Attention,
	}
	if r.Failure != nil {
		out.FailureCode, out.FailureReason = r.Failure.FailureCode, r.Failure.Reason
	}
	return out
}

// refundIn is the number of the refund that an event is about, 0 when it is about none.
func refundIn(e domain.Event) int64 {
	switch e := e.(type) {
	case transaction.RefundRequested:
		return e.Refund
	case transaction.RefundAccepted:
		return e.Refund
	case transaction.RefundOutcomeUnknown:
		return e.Refund
	case transaction.RefundCompleted:
		return e.Refund
	case transaction.RefundFailed:
		return e.Refund
	case transaction.RefundNeedsAttention:
		return e.Refund
	}
	return 0
}

// refundColumns are rows of the table refunds.
type refundColumns struct {
	*table
	merchant, created, id, amount, channel, refunded                       values[int64]
	version                                                                values[uint64]
	mode, name, reference, currency, status, method, receipt, code, reason values[string]
	attention                                                              values[string]
	unknown                                                                values[uint8]
}

func newRefundColumns() *refundColumns {
	c := &refundColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		created: values[int64]{name: "created_at", sentAs: sentMillis}, id: values[int64]{name: "id", sentAs: sentInt64},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, name: values[string]{name: "refund_reference", sentAs: sentString},
		reference: values[string]{name: "reference", sentAs: sentString}, currency: values[string]{name: "currency", sentAs: sentString},
		amount: values[int64]{name: "amount_minor", sentAs: sentInt64}, status: values[string]{name: "status", sentAs: sentString},
		method: values[string]{name: "method", sentAs: sentString}, channel: values[int64]{name: "channel_id", sentAs: sentInt64},
		receipt: values[string]{name: "receipt", sentAs: sentString}, code: values[string]{name: "failure_code", sentAs: sentString},
		reason: values[string]{name: "failure_reason", sentAs: sentString}, refunded: values[int64]{name: "refunded_at", sentAs: sentMillis},
		unknown: values[uint8]{name: "outcome_unknown", sentAs: sentUInt8}, attention: values[string]{name: "needs_attention", sentAs: sentString},
	}
	c.table = newTable("refunds", &c.merchant, &c.mode, &c.created, &c.id, &c.version, &c.name, &c.reference, &c.currency, &c.amount,
		&c.status, &c.method, &c.channel, &c.receipt, &c.code, &c.reason, &c.refunded, &c.unknown, &c.attention)
	return c
}

func (c *refundColumns) add(r *Refund) {
	c.merchant.add(r.MerchantID)
	c.mode.add(string(r.Mode))
	c.created.add(millis(r.CreatedAt))
	c.id.add(r.ID)
	c.version.add(uint64(r.Version))
	c.name.add(r.Name)
	c.reference.add(r.Reference)
	c.currency.add(string(r.Currency))
	c.amount.add(r.Amount)
	c.status.add(string(r.Status))
	c.method.add(r.Method)
	c.channel.add(r.ChannelID)
	c.receipt.add(r.Receipt)
	c.code.add(r.FailureCode)
	c.reason.add(r.FailureReason)
	c.refunded.add(millis(r.RefundedAt))
	c.unknown.add(flag(r.OutcomeUnknown))
	c.attention.add(r.NeedsAttention)
}

// refundVersionColumns are rows of the table refund_versions: as those of refunds, one for each event of a refund, and when
// that happened.
type refundVersionColumns struct {
	*refundColumns
	effective values[int64]
}

func newRefundVersionColumns() *refundVersionColumns {
	c := &refundVersionColumns{refundColumns: newRefundColumns(), effective: values[int64]{name: "effective_at", sentAs: sentMillis}}
	c.table = newTable("refund_versions", append(c.columns, &c.effective)...)
	return c
}

func (c *refundVersionColumns) add(r *Refund, effective time.Time) {
	c.refundColumns.add(r)
	c.effective.add(millis(effective))
}
