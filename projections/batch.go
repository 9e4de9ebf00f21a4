package projections

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// span is the positions of the first and the last event that rows were made of.
type span struct{ first, last eventstore.Position }

func (s *span) reach(at eventstore.Position) {
	if s.first == 0 {
		s.first = at
	}
	s.last = at
}

// batch is the rows of successive events that lists read, written together as soon as possible. What is kept of every
// event goes into archive, which may be shared with the batches before: an insert costs ClickHouse some milliseconds
// whatever its size, and nobody waits for the archive. Memory is used again.
type batch struct {
	transactions *transactionColumns
	customers    *customerColumns
	channels     *channelColumns
	merchants    *merchantColumns
	counters     *counterColumns
	refunds      *refundColumns
	disputes     *disputeColumns
	imports      *importColumns
	differences  *differenceColumns
	resolutions  *resolutionColumns
	payouts      *payoutColumns
	rows         rowCounts

	archive *archive

	// touched are the transactions as the last event of the batch left them, by reference.
	touched map[string]*Transaction
	// erased are the customers whose rows, of this batch and those before, are to be emptied once it is written.
	erased []erasure

	span
	count    int
	recorded []time.Time     // when each event was recorded, for the lag
	waited   []time.Duration // how long each had been recorded when it was added; the follower fills it
	tallied  uint64          // the tally's number of this write
}

// rowCounts is how many rows each table of the batch has, where its columns don't tell.
type rowCounts struct {
	customers   int
	channels    int
	merchants   int
	refunds     int
	disputes    int
	imports     int
	differences int
	resolutions int
	payouts     int
}

// archive is the rows that are kept of every event and never change.
type archive struct {
	events    *eventColumns
	versions  *versionColumns
	ledger    *ledgerColumns
	customers *customerColumns
	refunds   *refundVersionColumns
	disputes  *disputeVersionColumns
	payouts   *payoutVersionColumns
	span
	count int
	bytes int
}

func newBatch() *batch {
	return &batch{
		transactions: newTransactionColumns(), customers: newCustomerColumns(), channels: newChannelColumns(),
		merchants: newMerchantColumns(), counters: newCounterColumns(), refunds: newRefundColumns(), disputes: newDisputeColumns(),
		imports: newImportColumns(), differences: newDifferenceColumns(), resolutions: newResolutionColumns(),
		payouts: newPayoutColumns(), archive: newArchive(), touched: map[string]*Transaction{},
	}
}

func newArchive() *archive {
	return &archive{
		events: newEventColumns(), versions: newVersionColumns(), ledger: newLedgerColumns(),
		customers: newCustomerVersionColumns(), refunds: newRefundVersionColumns(),
		disputes: newDisputeVersionColumns(), payouts: newPayoutVersionColumns(),
	}
}

// note counts a record whose rows are in.
func (b *batch) note(r *eventstore.Record) {
	b.reach(r.Position)
	b.archive.reach(r.Position)
	b.count++
	b.archive.count++
	b.archive.bytes += len(r.Data) + len(r.Metadata)
	b.recorded = append(b.recorded, r.RecordedAt)
}

// transaction keeps the row as the newest of its transaction.
func (b *batch) transaction(t Transaction) *Transaction {
	kept := &t
	b.touched[t.Reference] = kept
	return kept
}

func (b *batch) full() bool { return b.archive.full() }

func (a *archive) full() bool { return a.count >= maxBatchEvents || a.bytes >= maxBatchBytes }

// seal makes the rows that are one for the whole batch. Nothing may be added afterwards.
func (b *batch) seal(by *builder) {
	for _, t := range b.touched {
		b.transactions.add(t)
	}
	b.tallied = by.tally.drain(b.counters)
}

// reset empties the batch, but not the archive.
func (b *batch) reset() {
	for _, t := range []*table{b.transactions.table, b.customers.table, b.channels.table, b.merchants.table, b.counters.table, b.refunds.table, b.disputes.table, b.imports.table, b.differences.table, b.resolutions.table, b.payouts.table} {
		t.reset()
	}
	b.rows = rowCounts{}
	clear(b.touched)
	b.erased = nil
	b.span, b.count, b.tallied, b.recorded, b.waited = span{}, 0, 0, b.recorded[:0], b.waited[:0]
}

func (a *archive) reset() {
	a.events.reset()
	a.versions.reset()
	a.ledger.reset()
	a.customers.reset()
	a.refunds.reset()
	a.disputes.reset()
	a.payouts.reset()
	a.span, a.count, a.bytes = span{}, 0, 0
}

// filled are the tables that have rows.
func (b *batch) filled() []*table {
	out := make([]*table, 0, 8)
	for _, t := range []struct {
		rows  int
		table *table
	}{
		{len(b.touched), b.transactions.table},
		{len(b.counters.value.v), b.counters.table},
		{b.rows.customers, b.customers.table},
		{b.rows.channels, b.channels.table},
		{b.rows.merchants, b.merchants.table},
		{b.rows.refunds, b.refunds.table},
		{b.rows.disputes, b.disputes.table},
		{b.rows.imports, b.imports.table},
		{b.rows.differences, b.differences.table},
		{b.rows.resolutions, b.resolutions.table},
		{b.rows.payouts, b.payouts.table},
	} {
		if t.rows > 0 {
			out = append(out, t.table)
		}
	}
	return out
}

func (a *archive) filled() []*table {
	if a.count == 0 {
		return nil
	}
	out := []*table{a.events.table}
	if len(a.versions.position.v) > 0 {
		out = append(out, a.versions.table)
	}
	if len(a.ledger.position.v) > 0 {
		out = append(out, a.ledger.table)
	}
	if len(a.customers.version.v) > 0 {
		out = append(out, a.customers.table)
	}
	if len(a.refunds.version.v) > 0 {
		out = append(out, a.refunds.table)
	}
	if len(a.disputes.version.v) > 0 {
		out = append(out, a.disputes.table)
	}
	if len(a.payouts.version.v) > 0 {
		out = append(out, a.payouts.table)
	}
	return out
}

// write inserts the rows of the tables, at the same time, and each again until it succeeds or ctx ends. failed is told
// of every failure that is tried again.
func (p *Projector) write(ctx context.Context, tables []*table, to place, of span, failed func(error)) error {
	how := manner{named: true, of: of}
	if p.options.Sync != nil {
		how = manner{} // the engine would note each block on disk, for a caller that projects again what it is not sure of
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range tables {
		group.Go(func() error {
			return retry(ctx, func() error { return t.write(ctx, p.conn, to, how, p.options.InsertTimeout) }, failed)
		})
	}
	return group.Wait()
}
