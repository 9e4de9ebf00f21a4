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
	ticker := time.NewTicker(refundsEvery)
	defer ticker.Stop()
	r := &Reader{conn: p.conn}
	for {
		if err := p.archived.wait(ctx, 1); err != nil {
			return
		}
		if g, _, _ := p.archived.get(); g != 0 {
			switch n, err := r.refundsUnknown(ctx, g); {
			case ctx.Err() != nil:
				return
			case err != nil:
				p.logger.Debug().Err(err).Msg("refunds could not be counted")
			default:
				p.metrics.refunds.Set(float64(n))
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
