package reactor_test

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// A node compared a statement and was killed before its lines had counted.
func TestAStatementWhoseNodeWasKilledWhileItCountedCountsToItsEnd(t *testing.T) {
	i := newInstall(t, "0")
	zero, amount := money.Of(0, money.KES), money.Of(70_00, money.KES)
	i.append(journal.Stream(3),
		journal.Begun{ID: 3, Merchant: 1, Mode: domain.ModeTest, Channel: 1, Source: reconciliation.SourceMpesa, Subject: journal.Stream(3), SHA256: "ab", At: i.now()},
		journal.DifferencesFound{ID: 3, Subject: journal.Stream(3), At: i.now(), Differences: []journal.Difference{{
			N: 1, Line: 1, Kind: reconciliation.KindPayment, Receipt: "QGR7I8K2ZZ", Cause: reconciliation.UnknownPayer, State: reconciliation.Open,
			Amount: amount, Stated: amount, Booked: zero, At: i.now(),
		}}},
		journal.Reconciled{
			ID: 3, From: i.now(), Until: i.now(), Currency: money.KES, Lines: 1, Statement: amount, Booked: zero, Difference: amount, Explained: amount,
			Unexplained: zero, Open: 1, Differences: 1, Counting: true, At: i.now(),
		})
	i.pass(time.Minute)
	i.reacting(func() bool { return folded[journal.State](i, journal.Stream(3)).HasCounted() })
	item, _ := folded[journal.State](i, journal.Stream(3)).Item(1)
	if s := folded[receipt.State](i, receipt.Stream(channel.SandboxReceipts, "QGR7I8K2ZZ")); item.Action != journal.Suspended || s.Suspense == nil {
		t.Errorf("the line is %+v", item)
	}
}
