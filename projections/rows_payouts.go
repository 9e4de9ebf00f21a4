package projections

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/eventstore"
)

// Payout is a payout as the read model holds it. Nothing in it is personal: of where it goes there is a hint.
type Payout struct {
	MerchantID      int64
	Mode            domain.Mode
	CreatedAt       time.Time
	ID              int64
	Version         eventstore.Position
	Reference       string
	Currency        money.Currency
	Amount          int64 // minor units
	Came            int64 // what was paid, in minor units; 0 before
	Status          payout.Status
	Method          string
	ChannelID       int64
	Destination     string // its kind
	DestinationHint string
	NeedsApproval   bool
	RequestedBy     string
	ApprovedBy      string
	RejectedBy      string
	SentAt          time.Time
	PaidAt          time.Time
	Receipt         string
	Charge          int64 // minor units
	BankReference   string
	ValueDate       string
	FailureCode     string
	FailureReason   string
	OutcomeUnknown  bool
	NeedsAttention  string
}

// PayoutOf is the row of a payout whose last event stands at version.
func PayoutOf(s payout.State, version eventstore.Position) Payout {
	out := Payout{
		MerchantID: s.Merchant, Mode: s.Mode, CreatedAt: s.At, ID: s.ID, Version: version, Reference: string(s.Reference),
		Currency: s.Amount.Currency, Amount: s.Amount.Minor, Came: s.Came.Minor, Status: s.Status, Method: string(s.Way), ChannelID: s.Channel,
		Destination: string(s.Destination.Kind), DestinationHint: s.Destination.Hint(), NeedsApproval: s.NeedsApproval,
		RequestedBy: s.RequestedBy, ApprovedBy: s.ApprovedBy, RejectedBy: s.RejectedBy, SentAt: s.SentAt, PaidAt: s.PaidAt, Receipt: s.Receipt,
		BankReference: s.BankReference, ValueDate: s.ValueDate, OutcomeUnknown: s.Unknown, NeedsAttention: s.Attention,
	}
	if s.Charge != nil {
		out.Charge = s.Charge.Minor
	}
	if s.Failure != nil {
		out.FailureCode, out.FailureReason = s.Failure.FailureCode, s.Failure.Reason
	}
	return out
}

func (b *builder) addPayout(ctx context.Context, env *eventstore.Envelope, into *batch) (domain.Mode, error) {
	before, after, err := evolve[payout.State](ctx, b.folds, env)
	if err != nil || !after.Exists() {
		return "", err
	}
	zone, err := b.zoneOf(ctx, after.Merchant)
	if err != nil {
		return "", err
	}
	entry := posted{Postings: ledger.OfPayout(before, env.Event), merchant: after.Merchant, mode: after.Mode, reference: string(after.Reference)}
	if err := b.book(ctx, &entry, zone, env.Position); err != nil {
		return "", err
	}
	row := PayoutOf(*after, env.Position)
	into.payouts.add(&row)
	into.rows.payouts++
	into.archive.payouts.add(&row, payout.EffectiveAt(before, env.Event, env.Meta.OccurredAt))
	into.archive.ledger.post(&entry, env)
	return row.Mode, nil
}

// payoutColumns are rows of the table payouts.
type payoutColumns struct {
	*table
	merchant, created, id, amount, came, channel, sent, paid, charge                     values[int64]
	version                                                                              values[uint64]
	needsApproval, unknown                                                               values[uint8]
	mode, reference, currency, status, method, destination, hint                         values[string]
	requestedBy, approvedBy, rejectedBy, receipt, bankReference, valueDate, code, reason values[string]
	attention                                                                            values[string]
}

func newPayoutColumns() *payoutColumns {
	text := func(name string) values[string] { return values[string]{name: name, sentAs: sentString} }
	c := &payoutColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: text("mode"),
		created: values[int64]{name: "created_at", sentAs: sentMillis}, id: values[int64]{name: "id", sentAs: sentInt64},
		version: values[uint64]{name: "version", sentAs: sentUInt64}, reference: text("reference"), currency: text("currency"),
		amount: values[int64]{name: "amount_minor", sentAs: sentInt64}, came: values[int64]{name: "paid_minor", sentAs: sentInt64}, status: text("status"), method: text("method"),
		channel: values[int64]{name: "channel_id", sentAs: sentInt64}, destination: text("destination"), hint: text("destination_hint"),
		needsApproval: values[uint8]{name: "needs_approval", sentAs: sentUInt8}, requestedBy: text("requested_by"), approvedBy: text("approved_by"),
		rejectedBy: text("rejected_by"), sent: values[int64]{name: "sent_at", sentAs: sentMillis}, paid: values[int64]{name: "paid_at", sentAs: sentMillis},
		receipt: text("receipt"), charge: values[int64]{name: "charge_minor", sentAs: sentInt64}, bankReference: text("bank_reference"),
		valueDate: text("value_date"), code: text("failure_code"), reason: text("failure_reason"),
		unknown: values[uint8]{name: "outcome_unknown", sentAs: sentUInt8}, attention: text("needs_attention"),
	}
	c.table = newTable("payouts", &c.merchant, &c.mode, &c.created, &c.id, &c.version, &c.reference, &c.currency, &c.amount, &c.came, &c.status,
		&c.method, &c.channel, &c.destination, &c.hint, &c.needsApproval, &c.requestedBy, &c.approvedBy, &c.rejectedBy, &c.sent, &c.paid,
		&c.receipt, &c.charge, &c.bankReference, &c.valueDate, &c.code, &c.reason, &c.unknown, &c.attention)
	return c
}

func (c *payoutColumns) add(p *Payout) {
	c.merchant.add(p.MerchantID)
	c.mode.add(string(p.Mode))
	c.created.add(millis(p.CreatedAt))
	c.id.add(p.ID)
	c.version.add(uint64(p.Version))
	c.reference.add(p.Reference)
	c.currency.add(string(p.Currency))
	c.amount.add(p.Amount)
	c.came.add(p.Came)
	c.status.add(string(p.Status))
	c.method.add(p.Method)
	c.channel.add(p.ChannelID)
	c.destination.add(p.Destination)
	c.hint.add(p.DestinationHint)
	c.needsApproval.add(flag(p.NeedsApproval))
	c.requestedBy.add(p.RequestedBy)
	c.approvedBy.add(p.ApprovedBy)
	c.rejectedBy.add(p.RejectedBy)
	c.sent.add(millis(p.SentAt))
	c.paid.add(millis(p.PaidAt))
	c.receipt.add(p.Receipt)
	c.charge.add(p.Charge)
	c.bankReference.add(p.BankReference)
	c.valueDate.add(p.ValueDate)
	c.code.add(p.FailureCode)
	c.reason.add(p.FailureReason)
	c.unknown.add(flag(p.OutcomeUnknown))
	c.attention.add(p.NeedsAttention)
}

// payoutVersionColumns are rows of the table payout_versions: as those of payouts, one for each event of a payout, and when that
// happened.
type payoutVersionColumns struct {
	*payoutColumns
	effective values[int64]
}

func newPayoutVersionColumns() *payoutVersionColumns {
	c := &payoutVersionColumns{payoutColumns: newPayoutColumns(), effective: values[int64]{name: "effective_at", sentAs: sentMillis}}
	c.table = newTable("payout_versions", append(c.columns, &c.effective)...)
	return c
}

func (c *payoutVersionColumns) add(p *Payout, effective time.Time) {
	c.payoutColumns.add(p)
	c.effective.add(millis(effective))
}
