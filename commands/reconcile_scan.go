package commands

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const (
	// scanChunk is how many events are read at once, scanAhead how many times as many may wait to be decoded.
	scanChunk = 2048
	scanAhead = 2
	// scanWaste is how many events may be read for each that is of the books. Finding one event by its stream costs about as much as
	// passing so many.
	scanWaste = 8
	// scanTrial is after how many events it is known what they are worth.
	scanTrial = 16 * scanChunk
)

// scan reads the transactions in one pass over the part of the log where they are, for as long as most of what lies there is theirs, and
// answers those that are left to be read by their streams.
func (l *loader) scan(ctx context.Context, references []BooksReference, news func(done int)) ([]BooksReference, error) {
	var within []BooksReference
	for _, r := range references {
		if r.First != 0 && l.claim(r.Reference) {
			within = append(within, r)
		}
	}
	if len(within) == 0 {
		return references, nil
	}
	slices.SortFunc(within, func(a, b BooksReference) int { return cmp.Compare(a.First, b.First) })
	s := &scan{l: l, within: within, at: make(map[string]int, len(within)), read: make([]bool, len(within))}
	for i, r := range within {
		s.at[transaction.Reference(r.Reference).Stream()] = i
		s.last = max(s.last, r.Last)
	}
	if err := s.run(ctx, news); err != nil {
		return nil, err
	}
	var left []BooksReference
	for _, r := range references {
		if r.First == 0 {
			left = append(left, r)
		}
	}
	for i, r := range within {
		if !s.read[i] {
			l.release(r.Reference)
			left = append(left, r)
		}
	}
	return left, nil
}

// release gives a transaction up that was claimed and not read.
func (l *loader) release(reference string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.loaded, reference)
}

// scan is one pass over the log.
type scan struct {
	l      *loader
	within []BooksReference
	at     map[string]int // by stream
	read   []bool         // those of which all is read; each is written by one goroutine
	last   eventstore.Position
}

// part are events whose transactions are one worker's.
type part []partRecord

type partRecord struct {
	transaction int
	record      eventstore.Record
}

// run reads, and deals the events out so that each transaction's come to one worker, in order.
func (s *scan) run(ctx context.Context, news func(done int)) error {
	g, ctx := errgroup.WithContext(ctx)
	workers := make([]chan part, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = make(chan part, scanAhead)
		g.Go(func() error { return s.fold(ctx, workers[i]) })
	}
	g.Go(func() error {
		defer func() {
			for _, w := range workers {
				close(w)
			}
		}()
		return s.deal(ctx, workers, news)
	})
	return g.Wait()
}

// deal reads until the last event that is wanted, or until too few of them are.
func (s *scan) deal(ctx context.Context, workers []chan part, news func(done int)) error {
	passed, useful, opened := 0, 0, 0
	for from := s.within[0].First - 1; from < s.last; {
		records, err := s.l.w.log.Store().ReadAll(ctx, from, eventstore.Forward, scanChunk)
		if err != nil || len(records) == 0 {
			return asUnavailable(err)
		}
		parts := make([]part, len(workers))
		for i := range records {
			r := &records[i]
			n, ok := s.at[r.Stream]
			if !ok || r.Position > s.within[n].Last { // what came since the read models were asked is not read
				continue
			}
			useful++
			if r.Position == s.within[n].First {
				opened++
			}
			if transaction.OfMoney(r.Type) || r.Position == s.within[n].Last {
				parts[n%len(workers)] = append(parts[n%len(workers)], partRecord{n, *r})
			}
		}
		for i, p := range parts {
			select {
			case workers[i] <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		news(opened)
		passed += len(records)
		from = records[len(records)-1].Position
		if passed >= scanTrial {
			if useful*scanWaste < passed {
				return nil
			}
			passed, useful = passed/2, useful/2 // what lies further back counts less
		}
	}
	return nil
}

// fold folds transactions, and gives each to the matcher when its last event is read.
func (s *scan) fold(ctx context.Context, parts <-chan part) error {
	open := map[int]*bookOf{}
	for p := range parts {
		for i := range p {
			n, r := p[i].transaction, &p[i].record
			b := open[n]
			if b == nil {
				if r.Revision != 0 {
					continue // it does not begin where it should: it is left to be read by its stream
				}
				b = &bookOf{currency: s.l.scope.Currency}
				open[n] = b
			}
			if transaction.OfMoney(r.Type) {
				e, err := s.l.w.log.Decode(ctx, *r)
				if err != nil {
					return err
				}
				b.take(e)
			}
			if r.Position != s.within[n].Last {
				continue
			}
			if err := s.l.add(ctx, b); err != nil {
				return err
			}
			s.read[n] = true
			delete(open, n)
		}
	}
	return nil
}
