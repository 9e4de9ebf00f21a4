package commands_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// account is what an account of the ledger holds, as the events say it, in minor units.
func (w *world) account(of ledger.Account) int64 {
	w.t.Helper()
	sum, states := int64(0), map[string]transaction.State{}
	for _, e := range w.events() {
		p := ledger.OfReceipt(e.Event)
		if strings.HasPrefix(e.Stream, "transaction-") {
			s := states[e.Stream]
			p = ledger.OfTransaction(s, e.Event)
			states[e.Stream] = s.Evolve(e.Event)
		}
		for _, l := range p.Lines {
			if l.Account == of {
				sum += ledger.TypeOf(of).Balance(l.Debit, l.Credit)
			}
		}
	}
	return sum
}

// decide carries out a decision about an import's nth difference.
func (w *world) decide(imp journal.State, n int, a journal.Action, reference transaction.Reference) error {
	w.t.Helper()
	_, err := w.write.Resolve(w.t.Context(), w.merchant, w.mode, commands.Decision{
		Item: journal.ItemID(imp.ID, n), Action: a, Reference: string(reference), Reason: "she called",
	})
	return err
}

// item is an import's nth difference as it stands now.
func (w *world) item(imp journal.State, n int) journal.Item {
	w.t.Helper()
	out, err := commands.Fold[journal.State](w.t.Context(), w.write, journal.Stream(imp.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	i, _ := out.State.Item(n)
	return i
}

func (w *world) wants(what string, err error, code domain.Code) {
	w.t.Helper()
	if err == nil || domain.CodeOf(err) != code {
		w.t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

func TestOfDecisionsAtOnceOnlyTheOneThatIsKeptBooks(t *testing.T) {
	for round := range 12 {
		w := newWorld(t, "sandbox")
		first, _ := w.push("ONE")
		second, _ := w.push("TWO")
		imp := w.importLines([4]string{"QGR7I8K2ZZ", "70.00", "2547****111 - MARY DOE", "NOBODY"})
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := map[string]bool{}
		for i, d := range []commands.Decision{{Action: journal.Accept}, {Action: journal.Credit, Reference: string(first)}, {Action: journal.Credit, Reference: string(second)}, {Action: journal.Return}} {
			d.Item, d.Reason = journal.ItemID(imp.ID, 1), "she called"
			node := w.write
			if i%2 == 1 {
				node = w.node()
			}
			all.Go(func() {
				if _, err := node.Resolve(t.Context(), w.merchant, w.mode, d); err == nil {
					mu.Lock()
					defer mu.Unlock()
					taken[string(d.Action)+d.Reference] = true
				} else if code := domain.CodeOf(err); code != domain.CodeConflict {
					t.Errorf("%s: %v", d.Action, err)
				}
			})
		}
		all.Wait()
		i := w.item(imp, 1)
		booked := map[string]int64{
			"credit" + string(first): amountOf(w.state(first)), "credit" + string(second): amountOf(w.state(second)), "suspense": w.account(ledger.Suspense),
		}
		want := map[string]int64{"credit" + string(first): 0, "credit" + string(second): 0, "suspense": 0}
		switch kept := string(i.Action) + i.ResolvedTo; i.Action {
		case journal.Accept:
			want["suspense"] = 7000
		case journal.Credit:
			want[kept] = 7000
		default:
			// what stood in suspense is gone, and nobody was credited
		}
		if len(taken) != 1 || !taken[string(i.Action)+i.ResolvedTo] || fmt.Sprint(booked) != fmt.Sprint(want) {
			t.Fatalf("round %d: %v were taken, the difference says %s, and booked is %v", round, taken, i.Action, booked)
		}
	}
}

// What is written off stays on the shortcode and is nobody else's: it can be paid out. What went back can't.
func TestWhatIsWrittenOffCanBePaidOut(t *testing.T) {
	w := newWorld(t, "sandbox")
	imp := w.importLines([4]string{"QGR7I8K2ZZ", "70.00", "2547****111 - MARY DOE", "NOBODY"}, [4]string{"QGR7I8K2ZY", "40.00", "2547****112 - JOE DOE", "NOBODY"})
	left := func(want string) {
		t.Helper()
		_, body := w.post("/api/payouts/create", `{"destination":"bank","bank_name":"Benki","account_number":"1","account_name":"D","amount":1000}`)
		if !strings.Contains(body, want) {
			t.Errorf("%s, want %s", body, want)
		}
	}
	left("KES 0.00")
	for n, a := range map[int]journal.Action{1: journal.WriteOff, 2: journal.Return} {
		if err := w.decide(imp, n, a, ""); err != nil {
			t.Fatal(err)
		}
	}
	left("KES 70.00")
	for n := range 2 { // neither is so: both stand in suspense again
		if err := w.reopen(imp, n+1); err != nil {
			t.Fatal(err)
		}
	}
	left("KES 0.00")
}

func amountOf(s transaction.State) int64 { return s.Received().Minor }

func TestADecisionWhoseBookingWasCutOffIsBookedByWhoeverRepeatsIt(t *testing.T) {
	for name, again := range map[string]func(*world, journal.State, transaction.Reference) error{
		"the person": func(w *world, imp journal.State, ref transaction.Reference) error {
			return w.decide(imp, 1, journal.Credit, ref)
		},
		"the program": func(w *world, imp journal.State, _ transaction.Reference) error {
			return w.write.CarryOutDecision(w.t.Context(), imp.ID, 1, commands.By{Actor: "test"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref, _ := w.push("ONE")
			imp := w.importLines([4]string{"QGR7I8K2ZZ", "70.00", "2547****111 - MARY DOE", "NOBODY"})
			w.keeps(imp, journal.Resolution{N: 1, Action: journal.Credit, Reference: string(ref)})
			if got := amountOf(w.state(ref)); got != 0 {
				t.Fatalf("%d is booked", got)
			}
			w.wants("another decision", w.decide(imp, 1, journal.WriteOff, ""), domain.CodeConflict)
			for range 2 {
				if err := again(w, imp, ref); err != nil || amountOf(w.state(ref)) != 7000 || w.account(ledger.Suspense) != 0 {
					t.Errorf("%v; booked are %d, and %d stand in suspense", err, amountOf(w.state(ref)), w.account(ledger.Suspense))
				}
			}
		})
	}
}

// keeps keeps a person's decision and books nothing, as if the process had ended there.
func (w *world) keeps(imp journal.State, r journal.Resolution) {
	w.t.Helper()
	if _, err := commands.Handle(w.t.Context(), w.write, journal.Stream(imp.ID), journal.Resolve{Person: true, Resolved: journal.Resolved{
		ID: imp.ID, Subject: imp.Subject, Resolutions: []journal.Resolution{r}, Reason: "she called", At: w.clock.now(),
	}}, commands.By{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

func TestADecisionThatCanNotBeBookedIsTakenBack(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref, _ := w.push("ONE")
	other, _ := w.push("TWO")
	imp := w.importLines([4]string{"QGR7I8K2ZZ", "70.00", "2547****111 - MARY DOE", "NOBODY"})
	// Between the look at the receipt and the decision's event, the money is credited to another.
	w.keeps(imp, journal.Resolution{N: 1, Action: journal.Credit, Reference: string(ref)})
	if _, err := commands.Handle[receipt.State](t.Context(), w.write, receipt.Stream("mpesa.sandbox", "QGR7I8K2ZZ"), receipt.Claim{
		Provider: "mpesa", Number: "QGR7I8K2ZZ", Transaction: string(other), Attempt: 1, Door: "test", Asked: true, At: w.clock.now(),
	}, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	w.wants("the credit", w.decide(imp, 1, journal.Credit, ref), domain.CodeConflict)
	if i := w.item(imp, 1); i.State != reconciliation.Open || i.Action != journal.Suspended || i.ResolvedTo != "" || amountOf(w.state(ref)) != 0 {
		t.Errorf("the difference is %s (%s); booked are %d", i.State, i.Action, amountOf(w.state(ref)))
	}
	if err := w.decide(imp, 1, journal.Accept, ""); err != nil {
		t.Error(err)
	}
}

func TestASecondLineUnderAReceiptIsNotAbsorbedByTheFirst(t *testing.T) {
	for name, amount := range map[string]string{"another amount": "250.00", "the same amount": "100.00"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref, _ := w.push("ONE")
			imp := w.importLines([4]string{"QGR7I8K2ZZ", "100.00", "2547****111 - MARY DOE", "NOBODY"}, [4]string{"QGR7I8K2ZZ", amount, "2547****112 - MARTHA DOE", "NOBODY"})
			if a, b := w.item(imp, 1), w.item(imp, 2); a.Action != journal.Suspended || b.Action != "" || b.State != reconciliation.Open {
				t.Fatalf("the first is %s (%s), the second %s (%s)", a.State, a.Action, b.State, b.Action)
			}
			w.wants("credit of the second", w.decide(imp, 2, journal.Credit, ref), domain.CodeConflict)
			w.wants("write-off of the second", w.decide(imp, 2, journal.WriteOff, ""), domain.CodeConflict)
			if err := w.decide(imp, 1, journal.Credit, ref); err != nil || amountOf(w.state(ref)) != 10000 {
				t.Errorf("credit of the first: %v; %d came", err, amountOf(w.state(ref)))
			}
			w.wants("credit of the second after the first", w.decide(imp, 2, journal.Credit, ref), domain.CodeConflict)
			if i := w.item(imp, 2); i.State != reconciliation.Open || amountOf(w.state(ref)) != 10000 || w.account(ledger.Suspense) != 0 {
				t.Errorf("the second is %s (%s); %d came", i.State, i.Action, amountOf(w.state(ref)))
			}
		})
	}
}

func TestALineOfAnotherAmountThanItsReceiptPaidCanNotBeCredited(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref, url := w.push("ONE")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	imp := w.importLines([4]string{"QGR7I8K2LM", "1500.00", "2547****678 - JOHN DOE", "ONE"})
	if i := w.item(imp, 1); i.Cause != reconciliation.WrongAmount {
		t.Fatalf("the difference is %+v", i)
	}
	w.wants("credit", w.decide(imp, 1, journal.Credit, ref), domain.CodeConflict)
	if i := w.item(imp, 1); i.State != reconciliation.Open || amountOf(w.state(ref)) != 100000 {
		t.Errorf("the difference is %s (%s); %d came", i.State, i.Action, amountOf(w.state(ref)))
	}
	if err := w.decide(imp, 1, journal.Accept, ""); err != nil {
		t.Error(err)
	}
}

// flagged tells whether a conflict of the transaction names the receipt.
func flagged(s transaction.State, number string) bool {
	for _, c := range s.Conflicts {
		if c.Receipt == number {
			return true
		}
	}
	return false
}

// Money that a person noted as returned is at the provider no more: whatever brings its receipt later counts for nothing, and shows.
func TestMoneyThatWentBackIsNotCountedAgain(t *testing.T) {
	line := [4]string{"QGR7I8K2ZZ", "1000.00", "2547****111 - MARY DOE", "NOBODY"}
	for name, comes := range map[string]func(w *world, pushes [2]string){
		"with its own confirmation": func(w *world, _ [2]string) {
			w.mustPost("/mpesa/confirmation", confirmation("NOBODY", "QGR7I8K2ZZ", "1000.00"))
		},
		"with the callback of a push": func(w *world, pushes [2]string) {
			w.mustPost(pushes[1], paid("ws_CO_3", "QGR7I8K2ZZ"))
		},
		"with the callbacks of two": func(w *world, pushes [2]string) {
			w.mustPost(pushes[0], paid("ws_CO_2", "QGR7I8K2ZZ"))
			w.mustPost(pushes[1], paid("ws_CO_3", "QGR7I8K2ZZ"))
			w.mustPost("/mpesa/confirmation", confirmation("NOBODY", "QGR7I8K2ZZ", "1000.00"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route() // the first call at the provider
			_, one := w.push("ONE")
			_, two := w.push("TWO")
			imp := w.importLines(line)
			if err := w.decide(imp, 1, journal.Return, ""); err != nil {
				t.Fatal(err)
			}
			comes(w, [2]string{one, two})
			w.settle("QGR7I8K2ZZ")
			shown := 0
			for _, s := range w.listed() {
				if amountOf(s) != 0 {
					t.Errorf("%s counts %d", s.Reference, amountOf(s))
				}
				if flagged(s, "QGR7I8K2ZZ") {
					shown++
				}
			}
			if clearing := w.account(ledger.ProviderClearing); clearing != 0 || shown == 0 || w.account(ledger.Suspense) != 0 {
				t.Errorf("%d stand at the provider, %d payments show the conflict", clearing, shown)
			}
		})
	}
}

func TestMoneyThatLeftSuspenseIsKnownOnAnOverlappingStatement(t *testing.T) {
	line := "QGR7I8K2ZZ,AT,AT,Pay Bill from 2547****111 - MARY DOE Acc. NOBODY,Completed,1000.00,,,true,Pay Utility,2547****111 - MARY DOE,,NOBODY"
	other := "QGR7I8K2YY,AT,AT,Pay Bill from 2547****112 - MARTHA DOE Acc. NOBODY,Completed,70.00,,,true,Pay Utility,2547****112 - MARTHA DOE,,NOBODY"
	back := "QGR7I8K2XX,AT,AT,Reversal of QGR7I8K2ZZ,Completed,,-1000.00,,true,Pay Utility Reversal,2547****111 - MARY DOE,QGR7I8K2ZZ,"
	for _, a := range []journal.Action{journal.WriteOff, journal.Return} {
		t.Run(string(a), func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref, _ := w.push("ONE")
			if err := w.decide(w.importRows(line), 1, a, ""); err != nil {
				t.Fatal(err)
			}
			rows := []string{line, other}
			if a == journal.Return {
				rows = append(rows, back)
			}
			imp := w.importRows(rows...)
			for _, i := range imp.Items() {
				if i.Receipt != "QGR7I8K2YY" {
					t.Errorf("a difference of %s: %s (%s), %s", i.Amount.Format(), i.Cause, i.State, i.Text)
				}
			}
			// A line of another amount differs, and can't be credited either.
			imp = w.importRows(strings.Replace(line, "1000.00", "1001.50", 1))
			w.wants("credit", w.decide(imp, 1, journal.Credit, ref), domain.CodeConflict)
			if amountOf(w.state(ref)) != 0 {
				t.Error("it is credited")
			}
		})
	}
}

func TestMoneyThatItsOwnConfirmationBringsLeavesNothingToDecide(t *testing.T) {
	decides := map[string]func(*world, journal.State, transaction.Reference) journal.Action{
		"write_off": func(w *world, imp journal.State, _ transaction.Reference) journal.Action {
			w.wants("the write-off", w.decide(imp, 1, journal.WriteOff, ""), domain.CodeConflict)
			return journal.Recorded
		},
		"credit to another": func(w *world, imp journal.State, _ transaction.Reference) journal.Action {
			ref, _ := w.push("ONE")
			w.wants("the credit", w.decide(imp, 1, journal.Credit, ref), domain.CodeConflict)
			return journal.Recorded
		},
		"credit": func(w *world, imp journal.State, ref transaction.Reference) journal.Action {
			if err := w.decide(imp, 1, journal.Credit, ref); err != nil {
				w.t.Error(err)
			}
			return journal.Credit
		},
		"nobody": func(w *world, _ journal.State, _ transaction.Reference) journal.Action {
			if err := w.write.RecordCredited(w.t.Context(), receipt.Stream("mpesa.sandbox", "QGR7I8K2ZZ"), commands.By{Actor: "test"}); err != nil {
				w.t.Error(err)
			}
			return journal.Recorded
		},
	}
	for name, decide := range decides {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route()
			ref, url := w.push("LATE")
			imp := w.importLines([4]string{"QGR7I8K2ZZ", "1000.00", "2547****111 - MARY DOE", "NOBODY"})
			w.mustPost(url, paid(w.checkout, "QGR7I8K2ZZ"))
			want := decide(w, imp, ref)
			if i := w.item(imp, 1); i.State != reconciliation.Resolved || i.Action != want || i.ResolvedTo != string(ref) || amountOf(w.state(ref)) != 100000 {
				t.Errorf("the difference is %s (%s %s); %d came", i.State, i.Action, i.ResolvedTo, amountOf(w.state(ref)))
			}
			if w.account(ledger.ProviderClearing) != 100000 || w.account(ledger.Suspense) != 0 {
				t.Errorf("%d stand at the provider, %d in suspense", w.account(ledger.ProviderClearing), w.account(ledger.Suspense))
			}
		})
	}
}
