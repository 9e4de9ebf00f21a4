package journal

import (
	"slices"

	"github.com/benfex/kipay/domain/reconciliation"
)

// chunk is how many items lie together: a decision copies those beside it, not the import's hundred thousands.
const chunk = 256

// items are an import's differences. A list that was handed out never changes: one to which something is added may share its memory,
// and knows of more.
type items struct {
	chunks [][]Item
	n      int
}

// add is the list with one more at its end. Only the newest of the lists that share memory may be added to.
func (l items) add(i Item) items {
	at, within := l.n/chunk, l.n%chunk
	if at == len(l.chunks) {
		l.chunks = append(l.chunks, make([]Item, 0, chunk))
	}
	l.chunks[at] = append(l.chunks[at][:within], i)
	l.n++
	return l
}

// first is a list of the first n, to which others can be added than there were.
func (l items) first(n int) items {
	if n = max(n, 0); n >= l.n {
		return l
	}
	l.n, l.chunks = n, slices.Clone(l.chunks[:(n+chunk-1)/chunk])
	if within := n % chunk; within > 0 {
		l.chunks[n/chunk] = append(make([]Item, 0, chunk), l.chunks[n/chunk][:within]...)
	}
	return l
}

// nth is the nth, from 1.
func (l items) nth(n int) (Item, bool) {
	if n < 1 || n > l.n {
		return Item{}, false
	}
	return l.chunks[(n-1)/chunk][(n-1)%chunk], true
}

// decided is the list after decisions.
func (l items) decided(decisions []Resolution) items {
	l.chunks = slices.Clone(l.chunks)
	own := map[int]bool{}
	for _, r := range decisions {
		if r.N < 1 || r.N > l.n {
			continue
		}
		at := (r.N - 1) / chunk
		if !own[at] {
			l.chunks[at], own[at] = append(make([]Item, 0, chunk), l.chunks[at]...), true
		}
		i := &l.chunks[at][(r.N-1)%chunk]
		i.before, i.Decisions = i.Action, i.Decisions+1
		i.State, i.Action, i.ResolvedTo = stateOf(i.found, r.Action), r.Action, r.Reference
	}
	return l
}

// count is how many are such.
func (l items) count(such func(*Item) bool) int {
	n := 0
	for k := range l.n {
		if such(&l.chunks[k/chunk][k%chunk]) {
			n++
		}
	}
	return n
}

func isOpen(i *Item) bool { return i.State == reconciliation.Open }
