package commands_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// disputeProvider is a Paystack with one dispute, number 624, of 600 of a payment of 1000.
type disputeProvider struct {
	mu        sync.Mutex
	reference string
	status    string // of the dispute
	word      string // its resolution
	answers   int    // how often it was answered
	cut       bool   // the connection breaks instead of an answer to an answer
	heeds     bool   // it counts all the same
	refunds   string // the rows of its list
}

func (p *disputeProvider) be(how func(*disputeProvider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how(p)
}

func (p *disputeProvider) told() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers
}

// row is the dispute as it stands so many minutes after nine.
func row(id int, reference, status, word string, minute int) string {
	if word == "" {
		word = "null"
	} else {
		word = `"` + word + `"`
	}
	return fmt.Sprintf(`{"id":%d,"domain":"test","status":%q,"resolution":%s,"category":"chargeback","refund_amount":60000,"currency":"KES",`+
		`"transaction":{"id":4099260516,"domain":"test","status":"success","reference":%q,"amount":100000,"currency":"KES"},`+
		`"dueAt":"2026-11-26T09:00:00.000Z","createdAt":"2026-11-23T09:00:00.000Z","updatedAt":"2026-11-23T09:%02d:00.000Z"}`, id, status, word, reference, minute)
}

func (p *disputeProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	data, minute := "", 1
	switch {
	case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/file"):
		return
	case r.URL.Path == "/refund":
		data = "[" + p.refunds + "]"
	case r.URL.Path == "/dispute":
		data = "[" + row(624, p.reference, p.status, p.word, minute) + "]"
	case strings.HasSuffix(r.URL.Path, "/upload_url"):
		data = `{"signedUrl":"http://` + r.Host + `/dispute/624/file?signature=x","fileName":"qesp8a4df1"}`
	case r.Method == http.MethodPut:
		p.answers++
		if !p.cut || p.heeds {
			p.status, p.word, minute = "resolved", "merchant-accepted", 2
		}
		if p.cut {
			panic(http.ErrAbortHandler)
		}
		data = row(624, p.reference, p.status, p.word, minute)
	default:
		if p.word != "" {
			minute = 2
		}
		data = row(624, p.reference, p.status, p.word, minute)
	}
	_, _ = fmt.Fprintf(w, `{"status":true,"message":"ok","data":%s}`, data)
}

