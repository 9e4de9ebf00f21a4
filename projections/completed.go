package projections

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/benfex/kipay/domain/transaction"
)

// completedCache keeps the newest completed transactions, so that asking after one costs ClickHouse nothing.
type completedCache struct {
	rows *lru.Cache[string, *Transaction]
}

func newCompletedCache(size int) *completedCache {
	rows, err := lru.New[string, *Transaction](size)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &completedCache{rows: rows}
}

// note takes in what an event made of a transaction.
func (c *completedCache) note(t *Transaction) {
	if t.Status == transaction.StatusCompleted && t.MergedInto == "" {
		c.rows.Add(t.Reference, t)
	} else {
		c.rows.Remove(t.Reference)
	}
}
