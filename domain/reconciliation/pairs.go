package reconciliation

import "sort"

// wish is money that something in the books waits for, seen from the line that may bring it.
type wish struct {
	bucket
	from, until int64
	phone       string // empty where none is compared
	owner       int32  // a payment or a move
}

// bucket is what can be looked up at once: the amount, and the end of the phone or the kind of transfer.
type bucket struct {
	amount int64
	end    string
}

// offer is a line that may bring it.
type offer struct {
	bucket
	at    int64
	phone string
	line  int32
}

// pair takes every wish and offer that fit each other and nobody else. An offer that fits something, but not only one thing
// or not as its only one, is ambiguous.
func (m *Matcher) pair(wishes []wish, offers []offer, rule Rule, take func(line, owner int32, rule Rule), name func(owner int32) string) {
	sort.Slice(wishes, func(i, j int) bool {
		a, b := &wishes[i], &wishes[j]
		switch {
		case a.amount != b.amount:
			return a.amount < b.amount
		case a.end != b.end:
			return a.end < b.end
		case a.from != b.from:
			return a.from < b.from
		case a.owner != b.owner:
			return a.owner < b.owner
		}
		return a.until < b.until
	})
	longest := int64(0)
	places := make(map[bucket][2]int32, len(wishes))
	for i := range wishes {
		w := &wishes[i]
		longest = max(longest, w.until-w.from)
		p, ok := places[w.bucket]
		if !ok {
			p[0] = int32(i)
		}
		p[1] = int32(i) + 1
		places[w.bucket] = p
	}
	// suitors counts the lines of each owner; choice is what each offer fits.
	suitors := map[int32]int{}
	crowded := map[bucket]bool{}
	choice := make([][]int32, len(offers))
	lost := map[int]bool{} // offers with too many wishes in reach
	for i := range offers {
		o := &offers[i]
		place, ok := places[o.bucket]
		if !ok {
			continue
		}
		near := inReach(o, wishes[place[0]:place[1]], longest)
		if len(near) > maxScan {
			// Nothing is taken in such a crowd, and nobody in it elsewhere.
			near = near[:MaxNamed]
			lost[i] = true
			if !crowded[o.bucket] {
				crowded[o.bucket] = true
				for _, w := range wishes[place[0]:place[1]] {
					suitors[w.owner] += 2
				}
			}
		}
		choice[i] = fit(o, near)
		for _, owner := range choice[i] {
			suitors[owner]++
		}
	}
	for i, owners := range choice {
		switch {
		case len(owners) == 1 && suitors[owners[0]] == 1 && !lost[i]:
			take(offers[i].line, owners[0], rule)
		case len(owners) > 0 || lost[i]:
			m.undecidable(offers[i].line, rule, owners, name)
		}
	}
}

// inReach are the wishes, sorted by from, whose time can include the offer's.
func inReach(o *offer, wishes []wish, longest int64) []wish {
	first := sort.Search(len(wishes), func(i int) bool { return wishes[i].from >= o.at-longest })
	behind := sort.Search(len(wishes), func(i int) bool { return wishes[i].from > o.at })
	return wishes[first:behind]
}

// fit are the owners, each once and in order, of the wishes that an offer fulfils.
func fit(o *offer, wishes []wish) []int32 {
	var owners []int32
	for i := range wishes {
		w := &wishes[i]
		if o.at <= w.until && (w.phone == "" || samePhone(o.phone, w.phone)) {
			owners = append(owners, w.owner)
		}
	}
	if len(owners) < 2 {
		return owners
	}
	sort.Slice(owners, func(i, j int) bool { return owners[i] < owners[j] })
	once := owners[:1]
	for _, o := range owners[1:] {
		if o != once[len(once)-1] {
			once = append(once, o)
		}
	}
	return once
}

// undecidable leaves a line unexplained and names what it might be.
func (m *Matcher) undecidable(i int32, rule Rule, owners []int32, name func(int32) string) {
	l := &m.lines[i]
	l.rule, l.why = rule, whyAmbiguous
	for _, o := range owners {
		if len(m.named[i]) == MaxNamed {
			break
		}
		m.named[i] = append(m.named[i], name(o))
	}
}
