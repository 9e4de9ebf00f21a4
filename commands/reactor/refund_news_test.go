package reactor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
)

// Paystack says once that somebody gave money back on its own pages. If it can't be asked what in that moment, it is asked again.
func TestMoneyThatWentBackElsewhereIsAskedAboutUntilPaystackAnswers(t *testing.T) {
	i := newInstall(t, "0")
	if err := i.write.CreateChannelFor(t.Context(), 1, []byte(`{"name":"cards","provider":"paystack","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}}`)); err != nil {
		t.Fatal(err)
	}
	i.refused, i.refunds = 1, `{"id":31,"transaction":4099260516,"status":"processed","amount":60000,"currency":"KES","domain":"test","createdAt":"2026-11-23T09:02:00.000Z"}`
	i.opened(ref, transaction.FromCheckout,
		transaction.PaymentReceived{
			Reference: ref, Receipt: "4099260516", Amount: money.Of(1000_00, money.KES), Credited: money.Of(1000_00, money.KES), Surplus: money.Of(0, money.KES),
			Method: transaction.MethodCard, Terms: transaction.Terms{Channel: 2, Funds: fee.OfMerchant}, PaidAt: i.now(), At: i.now(),
		},
		transaction.RefundNoticeReceived{Reference: ref, Subject: "payment-" + string(ref), Door: transaction.DoorRefundWebhook, Digest: "d", Raw: "{}", At: i.now()})
	woken, early := 0, i.now()
	i.reacting(func() bool {
		if folded[transaction.State](i, ref.Stream()).Refunded() == money.Of(600_00, money.KES) {
			return true
		}
		i.pass(time.Minute) // and something happens, of which the reactor sees how late it is
		woken++
		other := payout.Reference(fmt.Sprintf("PAYOUT%016d", woken))
		i.append(other.Stream(), payout.Rejected{Reference: other, At: early})
		return false
	})
}
