package simulator

import (
	"container/heap"
	"time"
)

// happening is something that the provider does at a moment without telling anybody: a prompt is paid, a payout goes out.
type happening struct {
	at  time.Time
	seq int64
	do  func(at time.Time)
}

// agenda holds what is still to happen, the next first. It needs no timer: whoever looks at the book lets happen what is
// due (Simulator.catchUp), in order and at its own time, so that what is told of a moment does not hang on who asked when.
type agenda struct {
	coming []happening
	seq    int64
}

func (a *agenda) add(at time.Time, do func(at time.Time)) {
	a.seq++
	heap.Push(a, happening{at, a.seq, do})
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (a *agenda) Len() int { return len(a.coming) }

func (a *agenda) Less(i, j int) bool {
	if c := a.coming[i].at.Compare(a.coming[j].at); c != 0 {
		return c < 0
	}
	return a.coming[i].seq < a.coming[j].seq
}

func (a *agenda) Swap(i, j int) { a.coming[i], a.coming[j] = a.coming[j], a.coming[i] }

func (a *agenda) Push(x any) {
	h, _ := x.(happening)
	a.coming = append(a.coming, h)
}

func (a *agenda) Pop() any {
	last := len(a.coming) - 1
	h := a.coming[last]
	a.coming[last] = happening{}
	a.coming = a.coming[:last]
	return h
}

// catchUp lets happen what is due by now. The caller holds mu.
func (s *Simulator) catchUp(now time.Time) {
	for s.agenda.Len() > 0 && !s.agenda.coming[0].at.After(now) {
		h, _ := heap.Pop(s.agenda).(happening)
		h.do(h.at)
	}
}
