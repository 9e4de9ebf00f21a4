package commands_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// standsAlone is a push whose own evidence never came, the path of its result URL, and the payment that its confirmation was taken for.
func (w *world) standsAlone() (push transaction.Reference, url string, alone transaction.Reference) {
	w.t.Helper()
	if _, err := commands.Handle(w.t.Context(), w.write, channel.Stream(1), channel.SetInitiator{Name: "api", Credential: "sealed", At: w.clock.now()}, commands.By{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
	w.write = w.node()
	w.serve(w.write)
	w.route()
	push, url = w.push("ORDER123")
	w.mustPost("/mpesa/confirmation", confirmation("ORDER123", "QGR7I8K2LM", "1000.00"))
	w.clock.pass(time.Minute)
	w.settle("QGR7I8K2LM")
	for ref, s := range w.listed() {
		if s.Origin == transaction.FromC2B && s.Status() == transaction.StatusCompleted {
			return push, url, ref
		}
	}
	w.t.Fatal("the payment does not stand alone")
	return
}

func (w *world) refundAll(ref transaction.Reference) (int, string) {
	w.t.Helper()
	return w.post("/api/refunds/create", `{"reference":"`+string(ref)+`"}`)
}

// Money that was given back as a payment that stood alone is not counted for the push that had asked for it, where all of it could be given
// back once more.
func TestMoneyThatWasGivenBackIsNotCountedForThePushThatHadAskedForIt(t *testing.T) {
	w := newWorld(t, "sandbox")
	push, url, alone := w.standsAlone()
	w.clock.pass(time.Hour) // nothing is asked any more
	if status, body := w.refundAll(alone); status != 201 {
		t.Fatalf("refund: %d %s", status, body)
	}
	for range 2 {
		w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
		w.settle("QGR7I8K2LM")
	}
	w.keptAlone(push, alone)
}

// The refund may be promised in the moment in which the push takes the receipt.
func TestMoneyThatIsGivenBackInTheMomentInWhichThePushTakesItStaysWhereItIs(t *testing.T) {
	w := newWorld(t, "sandbox")
	push, url, alone := w.standsAlone()
	w.clock.pass(time.Hour)
	store := &meanwhileStore{Store: w.store, before: "TransactionMerged"}
	store.meanwhile = func() {
		w.serve(w.write)
		if status, body := w.refundAll(alone); status != 201 {
			t.Errorf("refund: %d %s", status, body)
		}
	}
	w.serve(w.nodeOn(eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0))
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.serve(w.write)
	w.settle("QGR7I8K2LM")
	w.keptAlone(push, alone)
}

// keptAlone makes sure that the money is counted once, where it was given back, and that a person can see why the push has none.
func (w *world) keptAlone(push, alone transaction.Reference) {
	w.t.Helper()
	p, a := w.state(push), w.state(alone)
	if a.MergedInto != "" || a.Credited.Major() != 1000 || a.Refundable().IsPositive() {
		w.t.Errorf("what stood alone: merged into %q, %s credited, %s can be given back", a.MergedInto, a.Credited, a.Refundable())
	}
	if p.Credited.Minor != 0 || len(p.Payments) > 0 {
		w.t.Errorf("the push: %s credited, %d payments", p.Credited, len(p.Payments))
	}
	if len(p.Conflicts) != 1 || p.Conflicts[0].Kind != transaction.ConflictReceiptTaken {
		w.t.Errorf("the push's conflicts: %+v", p.Conflicts)
	}
	if status, body := w.refundAll(push); status == 201 {
		w.t.Errorf("the same money is given back again: %d %s", status, body)
	}
	if status, body := w.refundAll(alone); status == 201 {
		w.t.Errorf("the same money is given back again: %d %s", status, body)
	}
}

// While M-Pesa is still asked after the push, its answer may count the money there without naming the receipt: until then it is not known
// whose refund it would be.
func TestAPaymentThatMayYetBeAPushIsGivenBackWhenThatIsKnown(t *testing.T) {
	w := newWorld(t, "sandbox")
	push, _, alone := w.standsAlone()
	if status, body := w.refundAll(alone); status == 201 || !strings.Contains(body, string(push)) {
		t.Fatalf("refund: %d %s", status, body)
	}
	w.daraja.say("0")
	w.askAll()
	w.settle("QGR7I8K2LM")
	if p, a := w.state(push), w.state(alone); p.Receipt() != "QGR7I8K2LM" || a.MergedInto != push {
		t.Fatalf("the push has receipt %q, the other is a part of %q", p.Receipt(), a.MergedInto)
	}
	status, body := w.refundAll(push)
	var said struct {
		Refund struct {
			Amount json.Number `json:"amount"`
		}
	}
	if status != 201 || json.Unmarshal([]byte(body), &said) != nil || said.Refund.Amount.String() != "1000" && said.Refund.Amount.String() != "1000.00" {
		t.Errorf("refund of the push: %d %s", status, body)
	}
}
