package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// fees gives the channel these rules.
func (m *merchant) fees(t *testing.T, channel, rules string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	m.cli(t, "channel", "fees", channel, "--set", file)
}

// balances are the merchant's accounts in minor units' text, whose trial balance must be zero.
func (m *merchant) balances(t *testing.T) map[string]string {
	t.Helper()
	r := m.get("/api/ledger/balances")
	r.want(t, 200, shape{"totals.0.difference": "=0"})
	out := map[string]string{}
	for i := range 32 {
		account := r.text(fmt.Sprintf("data.%d.account", i))
		if account == "" {
			break
		}
		out[account] = r.text(fmt.Sprintf("data.%d.balance", i))
	}
	return out
}

func TestWhatPaymentsCostStandsInTheirEventsAndInTheLedger(t *testing.T) {
	t.Parallel()
	m := newCardShop(t, common(t, "cards", quick(nil)))
	m.moveTo(t, "174379")
	m.fees(t, m.mpesa, `{"provider":{"parts":5500},"own":{"fixed":500,"tax_parts":160000}}`)
	pushed := m.push(t, phone(), "1000")
	m.settles(t, pushed, "completed", 15*time.Second)
	if diff := cmp.Diff(map[string]string{
		"provider_clearing": "994.5", "fees_payable": "5.8", "sales": "1000", "provider_fees": "5.5", "gateway_fees": "5.8",
	}, m.balances(t)); diff != "" {
		t.Errorf("balances after the push (-want +got):\n%s", diff)
	}

	// Paystack says what it took, which takes the place of what the rules expected.
	m.fees(t, m.card, `{"provider":{"fixed":100}}`)
	ref := m.initialize(t, `{"amount":500,"email":"fees@example.com","payment_channel_id":`+m.card+`}`)
	if _, _, status := payByCard(m.openCardPage(t, ref), paystacksim.Cards()[0]); status != 303 {
		t.Fatalf("the card was not taken: %d", status)
	}
	m.settles(t, ref, "completed", 15*time.Second)
	took := ""
	eventually(t, 10*time.Second, "the fee that Paystack reports", func() error {
		r := m.get("/api/ledger/entries?account=provider_fees&reference=" + ref)
		if r.text("data.1.debit") != "1" {
			return fmt.Errorf("want the estimate first: %v", r)
		}
		took = r.text("data.0.debit")
		return nil
	})
	if took == "" || took == "0" {
		t.Errorf("the adjustment is %q", took)
	}
	events := m.events(t, "transaction-"+ref)
	found := false
	for _, e := range events {
		found = found || e == "ProviderFeeReported"
	}
	if !found {
		t.Errorf("the payment's events are %v", events)
	}
}

func TestMoneyInTheOperatorsPoolIsOwedToTheMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, common(t, "cards", quick(nil)))
	r := m.post("/api/payment-channels/create", `{"funds":"pool",`+mpesaChannel("174379")[1:])
	r.want(t, 201, shape{"channel.funds": `="pool"`})
	pool := r.text("channel.id")
	m.fees(t, pool, `{"own":{"parts":20000}}`)
	m.mpesa = pool
	ref := m.push(t, phone(), "200")
	m.settles(t, ref, "completed", 15*time.Second)
	if diff := cmp.Diff(map[string]string{"provider_clearing": "200", "merchant_payable": "196", "own_fees": "4"}, m.balances(t)); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	m.post("/api/payment-channels/create", `{"funds":"mine",`+mpesaChannel("174379")[1:]).
		want(t, 422, shape{"errors.funds": "~merchant or pool"})
}
