package eventstore

import (
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestSeenKeepsTheNewestPositionOfEachMerchant(t *testing.T) {
	s := NewSeen()
	s.Note(1, 10)
	s.Note(1, 5)
	s.Note(2, 7)
	s.Note(0, 99)
	s.Note(3, 0)
	for merchant, want := range map[int64]Position{0: 0, 1: 10, 2: 7, 3: 0, 4: 0} {
		if got := s.Of(merchant); got != want {
			t.Errorf("merchant %d has seen %d; want %d", merchant, got, want)
		}
	}
}

func TestForgottenMerchantIsNeverTakenForOneThatSawLess(t *testing.T) {
	s := NewSeen()
	s.Note(1, 1000)
	for m := range int64(seenMerchants) {
		s.Note(m+2, 50)
	}
	if got := s.Of(1); got < 1000 {
		t.Errorf("a forgotten merchant has seen %d; want 1000 or later", got)
	}
	s.Note(1, 60)
	if got := s.Of(1); got < 1000 {
		t.Errorf("a forgotten merchant who came back with an older answer has seen %d; want 1000 or later", got)
	}
}

func TestSeenNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, newest := NewSeen(), map[int64]Position{}
		for range rapid.IntRange(0, 100).Draw(t, "notes") {
			m, p := rapid.Int64Range(1, 5).Draw(t, "merchant"), Position(rapid.Uint64Range(0, 100).Draw(t, "position"))
			s.Note(m, p)
			newest[m] = max(newest[m], p)
			if got := s.Of(m); got != newest[m] {
				t.Fatalf("merchant %d has seen %d; want %d", m, got, newest[m])
			}
		}
	})
}

func TestSeenIsSharedByRequests(t *testing.T) {
	s := NewSeen()
	var done sync.WaitGroup
	for n := range 8 {
		done.Go(func() {
			for p := range Position(500) {
				s.Note(1, p)
				s.Note(int64(n)+2, p)
				s.Of(1)
			}
		})
	}
	done.Wait()
	if got := s.Of(1); got != 499 {
		t.Errorf("has seen %d", got)
	}
}
