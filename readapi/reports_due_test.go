package readapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

// besides is what else a merchant has: payouts in every state, disputes of every urgency, and money that waits in suspense.
func (s *server) besides(t testing.TB) {
	t.Helper()
	now := s.Now()
	s.Payout(t, 1, 120_00)
	all := payout.Limits{}.Evolve(payout.PolicySet{Currency: money.KES, Limit: 100_00})
	for n, amount := range []int64{40_00, 150_00, 60_00} {
		ref := payout.Reference(fmt.Sprintf("PAYOUT%016d", n))
		projectionstest.Do(t, s.Install, 1, ref.Stream(), payout.Request{Policy: payout.Policy{Install: all}, Requested: payout.Requested{
			Reference: ref, ID: s.NextID(), Merchant: 1, Mode: domain.ModeTest, Channel: int64(7 + n%2), Funds: fee.OfMerchant, Amount: money.Of(amount, money.KES),
			Destination: payout.Destination{Kind: []payout.Kind{payout.ToPhone, payout.ToBank, payout.ToTill}[n], Number: []domain.Personal{"254712345678", "0112233", "512345"}[n], Bank: "Benki", Name: "Duka"},
			RequestedBy: "key:a", At: now,
		}})
		switch n {
		case 0:
			projectionstest.Do(t, s.Install, 1, ref.Stream(), payout.Send{At: now})
			projectionstest.Do(t, s.Install, 1, ref.Stream(), payout.Weigh{Door: payout.DoorResult, Refused: true, FailureCode: "insufficient_funds", At: now})
		case 2:
			projectionstest.Do(t, s.Install, 1, ref.Stream(), payout.Reject{By: "key:b", At: now})
		}
	}
	first, _ := s.paid(t, 1, 700_00, 700_00)
	for n, c := range []struct {
		amount money.Money
		due    time.Duration
		ended  dispute.Status
		known  bool
	}{
		{money.Of(100_00, money.KES), -time.Hour, "", true},
		{money.Of(200_00, money.KES), time.Hour, "", true},
		{money.Of(300_00, money.KES), 100 * time.Hour, "", true},
		{money.Of(50_00, money.KES), 500 * time.Hour, dispute.Lost, true},
		{money.Of(25_00, money.KES), 500 * time.Hour, dispute.Won, false},
		{money.Money{}, 500 * time.Hour, "", false}, // the provider does not say of what
	} {
		id, ref := int64(n+1), string(first)
		if !c.known {
			ref = ""
		}
		projectionstest.Do(t, s.Install, 1, dispute.Stream(7, id), dispute.Weigh{
			Open: dispute.Opened{
				Merchant: 1, Mode: domain.ModeTest, Channel: 7, Provider: "paystack", ID: id, Reference: ref, Attempt: 1, ProviderReference: "theirs",
				Amount: c.amount, Category: "chargeback", DueAt: now.Add(c.due), Status: dispute.NeedsResponse, Door: dispute.DoorWebhook, AsOf: now,
				OpenedAt: now, Subject: "payment-" + ref, At: now,
			},
			Raw: "{}", Digest: "opened", Ended: c.ended, ResolvedAt: now, Resolution: "auto-accepted",
		})
		if c.known {
			projectionstest.Do(t, s.Install, 1, first.Stream(), transaction.NoteDispute{Dispute: id, Channel: 7, Amount: c.amount, At: now})
		}
	}
	s.wrote(1, s.Head(t))
}

func TestPayoutsAndDisputesAreReportedWithWhatIsDueFirst(t *testing.T) {
	s := newServer(t)
	before := s.business(t)
	at := s.Now()
	s.besides(t)
	want := func(path string, row map[string]any, members map[string]any) {
		t.Helper()
		for name, v := range members {
			if row[name] != v {
				t.Errorf("%s: %s is %v; want %v", path, name, row[name], v)
			}
		}
	}
	want("payouts", s.reported(t, 1, "payouts").Totals, map[string]any{
		"currency": "KES", "payouts": 4.0, "completed": 1.0, "failed": 1.0, "rejected": 1.0, "under_way": 1.0, "for_a_person": 1.0,
		"amount": 370.0, "paid": 120.0, "reserved": 150.0, "provider_charge": 22.4,
	})
	by := s.reported(t, 1, "payouts?group_by=destination,status")
	var got []string
	for _, r := range by.Rows {
		got = append(got, fmt.Sprint(r["destination"], " ", r["status"], " ", r["payouts"]))
	}
	if text := strings.Join(got, ", "); text != "bank awaiting_approval 1, phone completed 1, phone failed 1, till rejected 1" {
		t.Errorf("by destination: %s", text)
	}
	if r := s.reported(t, 1, "payouts?payment_channel_id=8"); len(r.Rows) != 1 || r.Totals["payouts"] != 1.0 {
		t.Errorf("of a channel: %v", r.Rows)
	}

	d := s.reported(t, 1, "disputes")
	got = nil
	for _, r := range d.Rows {
		got = append(got, fmt.Sprint(r["due"], " ", r["status"], " ", r["currency"], " ", r["disputes"], " ", r["amount"]))
	}
	if text := strings.Join(got, ", "); text != "1: overdue needs_response KES 1 100, 2: due within 48 hours needs_response KES 1 200, "+
		"3: due within 7 days needs_response KES 1 300, 4: due later needs_response <nil> 1 0, 7: ended lost KES 1 50, 7: ended won KES 1 25" {
		t.Errorf("disputes: %s", text)
	}
	if d.Totals["disputes"] != 6.0 || d.Totals["overdue"] != 1.0 || d.Totals["due_soon"] != 1.0 || d.Totals["amount"] != nil {
		t.Errorf("in all currencies: %v", d.Totals)
	}
	want("disputes in KES", d.Each[1], map[string]any{
		"currency": "KES", "disputes": 5.0, "overdue": 1.0, "due_soon": 1.0, "needs_response": 3.0, "won": 1.0, "lost": 1.0, "closed": 0.0, "amount": 675.0,
		"at_stake": 600.0, "amount_due": 300.0, "returned": 50.0,
	})
	// Two hours later another one is overdue, as of the same events.
	s.Set(at.Add(2 * time.Hour))
	if later := s.reported(t, 1, "disputes").Totals; later["overdue"] != 2.0 || later["due_soon"] != 0.0 {
		t.Errorf("two hours later: %v", later)
	}
	for _, path := range []string{fmt.Sprintf("payouts?as_of=%d", before), fmt.Sprintf("disputes?as_of=%d", before), "payouts?effective_at=2026-03-28T00:00:00Z", "disputes?date_to=2026-03-28"} {
		if r := s.reported(t, 1, path); len(r.Rows) != 0 {
			t.Errorf("%s: %v", path, r.Rows)
		}
	}
	for _, name := range []string{"payouts", "disputes"} {
		if r := s.reported(t, 2, name); len(r.Rows) != 0 {
			t.Errorf("the other merchant's %s: %v", name, r.Rows)
		}
		if r := s.reported(t, 1, name, "X-Mode", "live"); len(r.Rows) != 0 {
			t.Errorf("live %s: %v", name, r.Rows)
		}
	}
}
