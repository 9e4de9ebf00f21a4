package projections

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// A checkout that names no channel is opened for the merchant's first one, and the payer chooses.
func TestAPaymentIsOfTheChannelWhereItWasMade(t *testing.T) {
	kes := func(shillings int64) money.Money { return money.Of(shillings*100, money.KES) }
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	opened := transaction.Initialized{Reference: "KIPAY1", Channel: 1, Provider: "mpesa", Origin: transaction.FromCheckout, Amount: kes(700), AnyChannel: true, At: at}
	push := transaction.StkPushRequested{Reference: "KIPAY1", Attempt: 1, Channel: 1, At: at}
	first := transaction.CardCheckoutRequested{Reference: "KIPAY1", Attempt: 1, Channel: 2, At: at}
	second := transaction.CardCheckoutRequested{Reference: "KIPAY1", Attempt: 2, Channel: 2, At: at.Add(time.Minute)}
	received := func(attempt int, channel int64, receipt string, method transaction.Method, paid time.Time) transaction.PaymentReceived {
		return transaction.PaymentReceived{
			Reference: "KIPAY1", Attempt: attempt, Receipt: receipt, Amount: kes(700), Credited: kes(700), Surplus: kes(0), Method: method, PaidAt: paid,
			Terms: transaction.Terms{Channel: channel}, At: paid,
		}
	}
	phone := received(1, 1, "QGR7I8K2LM", transaction.MethodMpesaSTK, at.Add(2*time.Minute))
	for name, test := range map[string]struct {
		events   []domain.Event
		channel  int64
		provider string
	}{
		"nobody was sent anywhere":             {nil, 1, "mpesa"},
		"a card page is open":                  {[]domain.Event{first}, 2, "paystack"},
		"paid by card":                         {[]domain.Event{first, received(1, 2, "4099260516", transaction.MethodCard, at)}, 2, "paystack"},
		"paid by card, the event says no more": {[]domain.Event{first, received(1, 0, "4099260516", transaction.MethodCard, at)}, 2, "paystack"},
		"paid by mobile money at Paystack":     {[]domain.Event{first, received(1, 2, "4099260516", "mobile_money", at)}, 2, "paystack"},
		"paid by phone, a card page was open":  {[]domain.Event{push, second, phone}, 1, "mpesa"},
		"paid by both, by phone first":         {[]domain.Event{push, second, phone, received(2, 2, "4099260516", transaction.MethodCard, at.Add(time.Hour))}, 1, "mpesa"},
		"confirmed by phone without a receipt": {[]domain.Event{push, second, transaction.PaymentConfirmed{
			Reference: "KIPAY1", Attempt: 1, Credited: kes(700), Surplus: kes(0), Method: transaction.MethodMpesaSTK, At: at,
		}}, 1, "mpesa"},
	} {
		t.Run(name, func(t *testing.T) {
			s := transaction.State{}.Evolve(opened)
			for _, e := range test.events {
				s = s.Evolve(e)
			}
			if row := TransactionOf(s, 1, 1); row.ChannelID != test.channel || row.Provider != test.provider {
				t.Errorf("channel %d, %s", row.ChannelID, row.Provider)
			}
		})
	}
}
