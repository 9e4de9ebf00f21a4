package embedded

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/benfex/kipay/eventstore"
)

// formatMajor is the version of Pebble's own format. From FormatWALSyncChunks on the log says how far it was synced, so
// that damage before that point is told from a tail that was never acknowledged.
const formatMajor = pebble.FormatValueSeparation

// pebbleOptions are Pebble's settings, the same for a store and for the comparison in bench.go.
func pebbleOptions(o Options) *pebble.Options {
	const (
		memTables  = 3
		bitsPerKey = 10
		smoothing  = 512 << 10
	)
	opts := &pebble.Options{
		FormatMajorVersion:          formatMajor,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: memTables,
		// Memtables count against the cache, so it has room for them beside the blocks.
		Cache:                 pebble.NewCache(o.CacheBytes + 2*o.MemTableBytes),
		L0StopWritesThreshold: 64,
		LBaseMaxBytes:         64 << 20,
		BytesPerSync:          smoothing,
		WALBytesPerSync:       smoothing,
		MaxOpenFiles:          512,
		CompactionConcurrencyRange: func() (int, int) {
			return 1, 2
		},
	}
	// Reads must not ask for compactions: that waits for the manifest, which a failed disk holds for ever (guard.go).
	opts.Experimental.ReadSamplingMultiplier = -1
	// Most of an event is sealed, which no compression makes smaller: zstd made 300,000 events 0.5 % smaller and cost 20 µs each.
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bitsPerKey)
	}
	return opts
}

// start opens db and answers the head of the log. It fails when Pebble does, in whatever way: by an error, by a panic
// over a damaged file, by the fatal error that it logs, or by a write that never returns (guard.go).
func (s *Store) start() (eventstore.Position, error) {
	type result struct {
		head eventstore.Position
		err  error
	}
	started := make(chan result, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				s.options.Logf("opening the event store in %s: %v\n%s", s.dir, cause, debug.Stack())
				started <- result{err: fmt.Errorf("%w: event store folder %s: %v", eventstore.ErrCorrupt, s.dir, cause)}
			}
		}()
		head, err := s.openPebble()
		started <- result{head, err}
	}()
	select {
	case res := <-started:
		return res.head, res.err
	case <-s.failure.tripped:
		return 0, s.failure.Err()
	}
}

func (s *Store) openPebble() (eventstore.Position, error) {
	opts := pebbleOptions(s.options)
	opts.FS = s.guard
	opts.Logger = pebbleLogger{s.failure, s.options.Logf}
	opts.EventListener = &pebble.EventListener{
		BackgroundError: s.backgroundError,
		DataCorruption:  func(info pebble.DataCorruptionInfo) { s.corrupted(info.Details) },
	}
	s.cache = opts.Cache
	var err error
	if s.db, err = pebble.Open(s.dir, opts); err != nil {
		s.cache.Unref()
		return 0, openError(s.dir, err)
	}
	head, err := s.inspect()
	if err == nil {
		s.watermark, err = openWatermark(s.guard, s.dir, head)
	}
	if err != nil {
		return 0, errors.Join(err, s.db.Close())
	}
	return head, nil
}

// backgroundError hears of what failed in Pebble's flushes and compactions, which try again.
func (s *Store) backgroundError(err error) {
	s.options.Logf("event store in %s: in the background: %v", s.dir, err)
	if pebble.IsCorruptionError(err) {
		s.corrupted(err)
	}
}

func (s *Store) corrupted(err error) {
	err = fmt.Errorf("%w: %w", eventstore.ErrCorrupt, err)
	s.stats.corruption.Store(&err)
}

// pebbleLogger passes on what matters of what Pebble logs.
type pebbleLogger struct {
	failure *failure
	logf    func(format string, args ...any)
}

// Infof drops Pebble's diary.
func (pebbleLogger) Infof(string, ...any) {}

// Errorf passes an error on.
func (l pebbleLogger) Errorf(format string, args ...any) { l.logf("pebble: "+format, args...) }

// Fatalf fails the store in place of the process, and keeps the goroutine, which Pebble doesn't expect to go on.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.failure.fail("pebble", fmt.Errorf(format, args...))
	park()
}
