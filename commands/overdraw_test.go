package commands_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// meanwhileStore is a store in which something else happens right before the first append of an event of a type.
type meanwhileStore struct {
	eventstore.Store
	before    string
	meanwhile func()
	once      sync.Once
}

func (s *meanwhileStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if events[0].Type == s.before {
		s.once.Do(s.meanwhile)
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

// pooled is a card payment of 1000 into the operator's pool.
func (w *world) pooled() transaction.Reference {
	w.t.Helper()
	if err := w.write.CreateChannelFor(w.t.Context(), w.merchant, []byte(`{"name":"pool","provider":"paystack","funds":"pool","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}}`)); err != nil {
		w.t.Fatal(err)
	}
	status, body := w.post("/api/transactions/initialize", `{"amount":1000,"email":"jane@example.com","payment_channel_id":2}`)
	var a struct{ Reference transaction.Reference }
	if status != 201 || json.Unmarshal([]byte(body), &a) != nil {
		w.t.Fatalf("initialize: %d %s", status, body)
	}
	w.payByCard(a.Reference)
	w.cards.say(string(a.Reference)+"-1", "success")
	if _, err := w.write.AskCardAttempt(w.t.Context(), a.Reference, 1, commands.By{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
	return a.Reference
}

// A refund and a payout that are weighed in the same moment never take more out of the pool than the operator owes there: whichever is
// written last sees the other, and takes back what it was about to take.
func TestARefundAndAPayoutInTheSameMomentDoNotOverdrawThePool(t *testing.T) {
	for _, before := range []string{"RefundRequested", "PayoutFundsReserved"} {
		t.Run(before, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref := w.pooled()
			refund := func() (int, string) {
				return w.post("/api/refunds/create", `{"reference":"`+string(ref)+`","amount":600}`, "Idempotency-Key", "refund")
			}
			pay := func() (int, string) {
				return w.post("/api/payouts/create", `{"payment_channel_id":2,"destination":"bank","bank_name":"Benki","account_number":"1","account_name":"D","amount":600}`,
					"Idempotency-Key", "payout")
			}
			first, second := refund, pay
			if before == "PayoutFundsReserved" {
				first, second = pay, refund
			}
			store := &meanwhileStore{Store: w.store, before: before}
			store.meanwhile = func() {
				w.serve(w.write)
				if status, body := second(); status != 201 {
					t.Errorf("what came in between: %d %s", status, body)
				}
			}
			late := w.nodeOn(eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
			w.serve(late)
			if status, body := first(); status == 201 || !strings.Contains(body, "amount") && !strings.Contains(body, "KES 400.00") {
				t.Errorf("what was weighed first, and written last: %d %s", status, body)
			}
			taken, err := commands.Fold[payout.Funds](t.Context(), w.write, payout.FundsStream(2, "KES"))
			if err != nil {
				t.Fatal(err)
			}
			if back := 1000_00 - w.state(ref).Refundable().Minor; taken.State.Taken()+back != 600_00 {
				t.Errorf("%d are set apart for payouts, %d go back to the payer", taken.State.Taken(), back)
			}
			// What was taken back takes nothing for good: the rest can be had.
			w.serve(w.write)
			if before == "RefundRequested" {
				if status, body := refund(); status != 201 || !strings.Contains(body, `"status":"failed"`) {
					t.Errorf("the same refund again: %d %s", status, body)
				}
			} else if status, body := pay(); status == 201 || !strings.Contains(body, "given up") {
				t.Errorf("the same payout again: %d %s", status, body)
			}
			if status, body := w.post("/api/refunds/create", `{"reference":"`+string(ref)+`","amount":400}`); status != 201 {
				t.Errorf("the rest: %d %s", status, body)
			}
		})
	}
}
