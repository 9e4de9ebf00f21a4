package embedded

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore"
)

// A new payment is a new stream, and that there is no such stream yet is the one thing that Pebble finds hard to tell: its
// filters cover tables, not what was written last. streamFilter is a Bloom filter of all streams: a "no" is certain.
//
// It learns from two sides: the committer adds every stream that it writes from the moment the store is open, and scan
// adds those that were there before, in the background, so that a start does not wait for it. Until the scan is done it
// answers "maybe" to everything.
type streamFilter struct {
	seed     maphash.Seed
	blocks   []filterBlock
	complete atomic.Bool
}

// filterBlock is one cache line: all bits of a stream lie in one.
type filterBlock [8]atomic.Uint64

const (
	// filterBitsPerStream and filterProbes give about one wrong "maybe" in a hundred at the size it is made for.
	filterBitsPerStream = 12
	filterProbes        = 6
	// leastFilterStreams and mostFilterStreams bound the memory: 1.5 MiB to 96 MiB. Beyond, "maybe" becomes more frequent.
	leastFilterStreams = 1 << 20
	mostFilterStreams  = 1 << 26
	// scanRest is after how many entries the scan looks whether the store closes.
	scanRest = 4096
)

// newStreamFilter is a filter for a store whose log has come to head: it has no more streams than that, and room for as
// many again.
func newStreamFilter(head eventstore.Position) *streamFilter {
	streams := min(max(2*uint64(head), leastFilterStreams), mostFilterStreams)
	return &streamFilter{seed: maphash.MakeSeed(), blocks: make([]filterBlock, streams*filterBitsPerStream/512+1)}
}

// place is the block of a stream and the hash that its bits are drawn from.
func (f *streamFilter) place(hash uint64) (*filterBlock, uint64) {
	return &f.blocks[(hash>>32)*uint64(len(f.blocks))>>32], hash*0x9e3779b97f4a7c15 | 1
}

func (f *streamFilter) add(hash uint64) {
	block, bits := f.place(hash)
	for range filterProbes {
		block[bits>>58&7].Or(1 << (bits >> 52 & 63))
		bits *= 0xd1342543de82ef95
	}
}

// addName adds a stream. It is there for every later missing.
func (f *streamFilter) addName(stream string) { f.add(maphash.String(f.seed, stream)) }

// missing tells that there is certainly no such stream.
func (f *streamFilter) missing(stream string) bool {
	if !f.complete.Load() {
		return false
	}
	block, bits := f.place(maphash.String(f.seed, stream))
	for range filterProbes {
		if block[bits>>58&7].Load()&(1<<(bits>>52&63)) == 0 {
			return true
		}
		bits *= 0xd1342543de82ef95
	}
	return false
}

// scan adds the streams that the iterator's moment holds. An iterator that fails, or a store that closes, leaves the
// filter incomplete: every answer stays "maybe".
func (f *streamFilter) scan(iter *pebble.Iterator, closing <-chan struct{}) error {
	var last []byte
	n := 0
	for valid := iter.First(); valid; valid = iter.Next() {
		stream, _, ok := splitStreamKey(iter.Key())
		if !ok || !bytes.Equal(stream, last) {
			f.add(maphash.Bytes(f.seed, stream))
			last = append(last[:0], stream...)
		}
		if n++; n%scanRest == 0 {
			select {
			case <-closing:
				return iter.Close()
			default:
			}
		}
	}
	if err := iter.Error(); err != nil {
		_ = iter.Close()
		return err
	}
	f.complete.Store(true)
	return iter.Close()
}

// learnStreams fills the filter with what was there before the first append.
func (s *Store) learnStreams(iter *pebble.Iterator) {
	if err := s.streams.scan(iter, s.closing); err != nil {
		s.options.Logf("event store: streams can't be listed, look-ups stay slower: %v", err)
	}
}
