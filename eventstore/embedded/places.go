package embedded

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/benfex/kipay/eventstore"
)

// places sums up which position is which event of which stream, whatever the order they are told in. Two sums over
// the same places are equal; over different ones they differ, but for one chance in 2^64. It takes no memory.
type places struct {
	seed  maphash.Seed
	sum   uint64
	count uint64
}

func newPlaces() places { return places{seed: maphash.MakeSeed()} }

// empty sums up nothing yet, to be compared with p.
func (p places) empty() places { return places{seed: p.seed} }

func (p *places) add(stream []byte, rev eventstore.Revision, pos eventstore.Position) {
	var h maphash.Hash
	h.SetSeed(p.seed)
	var numbers [16]byte
	binary.BigEndian.PutUint64(numbers[:], uint64(rev))
	binary.BigEndian.PutUint64(numbers[8:], uint64(pos))
	_, _ = h.Write(numbers[:])
	_, _ = h.Write(stream)
	p.sum += h.Sum64()
	p.count++
}

func (p places) equal(other places) bool { return p.sum == other.sum && p.count == other.count }
