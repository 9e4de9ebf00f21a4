package ids

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func block(from, to int64) BlockReserved {
	return BlockReserved{Kind: Customer, From: from, To: to, At: t0}
}

func reserve(size int64) Reserve { return Reserve{Kind: Customer, Size: size, At: t0} }

func TestBlocksFollowEachOtherFromOne(t *testing.T) {
	given[State](t).when(reserve(100)).then(block(1, 100)).when(reserve(1)).then(block(101, 101)).when(reserve(5)).then(block(102, 106))
}

func TestIDsEndBeforeWhatEveryJSONParserReads(t *testing.T) {
	given[State](t, block(1, Max-10)).when(reserve(10)).then(block(Max-9, Max)).when(reserve(1)).thenError(domain.CodeConflict)
	given[State](t, block(1, Max-10)).when(reserve(11)).thenError(domain.CodeConflict)
}

func TestNoBlockIsEmptyOrOverflows(t *testing.T) {
	for _, size := range []int64{0, -1, math.MinInt64, Max + 1, math.MaxInt64} {
		given[State](t, block(1, 100)).when(reserve(size)).thenError(domain.CodeConflict)
	}
}

func TestNoIDIsHandedOutTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, last := State{}, int64(0)
		for range rapid.IntRange(1, 50).Draw(t, "blocks") {
			events, err := reserve(rapid.Int64Range(1, Max/40).Draw(t, "size")).Decide(s)
			if err != nil {
				return
			}
			b, ok := events[0].(BlockReserved)
			if !ok || len(events) != 1 || b.From != last+1 || b.To < b.From || b.To > Max {
				t.Fatalf("after %d comes %+v", last, events)
			}
			s, last = s.Evolve(b), b.To
		}
	})
}

func TestStreamsOfKinds(t *testing.T) {
	if got := Stream(Transaction); got != "ids-transaction" {
		t.Error(got)
	}
}
