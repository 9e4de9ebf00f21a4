package main

import (
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// meter counts what happens, for /metrics.
type meter struct {
	registry  *prometheus.Registry
	calls     *prometheus.HistogramVec
	callbacks *prometheus.CounterVec
	conflicts prometheus.Counter
	// storeFailures counts by kind what the event store did not do.
	storeFailures *prometheus.CounterVec
}

func newMeter() *meter {
	m := &meter{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kipay_provider_call_seconds", Help: "Calls to providers, by how they ended.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 25},
		}, []string{"provider", "call", "outcome"}),
		callbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kipay_callbacks_total", Help: "Notices of providers: accepted, refused, spooled while the event store was away, and delivered, or set aside, after that.",
		}, []string{"result"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kipay_conflicts_total", Help: "Payments whose evidence contradicts itself, seen since this node started, on whatever node they happened.",
		}),
		storeFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kipay_eventstore_errors_total", Help: "Calls to the event store that failed; a revision that was passed by another writer is no failure.",
		}, []string{"kind"}),
	}
	m.registry.MustRegister(m.calls, m.callbacks, m.conflicts, m.storeFailures, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *meter) providerCall(provider string) func(call, outcome string, d time.Duration) {
	return func(call, outcome string, d time.Duration) {
		m.calls.WithLabelValues(provider, call, outcome).Observe(d.Seconds())
	}
}

func (m *meter) callback(event string) {
	switch event {
	case "callback_accepted":
		m.callbacks.WithLabelValues("accepted").Inc()
	case "callback_refused":
		m.callbacks.WithLabelValues("refused").Inc()
	case "callback_spooled":
		m.callbacks.WithLabelValues("spooled").Inc()
	case "callback_delivered":
		m.callbacks.WithLabelValues("delivered").Inc()
	case "callback_parked":
		m.callbacks.WithLabelValues("parked").Inc()
	case "conflict":
		m.conflicts.Inc()
	}
}

// watch registers what is read off the parts when somebody asks.
func (m *meter) watch(n *node) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	if n.local != nil { // a server tells about itself
		counter("kipay_appends_total", "Appends acknowledged by the event store.", func() float64 { return float64(n.local.Stats().Appends) })
		counter("kipay_events_total", "Events appended.", func() float64 { return float64(n.local.Stats().Events) })
		counter("kipay_syncs_total", "Syncs of the event store; appends share them.", func() float64 { return float64(n.local.Stats().Syncs) })
		gauge("kipay_eventstore_head", "Position of the newest event.", func() float64 { return float64(n.local.Stats().Head) })
		gauge("kipay_eventstore_failed", "1 when the event store takes no appends until it is opened again.", func() float64 {
			select {
			case <-n.local.Failed():
				return 1
			default:
				return 0
			}
		})
	}
	gauge("kipay_log_changed", "1 when the log was found not to be the one that its heads were signed over, until this node starts again.", func() float64 {
		if n.proofs != nil && n.proofs.changed.Load() {
			return 1
		}
		return 0
	})
	if kept := n.write.Spool; kept != nil {
		gauge("kipay_spool_notices", "Notices of providers that wait on the disk for the event store.", func() float64 { return float64(kept.Len()) })
		gauge("kipay_spool_parked", "Notices that could not be recorded when the event store was back, and are set aside; tried again at each start.", func() float64 { return float64(kept.Parked()) })
		gauge("kipay_spool_oldest_seconds", "How long the oldest of them has waited.", func() float64 {
			if at := kept.Oldest(); !at.IsZero() {
				return time.Since(at).Seconds()
			}
			return 0
		})
	}
	gauge("kipay_pending_pushes", "Pushes without a final answer; 0 on a node that stands by.", func() float64 { return float64(n.duties.pendingPushes()) })
	gauge("kipay_oldest_pending_push_seconds", "How long the oldest push without a final answer has waited; 0 on a node that stands by.", func() float64 { return n.duties.oldestPush().Seconds() })
	gauge("kipay_disputes_open", "Disputes that have not ended; 0 on a node that stands by.", func() float64 { open, _, _ := n.duties.disputes(); return float64(open) })
	gauge("kipay_disputes_due", "Disputes that the merchant has to answer within 48 hours; 0 on a node that stands by.", func() float64 { _, due, _ := n.duties.disputes(); return float64(due) })
	gauge("kipay_disputes_overdue", "Disputes whose deadline went by without an answer, and that have not ended; 0 on a node that stands by.", func() float64 { _, _, over := n.duties.disputes(); return float64(over) })
	if n.reads != nil && n.cfg.Roles.has(roleProjector) {
		gauge("kipay_projection_behind_seconds", "How long the oldest event that lists don't show has waited; 0 on a node that stands by.", func() float64 { return n.readsLag().Seconds() })
	}
	gauge("kipay_disk_free_bytes", "Room on the disk of the data folder, for this user.", func() float64 { free, _ := diskSpace(n.cfg.DataDir); return free })
	gauge("kipay_disk_size_bytes", "Size of the disk of the data folder.", func() float64 { _, size := diskSpace(n.cfg.DataDir); return size })
	for role, active := range n.duties.active {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kipay_role_active", Help: "1 when this node does what the role says, 0 when it stands by.", ConstLabels: prometheus.Labels{"role": role},
		}, func() float64 {
			if active.Load() {
				return 1
			}
			return 0
		}))
	}
	if n.reads != nil && n.reads.super != nil {
		counter("kipay_readmodel_restarts_total", "Restarts of the embedded ClickHouse engine.", func() float64 { return float64(n.reads.super.Restarts()) })
	}
	m.registry.MustRegister(breakers{n})
}

// diskSpace is what the disk of a folder has room for, free and in all; zero when it can't be told.
func diskSpace(dir string) (free, size float64) {
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return 0, 0
	}
	return float64(fs.Bavail) * float64(fs.Bsize), float64(fs.Blocks) * float64(fs.Bsize)
}

// breakers tells the state of every provider's circuit breakers.
type breakers struct{ n *node }

var breakerDesc = prometheus.NewDesc("kipay_breaker_open", "1 when calls are held back because the provider fails.", []string{"breaker", "state"}, nil)

// Describe names the metric.
func (b breakers) Describe(to chan<- *prometheus.Desc) { to <- breakerDesc }

// Collect reads the breakers.
func (b breakers) Collect(to chan<- prometheus.Metric) {
	for _, states := range []map[string]string{b.n.write.Mpesa.BreakerStates(), b.n.write.Paystack.BreakerStates()} {
		for name, state := range states {
			open := 0.0
			if state != "closed" {
				open = 1
			}
			to <- prometheus.MustNewConstMetric(breakerDesc, prometheus.GaugeValue, open, name, state)
		}
	}
}
