package commands_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// unknownPayer is the line of money that fits nothing here.
const unknownPayer = "QGR7I8K2ZZ,AT,AT,Pay Bill from 2547****111 - MARY DOE Acc. NOBODY,Completed,1000.00,,,true,Pay Utility,2547****111 - MARY DOE,,NOBODY"

func (w *world) reopen(imp journal.State, n int) error {
	w.t.Helper()
	_, err := w.write.Reopen(w.t.Context(), w.merchant, w.mode, commands.Reopening{Item: journal.ItemID(imp.ID, n), Reason: "it was the other payment"})
	return err
}

func TestADecisionThatWasAMistakeIsTakenBack(t *testing.T) {
	for _, a := range []journal.Action{journal.Return, journal.WriteOff, journal.Accept} {
		t.Run(string(a), func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref, _ := w.push("ONE")
			imp := w.importRows(unknownPayer)
			w.wants("taking back what nobody decided", w.reopen(imp, 1), domain.CodeConflict)
			if err := w.decide(imp, 1, a, ""); err != nil {
				t.Fatal(err)
			}
			if err := w.reopen(imp, 1); err != nil {
				t.Fatal(err)
			}
			i := w.item(imp, 1)
			if i.Action != journal.Suspended || i.State != reconciliation.Open || w.account(ledger.Suspense) != 1000_00 || w.account(ledger.WriteOff) != 0 || w.account(ledger.ProviderClearing) != 1000_00 {
				t.Errorf("it is %q, %s; %d stand in suspense", i.Action, i.State, w.account(ledger.Suspense))
			}
			if len(w.known("it was the other payment")) != 1 {
				t.Error("the reason is not kept")
			}
			w.wants("taking it back twice", w.reopen(imp, 1), domain.CodeConflict)
			// It can be decided otherwise now, and that stands.
			if err := w.decide(imp, 1, journal.Credit, ref); err != nil {
				t.Fatal(err)
			}
			if amountOf(w.state(ref)) != 1000_00 || w.account(ledger.Suspense) != 0 || w.account(ledger.ProviderClearing) != 1000_00 {
				t.Errorf("%d is credited, %d stand in suspense, %d at the provider", amountOf(w.state(ref)), w.account(ledger.Suspense), w.account(ledger.ProviderClearing))
			}
			w.wants("taking back a credit", w.reopen(imp, 1), domain.CodeConflict)
		})
	}
}

// cutStore is an event store that is gone from the first event of a type on.
type cutStore struct {
	eventstore.Store
	from string
	gone bool
}

