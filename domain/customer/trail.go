package customer

import (
	"slices"
	"strings"

	"github.com/benfex/kipay/domain/phone"
)

// Trail is what leads to a customer in the words of others: all that was ever known of the person, and the money that was paid.
type Trail struct {
	Phones []string // in every form that payments have
	Emails []string
	// Names are a first and a last name that belong together, in small letters.
	Names [][2]string
	// References and Receipts are of the customer's payments.
	References, Receipts []string
}

// Follow adds what is known of the person.
func (t *Trail) Follow(p Person) {
	t.Phones = append(t.Phones, p.Phones()...)
	slices.Sort(t.Phones)
	t.Phones = slices.Compact(t.Phones)
	if email := strings.ToLower(string(p.Email)); email != "" && !slices.Contains(t.Emails, email) {
		t.Emails = append(t.Emails, email)
	}
	names := [2]string{strings.ToLower(string(p.FirstName)), strings.ToLower(string(p.LastName))}
	if (names[0] != "" || names[1] != "") && !slices.Contains(t.Names, names) {
		t.Names = append(t.Names, names)
	}
}

// Words are what a text must hold one of to be of the customer: the ends of numbers, emails, names of at least three letters, all in
// small letters. They find candidates; In decides.
func (t *Trail) Words() []string {
	out := append(t.ends(), t.Emails...)
	for _, names := range t.Names {
		for _, name := range names {
			out = append(out, longWords(name)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// In tells whether a provider's or a bank's words are of the customer: the number or email stands there, or both names do, or one
// beside a number of which some digits are hidden and the others are the customer's.
func (t *Trail) In(text string) bool {
	text = strings.ToLower(text)
	for _, email := range t.Emails {
		if strings.Contains(text, email) {
			return true
		}
	}
	masked := false
	for _, number := range numbersIn(text) {
		switch {
		case strings.Contains(number, "*"):
			masked = masked || slices.ContainsFunc(t.Phones, func(p string) bool { return phone.Shows(number, strings.TrimPrefix(p, "+")) })
		case slices.ContainsFunc(t.ends(), func(end string) bool { return strings.Contains(number, end) }):
			return true
		}
	}
	words := wordsOf(text)
	has := func(name string) bool {
		long := longWords(name)
		return len(long) > 0 && !slices.ContainsFunc(long, func(w string) bool { return !slices.Contains(words, w) })
	}
	return slices.ContainsFunc(t.Names, func(n [2]string) bool {
		first, last := has(n[0]), has(n[1])
		return first && last || masked && (first || last)
	})
}

// namedIn tells whether a text holds anything of the person: an email, the end of a number, or one word of a name.
func (t *Trail) namedIn(text string) bool {
	text = strings.ToLower(text)
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	words := wordsOf(text)
	return slices.ContainsFunc(t.Emails, func(email string) bool { return strings.Contains(text, email) }) ||
		slices.ContainsFunc(t.ends(), func(end string) bool { return strings.Contains(digits, end) }) ||
		slices.ContainsFunc(t.Names, func(names [2]string) bool {
			return slices.ContainsFunc(longWords(names[0]+" "+names[1]), func(w string) bool { return slices.Contains(words, w) })
		})
}

// Pays tells whether a payment that names no customer is the person's, by what it says of its payer and the phones that were asked for
// it: the number, its hash, or a number with stars that fits beside one of the names.
func (t *Trail) Pays(payer Person, asked ...string) bool {
	if slices.ContainsFunc(asked, func(p string) bool { return p != "" && slices.Contains(t.Phones, p) }) {
		return true
	}
	number := string(payer.Phone)
	fits := slices.ContainsFunc(t.Phones, func(p string) bool { return p == number || phone.Shows(number, strings.TrimPrefix(p, "+")) })
	return fits && (!strings.Contains(number, "*") || t.In(number+" "+string(payer.FirstName)+" "+string(payer.LastName)))
}

// Numbers are the phones as payments may say them in full, or hashed.
func (t *Trail) Numbers() []string {
	out := slices.Clone(t.Phones)
	for _, p := range t.Phones {
		out = append(out, phone.Hash(strings.TrimPrefix(p, "+")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ends are what tells the numbers from others, however they begin.
func (t *Trail) ends() []string {
	var out []string
	for _, p := range t.Phones {
		if p = strings.TrimPrefix(p, "+"); len(p) >= phoneTail {
			out = append(out, p[len(p)-phoneTail:])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// longWords are the words of a name that are long enough to be looked for.
func longWords(name string) []string {
	return slices.DeleteFunc(wordsOf(name), func(w string) bool { return len(w) < leastName })
}

// numbersIn are the runs of digits and stars of a text. Spaces, hyphens and brackets within one don't end it.
func numbersIn(text string) []string {
	var out []string
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, run.String())
		}
		run.Reset()
	}
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9' || r == '*':
			run.WriteRune(r)
		case run.Len() > 0 && strings.ContainsRune(" -()", r):
		default:
			flush()
		}
	}
	flush()
	return out
}
