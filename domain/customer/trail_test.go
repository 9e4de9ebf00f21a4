package customer

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/phone"
)

func TestATrailLeadsToThePersonAndToNobodyElse(t *testing.T) {
	var trail Trail
	trail.Follow(Person{Email: "Wanjiku.K@example.com", FirstName: "Wanjiku", LastName: "Kamau", Phone: "+254712345678"})
	trail.Follow(Person{Email: "w@example.org", FirstName: "Wanjiku", LastName: "Njoroge", Phone: "+254733000222"})
	for text, want := range map[string]bool{
		"254712345678 - JOHN DOE":         true,
		"Pay Bill from 0712345678 Acc. 7": true,
		"+254 712 345-678":                true,
		"0733000222":                      true,
		"2547****678 - WANJIKU":           true,
		"2547 ***** 678 - Kamau W.":       true,
		"25473****222 - WANJIKU NJOROGE":  true,
		"TRANSFER KAMAU WANJIKU RENT":     true,
		"mailto wanjiku.k@EXAMPLE.com":    true,
		"2547****678 - JOHN DOE":          false, // somebody whose number ends alike
		"2547****679 - WANJIKU KAMAUX":    false,
		"****678 - WANJIKU":               false, // too little of the number
		"WANJIKU OTIENO":                  false,
		"KAMAU NJOROGE":                   false, // two names, not of one time
		"254712345679 - WANJIKU":          false,
		"QGR7I8K2LM":                      false,
		"":                                false,
	} {
		if got := trail.In(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for payer, want := range map[Person]bool{
		{Phone: "254712345678"}:                                            true,
		{Phone: "+254733000222", FirstName: "JOHN"}:                        true,
		{Phone: domain.Personal(phone.Hash("254712345678"))}:               true,
		{Phone: domain.Personal(phone.Hash("254712345679"))}:               false,
		{Phone: "2547 ***** 678", FirstName: "WANJIKU"}:                    true,
		{Phone: "2547 ***** 678", LastName: "kamau"}:                       true,
		{Phone: "2547 ***** 678", FirstName: "JOHN"}:                       false,
		{Phone: "2547 ***** 678"}:                                          false,
		{Phone: "2547 ***** 679", FirstName: "WANJIKU", LastName: "KAMAU"}: false,
		{FirstName: "WANJIKU", LastName: "KAMAU"}:                          false,
	} {
		if got := trail.Pays(payer); got != want {
			t.Errorf("a payment of %+v: %v", payer, got)
		}
	}
	if !trail.Pays(Person{}, "", "254733000222") || trail.Pays(Person{}, "", "254733000223") {
		t.Error("the phones that were asked don't tell")
	}
	if nobody := (&Trail{}); nobody.In("254712345678 - WANJIKU KAMAU") || len(nobody.Words()) > 0 {
		t.Error("whom nothing is known of is found")
	}
}

func TestWhatATrailLeadsToHoldsOneOfItsWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var trail Trail
		name := rapid.StringMatching(`[A-Z][a-z]{1,6}( [A-Z][a-z]{2,6})?`)
		trail.Follow(Person{
			Email: "a.b@example.com", FirstName: domain.Personal(name.Draw(t, "first")), LastName: domain.Personal(name.Draw(t, "last")),
			Phone: domain.Personal("+2547" + rapid.StringMatching(`[0-9]{8}`).Draw(t, "phone")),
		})
		parts := []string{
			"A.B@example.com", trail.Phones[0], "0" + trail.Phones[0][len(trail.Phones[0])-9:], trail.Names[0][0], strings.ToUpper(trail.Names[0][1]),
			"2547****" + trail.Phones[0][len(trail.Phones[0])-3:], "JOHN", "Acc. 7", "-",
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 5).Draw(t, "parts"), " ; ")
		if !trail.In(text) {
			return
		}
		for _, w := range trail.Words() {
			if strings.Contains(strings.ToLower(text), w) {
				return
			}
		}
		t.Fatalf("%q is found and holds none of %q", text, trail.Words())
	})
}
