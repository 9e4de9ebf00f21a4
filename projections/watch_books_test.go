package projections

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestAPostingTooManyIsFoundByTheSumOfTheLedger(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	ref, _ := b.Open(t, projectionstest.Payment{Merchant: 1, Amount: 1000_00})
	b.Push(t, 1, ref)
	at := b.Pay(t, 1, ref, 1000_00)
	if err := b.projector.WaitForArchive(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	found, err := b.projector.Imbalances(t.Context())
	if err != nil || len(found) > 0 {
		t.Fatalf("sound books: %v, %v", found, err)
	}
	g := b.projector.Generation()
	if err := b.engine.Conn.Exec(t.Context(), g.in(`INSERT INTO kipay.ledger_entries_gN
		SELECT * REPLACE (position + 1000000 AS position) FROM kipay.ledger_entries_gN WHERE account = 'provider_clearing'`)); err != nil {
		t.Fatal(err)
	}
	found, err = b.projector.Imbalances(t.Context())
	want := []Imbalance{{MerchantID: 1, Mode: domain.ModeTest, Currency: money.KES, Difference: 1000_00}}
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestMetricsTellOfBooksThatNobodyHasCleared(t *testing.T) {
	b := newBench(t)
	registry := prometheus.NewRegistry()
	b.projector = b.projectorOf(t, Options{Metrics: registry})
	stop := run(t, b.projector)
	b.Merchant(t, 1, "")
	b.Statement(t, 1) // one of its two differences waits for a person, and its money stands in suspense
	caughtUp(t, b.projector, b.Head(t))
	look := func() {
		t.Helper()
		if err := b.projector.lookAtBooks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	told := func(want map[string]float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			if !slices.Contains([]string{"kipay_ledger_unbalanced", "kipay_suspense_amount", "kipay_reconciliation_open_differences", "kipay_reconciliation_oldest_open_seconds"}, f.GetName()) {
				continue
			}
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				got[name] = math.Round(m.GetGauge().GetValue())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	b.Set(b.Now().Add(48 * time.Hour))
	look()
	waiting := map[string]float64{
		"kipay_ledger_unbalanced": 0, "kipay_suspense_amount KES test": 55,
		"kipay_reconciliation_open_differences test": 1, "kipay_reconciliation_oldest_open_seconds test": 48 * 3600,
	}
	told(waiting)
	b.Statement(t, 1) // it overlaps: the same two once more
	caughtUp(t, b.projector, b.Head(t))
	look()
	told(waiting)
	exec(t, b.engine.Conn, b.projector.Generation().in(`INSERT INTO kipay.ledger_entries_gN
		SELECT * REPLACE (position + 1000000 AS position) FROM kipay.ledger_entries_gN WHERE account = 'provider_clearing' LIMIT 1`))
	look()
	waiting["kipay_ledger_unbalanced"] = 1
	told(waiting)
	stop()
	told(map[string]float64{"kipay_ledger_unbalanced": 0})
}
