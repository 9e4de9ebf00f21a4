package projections

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// booksEvery is how often the whole ledger is summed while events keep coming.
const booksEvery = 10 * time.Minute

// bookMetrics are of the books, as of the last time that they were summed.
type bookMetrics struct {
	unbalanced           prometheus.Gauge
	suspense, open, aged *prometheus.GaugeVec
}

func newBookMetrics() bookMetrics {
	return bookMetrics{
		unbalanced: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kipay_ledger_unbalanced", Help: "Books (of a merchant, mode and currency) whose debits and credits differ; must be 0. Also 0 on a node that stands by.",
		}),
		suspense: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kipay_suspense_amount", Help: "Money of all merchants that nobody can be credited with yet, in major units of the currency; not there on a node that stands by.",
		}, []string{"mode", "currency"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kipay_reconciliation_open_differences", Help: "Differences between statements and books that nobody has decided about; not there on a node that stands by.",
		}, []string{"mode"}),
		aged: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kipay_reconciliation_oldest_open_seconds", Help: "How long the oldest of them has waited since its statement was compared; not there on a node that stands by.",
		}, []string{"mode"}),
	}
}

func (m bookMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.unbalanced, m.suspense, m.open, m.aged}
}

func (m bookMetrics) set(books []bookSums, open map[domain.Mode]openDifferences, now time.Time) {
	unbalanced, suspense := 0, map[[2]string]float64{}
	for _, b := range books {
		if b.Difference != 0 {
			unbalanced++
		}
		suspense[[2]string{string(b.Mode), string(b.Currency)}] += float64(b.suspense) / math.Pow10(b.Currency.MinorDigits())
	}
	m.unbalanced.Set(float64(unbalanced))
	m.suspense.Reset() // books that are gone, after a rebuild or on another node
	for labels, amount := range suspense {
		m.suspense.WithLabelValues(labels[:]...).Set(amount)
	}
	m.open.Reset()
	m.aged.Reset()
	for mode, o := range open {
		m.open.WithLabelValues(string(mode)).Set(float64(o.count))
		waited := 0.0
		if o.count > 0 {
			waited = max(0, now.Sub(o.oldest).Seconds())
		}
		m.aged.WithLabelValues(string(mode)).Set(waited)
	}
}

// Imbalance is books whose debits and credits differ.
type Imbalance struct {
	MerchantID int64
	Mode       domain.Mode
	Currency   money.Currency
	// Difference is debits less credits, in minor units.
	Difference int64
}

// bookSums are what the postings of books add up to.
type bookSums struct {
	Imbalance
	suspense int64 // in minor units
}

// Imbalances sums the whole ledger, which must leave nothing: every event's postings balance when they are made, so a
// difference means that rows were lost or changed. Error: ErrNotServing.
func (p *Projector) Imbalances(ctx context.Context) ([]Imbalance, error) {
	books, err := p.sumBooks(ctx)
	var out []Imbalance
	for _, b := range books {
		if b.Difference != 0 {
			out = append(out, b.Imbalance)
		}
	}
	return out, err
}

func (p *Projector) sumBooks(ctx context.Context) ([]bookSums, error) {
	g, _, _ := p.archived.get()
	if g == 0 {
		return nil, ErrNotServing
	}
	var out []bookSums
	r := &Reader{conn: p.conn}
	err := r.each(ctx, g.in(`SELECT merchant_id, mode, currency, sum(debit_minor) - sum(credit_minor), sumIf(credit_minor - debit_minor, account = {suspense:String})
		FROM kipay.ledger_entries_gN FINAL GROUP BY merchant_id, mode, currency`), []any{clickhouse.Named("suspense", string(ledger.Suspense))}, func(rows driver.Rows) error {
		var b bookSums
		var mode, currency string
		err := rows.Scan(&b.MerchantID, &mode, &currency, &b.Difference, &b.suspense)
		b.Mode, b.Currency = domain.Mode(mode), money.Currency(currency)
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum the ledger: %w", err)
	}
	return out, nil
}

// openDifferences are differences of statements that wait for a person.
type openDifferences struct {
	count  uint64
	oldest time.Time // when the statement of one of them was compared; without meaning where there is none
}

// openDifferences are those of each mode that has statements. One that several statements show, where they overlap, is as the newest has
// it (report.Differences), and has waited since the first.
func (p *Projector) openDifferences(ctx context.Context) (map[domain.Mode]openDifferences, error) {
	out := map[domain.Mode]openDifferences{}
	r := &Reader{conn: p.conn}
	const sql = `SELECT mode, countIf(newest = {open:String}), minIf(since, newest = {open:String}) FROM (
			SELECT d.mode AS mode, argMax(d.state, i.finished_at) AS newest, min(assumeNotNull(i.finished_at)) AS since
			FROM kipay.reconciliation_differences AS d
			INNER JOIN kipay.reconciliation_imports AS i ON i.merchant_id = d.merchant_id AND i.mode = d.mode AND i.id = d.import_id
			GROUP BY d.merchant_id, mode, d.channel_id, i.source, d.currency, d.identity)
		GROUP BY mode`
	err := r.each(ctx, sql, []any{clickhouse.Named("open", string(reconciliation.Open))}, func(rows driver.Rows) error {
		var mode string
		var o openDifferences
		err := rows.Scan(&mode, &o.count, &o.oldest)
		out[domain.Mode(mode)] = o
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count open differences: %w", err)
	}
	return out, nil
}

// lookAtBooks sums the ledger and tells the metrics, and whoever reads the log, of what does not balance.
func (p *Projector) lookAtBooks(ctx context.Context) error {
	books, err := p.sumBooks(ctx)
	if err != nil {
		return err
	}
	open, err := p.openDifferences(ctx)
	if err != nil {
		return err
	}
	p.metrics.books.set(books, open, p.log.Now())
	for _, b := range books {
		if b.Difference != 0 {
			p.logger.Error().Int64("merchant", b.MerchantID).Str("mode", string(b.Mode)).Str("currency", string(b.Currency)).
				Int64("difference_minor", b.Difference).Msg("the ledger does not balance: run kipay verify")
		}
	}
	return nil
}

// watchBooks looks at the books now and then until ctx ends.
func (p *Projector) watchBooks(ctx context.Context) {
	defer p.metrics.books.set(nil, nil, time.Time{}) // whoever projects next sums them
	ticker := time.NewTicker(booksEvery)
	defer ticker.Stop()
	for {
		if err := p.archived.wait(ctx, 1); err != nil {
			return
		}
		switch err := p.lookAtBooks(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.logger.Warn().Err(err).Msg("the books could not be summed")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
