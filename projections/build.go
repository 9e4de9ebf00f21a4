package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// category is the part of a stream's name that says what the read models make of it.
type category int

const (
	onlyEvents category = iota // in the table events and nowhere else
	ofTransaction
	ofCustomer
	ofChannel
	ofMerchant
	ofPeriod
	ofDispute
	ofReceipt // of its events only those that move money
	ofStatement
	ofPayout
)

// pointerStreams are named like customers' and are none.
const pointerStreams = "customer-id-"

func categoryOf(stream string) category {
	name, _, _ := strings.Cut(stream, "-")
	switch name {
	case "transaction":
		return ofTransaction
	case "customer":
		if strings.HasPrefix(stream, pointerStreams) {
			return onlyEvents
		}
		return ofCustomer
	case "channel":
		return ofChannel
	case "merchant":
		return ofMerchant
	case "period":
		return ofPeriod
	case "dispute":
		return ofDispute
	case "statement":
		return ofStatement
	case "payout":
		return ofPayout
	}
	return onlyEvents
}

// decoded is a record with as much of it decoded as the read models need.
type decoded struct {
	record   *eventstore.Record
	category category
	env      eventstore.Envelope // only Meta for onlyEvents
}

// The events of a receipt that move money.
const (
	suspenseOpened   = "SuspenseOpened"
	suspenseReleased = "SuspenseReleased"
	suspenseRestored = "SuspenseRestored"
)

// decoder decodes records. It may be used by several goroutines.
type decoder struct {
	log *eventstore.Log
	// versions are the newest version of each type that Kipay writes.
	versions map[string]int
}

func newDecoder(log *eventstore.Log) *decoder {
	d := &decoder{log: log, versions: map[string]int{}}
	for _, t := range eventstore.Catalogue() {
		d.versions[t.Name()] = t.Version
	}
	return d
}

// decode opens what is needed of the record. What only goes into the table events is copied as it stands; its type and
// version must be known all the same.
func (d *decoder) decode(ctx context.Context, r *eventstore.Record) (decoded, error) {
	out := decoded{record: r, category: categoryOf(r.Stream)}
	if r.Type == suspenseOpened || r.Type == suspenseReleased || r.Type == suspenseRestored {
		out.category = ofReceipt
	}
	if out.category == onlyEvents {
		newest := d.versions[r.Type]
		if err := json.Unmarshal(r.Metadata, &out.env.Meta); err == nil && out.env.Meta.Version >= 1 && out.env.Meta.Version <= newest {
			return out, nil
		}
	}
	env, err := d.log.Decode(ctx, *r)
	if err != nil {
		return out, &UndecodableError{Position: r.Position, Err: err}
	}
	out.env = env
	return out, nil
}

// UndecodableError is an event that the projector can't read. It is never skipped.
type UndecodableError struct {
	Position eventstore.Position
	Err      error
}

// Error names the event.
func (e *UndecodableError) Error() string {
	return fmt.Sprintf("the projection stops before position %d: %v", e.Position, e.Err)
}

// Unwrap is the cause.
func (e *UndecodableError) Unwrap() error { return e.Err }

// maxZones is how many merchants' time zones are kept.
const maxZones = 1 << 14

// builder turns events into rows of one generation, in the order of the log. Used by one goroutine.
type builder struct {
	log       *eventstore.Log
	folds     *folds
	tally     *tally
	zones     *simplelru.LRU[int64, *time.Location]
	closed    *simplelru.LRU[string, period.State] // by stream, as of the last event built
	modes     *eventModes
	completed *completedCache // nil while a generation is built that does not serve
}

