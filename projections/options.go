package projections

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/eventstore"
)

// Options are what a projector is made of. Conn and Log have no default.
type Options struct {
	// Conn is ClickHouse: a server, or the embedded engine behind the same driver.
	Conn driver.Conn
	// Cluster is the name of the cluster that Conn's server is one of, empty for a single server. Conn has to be opened
	// with Settings(Cluster).
	Cluster string
	// Log is the log that is followed.
	Log *eventstore.Log
	// Logger takes what an operator should read; the zero value drops it.
	Logger zerolog.Logger
	// Metrics is where the counters go; nil counts, but shows nowhere.
	Metrics prometheus.Registerer
	// States is how many streams' states are kept in memory; 32,768 when zero.
	States int
	// CompletedCache is how many completed transactions are kept for Completed; 16,384 when zero.
	CompletedCache int
	// Interval is the least time between two writes while events keep coming; a lone event is written at once. When zero
	// 40 ms, or 250 ms with Incarnation: there whoever reads asks for what is not written yet (Fresh), so that an idle
	// dashboard costs payments nothing.
	Interval time.Duration
	// InsertTimeout is how long one insert may take before it is given up and tried again; 30 s when zero.
	InsertTimeout time.Duration
	// Sync makes durable all that was inserted before it was called. It is for an engine on this machine: with it the
	// tables are told not to sync every small part themselves, and Sync is called before each checkpoint instead, so
	// that nothing at or before a stored checkpoint can be lost. Nil leaves the syncing to ClickHouse.
	Sync func(ctx context.Context) error
	// Incarnation is how often the engine has been started anew. With it and Sync, rows that lists show go through
	// tables in the engine's memory, and reach the disk with each checkpoint: see pending.go. Nil writes them
	// straight to their tables, which every other process that reads them needs.
	Incarnation func() int
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

const (
	defaultStates         = 32768
	defaultCompletedCache = 16384
	defaultInterval       = 40 * time.Millisecond
	lazyInterval          = 250 * time.Millisecond
	defaultInsertTimeout  = 30 * time.Second

	// maxBatchEvents and maxBatchBytes bound what one write holds; twice that may be in memory.
	maxBatchEvents = 50_000
	maxBatchBytes  = 16 << 20
	// demandInterval is the least time between two writes that somebody waits for.
	demandInterval = 20 * time.Millisecond
	// archiveEvery is how often the tables that keep every event are written to while events keep coming.
	archiveEvery = 3 * time.Second
	// archiveDemandInterval is that while somebody waits.
	archiveDemandInterval = 200 * time.Millisecond
	// checkpointEvery is how often a checkpoint is stored while events keep coming: what a crash has to write again.
	checkpointEvery = 3 * time.Second
	// purgeTimeout bounds the writing anew of what erased customers stood in.
	purgeTimeout = 10 * time.Minute
	// leastRetry and mostRetry bound the pause before ClickHouse, or the log, is tried again.
	leastRetry = 50 * time.Millisecond
	mostRetry  = 5 * time.Second
)

func (o Options) withDefaults() (Options, error) {
	if o.Conn == nil || o.Log == nil {
		return o, errors.New("projections: Conn and Log are required")
	}
	if o.Cluster != "" && (o.Sync != nil || o.Incarnation != nil) {
		return o, errors.New("projections: the embedded engine is no cluster")
	}
	if o.States <= 0 {
		o.States = defaultStates
	}
	if o.CompletedCache <= 0 {
		o.CompletedCache = defaultCompletedCache
	}
	if o.Interval <= 0 {
		o.Interval = defaultInterval
		if o.Sync != nil && o.Incarnation != nil {
			o.Interval = lazyInterval
		}
	}
	if o.InsertTimeout <= 0 {
		o.InsertTimeout = defaultInsertTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
