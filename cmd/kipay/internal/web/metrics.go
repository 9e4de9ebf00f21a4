package web

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what is answered. Every label has a bounded set of values: route patterns, known methods, statuses.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	// storeFailures counts what the shared counters of rate limits did not count.
	storeFailures prometheus.Counter
	statuses      [600]string // as text, so that nothing is allocated for them
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kipay_http_requests_total", Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kipay_http_request_duration_seconds", Help: "Time from the request's headers to its answer.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kipay_http_requests_in_flight", Help: "Requests being worked on.",
		}),
		storeFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kipay_rate_limit_store_failures_total", Help: "Requests that this node had to count in memory because the shared counters were away.",
		}),
	}
	for i := range m.statuses {
		m.statuses[i] = strconv.Itoa(i)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight, m.storeFailures} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("web: register metrics: %w", err)
		}
	}
	return m, nil
}

// observe counts one answer.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	text := otherMethod
	if status >= 100 && status < len(m.statuses) {
		text = m.statuses[status]
	}
	m.requests.WithLabelValues(route, method, text).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}
