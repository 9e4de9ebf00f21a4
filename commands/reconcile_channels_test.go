package commands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// cardChannel is the channel of openCheckout's cards.
func (w *world) cardChannel(ref transaction.Reference) int64 {
	w.t.Helper()
	for _, a := range w.state(ref).Attempts {
		if a.Method == transaction.MethodCard {
			return a.Channel
		}
	}
	w.t.Fatalf("%s has no card page", ref)
	return 0
}

// importCards compares Paystack's list of its payments with the books.
func (w *world) importCards(channel int64, id, reference string) journal.State {
	w.t.Helper()
	file := fmt.Sprintf(`{"status":true,"message":"ok","data":[{"id":%s,"domain":"test","status":"success","reference":%q,"amount":100000,"currency":"KES","channel":"card","fees":0,`+
		`"paid_at":"2026-11-23T09:05:00.000Z","created_at":"2026-11-23T09:04:00.000Z"}]}`, id, reference)
	path := filepath.Join(w.t.TempDir(), "transactions.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.write.Books, w.write.StagingDir = booksOf{world: w}, w.t.TempDir()
	v, err := w.write.ImportFile(w.t.Context(), path, commands.StatementFile{Merchant: w.merchant, Mode: w.mode, Source: reconciliation.SourcePaystackTransactions, Channel: channel},
		commands.StatementOptions{Source: string(reconciliation.SourcePaystackTransactions)}, nil)
	return w.imported(v, err)
}

// agrees fails where the statement and the books of its channel differ, or don't both count so much.
func agrees(t *testing.T, imp journal.State, shillings int64) {
	t.Helper()
	for n := 1; n <= imp.Len(); n++ {
		i, _ := imp.Item(n)
		t.Errorf("%s, %s: %s", i.Cause, i.Amount.Format(), i.Text)
	}
	if b := imp.Reconciled.Booked.Minor; b != shillings*100 {
		t.Errorf("the books count %d cents at the channel", b)
	}
}

// A checkout that names no channel belongs to the merchant's first one, until the payer chooses; and who gave up waiting for a prompt
// and paid by card may have paid both.
func TestEachChannelsStatementShowsWhatWasPaidThere(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.promptedThenCard()
	url, _ := w.daraja.pushed()[0]["CallBackURL"].(string)
	w.mustPost(url[len("https://pay.example.com"):], paid("ws_CO_1", "QGR7I8K2LM"))
	card := string(ref) + "-2"
	w.cards.say(card, "success")
	if _, err := w.write.AskCardAttempt(t.Context(), ref, 2, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	if s := w.state(ref); len(s.Payments) != 2 {
		t.Fatalf("%d payments", len(s.Payments))
	}
	t.Run("of M-Pesa", func(t *testing.T) {
		agrees(t, w.importLines([4]string{"QGR7I8K2LM", "1000.00", "25471****678 - JOHN DOE", "PAYMENT"}), 1000)
	})
	t.Run("of cards", func(t *testing.T) {
		imp := w.importCards(w.cardChannel(ref), "4099260516", card)
		if i, ok := imp.Item(1); imp.Len() != 1 || !ok || i.Cause != reconciliation.Duplicate || i.State != reconciliation.Resolved {
			t.Errorf("%d differences, %s, %s: %s", imp.Len(), i.Cause, i.State, i.Text)
		}
		if b := imp.Reconciled.Booked.Minor; b != 100_000 {
			t.Errorf("the books count %d cents at the channel", b)
		}
	})
}

func TestACardThatOnlyPaystacksListShowsCompletesACheckoutThatNamedNoChannel(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.openCheckout()
	w.payByCard(ref)
	w.clock.pass(10 * time.Minute)
	imp := w.importCards(w.cardChannel(ref), "4099260516", string(ref)+"-1")
	i, _ := imp.Item(1)
	if s := w.state(ref); s.Status() != transaction.StatusCompleted || i.Cause != reconciliation.MissingCallback {
		t.Errorf("the payment is %s; the line is %s, %s: %s", s.Status(), i.Cause, i.State, i.Text)
	}
}

// The callback of the prompt is lost, and a card page that nobody paid on was opened after it.
func TestWhatAStatementBringsIsBookedAtItsChannel(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref := w.openCheckout()
	if err := w.write.PayByMpesa(t.Context(), string(ref), "254712345678"); err != nil {
		t.Fatal(err)
	}
	file := w.statementFile("QGR7I8K2LM,AT,AT,Pay Bill from 25471****678 - JOHN DOE Acc. PAYMENT,Completed,1000.00,,,true,Pay Utility,25471****678 - JOHN DOE,,PAYMENT")
	w.clock.pass(3 * time.Minute)
	w.payByCard(ref)
	w.importPath(file)
	s := w.state(ref)
	if s.Status() != transaction.StatusCompleted || len(s.Payments) != 1 {
		t.Fatalf("the payment is %s", s.Status())
	}
	if p := s.Payments[0]; s.ChannelOf(p) != 1 || p.Attempt != 1 {
		t.Errorf("it was booked at channel %d for attempt %d", s.ChannelOf(p), p.Attempt)
	}
}

// A query says that the prompt was paid, a little before midnight, and the callback names the receipt a little after it.
func TestAReceiptThatIsNamedLaterWasBookedWhenItWasConfirmed(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref, url := w.push("ORDER123")
	file := w.statementFile("QGR7I8K2LM,AT,AT,Pay Bill,Completed,1000.00,,,true,Pay Utility,25471****678 - JOHN DOE,,ORDER123")
	w.daraja.say("0")
	if _, err := w.write.AskStatus(t.Context(), ref, 1, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(24 * time.Hour)
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	if s := w.state(ref); s.Receipt() != "QGR7I8K2LM" || !s.Attempts[0].Confirmed {
		t.Fatalf("nothing is proved: %+v", s)
	}
	agrees(t, w.importPath(file), 1000)
}

// The fee was estimated when the payment came, and what M-Pesa took shows on the month's statement, which is imported in the next month.
func TestOnlyTheCorrectionOfAFeeIsOfTheMonthInWhichItWasBooked(t *testing.T) {
	w := newWorld(t, "sandbox")
	if _, err := w.write.SetChannelFees(t.Context(), 1, fee.Rule{Fixed: 500}, fee.Rule{}); err != nil {
		t.Fatal(err)
	}
	pay := func(account, receipt string) string {
		_, url := w.push(account)
		w.mustPost(url, paid(w.checkout, receipt))
		return receipt + ",AT,AT,Pay Bill,Completed,1000.00,,,true,Pay Utility,25471****678 - JOHN DOE,," + account
	}
	file := w.statementFile(pay("ORDER1", "QGR7I8K2LM"), "QGR7I8K2LM,AT,AT,Pay Bill Charge,Completed,,6.00,,true,Pay Bill Charge,,,")
	w.clock.pass(5 * 24 * time.Hour)
	imp := w.importPath(file)
	if i, _ := imp.Item(1); imp.Len() != 1 || i.Cause != reconciliation.Fee || i.Action != journal.Recorded || imp.Reconciled.Booked.Minor != 995_00 {
		t.Fatalf("nothing is proved: %+v, %s booked", imp.Items(), imp.Reconciled.Booked.Format())
	}
	imp = w.importRows("QGR7I8K2LX,AT,AT,Pay Bill,Completed,10.00,,,true,Pay Utility,25471****999 - JANE DOE,,NOBODY")
	if b := imp.Reconciled.Booked.Minor; b != -1_00 {
		t.Errorf("the books count %d cents in the next month", b)
	}
}

// The confirmation stood as a payment of its own when the month ended, and the callback of its push came after that.
func TestMoneyThatStoodAloneIsOfTheMonthInWhichItCame(t *testing.T) {
	w := newWorld(t, "sandbox")
	if _, err := w.write.SetChannelFees(t.Context(), 1, fee.Rule{Fixed: 500}, fee.Rule{}); err != nil {
		t.Fatal(err)
	}
	w.route()
	ref, url := w.push("ORDER123")
	w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "1000.00"))
	file := w.statementFile("QGR7I8K2LM,AT,AT,Pay Bill,Completed,1000.00,,,true,Pay Utility,25471****678 - JOHN DOE,,ORDER123",
		"QGR7I8K2LM,AT,AT,Pay Bill Charge,Completed,,5.00,,true,Pay Bill Charge,,,")
	w.clock.pass(time.Minute)
	w.settle("QGR7I8K2LM")
	w.clock.pass(24 * time.Hour)
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	if s := w.state(ref); s.Receipt() != "QGR7I8K2LM" || len(w.listed()) != 1 {
		t.Fatalf("nothing is proved: %q, %d payments", s.Receipt(), len(w.listed()))
	}
	imp := w.importPath(file)
	for _, i := range imp.Items() {
		t.Errorf("%s, %s: %s", i.Cause, i.Amount.Format(), i.Text)
	}
	if b := imp.Reconciled.Booked.Minor; b != 995_00 {
		t.Errorf("the books count %d cents", b)
	}
}
