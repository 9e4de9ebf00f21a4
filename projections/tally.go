package projections

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// What is counted.
const (
	countTransactions = "transactions"
	countCustomers    = "customers"
)

// maxTallyPages bounds the pages in memory; one is some 300 bytes.
const maxTallyPages = 1 << 16

// pageKey names the counters of one merchant, kind and day, which are loaded and kept together. day is a count of days
// since 1970.
type pageKey struct {
	merchant int64
	kind     string
	day      int64
}

// cell is one counter: its value, and the position of the last event in it.
type cell struct {
	mode, status string
	value        int64
	version      eventstore.Position
	changed      bool // since the last drain
}

type page struct {
	cells []cell
	// batch is the last write that holds a change of the page.
	batch uint64
}

// tally holds the counters that change. The tables are only read for pages that are not in memory. Used by one
// goroutine.
type tally struct {
	conn       driver.Conn
	generation Generation
	unmoved    func(context.Context, func() error) error
	pages      map[pageKey]*page
	changed    []pageKey
	// complete tells that pages has every counter there is, so that a missing one is zero: true for new tables until
	// something had to be dropped from memory.
	complete bool
	// batch is the number of the write that changes go into, written that of the last one in the tables.
	batch   uint64
	written atomic.Uint64
}

// newTally counts in the generation's tables. It reads them through unmoved, so that no counter is missed that is just
// being moved from one table to another.
func newTally(conn driver.Conn, g Generation, empty bool, unmoved func(context.Context, func() error) error) *tally {
	return &tally{conn: conn, generation: g, unmoved: unmoved, pages: map[pageKey]*page{}, complete: empty, batch: 1}
}

// load makes sure that the page is in memory.
func (t *tally) load(ctx context.Context, key pageKey) error {
	if t.pages[key] != nil {
		return nil
	}
	p := &page{}
	if !t.complete {
		limited, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		if err := t.unmoved(limited, func() error { return t.read(limited, key, p) }); err != nil {
			return err
		}
	}
	if len(t.pages) >= maxTallyPages {
		t.evict()
	}
	t.pages[key] = p
	return nil
}

func (t *tally) read(ctx context.Context, key pageKey, p *page) error {
	rows, err := t.conn.Query(ctx, t.generation.in(`SELECT mode, status, argMax(value, version), max(version)
		FROM kipay.counters_gN
		WHERE merchant_id = {merchant:Int64} AND kind = {kind:String} AND day = {day:Date}
		GROUP BY mode, status`),
		clickhouse.Named("merchant", key.merchant), clickhouse.Named("kind", key.kind), clickhouse.Named("day", dayText(key.day)))
	if err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c cell
		var version uint64
		if err := rows.Scan(&c.mode, &c.status, &c.value, &version); err != nil {
			return fmt.Errorf("read counters: %w", err)
		}
		c.version = eventstore.Position(version)
		p.cells = append(p.cells, c)
	}
	return rows.Err()
}

// add counts the event at the position into a counter of a loaded page, unless it is in there already.
func (t *tally) add(key pageKey, mode, status string, by int64, at eventstore.Position) {
	p := t.pages[key]
	var c *cell
	for i := range p.cells {
		if p.cells[i].mode == mode && p.cells[i].status == status {
			c = &p.cells[i]
			break
		}
	}
	if c == nil {
		p.cells = append(p.cells, cell{mode: mode, status: status})
		c = &p.cells[len(p.cells)-1]
	}
	if at <= c.version {
		return
	}
	c.value += by
	c.version = at
	if p.batch != t.batch {
		p.batch = t.batch
		t.changed = append(t.changed, key)
	}
	c.changed = true
}

// drain puts the counters that changed into the columns, as the write with the number that it answers.
func (t *tally) drain(into *counterColumns) uint64 {
	for _, key := range t.changed {
		p := t.pages[key]
		for i := range p.cells {
			if c := &p.cells[i]; c.changed {
				into.add(key, c)
				c.changed = false
			}
		}
	}
	t.changed = t.changed[:0]
	t.batch++
	return t.batch - 1
}

// evict drops pages whose changes are all in the tables.
func (t *tally) evict() {
	for key, p := range t.pages {
		if p.batch <= t.written.Load() {
			delete(t.pages, key)
			t.complete = false
		}
		if len(t.pages) <= maxTallyPages/2 {
			return
		}
	}
}

// counterColumns are rows of the table counters.
type counterColumns struct {
	*table
	merchant, value    values[int64]
	kind, mode, status values[string]
	day                values[time.Time]
	version            values[uint64]
}

func newCounterColumns() *counterColumns {
	c := &counterColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, kind: values[string]{name: "kind", sentAs: sentString},
		mode: values[string]{name: "mode", sentAs: sentString}, status: values[string]{name: "status", sentAs: sentString},
		day: values[time.Time]{name: "day", sentAs: sentDay}, value: values[int64]{name: "value", sentAs: sentInt64},
		version: values[uint64]{name: "version", sentAs: sentUInt64},
	}
	c.table = newTable("counters", &c.merchant, &c.kind, &c.mode, &c.status, &c.day, &c.value, &c.version)
	return c
}

func (c *counterColumns) add(key pageKey, v *cell) {
	c.merchant.add(key.merchant)
	c.kind.add(key.kind)
	c.mode.add(v.mode)
	c.status.add(v.status)
	c.day.add(dayTime(key.day))
	c.value.add(v.value)
	c.version.add(uint64(v.version))
}
