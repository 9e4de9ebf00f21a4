package customer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
)

var (
	byTax    = Obstacle{Kind: ObstacleRetention, Rule: "tax", Years: 6, Until: t0.AddDate(6, 0, 0)}
	byAML    = Obstacle{Kind: ObstacleRetention, Rule: "aml", Years: 7, Until: t0.AddDate(7, 0, 0)}
	pending  = Obstacle{Kind: ObstaclePending}
	asked    = Erase{Reason: "request 17 of our register", At: t0.Add(time.Hour)}
	started  = ErasureStarted{ID: 4, Merchant: 1, Hash: "4f1c", Reason: "request 17 of our register", At: t0.Add(time.Hour)}
	gone     = Erased{ID: 4, Merchant: 1, Hash: "4f1c", At: t0.Add(2 * time.Hour)}
	held     = HoldPlaced{Hold: 3, ID: 4, Merchant: 1, Hash: "4f1c", Reason: "case 5 of 2026", At: t0}
	released = HoldReleased{Hold: 3, ID: 4, Merchant: 1, Hash: "4f1c", At: t0.Add(time.Minute)}
)

func (s spec[S]) refused(code domain.Code, reason string, words ...string) {
	s.t.Helper()
	var e *domain.Error
	if !errors.As(s.err, &e) || e.Code != code || e.Reason != reason || len(s.events) > 0 {
		s.t.Fatalf("answered %v with events %v", s.err, s.events)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			s.t.Errorf("%q does not say %q", e.Error(), w)
		}
	}
}

func TestCustomerWhomNothingKeepsIsErased(t *testing.T) {
	s := given[State](t, created).when(asked).then(started).when(FinishErasure{At: gone.At}).then(gone)
	if s.state.Person != (Person{}) || !s.state.Erased || s.state.ID != 4 || !s.state.CreatedAt.Equal(t0) {
		t.Errorf("the customer is %+v", s.state)
	}
	s.when(asked).thenNothing().when(FinishErasure{At: gone.At}).thenNothing()
}

func TestAnErasureThatHasBegunGoesOn(t *testing.T) {
	given[State](t, created, started).when(asked).thenNothing()
	given[State](t, created, started).when(CancelErasure{}).refused(domain.CodeConflict, "")
	given[State](t, created, started).when(PlaceHold{Hold: 3, Reason: "late"}).refused(domain.CodeConflict, "")
	given[State](t, created, started).when(save).refused(domain.CodeConflict, "")
}

func TestErasureIsRefusedWithWhatStandsAgainstIt(t *testing.T) {
	c := asked
	c.Against = []Obstacle{byAML, byTax}
	given[State](t, created).when(c).refused(domain.CodeConflict, ObstacleRetention, "aml", "2033-03-02", "tax", "2032-03-02")
	given[State](t, created, held).when(c).refused(domain.CodeConflict, ObstacleHold, "legal hold 3")
	given[State](t, created, held, released).when(asked).then(started)
	c.Against = []Obstacle{pending}
	given[State](t, created).when(c).refused(domain.CodeConflict, ObstaclePending, "under way")
	given[State](t).when(asked).refused(domain.CodeNotFound, "")
}

func TestErasureIsScheduledForWhenTheLastRuleLetsGo(t *testing.T) {
	c := asked
	c.Against, c.Schedule = []Obstacle{byAML, byTax}, true
	want := ErasureScheduled{
		ID: 4, Merchant: 1, Hash: "4f1c", Due: byAML.Until, Because: []Obstacle{byAML, byTax}, Reason: domain.Personal(c.Reason), At: c.At,
	}
	s := given[State](t, created).when(c).then(want).when(c).thenNothing()
	c.Against = nil // the rules were changed
	s.when(c).then(started)
	s.when(CancelErasure{At: t0}).then(ErasureCancelled{ID: 4, Merchant: 1, Hash: "4f1c", At: t0}).when(CancelErasure{}).thenNothing()

	onlyHeld := asked
	onlyHeld.Schedule = true
	s = given[State](t, created, held).when(onlyHeld)
	if s.state.Scheduled == nil || !s.state.Scheduled.Due.Equal(asked.At) {
		t.Errorf("scheduled %+v", s.state.Scheduled)
	}
	given[State](t, created).when(onlyHeld).then(started) // nothing stands against it: there is nothing to wait for
}

func TestReasonThatOutlivesTheDataDoesNotNameTheCustomer(t *testing.T) {
	for _, reason := range []string{"", "asked by ASHA@example.com", "Asha asked", "call from 0712 345 678", "for asha."} {
		c := asked
		c.Reason = reason
		given[State](t, created).when(c).refused(domain.CodeInvalid, "", "reason")
	}
	c := asked
	c.Reason = "ashamed, 712345 of 2026"
	if s := given[State](t, created).when(c); s.err != nil {
		t.Error(s.err)
	}
	c.Trail.Follow(Person{LastName: "Wambui"})
	c.Reason = "what Wambui asked in March"
	given[State](t, created).when(c).refused(domain.CodeInvalid, "", "reason")
}

