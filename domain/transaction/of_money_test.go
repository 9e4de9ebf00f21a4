package transaction

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
)

// bookPart is the state without what the books don't hold.
func bookPart(s State) State {
	s.Attempts = append([]Attempt(nil), s.Attempts...)
	for i := range s.Attempts {
		a := &s.Attempts[i]
		a.Accepted, a.Unknown, a.MerchantRequestID, a.CheckoutRequestID, a.Named, a.URL = false, false, "", "", "", ""
	}
	s.Conflicts, s.CompletedAt, s.UpdatedAt, s.digests, s.saidFailed = nil, time.Time{}, time.Time{}, nil, false
	return s
}

func TestTheBooksAreTheSameWithoutEventsThatAreNotOfMoney(t *testing.T) {
	left, skipped := 0, map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		st := genStory(t)
		log := append([]domain.Event(nil), st.opened...)
		s := fold(State{}, log...)
		for _, c := range rapid.Permutation(st.said).Draw(t, "order") {
			events, err := c.Decide(s)
			if err != nil {
				t.Fatalf("%T failed with %v", c, err)
			}
			log, s = append(log, events...), fold(s, events...)
		}
		var ofMoney []domain.Event
		for _, e := range log {
			if OfMoney(e.EventType()) {
				ofMoney = append(ofMoney, e)
			} else {
				left++
				skipped[e.EventType()] = true
			}
		}
		short := fold(State{}, ofMoney...)
		if diff := cmp.Diff(bookPart(s), bookPart(short), cmp.AllowUnexported(State{})); diff != "" {
			t.Fatalf("they differ (-all +of money):\n%s", diff)
		}
		if s.Status() != short.Status() || s.Received() != short.Received() || !s.PaidAt().Equal(short.PaidAt()) {
			t.Fatalf("%s and %s received at %s, against %s and %s at %s", s.Status(), s.Received(), s.PaidAt(), short.Status(), short.Received(), short.PaidAt())
		}
	})
	if left == 0 || len(skipped) < 5 {
		t.Errorf("%d events of the types %v were left out: little is proved", left, skipped)
	}
}