func (s *cutStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if s.gone = s.gone || events[0].Type == s.from; s.gone {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

func TestATakenBackDecisionThatIsCutOffIsCarriedOut(t *testing.T) {
	w := newWorld(t, "sandbox")
	imp := w.importRows(unknownPayer)
	if err := w.decide(imp, 1, journal.Return, ""); err != nil {
		t.Fatal(err)
	}
	node := w.nodeOn(eventstore.NewLog(&cutStore{Store: w.store, from: "SuspenseRestored"}, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New), 0)
	if _, err := node.Reopen(t.Context(), w.merchant, w.mode, commands.Reopening{Item: journal.ItemID(imp.ID, 1), Reason: "a mistake"}); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Fatalf("it was not cut off: %v", err)
	}
	if w.account(ledger.Suspense) != 0 || w.item(imp, 1).Action != journal.Suspended {
		t.Fatalf("%d stand in suspense, of %q", w.account(ledger.Suspense), w.item(imp, 1).Action)
	}
	for range 2 {
		if err := w.write.CarryOutReopening(t.Context(), imp.ID, 1, journal.Return, commands.By{Actor: "test"}); err != nil {
			t.Fatal(err)
		}
		if w.account(ledger.Suspense) != 1000_00 {
			t.Errorf("%d stand in suspense", w.account(ledger.Suspense))
		}
	}
	// What was decided since is left alone.
	if err := w.decide(imp, 1, journal.WriteOff, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.write.CarryOutReopening(t.Context(), imp.ID, 1, journal.Return, commands.By{Actor: "test"}); err != nil || w.account(ledger.WriteOff) == 0 {
		t.Errorf("what was written off since is not: %v", err)
	}
}

// What was noted as returned, and was not, left the books in one month and came back to them in another: each month's statement differs
// by that, and says so.
func TestWhatWasNotReturnedIsNamedInTheMonthsThatItMoved(t *testing.T) {
	w := newWorld(t, "sandbox")
	imp := w.importRows(unknownPayer)
	if err := w.decide(imp, 1, journal.Return, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.reopen(imp, 1); err != nil {
		t.Fatal(err)
	}
	if again := w.importRows(unknownPayer, strings.ReplaceAll(unknownPayer, "K2ZZ", "K2YY")); again.Len() != 1 {
		t.Errorf("what was put right within the month differs: %+v", again.Items())
	}
	// A month later it is noted once more, and put right a month after that.
	w.clock.pass(40 * 24 * 3600e9)
	if err := w.decide(imp, 1, journal.Return, ""); err != nil {
		t.Fatal(err)
	}
	moved := func(minor int64, names ...string) {
		t.Helper()
		var rows []string
		for _, name := range names {
			rows = append(rows, strings.ReplaceAll(unknownPayer, "K2ZZ", "K2"+name))
		}
		found := w.importRows(rows...)
		sum, text := int64(0), ""
		for _, i := range found.Items() {
			if i.Cause != reconciliation.UnknownPayer { // which the lines are
				sum += i.Amount.Minor
				text += i.Text + " (" + i.Reference + ") "
			}
		}
		if sum != minor {
			t.Errorf("the statement of %v differs by %d: %s", names, sum, text)
		}
	}
	moved(1000_00, "AA") // the books have it out, the statement doesn't
	w.clock.pass(40 * 24 * 3600e9)
	if err := w.reopen(imp, 1); err != nil {
		t.Fatal(err)
	}
	moved(-1000_00, "BB")
	// Whose it is changes nothing in that.
	ref, _ := w.push("ONE")
	if err := w.decide(imp, 1, journal.Credit, ref); err != nil {
		t.Fatal(err)
	}
	moved(-1000_00, "BB", "CC")
}

// Money that is credited a month after it came into suspense changes hands then, and moves nothing at the provider.
func TestMoneyThatIsCreditedMonthsLaterCameWhenItCame(t *testing.T) {
	w := newWorld(t, "sandbox")
	came := w.clock.now()
	row := strings.ReplaceAll(unknownPayer, "AT,AT", came.Add(3*time.Hour).Format("02-01-2006 15:04:05")+","+came.Add(3*time.Hour).Format("02-01-2006 15:04:05"))
	imp := w.importRows(row)
	w.clock.pass(40 * 24 * 3600e9)
	ref, _ := w.push("ONE")
	if err := w.decide(imp, 1, journal.Credit, ref); err != nil {
		t.Fatal(err)
	}
	// In this order: what the second brings to suspense is in the books of the later month.
	for _, c := range []struct {
		name string
		rows []string
	}{
		{"of the month in which it was credited", []string{strings.ReplaceAll(unknownPayer, "K2ZZ", "K2AA")}},
		{"of the month in which it came", []string{row, strings.ReplaceAll(row, "K2ZZ", "K2BB")}},
	} {
		found := w.importRows(c.rows...)
		if i, _ := found.Item(1); found.Len() != 1 || i.Cause != reconciliation.UnknownPayer || i.Receipt == "QGR7I8K2ZZ" {
			t.Errorf("the statement %s differs: %+v", c.name, found.Items())
		}
	}
}

// What a person accepted on one statement is accepted on the next that shows it, by the same amount, until somebody reopens it there.
func TestWhatWasAcceptedIsAcceptedOnAnOverlappingStatement(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	_, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	line := [4]string{"QGR7I8K2LM", "999.00", "2547****678 - JOHN DOE", "ORDER123"} // less than was said
	first := w.importLines(line)
	i, _ := first.Item(1)
	for n, c := range []struct {
		amount int64
		want   journal.Action
	}{{i.Amount.Minor, journal.Accept}, {i.Amount.Minor + 1, ""}} {
		w.accepted = []commands.AcceptedDifference{{Item: journal.ItemID(first.ID, 1), Identity: i.Identity, Amount: c.amount}}
		rows := []([4]string){line}
		for range n + 1 {
			rows = append(rows, [4]string{"QGR7I8K2Z" + string(rune('A'+n)), "70.00", "2547****111 - MARY DOE", "NOBODY"})
		}
		imp := w.importLines(rows...)
		if again := w.item(imp, 1); again.Action != c.want || again.Identity != i.Identity {
			t.Errorf("%s of %d is %q", again.Identity, c.amount, again.Action)
		}
		if c.want == "" {
			continue
		}
		if err := w.reopen(imp, 1); err != nil {
			t.Fatal(err)
		}
		if again := w.importLines(rows...); again.ID != imp.ID || w.item(imp, 1).Action != "" {
			t.Errorf("what a person has reopened is %q, of import %d", w.item(imp, 1).Action, again.ID)
		}
	}
}