// Whoever is to be erased by a schedule is, whatever became known since.
func TestAScheduleWhoseReasonHasComeToNameTheCustomerIsCarriedOutWithoutIt(t *testing.T) {
	scheduled := ErasureScheduled{ID: 4, Merchant: 1, Hash: "4f1c", Due: t0, Reason: "request of Mary", At: t0}
	updated := Updated{ID: 4, Merchant: 1, Hash: "4f1c", Person: Person{Email: "asha@example.com", FirstName: "Mary"}, At: t0.Add(time.Minute)}
	c := asked
	c.Reason, c.Schedule = "request of Mary", true
	given[State](t, created, scheduled, updated).when(c).refused(domain.CodeInvalid, "", "reason") // a new order
	c.CarriesOut = true
	want := started
	want.Reason = "as scheduled on 2026-03-02"
	given[State](t, created, scheduled, updated).when(c).then(want)
	want.Reason = "request of Mary"
	given[State](t, created, scheduled).when(c).then(want)
}

func TestErasedCustomerWhoComesBackHasOnlyWhatIsGivenThen(t *testing.T) {
	again := save
	again.ID, again.Person, again.At = 9, Person{Email: asha.Email, LastName: "Otieno"}, t0.Add(3*time.Hour)
	s := given[State](t, created, started, gone).when(EraseAgain{At: t0}).then(ErasureStarted{
		ID: 4, Merchant: 1, Hash: "4f1c", Reason: "a late notice of a provider", At: t0,
	})
	s.when(FinishErasure{At: gone.At}).then(gone).when(again).then(Updated{ID: 4, Merchant: 1, Hash: "4f1c", Person: again.Person, At: again.At}).
		when(EraseAgain{At: t0}).thenNothing().when(asked).then(started)
}

func TestHoldIsPlacedAndReleasedOnce(t *testing.T) {
	given[State](t, created).when(PlaceHold{Hold: 3, Reason: "case 5 of 2026", At: t0}).then(held).when(PlaceHold{Hold: 3, Reason: "x"}).thenNothing().
		when(ReleaseHold{Hold: 3, At: released.At}).then(released).when(ReleaseHold{Hold: 3}).refused(domain.CodeNotFound, "")
	given[State](t, created, started, gone).when(PlaceHold{Hold: 3, Reason: "x"}).refused(domain.CodeConflict, "")
	given[State](t, created).when(PlaceHold{Hold: 3}).refused(domain.CodeInvalid, "", "reason")
}

func TestPhoneIsKnownInEveryFormThatPaymentsHave(t *testing.T) {
	for _, own := range []domain.Personal{"+254712345678", "254712345678", "0712345678"} {
		got := Person{Phone: own}.Phones()
		for _, form := range []string{"254712345678", "+254712345678", "0712345678"} {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+form+" ") {
				t.Errorf("%s is not known as %s: %q", own, form, got)
			}
		}
	}
	if diff := cmp.Diff([]string{"+4420123456789", "4420123456789"}, Person{Phone: "+4420123456789"}.Phones()); diff != "" {
		t.Error(diff)
	}
}

// Whatever is asked in whatever order: while a hold or a rule stands nothing is erased, and nothing is erased twice.
func TestNobodyIsErasedWhileSomethingStandsAgainstIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := State{}.Evolve(created)
		kept, at := false, t0
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			at = at.Add(time.Minute)
			var cmd domain.Command[State]
			var against []Obstacle
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				cmd = PlaceHold{Hold: rapid.Int64Range(1, 3).Draw(rt, "hold"), Reason: "case", At: at}
			case 1:
				cmd = ReleaseHold{Hold: rapid.Int64Range(1, 3).Draw(rt, "hold"), At: at}
			case 2:
				kept = !kept
				continue
			case 3:
				cmd = FinishErasure{At: at}
			case 4:
				cmd = CancelErasure{At: at}
			default:
				if kept {
					against = []Obstacle{byAML}
				}
				cmd = Erase{Reason: "asked", Against: against, Schedule: rapid.Bool().Draw(rt, "schedule"), At: at}
			}
			holds := len(s.Holds)
			events, _ := cmd.Decide(s)
			for _, e := range events {
				switch e.(type) {
				case ErasureStarted:
					if holds > 0 || len(against) > 0 || s.Erased {
						rt.Fatalf("erased with %d holds, kept %v, erased before %v", holds, len(against) > 0, s.Erased)
					}
				case Erased:
					if s.Started == nil {
						rt.Fatal("finished what had not begun")
					}
				}
				s = s.Evolve(e)
			}
			if (s.Erased || s.Started != nil) && len(s.Holds) > 0 {
				rt.Fatal("a hold stands on what is being erased")
			}
		}
	})
}

func TestASchedulesModeIsTheStrongestKeysThatAskedForIt(t *testing.T) {
	hold := []Obstacle{{Kind: ObstacleHold, Hold: 3}}
	want := ErasureScheduled{ID: 4, Merchant: 1, Hash: "4f1c", Due: asked.At, Because: hold, Reason: "request 17 of our register", At: asked.At}
	byMode := func(mode domain.Mode) (Erase, ErasureScheduled) {
		c, e := asked, want
		c.Schedule, c.Mode, e.Mode = true, mode, mode
		return c, e
	}
	test, byTest := byMode(domain.ModeTest)
	live, byLive := byMode(domain.ModeLive)
	operator, byOperator := byMode("")
	given[State](t, created, held).when(test).then(byTest).when(test).thenNothing().when(live).then(byLive).when(test).thenNothing().when(operator).thenNothing()
	given[State](t, created, held, byTest).when(operator).then(byOperator).when(test).thenNothing()
	test.Against = []Obstacle{pending}
	byLive.Because = append(hold, pending)
	given[State](t, created, held, byLive).when(test).thenNothing()
	byLive.Because = hold
	later := byLive
	later.Because = append(hold, pending)
	given[State](t, created, held, byLive).when(test).then(later)
}
