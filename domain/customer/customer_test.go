package customer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	t0      = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	asha    = Person{Email: "asha@example.com", FirstName: "Asha", Phone: "+254712345678"}
	save    = Save{ID: 4, Merchant: 1, Hash: "4f1c", Person: asha, Idempotency: "key", Transaction: "KIPAY0123456789ABCDEF", At: t0}
	created = Created{
		ID: 4, Merchant: 1, Hash: "4f1c", Person: asha, Idempotency: "key", Transaction: "KIPAY0123456789ABCDEF", At: t0,
	}
)

func TestCustomerIsOpenedOnFirstSight(t *testing.T) {
	given[State](t).when(save).then(created)
}

func TestCustomerWhoComesBackKeepsTheNumber(t *testing.T) {
	again := save
	again.ID = 9
	s := given[State](t, created).when(again).thenNothing()
	if s.state.ID != 4 {
		t.Errorf("number %d", s.state.ID)
	}
}

func TestGivenDetailsReplaceAndEmptyOnesStay(t *testing.T) {
	for name, c := range map[string]struct{ gives, want Person }{
		"a last name":  {Person{LastName: "Otieno"}, Person{Email: asha.Email, FirstName: "Asha", LastName: "Otieno", Phone: asha.Phone}},
		"a new phone":  {Person{Phone: "254700000001"}, Person{Email: asha.Email, FirstName: "Asha", Phone: "254700000001"}},
		"all of them":  {Person{Email: "A@b.c", FirstName: "a", LastName: "b", Phone: "c"}, Person{Email: "A@b.c", FirstName: "a", LastName: "b", Phone: "c"}},
		"another name": {Person{FirstName: "Aisha"}, Person{Email: asha.Email, FirstName: "Aisha", Phone: asha.Phone}},
	} {
		t.Run(name, func(t *testing.T) {
			update := save
			update.Person = c.gives
			s := given[State](t, created).when(update).
				then(Updated{ID: 4, Merchant: 1, Hash: "4f1c", Person: c.want, At: t0}).
				when(update).thenNothing()
			if diff := cmp.Diff(c.want, s.state.Person); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingGivenChangesNothing(t *testing.T) {
	given[State](t, created).when(Save{ID: 9, Merchant: 1, Hash: "4f1c", At: t0}).thenNothing()
}

func TestStreamsOfCustomers(t *testing.T) {
	got := Stream("4f1c") + " " + IDStream(4) + " " + created.SubjectName() + " " + Updated{Hash: "4f1c"}.SubjectName()
	if got != "customer-4f1c customer-id-4 customer-4f1c customer-4f1c" {
		t.Error(got)
	}
}
