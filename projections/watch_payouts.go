package projections

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// payoutsEvery is how often payouts that wait are counted.
const payoutsEvery = 15 * time.Second

// payoutMetrics are of payouts that wait for somebody, as of the last time that they were counted.
type payoutMetrics struct {
	awaiting, toMake, unknown, oldest prometheus.Gauge
}

func newPayoutMetrics() payoutMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return payoutMetrics{
		awaiting: gauge("kipay_payouts_awaiting_approval", "Payouts that a second person has to agree to; 0 on a node that stands by."),
		toMake:   gauge("kipay_payouts_to_make", "Approved payouts that a person has to make; 0 on a node that stands by."),
		unknown:  gauge("kipay_payouts_unknown", "Payouts whose outcome nobody knows, or that can't be sent; 0 on a node that stands by."),
		oldest:   gauge("kipay_oldest_sent_payout_seconds", "How long the oldest payout has waited for the provider's final answer; 0 on a node that stands by."),
	}
}

func (m payoutMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.awaiting, m.toMake, m.unknown, m.oldest}
}

func (m payoutMetrics) set(c PayoutCounts, now time.Time) {
	m.awaiting.Set(float64(c.AwaitingApproval))
	m.toMake.Set(float64(c.ToMake))
	m.unknown.Set(float64(c.Unknown))
	waited := 0.0
	if !c.OldestSent.IsZero() {
		waited = max(0, now.Sub(c.OldestSent).Seconds())
	}
	m.oldest.Set(waited)
}

// watchPayouts counts payouts that wait, now and then until ctx ends.
func (p *Projector) watchPayouts(ctx context.Context) {
	defer p.metrics.payouts.set(PayoutCounts{}, time.Time{}) // whoever projects next counts them
	p.watchCounts(ctx, payoutsEvery, "payouts", func(r *Reader, g Generation) error {
		c, err := r.payoutCounts(ctx, g)
		if err == nil {
			p.metrics.payouts.set(c, p.log.Now())
		}
		return err
	})
}

// watchCounts has something counted in the generation that serves, now and then until ctx ends.
func (p *Projector) watchCounts(ctx context.Context, every time.Duration, what string, count func(*Reader, Generation) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	r := &Reader{conn: p.conn}
	for {
		if err := p.archived.wait(ctx, 1); err != nil {
			return
		}
		if g, _, _ := p.archived.get(); g != 0 {
			if err := count(r, g); err != nil && ctx.Err() == nil {
				p.logger.Debug().Err(err).Msg(what + " could not be counted")
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
