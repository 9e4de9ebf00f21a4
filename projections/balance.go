package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// balanceEvery is how often the whole ledger is summed while events keep coming.
const balanceEvery = 10 * time.Minute

// Imbalance is books whose debits and credits differ.
type Imbalance struct {
	MerchantID int64
	Mode       domain.Mode
	Currency   money.Currency
	// Difference is debits less credits, in minor units.
	Difference int64
}

// Imbalances sums the whole ledger, which must leave nothing: every event's postings balance when they are made, so a
// difference means that rows were lost or changed.
func (p *Projector) Imbalances(ctx context.Context) ([]Imbalance, error) {
	g, _, _ := p.archived.get()
	if g == 0 {
		return nil, ErrNotServing
	}
	var out []Imbalance
	r := &Reader{conn: p.conn}
	err := r.each(ctx, g.in(`SELECT merchant_id, mode, currency, sum(debit_minor) - sum(credit_minor) AS difference
		FROM kipay.ledger_entries_gN FINAL GROUP BY merchant_id, mode, currency HAVING difference != 0`), nil, func(rows driver.Rows) error {
		var i Imbalance
		var mode, currency string
		err := rows.Scan(&i.MerchantID, &mode, &currency, &i.Difference)
		i.Mode, i.Currency = domain.Mode(mode), money.Currency(currency)
		out = append(out, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum the ledger: %w", err)
	}
	return out, nil
}

// watchBalance sums the ledger now and then until ctx ends, and tells the metrics, and whoever reads the log, of what does not
// balance.
func (p *Projector) watchBalance(ctx context.Context) {
	ticker := time.NewTicker(balanceEvery)
	defer ticker.Stop()
	for {
		if err := p.archived.wait(ctx, 1); err != nil {
			return
		}
		switch found, err := p.Imbalances(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.logger.Warn().Err(err).Msg("the ledger could not be summed")
		default:
			p.metrics.unbalanced.Set(float64(len(found)))
			for _, i := range found {
				p.logger.Error().Int64("merchant", i.MerchantID).Str("mode", string(i.Mode)).Str("currency", string(i.Currency)).
					Int64("difference_minor", i.Difference).Msg("the ledger does not balance: run kipay verify")
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