// disputed is a card payment of 1000, paid or not, whose payer complains; what Paystack says of it comes by webhook.
func (w *world) disputed(paid bool) transaction.Reference {
	w.t.Helper()
	ref := w.openCheckout() // channel 2
	w.payByCard(ref)
	if paid {
		w.cards.say(string(ref)+"-1", "success")
		if _, err := w.write.AskCardAttempt(w.t.Context(), ref, 1, commands.By{Actor: "test"}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.disputes.be(func(p *disputeProvider) { p.reference, p.status = string(ref)+"-1", "awaiting-merchant-feedback" })
	w.hook("2", "sk_test_x", "charge.dispute.create", row(624, string(ref)+"-1", "awaiting-merchant-feedback", "", 1))
	return ref
}

// hook sends a webhook to a channel's door, signed with a key.
func (w *world) hook(channel, key, event, data string) {
	w.t.Helper()
	body := `{"event":"` + event + `","data":` + data + `}`
	if status, answer := w.post("/hooks/card/"+channel+"/"+w.write.CardToken(channel), body, signed(key, body)...); status != 200 {
		w.t.Fatalf("%s: %d %s", event, status, answer)
	}
}

func (w *world) dispute(channel, id int64) dispute.State {
	w.t.Helper()
	out, err := commands.Fold[dispute.State](w.t.Context(), w.write, dispute.Stream(channel, id))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

func (w *world) askDispute() {
	w.t.Helper()
	if _, err := w.write.AskDispute(w.t.Context(), 2, 624, commands.By{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

func kes(minor int64) money.Money { return money.Of(minor, money.KES) }

func TestAnAnswerOfUnknownFateIsAskedAfterAndNeverGivenAgain(t *testing.T) {
	for name, heeds := range map[string]bool{"it counted": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref := w.disputed(true)
			w.disputes.be(func(p *disputeProvider) { p.cut, p.heeds = true, heeds })
			for range 2 {
				if status, answer := w.post("/api/disputes/624/accept", `{"message":"sorry"}`); status != 200 || !strings.Contains(answer, `"status":"unknown"`) {
					t.Fatalf("%d %s", status, answer)
				}
			}
			if left := w.state(ref).Refundable(); w.disputes.told() != 1 || left != kes(400_00) {
				t.Fatalf("told %d times, %s can be refunded meanwhile", w.disputes.told(), left)
			}
			w.clock.pass(time.Minute)
			w.askDispute()
			d, s := w.dispute(2, 624), w.state(ref)
			a, _ := d.LastAnswer()
			if heeds {
				if a.Outcome != dispute.Taken || d.Status != dispute.Lost || s.Refunded() != kes(600_00) || s.Refundable() != kes(400_00) {
					t.Errorf("%s %s, %s refunded, %s left", a.Outcome, d.Status, s.Refunded(), s.Refundable())
				}
				return
			}
			if a.Outcome != dispute.Unknown || s.Refundable() != kes(400_00) {
				t.Errorf("at once: %s, %s left", a.Outcome, s.Refundable())
			}
			w.clock.pass(11 * time.Minute)
			w.askDispute()
			if a, _ = w.dispute(2, 624).LastAnswer(); a.Outcome != dispute.Refused || a.FailureCode != commands.FailureAnswerNotTaken || w.state(ref).Refundable() != kes(1000_00) {
				t.Errorf("later: %s %s, %s left", a.Outcome, a.FailureCode, w.state(ref).Refundable())
			}
			w.disputes.be(func(p *disputeProvider) { p.cut = false })
			if status, answer := w.post("/api/disputes/624/accept", `{"message":"sorry"}`); status != 200 || w.disputes.told() != 2 || w.state(ref).Refunded() != kes(600_00) {
				t.Errorf("again: %d %s, told %d times", status, answer, w.disputes.told())
			}
		})
	}
}

// A node may stop between the promise and the call, or before it can say what came of it.
func TestAnAnswerThatItsNodeDidNotLiveToGiveIsLostAndFreesTheMoney(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.disputed(true)
	by := commands.By{Actor: "test", Merchant: w.merchant}
	for _, err := range []error{
		appended(w, ref.Stream(), transaction.PromiseChargeback{Dispute: 624, Amount: kes(600_00), At: w.clock.now()}, by),
		appended(w, dispute.Stream(2, 624), dispute.RequestAnswer{Answer: dispute.Accept, Amount: kes(600_00), Message: "sorry", At: w.clock.now()}, by),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		w.clock.pass(11 * time.Minute)
		w.askDispute()
	}
	if a, _ := w.dispute(2, 624).LastAnswer(); a.Outcome != dispute.Refused || w.disputes.told() != 0 || w.state(ref).Refundable() != kes(1000_00) {
		t.Errorf("%s, told %d times, %s left", a.Outcome, w.disputes.told(), w.state(ref).Refundable())
	}
}

func appended[S domain.State[S]](w *world, stream string, c domain.Command[S], by commands.By) error {
	_, err := commands.Handle(w.t.Context(), w.write, stream, c, by)
	return err
}

// Paystack lists what a lost dispute gave back as a refund too, before or after it calls the dispute lost.
func TestWhatADisputeTookIsEnteredOnceByWhicheverItIsHeardOfFirst(t *testing.T) {
	refund := `{"id":7,"dispute":624,"domain":"test","status":"processed","transaction":4099260516,"amount":60000,"currency":"KES","merchant_note":"Refund for dispute 624"}`
	for _, refundFirst := range []bool{true, false} {
		w := newWorld(t, "sandbox")
		ref := w.disputed(true)
		w.disputes.be(func(p *disputeProvider) { p.refunds = refund })
		sync := func() {
			if _, err := w.write.SyncCardRefunds(t.Context(), ref, commands.By{Actor: "test"}); err != nil {
				t.Fatal(err)
			}
		}
		if refundFirst {
			sync()
		}
		for range 2 {
			w.hook("2", "sk_test_x", "charge.dispute.resolve", row(624, string(ref)+"-1", "resolved", "auto-accepted", 5))
		}
		sync()
		if s := w.state(ref); len(s.Reversals) != 1 || s.Refunded() != kes(600_00) || w.dispute(2, 624).Attention != "" {
			t.Errorf("refund first %v: %+v, %s", refundFirst, s.Reversals, w.dispute(2, 624).Attention)
		}
	}
}

// A merchant may sign whatever he likes with a key of his own.
func TestADisputeIsHeardOfThroughTheChannelOfItsPaymentOnly(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.disputed(true)
	w.openChannel(w.openMerchant(), `"provider":"paystack","config":{"public_key":"pk_test_y","secret_key":"sk_test_y"}`) // channel 3
	w.openChannel(w.merchant, `"provider":"paystack","config":{"public_key":"pk_test_z","secret_key":"sk_test_z"}`)       // channel 4
	for channel, key := range map[string]string{"3": "sk_test_y", "4": "sk_test_z"} {
		w.hook(channel, key, "charge.dispute.resolve", row(624, string(ref)+"-1", "resolved", "auto-accepted", 5))
	}
	if s, d := w.state(ref), w.dispute(2, 624); s.Refunded().Minor != 0 || d.Status != dispute.NeedsResponse || w.dispute(3, 624).Exists() || w.dispute(4, 624).Exists() {
		t.Errorf("%s refunded, %s", s.Refunded(), d.Status)
	}
}

func TestADisputeOfAPaymentThatIsNotOursIsForAPerson(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.disputed(true)
	w.hook("2", "sk_test_x", "charge.dispute.create", row(625, "ORDER-17", "awaiting-merchant-feedback", "", 1))
	w.hook("2", "sk_test_x", "charge.dispute.resolve", row(625, "ORDER-17", "resolved", "auto-accepted", 5))
	if d := w.dispute(2, 625); d.Attention != dispute.WhyUnknown || d.Status != dispute.Lost || d.Known() {
		t.Errorf("%+v", d)
	}
	if _, err := w.write.FindDispute(t.Context(), w.merchant, domain.ModeTest, 625); err != nil {
		t.Error(err)
	}
	if _, err := w.write.FindDispute(t.Context(), w.merchant, domain.ModeLive, 625); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("in the other mode: %v", err)
	}
}

// The webhooks of the payment and of the dispute were lost: the one is found through the other.
func TestADisputeThatIsLostBringsItsPaymentToLight(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.disputed(false)
	if s := w.state(ref); len(s.Payments) != 0 {
		t.Fatalf("%+v", s.Payments)
	}
	w.cards.say(string(ref)+"-1", "success")
	w.disputes.be(func(p *disputeProvider) { p.status, p.word = "resolved", "auto-accepted" })
	if err := w.write.FindDisputes(t.Context(), commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	if s := w.state(ref); s.Status() != transaction.StatusCompleted || s.Refunded() != kes(600_00) {
		t.Errorf("%s, %s refunded", s.Status(), s.Refunded())
	}
}
