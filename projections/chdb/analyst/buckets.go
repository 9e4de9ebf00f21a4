package analyst

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxBuckets bounds how many keys are remembered; the one that was used longest ago is forgotten first.
const maxBuckets = 4096

// buckets let something happen so often a minute for each key, and all of it at once after a quiet minute.
type buckets struct {
	perMinute float64
	now       func() time.Time

	mu   sync.Mutex
	held *lru.Cache[string, bucket]
}

type bucket struct {
	left float64
	at   time.Time
}

func newBuckets(perMinute int, now func() time.Time) *buckets {
	held, err := lru.New[string, bucket](maxBuckets)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &buckets{perMinute: float64(perMinute), now: now, held: held}
}

// take takes one, if there is one.
func (b *buckets) take(key string) bool { return b.use(key, 1) }

// empty says whether nothing is left.
func (b *buckets) empty(key string) bool { return !b.use(key, 0) }

func (b *buckets) use(key string, n float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	of, ok := b.held.Get(key)
	if !ok {
		of = bucket{left: b.perMinute, at: now}
	}
	of.left = min(b.perMinute, of.left+now.Sub(of.at).Minutes()*b.perMinute)
	of.at = now
	allowed := of.left >= 1
	if allowed {
		of.left -= n
	}
	b.held.Add(key, of)
	return allowed
}
