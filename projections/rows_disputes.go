package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
)

// Dispute is a dispute as the read model holds it. Nothing in it is personal.
type Dispute struct {
	MerchantID        int64
	Mode              domain.Mode
	CreatedAt         time.Time // by the provider's clock
	ChannelID         int64
	ID                int64
	Version           eventstore.Position
	Reference         string // of the transaction; empty when it isn't one of Kipay's
	ProviderReference string
	Currency          money.Currency
	Amount            int64 // minor units
	Category          string
	Status            dispute.Status
	DueAt             time.Time
	Reminders         int64
	Evidence          int64 // how often it was given and taken
	Answer            string
	AnswerStatus      string
	Resolution        string
	Returned          int64 // minor units
	ResolvedAt        time.Time
	NeedsAttention    string
}

// DisputeOf is the row of a dispute whose last event stands at version.
func DisputeOf(s dispute.State, version eventstore.Position) Dispute {
	out := Dispute{
		MerchantID: s.Merchant, Mode: s.Mode, CreatedAt: s.OpenedAt, ChannelID: s.Channel, ID: s.ID, Version: version, Reference: s.Reference,
		ProviderReference: s.ProviderReference, Currency: s.Amount.Currency, Amount: s.Amount.Minor, Category: s.Category, Status: s.Status,
		DueAt: s.DueAt, Reminders: int64(s.Reminders), Resolution: s.Resolution, Returned: s.Returned.Minor, ResolvedAt: s.ResolvedAt,
		NeedsAttention: s.Attention,
	}
	for _, e := range s.Evidence {
		if e.Outcome == dispute.Taken {
			out.Evidence++
		}
	}
	if a, ok := s.LastAnswer(); ok {
		out.Answer, out.AnswerStatus = string(a.Answer), string(a.Outcome)
	}
	return out
}

func (b *builder) addDispute(ctx context.Context, env *eventstore.Envelope, into *batch) (domain.Mode, error) {
	_, after, err := evolve[dispute.State](ctx, b.folds, env)
	if err != nil {
		return "", err
	}
	if !after.Exists() {
		return "", fmt.Errorf("%w: %s@%d: a dispute that was never opened", eventstore.ErrCorrupt, env.Stream, env.Revision)
	}
	row := DisputeOf(*after, env.Position)
	into.disputes.add(&row)
	into.rows.disputes++
	into.archive.disputes.add(&row, dispute.EffectiveAt(env.Event, env.Meta.OccurredAt))
	return row.Mode, nil
}

// disputeColumns are rows of the table disputes.
type disputeColumns struct {
	*table
	merchant, created, channel, id, amount, due, reminders, evidence, returned, resolved             values[int64]
	version                                                                                          values[uint64]
	mode, reference, theirs, currency, category, status, answer, answerStatus, resolution, attention values[string]
}

func newDisputeColumns() *disputeColumns {
	c := &disputeColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		created: values[int64]{name: "created_at", sentAs: sentMillis}, channel: values[int64]{name: "channel_id", sentAs: sentInt64},
		id: values[int64]{name: "id", sentAs: sentInt64}, version: values[uint64]{name: "version", sentAs: sentUInt64},
		reference: values[string]{name: "reference", sentAs: sentString}, theirs: values[string]{name: "provider_reference", sentAs: sentString},
		currency: values[string]{name: "currency", sentAs: sentString}, amount: values[int64]{name: "amount_minor", sentAs: sentInt64},
		category: values[string]{name: "category", sentAs: sentString}, status: values[string]{name: "status", sentAs: sentString},
		due: values[int64]{name: "due_at", sentAs: sentMillis}, reminders: values[int64]{name: "reminders", sentAs: sentInt64},
		evidence: values[int64]{name: "evidence", sentAs: sentInt64}, answer: values[string]{name: "answer", sentAs: sentString},
		answerStatus: values[string]{name: "answer_status", sentAs: sentString}, resolution: values[string]{name: "resolution", sentAs: sentString},
		returned: values[int64]{name: "returned_minor", sentAs: sentInt64}, resolved: values[int64]{name: "resolved_at", sentAs: sentMillis},
		attention: values[string]{name: "needs_attention", sentAs: sentString},
	}
	c.table = newTable("disputes", &c.merchant, &c.mode, &c.created, &c.channel, &c.id, &c.version, &c.reference, &c.theirs, &c.currency, &c.amount,
		&c.category, &c.status, &c.due, &c.reminders, &c.evidence, &c.answer, &c.answerStatus, &c.resolution, &c.returned, &c.resolved, &c.attention)
	return c
}

func (c *disputeColumns) add(d *Dispute) {
	c.merchant.add(d.MerchantID)
	c.mode.add(string(d.Mode))
	c.created.add(millis(d.CreatedAt))
	c.channel.add(d.ChannelID)
	c.id.add(d.ID)
	c.version.add(uint64(d.Version))
	c.reference.add(d.Reference)
	c.theirs.add(d.ProviderReference)
	c.currency.add(string(d.Currency))
	c.amount.add(d.Amount)
	c.category.add(d.Category)
	c.status.add(string(d.Status))
	c.due.add(millis(d.DueAt))
	c.reminders.add(d.Reminders)
	c.evidence.add(d.Evidence)
	c.answer.add(d.Answer)
	c.answerStatus.add(d.AnswerStatus)
	c.resolution.add(d.Resolution)
	c.returned.add(d.Returned)
	c.resolved.add(millis(d.ResolvedAt))
	c.attention.add(d.NeedsAttention)
}

// disputeVersionColumns are rows of the table dispute_versions: as those of disputes, one for each event of a dispute, and
// when that happened.
type disputeVersionColumns struct {
	*disputeColumns
	effective values[int64]
}

func newDisputeVersionColumns() *disputeVersionColumns {
	c := &disputeVersionColumns{disputeColumns: newDisputeColumns(), effective: values[int64]{name: "effective_at", sentAs: sentMillis}}
	c.table = newTable("dispute_versions", append(c.columns, &c.effective)...)
	return c
}

func (c *disputeVersionColumns) add(d *Dispute, effective time.Time) {
	c.disputeColumns.add(d)
	c.effective.add(millis(effective))
}
