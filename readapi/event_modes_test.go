package readapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/idempotency"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections/projectionstest"
)

// ofMode writes one event of each stream that belongs to a mode and is no payment's, payout's, dispute's or statement's, and
// answers how their streams are called.
func (s *server) ofMode(t *testing.T, mode domain.Mode) []string {
	t.Helper()
	env, key, now := channel.Sandbox, "test-key", s.Now()
	if mode == domain.ModeLive {
		env, key = channel.Production, "live-key"
	}
	shop := s.NextID()
	projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(shop), channel.Create{Created: channel.Created{
		ID: shop, Merchant: 1, Name: string(mode), Provider: channel.Paystack, Environment: env, Currency: money.KES, Funds: fee.OfMerchant, At: now,
	}})
	var streams []string
	write := func(actor, stream string, e domain.Event) {
		t.Helper()
		done, _, err := s.Log.Append(context.Background(), stream, eventstore.NoStream, eventstore.Metadata{Actor: actor, Merchant: 1}, e)
		if err != nil {
			t.Fatal(err)
		}
		s.wrote(1, done.Position)
		streams = append(streams, stream)
	}
	amount, by := money.Of(70_00, money.KES), "key:"+key
	projectionstest.Do[merchant.KeyState](t, s.Install, 1, merchant.KeyStream(key), merchant.IssueKey{ID: key, Merchant: 1, Mode: mode, At: now})
	write(by, receipt.AccountStream(shop, "ab"), receipt.PushExpected{Channel: shop, Merchant: 1, Transaction: "KIPAY1", Attempt: 1, Amount: amount, At: now})
	write(by, payout.FundsStream(shop, money.KES), payout.FundsReserved{Channel: shop, Merchant: 1, Payout: "P1", Amount: amount, At: now})
	write("reactor:funds", payout.CountStream(shop, money.KES), payout.Counted{Channel: shop, Currency: money.KES, Standing: 70_00, At: now})
	number := "RCPT" + strings.ToUpper(string(mode))
	write("provider:paystack", receipt.Stream(channel.State{Created: channel.Created{ID: shop, Provider: channel.Paystack, Environment: env}}.ReceiptScope(), number),
		receipt.Claimed{Provider: "paystack", Number: number, Transaction: "KIPAY1", At: now})
	write(by, idempotency.Stream(string(mode)), idempotency.Intended{Merchant: 1, Route: "refunds/create", Body: "x", At: now})
	write(by, journal.FileStream(string(mode)), journal.FileClaimed{Import: s.NextID(), Merchant: 1, SHA256: "x", At: now})
	write("operator", period.Stream(1, mode), period.Closed{Merchant: 1, Mode: mode, Month: "2026-02", At: now})
	return streams
}

func TestAKeySeesNoEventOfTheOtherMode(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	streams := map[string][]string{"test": s.ofMode(t, domain.ModeTest), "live": s.ofMode(t, domain.ModeLive)}
	for mode, own := range streams {
		events, _ := s.list(t, 1, "/audit/events?limit=200", "X-Mode", mode)
		seen := map[string]bool{}
		for _, e := range events {
			seen[fmt.Sprint(e["stream"])] = true
		}
		for _, stream := range own {
			if !seen[stream] {
				t.Errorf("a %s key does not see its own %s", mode, stream)
			}
		}
		for _, stream := range streams[map[string]string{"test": "live", "live": "test"}[mode]] {
			if seen[stream] {
				t.Errorf("a %s key sees %s", mode, stream)
			}
		}
		if !seen[merchant.Stream(1)] {
			t.Errorf("a %s key does not see what is the merchant's", mode)
		}
	}
	s.Set(time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC))
	s.closeMonth(t, 1, 202603)
	raw, _ := s.pack(t, 1, 202603)
	events := packText(t, raw, transparency.PackEvents)
	for _, stream := range streams["test"][:3] {
		if !strings.Contains(events, `"`+stream+`"`) {
			t.Errorf("the pack of the test mode lacks %s", stream)
		}
	}
	for _, stream := range streams["live"] {
		if strings.Contains(events, `"`+stream+`"`) {
			t.Errorf("the pack of the test mode holds %s", stream)
		}
	}
}
