package projections

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// batch is the rows of successive events, written together. Its memory is used again.
type batch struct {
	events       *eventColumns
	versions     *versionColumns
	transactions *transactionColumns
	customers    *customerColumns
	channels     *channelColumns
	merchants    *merchantColumns
	counters     *counterColumns
	rows         struct{ customers, channels, merchants int }

	// touched are the transactions as the last event of the batch left them, by reference.
	touched map[string]*Transaction

	last     eventstore.Position
	count    int
	bytes    int
	recorded []time.Time // when each event was recorded, for the lag
	tallied  uint64      // the tally's number of this write
}

func newBatch() *batch {
	return &batch{
		events: newEventColumns(), versions: newVersionColumns(), transactions: newTransactionColumns(),
		customers: newCustomerColumns(), channels: newChannelColumns(), merchants: newMerchantColumns(),
		counters: newCounterColumns(), touched: map[string]*Transaction{},
	}
}

// note counts a record whose rows are in.
func (b *batch) note(r *eventstore.Record) {
	b.last = r.Position
	b.count++
	b.bytes += len(r.Data) + len(r.Metadata)
	b.recorded = append(b.recorded, r.RecordedAt)
}

// transaction keeps the row as the newest of its transaction.
func (b *batch) transaction(t Transaction) *Transaction {
	kept := &t
	b.touched[t.Reference] = kept
	return kept
}

func (b *batch) full() bool { return b.count >= maxBatchEvents || b.bytes >= maxBatchBytes }

// seal makes the rows that are one for the whole batch. Nothing may be added afterwards.
func (b *batch) seal(by *builder) {
	for _, t := range b.touched {
		b.transactions.add(t)
		if by.completed != nil {
			by.completed.note(t)
		}
	}
	b.tallied = by.tally.drain(b.counters)
}

func (b *batch) reset() {
	for _, t := range b.tables() {
		t.reset()
	}
	b.rows = struct{ customers, channels, merchants int }{}
	clear(b.touched)
	b.last, b.count, b.bytes, b.tallied, b.recorded = 0, 0, 0, 0, b.recorded[:0]
}

func (b *batch) tables() []*table {
	return []*table{
		b.events.table, b.versions.table, b.transactions.table, b.customers.table, b.channels.table, b.merchants.table, b.counters.table,
	}
}

// filled are the tables that have rows.
func (b *batch) filled() []*table {
	out := make([]*table, 0, 7)
	for _, t := range []struct {
		rows  int
		table *table
	}{
		{b.count, b.events.table}, {len(b.versions.position.v), b.versions.table}, {len(b.touched), b.transactions.table},
		{b.rows.customers, b.customers.table}, {b.rows.channels, b.channels.table}, {b.rows.merchants, b.merchants.table},
		{len(b.counters.value.v), b.counters.table},
	} {
		if t.rows > 0 {
			out = append(out, t.table)
		}
	}
	return out
}

// write inserts all rows, the tables at the same time, and each again until it succeeds or ctx ends. failed is told of
// every failure that is tried again.
func (b *batch) write(ctx context.Context, conn driver.Conn, g Generation, timeout time.Duration, failed func(error)) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range b.filled() {
		group.Go(func() error {
			return retry(ctx, func() error { return t.write(ctx, conn, g, timeout) }, failed)
		})
	}
	return group.Wait()
}
