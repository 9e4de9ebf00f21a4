package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
)

// LedgerEntry is one posting, with the event that made it.
type LedgerEntry struct {
	MerchantID int64
	Mode       domain.Mode
	Position   eventstore.Position
	Line       uint8
	EventID    uuid.UUID
	EventType  string
	Reference  string
	ledger.Posting
	EffectiveAt time.Time
	RecordedAt  time.Time
	// Period is the month in which it is booked; LateFor the month in which it happened, where that was closed before.
	Period, LateFor period.Month
}

// ID is the posting's number: it grows with the log, and stays below 2^53 for any log below 2^49 bytes.
func (e *LedgerEntry) ID() int64 { return int64(e.Position)*ledger.MaxPostings + int64(e.Line) }

// ledgerColumns are rows of the table ledger_entries. Nothing in it is personal.
type ledgerColumns struct {
	*table
	merchant, id, channel, debit, credit, effective, recorded values[int64]
	mode, eventType, reference, account, currency             values[string]
	position                                                  values[uint64]
	line                                                      values[uint8]
	period, lateFor                                           values[uint32]
	eventID                                                   values[uuid.UUID]
}

func newLedgerColumns() *ledgerColumns {
	c := &ledgerColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, mode: values[string]{name: "mode", sentAs: sentString},
		position: values[uint64]{name: "position", sentAs: sentUInt64}, line: values[uint8]{name: "line", sentAs: sentUInt8},
		id: values[int64]{name: "id", sentAs: sentInt64}, eventID: values[uuid.UUID]{name: "event_id", sentAs: sentUUID},
		eventType: values[string]{name: "event_type", sentAs: sentString}, reference: values[string]{name: "reference", sentAs: sentString},
		account: values[string]{name: "account", sentAs: sentString}, currency: values[string]{name: "currency", sentAs: sentString},
		channel: values[int64]{name: "channel_id", sentAs: sentInt64}, debit: values[int64]{name: "debit_minor", sentAs: sentInt64},
		credit: values[int64]{name: "credit_minor", sentAs: sentInt64}, effective: values[int64]{name: "effective_at", sentAs: sentMillis},
		recorded: values[int64]{name: "recorded_at", sentAs: sentMillis}, period: values[uint32]{name: "period", sentAs: sentUInt32},
		lateFor: values[uint32]{name: "late_for", sentAs: sentUInt32},
	}
	c.table = newTable("ledger_entries", &c.merchant, &c.mode, &c.position, &c.line, &c.id, &c.eventID, &c.eventType, &c.reference,
		&c.account, &c.currency, &c.channel, &c.debit, &c.credit, &c.effective, &c.recorded, &c.period, &c.lateFor)
	return c
}

// posted is what one event enters, and in whose books.
type posted struct {
	ledger.Postings
	merchant  int64
	mode      domain.Mode
	reference string // what it is about, as people know it
	// booked is the month in which it is booked, which is not the one that it is of where late names that.
	booked, late period.Month
}

// post adds the postings of an event.
func (c *ledgerColumns) post(p *posted, env *eventstore.Envelope) {
	for i := range p.Lines {
		c.add(&LedgerEntry{
			MerchantID: p.merchant, Mode: p.mode, Position: env.Position, Line: uint8(i), EventID: env.ID,
			EventType: env.Event.EventType(), Reference: p.reference, Posting: p.Lines[i], EffectiveAt: p.EffectiveAt, RecordedAt: env.RecordedAt,
			Period: p.booked, LateFor: p.late,
		})
	}
}

func (c *ledgerColumns) add(e *LedgerEntry) {
	c.merchant.add(e.MerchantID)
	c.mode.add(string(e.Mode))
	c.position.add(uint64(e.Position))
	c.line.add(e.Line)
	c.id.add(e.ID())
	c.eventID.add(e.EventID)
	c.eventType.add(e.EventType)
	c.reference.add(e.Reference)
	c.account.add(string(e.Account))
	c.currency.add(string(e.Currency))
	c.channel.add(e.Channel)
	c.debit.add(e.Debit)
	c.credit.add(e.Credit)
	c.effective.add(millis(e.EffectiveAt))
	c.recorded.add(millis(e.RecordedAt))
	c.period.add(uint32(e.Period))
	c.lateFor.add(uint32(e.LateFor))
}

// scanLedgerEntry reads a row of ledgerColumnsSQL of the merchant and mode.
func scanLedgerEntry(scan func(...any) error) (LedgerEntry, error) {
	var e LedgerEntry
	var position uint64
	var account, currency string
	var booked, late uint32
	err := scan(&position, &e.Line, &e.EventID, &e.EventType, &e.Reference, &account, &currency, &e.Channel, &e.Debit, &e.Credit,
		&e.EffectiveAt, &e.RecordedAt, &booked, &late)
	e.Period, e.LateFor = period.Month(booked), period.Month(late)
	e.Position, e.Account, e.Currency = eventstore.Position(position), ledger.Account(account), money.Currency(currency)
	e.EffectiveAt, e.RecordedAt = e.EffectiveAt.UTC(), e.RecordedAt.UTC()
	return e, err
}

const ledgerColumnsSQL = `position, line, event_id, event_type, reference, account, currency, channel_id, debit_minor, credit_minor,
	effective_at, recorded_at, period, late_for`
