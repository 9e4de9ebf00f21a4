package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options tune a store. The zero value is what `kipay serve` uses.
type Options struct {
	// CacheBytes is the memory for blocks read from disk; 32 MiB when zero.
	CacheBytes int64
	// MemTableBytes is the size at which what was written is flushed from the log into tables, and so what a start has
	// to read again; 32 MiB when zero, 256 KiB at least. Up to three of them are in memory while the disk lags.
	MemTableBytes int64
	// RingEvents and RingBytes bound the newest events kept in memory for all live subscribers together; 8,192 events
	// and 16 MiB when zero. A subscriber further behind reads from disk.
	RingEvents int
	RingBytes  int
	// StreamHeads is how many streams' newest revisions are kept in memory; 32,768 when zero, 4,096 at least.
	StreamHeads int
	// FS replaces the file system of the operating system, in tests. The folder is then locked through it alone.
	FS vfs.FS
	// Logf takes what an operator should read: failures of the disk, found corruption. Nil drops it.
	Logf func(format string, args ...any)
	// Now is the clock of Record.RecordedAt; time.Now when nil.
	Now func() time.Time
}

const (
	defaultCacheBytes    = 32 << 20
	defaultMemTableBytes = 32 << 20
	minMemTableBytes     = 256 << 10
	defaultRingEvents    = 8192
	defaultRingBytes     = 16 << 20
	defaultStreamHeads   = 32768
	// minStreamHeads keeps every stream of a group in the cache until the group is in Pebble (maxGroupAppends).
	minStreamHeads = 4 * maxGroupAppends
)

func (o Options) withDefaults() Options {
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.MemTableBytes <= 0 {
		o.MemTableBytes = defaultMemTableBytes
	}
	o.MemTableBytes = max(o.MemTableBytes, minMemTableBytes)
	if o.RingEvents <= 0 {
		o.RingEvents = defaultRingEvents
	}
	if o.RingBytes <= 0 {
		o.RingBytes = defaultRingBytes
	}
	if o.StreamHeads <= 0 {
		o.StreamHeads = defaultStreamHeads
	}
	o.StreamHeads = max(o.StreamHeads, minStreamHeads)
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
