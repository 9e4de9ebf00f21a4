package projections

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the projector counts.
type metrics struct {
	events   prometheus.Counter
	lag      prometheus.Histogram
	batch    prometheus.Histogram
	write    prometheus.Histogram
	failures prometheus.Counter
	position prometheus.Gauge
	stopped  prometheus.Gauge
	refolds  prometheus.Counter
	books    bookMetrics
	payouts  payoutMetrics
	refunds  prometheus.Gauge // that wait for a person
}

func newMetrics() *metrics {
	return &metrics{
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kipay_projection_events_total", Help: "Events written to the read models.",
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kipay_projection_lag_seconds", Help: "Time from the recording of an event until a read that asks at once sees it.",
			Buckets: []float64{.005, .01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 10, 60, 600},
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kipay_projection_batch_events", Help: "Events written together.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 9),
		}),
		write: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kipay_projection_write_seconds", Help: "Time of one write to ClickHouse, retries included.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .25, .5, 1, 5, 30},
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kipay_projection_failures_total", Help: "Failures that were tried again.",
		}),
		position: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kipay_projection_position", Help: "Position in the log that reads see.",
		}),
		stopped: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kipay_projection_stopped", Help: "1 while the projection can't go on; the log and readyz say why.",
		}),
		refolds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kipay_projection_refolds_total", Help: "Streams folded again because their state was not in memory.",
		}),
		books:   newBookMetrics(),
		payouts: newPayoutMetrics(),
		refunds: newRefundsUnknown(),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	own := []prometheus.Collector{m.events, m.lag, m.batch, m.write, m.failures, m.position, m.stopped, m.refolds, m.refunds}
	for _, c := range slices.Concat(own, m.books.all(), m.payouts.all()) {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// wrote counts a batch that reads see from now on. onDemand tells that a read that wanted one of its events would have had
// the batch written at once: then an event lagged until it was in the batch, and as long as the write took.
func (m *metrics) wrote(b *batch, now time.Time, took time.Duration, onDemand bool) {
	m.events.Add(float64(b.count))
	m.batch.Observe(float64(b.count))
	m.write.Observe(took.Seconds())
	m.position.Set(float64(b.last))
	for i, at := range b.recorded {
		lag := now.Sub(at)
		if onDemand {
			lag = min(lag, b.waited[i]+took)
		}
		m.lag.Observe(lag.Seconds())
	}
}
