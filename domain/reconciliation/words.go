package reconciliation

import "strings"

// shortestWord is how long a word of a bank's text must be to be taken for a reference.
const shortestWord = 6

// byWords finds payouts and settlements whose reference, receipt or settlement id stands among the words of a bank's line.
func (m *Matcher) byWords() {
	index := map[string]int32{} // none for a name of several
	add := func(name string, move int32) {
		name = normalAccount(name)
		if len(name) < shortestWord {
			return
		}
		if have, ok := index[name]; ok && have != move {
			move = none
		}
		index[name] = move
	}
	for i := range m.moves {
		r := &m.moves[i]
		add(r.reference, int32(i))
		add(m.atoms[r.atom].receipt, int32(i))
		add(r.settlement, int32(i))
	}
	for i := range m.lines {
		l := &m.lines[i]
		if !l.undecided() {
			continue
		}
		if move, ok := m.namedMove(index, l); ok {
			m.match(int32(i), m.moves[move].atom, RuleReference)
		}
	}
}

// namedMove is the one unmatched payout that the line's words name, if they name just one and it went the line's way.
func (m *Matcher) namedMove(index map[string]int32, l *lineRec) (int32, bool) {
	found := none
	for _, text := range [...]string{l.receipt, l.account, l.details} {
		for _, word := range words(text) {
			move, ok := index[normalAccount(word)]
			if !ok || move == found {
				continue
			}
			if move == none || found != none {
				return none, false
			}
			found = move
		}
	}
	if found == none {
		return none, false
	}
	a := &m.atoms[m.moves[found].atom]
	return found, a.line == none && (a.amount < 0) == (l.amount < 0)
}

// maxWords is how many words of one text are looked at.
const maxWords = 200

// words are the runs of letters and digits in a text, with the dashes in them.
func words(s string) []string {
	list := strings.FieldsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	})
	return list[:min(len(list), maxWords)]
}
