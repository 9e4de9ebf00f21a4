package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// refundsEvery is how often refunds that wait for a person are counted.
const refundsEvery = 15 * time.Second

func newRefundsUnknown() prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "kipay_refunds_unknown", Help: "Refunds whose outcome nobody knows, or that a person has to look at; 0 on a node that stands by.",
	})
}

// refundsUnknown counts, in a generation, those whose outcome nobody knows, or that a person has to look at.
func (r *Reader) refundsUnknown(ctx context.Context, g Generation) (uint64, error) {
	var n uint64
	if err := r.conn.QueryRow(ctx, g.in(`SELECT countIf(outcome_unknown = 1 OR needs_attention != '') FROM kipay.refunds_gN FINAL`)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count refunds: %w", err)
	}
	return n, nil
}

// watchRefunds counts them, now and then until ctx ends.
func (p *Projector) watchRefunds(ctx context.Context) {
	defer p.metrics.refunds.Set(0) // whoever projects next counts them
	p.watchCounts(ctx, refundsEvery, "refunds", func(r *Reader, g Generation) error {
		n, err := r.refundsUnknown(ctx, g)
		if err == nil {
			p.metrics.refunds.Set(float64(n))
		}
		return err
	})
}