func newBuilder(log *eventstore.Log, states int, t *tally, completed *completedCache) *builder {
	zones, err := simplelru.NewLRU[int64, *time.Location](maxZones, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	closed, err := simplelru.NewLRU[string, period.State](maxZones, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &builder{log: log, folds: newFolds(log, states), tally: t, zones: zones, closed: closed, modes: newEventModes(log), completed: completed}
}

// add puts the rows of one event into the batch: all of them or, with an error, none. After an error the same event may
// be added again.
func (b *builder) add(ctx context.Context, d *decoded, into *batch) error {
	mode, err := b.modes.of(ctx, d.record.Stream, d.env.Meta.Actor)
	if err != nil {
		return err
	}
	switch d.category {
	case ofTransaction:
		mode, err = b.addTransaction(ctx, &d.env, into)
	case ofCustomer:
		err = b.addCustomer(ctx, &d.env, into)
	case ofChannel:
		err = b.addChannel(ctx, &d.env, into)
	case ofMerchant:
		err = b.addMerchant(ctx, &d.env, into)
	case ofPeriod:
		b.addPeriod(&d.env)
	case ofDispute:
		mode, err = b.addDispute(ctx, &d.env, into)
	case ofReceipt:
		err = b.addReceipt(ctx, &d.env, into)
	case ofStatement:
		mode, err = b.addStatement(ctx, &d.env, into)
	case ofPayout:
		mode, err = b.addPayout(ctx, &d.env, into)
	case onlyEvents:
	}
	if err != nil {
		return err
	}
	into.archive.events.add(d.record, &d.env.Meta, mode)
	into.note(d.record)
	return nil
}

func (b *builder) addTransaction(ctx context.Context, env *eventstore.Envelope, into *batch) (domain.Mode, error) {
	before, after, err := evolve[transaction.State](ctx, b.folds, env)
	if err != nil {
		return "", err
	}
	if !after.Exists() {
		return "", fmt.Errorf("%w: %s@%d: a transaction that was never initialized", eventstore.ErrCorrupt, env.Stream, env.Revision)
	}
	zone, err := b.zoneOf(ctx, after.Merchant)
	if err != nil {
		return "", err
	}
	key := pageKey{merchant: after.Merchant, kind: countTransactions, day: DayOf(after.At, zone)}
	if err := b.tally.load(ctx, key); err != nil {
		return "", err
	}
	entry := posted{Postings: ledger.OfTransaction(before, env.Event), merchant: after.Merchant, mode: after.Mode, reference: string(after.Reference)}
	if err := b.book(ctx, &entry, zone, env.Position); err != nil {
		return "", err
	}
	row := TransactionOf(*after, env.Position, env.Revision)
	was, wasListed := before.Status(), before.Exists() && before.MergedInto == ""
	if was != row.Status || wasListed != row.Listed {
		if wasListed {
			b.tally.add(key, string(before.Mode), string(was), -1, env.Position)
		}
		if row.Listed {
			b.tally.add(key, string(row.Mode), string(row.Status), +1, env.Position)
		}
	}
	effective := transaction.EffectiveAt(before, env.Event, env.Meta.OccurredAt)
	if id := refundIn(env.Event); id != 0 {
		if r, ok := after.RefundOf(id); ok {
			refund := refundOf(*after, r, env.Position)
			into.refunds.add(&refund)
			into.rows.refunds++
			into.archive.refunds.add(&refund, effective)
		}
	}
	kept := into.transaction(row)
	into.archive.versions.add(transactionVersionOf(after, kept, effective, env))
	into.archive.ledger.post(&entry, env)
	if b.completed != nil {
		b.completed.note(kept)
	}
	return row.Mode, nil
}

// book says in which month an event's postings are booked, as of its position.
func (b *builder) book(ctx context.Context, p *posted, zone *time.Location, at eventstore.Position) error {
	if len(p.Lines) == 0 {
		return nil
	}
	closed, err := b.closedThrough(ctx, p.merchant, p.mode, at)
	if err != nil {
		return err
	}
	p.booked, p.late = closed.Booked(period.MonthOf(p.EffectiveAt, zone))
	return nil
}

// addReceipt enters money that only a statement shows.
func (b *builder) addReceipt(ctx context.Context, env *eventstore.Envelope, into *batch) error {
	entry := posted{Postings: ledger.OfReceipt(env.Event)}
	switch e := env.Event.(type) {
	case receipt.SuspenseOpened:
		entry.merchant, entry.mode, entry.reference = e.Merchant, e.Mode, e.Number
	case receipt.SuspenseReleased:
		entry.merchant, entry.mode, entry.reference = e.Merchant, e.Mode, e.Number
	case receipt.SuspenseRestored:
		entry.merchant, entry.mode, entry.reference = e.Merchant, e.Mode, e.Number
	}
	zone, err := b.zoneOf(ctx, entry.merchant)
	if err != nil {
		return err
	}
	if err := b.book(ctx, &entry, zone, env.Position); err != nil {
		return err
	}
	into.archive.ledger.post(&entry, env)
	return nil
}

func (b *builder) addStatement(ctx context.Context, env *eventstore.Envelope, into *batch) (domain.Mode, error) {
	_, after, err := evolve[statementHead](ctx, b.folds, env)
	if err != nil || after.ID == 0 {
		return "", err
	}
	switch e := env.Event.(type) {
	case journal.DifferencesFound:
		into.rows.differences += into.differences.found(after, &e, env.Position)
	case journal.Counted: // changes nothing that is listed
	case journal.Resolved:
		into.rows.resolutions += into.resolutions.resolved(after, &e, env)
	default:
		into.imports.add(after, env.Position)
		into.rows.imports++
	}
	return after.Mode, nil
}

func (b *builder) addCustomer(ctx context.Context, env *eventstore.Envelope, into *batch) error {
	if e, ok := env.Event.(customer.Erased); ok {
		b.forgetErased(e)
		into.erased = append(into.erased, erasure{e, env.Position})
	}
	before, after, err := evolve[customer.State](ctx, b.folds, env)
	if err != nil || !after.Exists() {
		return err
	}
	zone, err := b.zoneOf(ctx, after.Merchant)
	if err != nil {
		return err
	}
	key := pageKey{merchant: after.Merchant, kind: countCustomers, day: DayOf(after.CreatedAt, zone)}
	if err := b.tally.load(ctx, key); err != nil {
		return err
	}
	if !before.Exists() {
		b.tally.add(key, "", "", +1, env.Position)
	}
	row := customerOf(*after, env.Position)
	into.customers.add(&row)
	into.rows.customers++
	into.archive.customers.add(&row)
	return nil
}

func (b *builder) addChannel(ctx context.Context, env *eventstore.Envelope, into *batch) error {
	_, after, err := evolve[channel.State](ctx, b.folds, env)
	if err != nil || !after.Exists() {
		return err
	}
	row := channelOf(*after, env.Position)
	into.channels.add(&row)
	into.rows.channels++
	return nil
}

func (b *builder) addMerchant(ctx context.Context, env *eventstore.Envelope, into *batch) error {
	_, after, err := evolve[merchant.State](ctx, b.folds, env)
	if err != nil || !after.Exists() {
		return err
	}
	into.merchants.add(merchantOf(*after, env.Position))
	into.rows.merchants++
	return nil
}

// forget drops what is known of the events so far, after which it is read from the log again.
func (b *builder) forget() {
	b.folds.forget()
	b.closed.Purge()
}

// addPeriod keeps up with a month that was closed.
func (b *builder) addPeriod(env *eventstore.Envelope) {
	if s, ok := b.closed.Get(env.Stream); ok {
		b.closed.Add(env.Stream, s.Evolve(env.Event))
	}
}

// closedThrough are the periods that a merchant has closed before the position, which is the one being built: what is kept
// is as of that.
func (b *builder) closedThrough(ctx context.Context, merchantID int64, mode domain.Mode, at eventstore.Position) (period.State, error) {
	stream := period.Stream(merchantID, mode)
	if s, ok := b.closed.Get(stream); ok {
		return s, nil
	}
	var s period.State
	err := b.log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		if e.Position >= at {
			return errFolded
		}
		s = s.Evolve(e.Event)
		return nil
	})
	if err != nil && err != errFolded { //nolint:errorlint // ours, passed on as it is
		return s, err
	}
	b.closed.Add(stream, s)
	return s, nil
}

// zoneOf is the merchant's time zone, which stands in the first event of its stream and never changes.
func (b *builder) zoneOf(ctx context.Context, id merchant.ID) (*time.Location, error) {
	if zone, ok := b.zones.Get(id); ok {
		return zone, nil
	}
	name := merchant.DefaultTimeZone
	err := b.log.EachInStream(ctx, merchant.Stream(id), 0, func(e eventstore.Envelope) error {
		if created, ok := e.Event.(merchant.Created); ok && created.TimeZone != "" {
			name = created.TimeZone
		}
		return errFolded
	})
	if err != nil && err != errFolded { //nolint:errorlint // ours, passed on as it is
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of merchant %d: %w", id, err)
	}
	b.zones.Add(id, zone)
	return zone, nil
}
