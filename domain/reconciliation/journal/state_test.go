package journal

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

var t0 = time.Date(2026, 10, 2, 8, 0, 0, 0, time.UTC)

func begun() Begun {
	return Begun{ID: 3, Merchant: 1, Mode: domain.ModeLive, Channel: 2, Source: reconciliation.SourceMpesa, Subject: Stream(3), SHA256: "ab", At: t0}
}

func found(from, n int) DifferencesFound {
	e := DifferencesFound{ID: 3, Subject: Stream(3), At: t0}
	for i := range n {
		e.Differences = append(e.Differences, Difference{
			N: from + i, Line: from + i, Cause: reconciliation.UnknownPayer, State: reconciliation.Open, Amount: money.Of(100, money.KES),
		})
	}
	return e
}

func TestDifferencesCountWhenAllOfThemStand(t *testing.T) {
	s := State{}.Evolve(begun()).Evolve(found(1, 3))
	if s.Status() != Processing || len(s.Items()) != 0 || !s.Unfinished() {
		t.Errorf("half an import counts: %v", s.Items())
	}
	if _, err := (Conclude{Reconciled{ID: 3, Differences: 4}}).Decide(s); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("it is concluded without its last difference: %v", err)
	}
	// It is cut off, and the file is sent again: the second reading takes the place of the first.
	s = s.Evolve(found(1, 2)).Evolve(Reconciled{ID: 3, Differences: 2, At: t0})
	if got := s.Items(); s.Status() != Done || len(got) != 2 || got[0].Subject != "" || got[1].Subject != "" {
		t.Errorf("the items are %+v", got)
	}
	if !s.HasCounted() {
		t.Error("a statement from before there was a word of it waits to be counted")
	}
	waits := State{}.Evolve(begun()).Evolve(Reconciled{ID: 3, Counting: true, At: t0})
	events, err := Count{Counted{ID: 3, At: t0}}.Decide(waits)
	if waits.HasCounted() || !waits.Unfinished() || err != nil || len(events) != 1 {
		t.Fatalf("it has counted before it could: %v, %v", events, err)
	}
	waits = waits.Evolve(events[0])
	if events, err := (Count{Counted{ID: 3, At: t0}}).Decide(waits); !waits.HasCounted() || waits.Unfinished() || len(events) != 0 || err != nil {
		t.Errorf("it never has counted, or twice: %v, %v", events, err)
	}
	own := DifferencesFound{ID: 3, Subject: LineKey(3, 2), Differences: found(2, 1).Differences, Words: `{"account":"ORDER2"}`, At: t0}
	s = State{}.Evolve(begun()).Evolve(found(1, 1)).Evolve(own).Evolve(found(3, 1)).Evolve(Reconciled{ID: 3, Differences: 3, At: t0})
	if got := s.Items(); got[1].Subject != "statement-3-2" || got[1].Words != string(own.Words) || got[0].Words != "" || got[2].Subject != "" {
		t.Errorf("the items are %+v", got)
	}
	if events, err := (Refuse{Refused{ID: 3}}).Decide(State{}); len(events) != 0 || err != nil || (State{}).Unfinished() {
		t.Errorf("an import that never began is refused, or waits: %v, %v", events, err)
	}
	refused := State{}.Evolve(begun()).Evolve(Refused{ID: 3, Reason: "damaged"})
	if events, err := (Refuse{Refused{ID: 3}}).Decide(refused); len(events) != 0 || err != nil || refused.Status() != Failed {
		t.Errorf("refused twice: %v, %v", events, err)
	}
}

func TestAPersonDecidesOnceAndTheProgramNeverAgainstIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := State{}.Evolve(begun()).Evolve(found(1, 3)).Evolve(Reconciled{ID: 3, Differences: 3, At: t0})
		decided := map[int]Resolution{}
		for range rapid.IntRange(1, 12).Draw(t, "decisions") {
			r := Resolution{N: rapid.IntRange(0, 4).Draw(t, "n"), Action: rapid.SampledFrom([]Action{Credit, WriteOff, Return, Accept, Recorded, Suspended}).Draw(t, "action")}
			events, err := Resolve{Person: r.Action.ByPerson(), Resolved: Resolved{ID: 3, Subject: Stream(3), Resolutions: []Resolution{r}, At: t0}}.Decide(s)
			was, ended := decided[r.N]
			switch {
			case r.N < 1 || r.N > 3:
				if domain.CodeOf(err) != domain.CodeNotFound {
					t.Fatalf("item %d: %v", r.N, err)
				}
			case ended && was != r && r.Action.ByPerson():
				if domain.CodeOf(err) != domain.CodeConflict {
					t.Fatalf("%s after %s: %v", r.Action, was.Action, err)
				}
			case ended && len(events) != 0:
				t.Fatalf("%s after %s changes something", r.Action, was.Action)
			case err != nil:
				t.Fatal(err)
			}
			for _, e := range events {
				s = s.Evolve(e)
				if r.Action.resolves() {
					decided[r.N] = r
				}
			}
		}
		if s.Open() != 3-len(decided) {
			t.Fatalf("%d are open, %d of 3 are decided", s.Open(), len(decided))
		}
	})
}

func TestAnItemsNumberTellsItsImport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, n := rapid.Int64Range(1, 1<<31).Draw(t, "id"), rapid.IntRange(1, MaxDifferences).Draw(t, "n")
		item := ItemID(id, n)
		if gotID, gotN, ok := ParseItem(item); !ok || gotID != id || gotN != n || item >= 1<<53 {
			t.Fatalf("item %d is %d, %d, %v", item, gotID, gotN, ok)
		}
	})
	for _, item := range []int64{0, -1, 1, 1 << 21} {
		if _, _, ok := ParseItem(item); ok {
			t.Errorf("%d is taken for an item", item)
		}
	}
}

func TestAListOfItemsIsNeverChangedUnderWhoeverHoldsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l items
		var want []Item
		type held struct {
			list items
			want []Item
		}
		var all []held
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1, 2:
				for range rapid.IntRange(1, 200).Draw(t, "added") {
					i := Item{Difference: Difference{N: len(want) + 1, Line: rapid.IntRange(1, 9).Draw(t, "line"), State: reconciliation.Open}}
					l, want = l.add(i), append(want[:len(want):len(want)], i)
				}
			case 3:
				n := rapid.IntRange(0, len(want)).Draw(t, "first")
				l, want = l.first(n), want[:n:n]
			default:
				want = append([]Item(nil), want...)
				var decisions []Resolution
				for range 3 {
					n := rapid.IntRange(0, len(want)+1).Draw(t, "n")
					decisions = append(decisions, Resolution{N: n, Action: Accept})
					if n >= 1 && n <= len(want) {
						want[n-1].State, want[n-1].Action = reconciliation.Resolved, Accept
					}
				}
				l = l.decided(decisions)
			}
			all = append(all, held{l, want})
		}
		for _, h := range all {
			if h.list.n != len(h.want) {
				t.Fatalf("%d items, want %d", h.list.n, len(h.want))
			}
			for n := range h.want {
				if got, ok := h.list.nth(n + 1); !ok || got.Line != h.want[n].Line || got.Action != h.want[n].Action {
					t.Fatalf("item %d is %+v, want %+v", n+1, got, h.want[n])
				}
			}
		}
	})
}
