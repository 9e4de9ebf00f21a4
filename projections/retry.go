package projections

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ClickHouse's numbers of errors.
const (
	unknownTable       = 60
	replicaNotInQuorum = 289
)

// isUnknownTable tells whether a generation's tables are gone: another one serves by now.
func isUnknownTable(err error) bool { return hasCode(err, unknownTable) }

// isBehind tells whether a replica did not answer because it lacks rows that most replicas have: it gets them any moment.
func isBehind(err error) bool { return hasCode(err, replicaNotInQuorum) }

func hasCode(err error, code int32) bool {
	var e *clickhouse.Exception
	return errors.As(err, &e) && e.Code == code
}

// retry does it until it succeeds, ctx ends, or the tables are gone; failed is told of each failure that is tried again.
func retry(ctx context.Context, do func() error, failed func(error)) error {
	pause := pauses{}
	for {
		err := do()
		if err == nil || isUnknownTable(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed(err)
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// pauses grow from leastRetry to mostRetry, each of random length so that nodes don't come back all at once.
type pauses struct{ last time.Duration }

func (p *pauses) wait(ctx context.Context) error {
	p.last = min(max(2*p.last, leastRetry), mostRetry)
	timer := time.NewTimer(p.last/2 + rand.N(p.last/2+1)) //nolint:gosec // no secret depends on it
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
