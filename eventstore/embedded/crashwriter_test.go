package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// What the child of the crash test says on its standard output, one line each, written in one piece:
//
//	ready                                            the store is open
//	sent  <stream> <revision> <id> <sum>             an event is about to be appended
//	acked <stream> <revision> <id> <sum> <position>  it was acknowledged, and so was its key
//	seen  <position> <id>                            a subscriber was given it
const crashWriters = 8

// reporter writes the lines. A pipe takes one of this length all or not at all.
type reporter struct{ mu sync.Mutex }

func (r *reporter) say(format string, args ...any) {
	line := fmt.Appendf(nil, format+"\n", args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := os.Stdout.Write(line); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

// crashWriter appends until it is killed.
func crashWriter(ctx context.Context, dir string) error {
	seed, err := strconv.ParseUint(os.Getenv(childSeedEnv), 10, 64)
	if err != nil {
		return err
	}
	s, err := Open(dir, Options{MemTableBytes: 1 << 20})
	if err != nil {
		return err
	}
	var out reporter
	out.say("ready")
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	sub, err := s.Subscribe(ctx, head)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for {
			batch, err := sub.Next(ctx)
			if err != nil {
				return err
			}
			for _, rec := range batch.Records {
				out.say("seen %d %s", rec.Position, rec.ID)
			}
		}
	})
	for w := range crashWriters {
		group.Go(func() error {
			return writeUntilKilled(ctx, s, &out, fmt.Sprintf("writer-%d", w), rand.New(rand.NewPCG(seed, uint64(w))))
		})
	}
	return group.Wait()
}

func writeUntilKilled(ctx context.Context, s *Store, out *reporter, stream string, rng *rand.Rand) error {
	at := eventstore.NoStream
	last, err := s.ReadStream(ctx, stream, eventstore.EndRevision, eventstore.Backward, 1)
	if err == nil {
		at = last[0].Revision
	} else if !errors.Is(err, eventstore.ErrStreamNotFound) {
		return err
	}
	for {
		events := make([]eventstore.NewEvent, 1+rng.IntN(3))
		for i := range events {
			size := rng.IntN(2000)
			if rng.IntN(100) == 0 {
				size = rng.IntN(200_000)
			}
			data := make([]byte, size)
			for j := range data {
				data[j] = byte(rng.Uint32())
			}
			events[i] = eventstore.NewEvent{ID: uuid.New(), Type: "Written", Data: data, Metadata: []byte(`{}`)}
			out.say("sent %s %d %s %08x", stream, int(at)+1+i, events[i].ID, crc32.ChecksumIEEE(data))
			if _, err := s.PutKeyIfAbsent(ctx, crashKey(events[i].ID), events[i].ID[:]); err != nil {
				return err
			}
		}
		appended, err := s.Append(ctx, stream, at, events...)
		if err != nil {
			return err
		}
		for i, e := range events {
			back := len(events) - 1 - i
			out.say("acked %s %d %s %08x %d", stream, int(appended.Revision)-back, e.ID, crc32.ChecksumIEEE(e.Data),
				int(appended.Position)-back)
		}
		if rng.IntN(20) == 0 {
			again, err := s.Append(ctx, stream, at, events...)
			if err != nil || !again.Repeated || again.Position != appended.Position {
				return fmt.Errorf("append again: %+v, %w", again, err)
			}
		}
		at = appended.Revision
	}
}

func crashKey(id uuid.UUID) string { return "subject-" + id.String() }

// crashEvent is one event that the parent was told of.
type crashEvent struct {
	stream   string
	revision eventstore.Revision
	sum      string
	// position is set when the event was acknowledged or seen by a subscriber.
	position eventstore.Position
	acked    bool
}

// crashLedger is what the parent knows of the events it has not verified yet.
type crashLedger struct {
	events map[uuid.UUID]*crashEvent
	lines  int
	ready  bool
}

// hear takes in one line of the child.
func (l *crashLedger) hear(line []byte) error {
	word, rest, _ := bytes.Cut(line, []byte(" "))
	var stream, id, sum string
	var revision, position int64
	var err error
	switch string(word) {
	case "ready":
		l.ready = true
		return nil
	case "sent":
		_, err = fmt.Sscan(string(rest), &stream, &revision, &id, &sum)
	case "acked":
		_, err = fmt.Sscan(string(rest), &stream, &revision, &id, &sum, &position)
	case "seen":
		_, err = fmt.Sscan(string(rest), &position, &id)
	default:
		err = fmt.Errorf("the child says %q", line)
	}
	if err != nil {
		return err
	}
	l.lines++
	key, err := uuid.Parse(id)
	if err != nil {
		return err
	}
	e := l.events[key]
	if e == nil {
		if string(word) != "sent" {
			return fmt.Errorf("%s before it was sent: %s", word, line)
		}
		l.events[key] = &crashEvent{stream: stream, revision: eventstore.Revision(revision), sum: sum}
		return nil
	}
	if e.position != 0 && e.position != eventstore.Position(position) {
		return fmt.Errorf("event %s is at %d and at %d", id, e.position, position)
	}
	e.position = eventstore.Position(position)
	if string(word) == "acked" {
		e.acked = true
	}
	return nil
}

// verify takes the record off the ledger, if it is what was sent.
func (l *crashLedger) verify(rec eventstore.Record) error {
	e := l.events[rec.ID]
	if e == nil {
		return fmt.Errorf("position %d: event %s was never sent, or is there twice", rec.Position, rec.ID)
	}
	sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(rec.Data))
	if rec.Stream != e.stream || rec.Revision != e.revision || sum != e.sum || (e.position != 0 && rec.Position != e.position) {
		return fmt.Errorf("sent %+v, the record is position %d, %s revision %d, sum %s", *e, rec.Position, rec.Stream,
			rec.Revision, sum)
	}
	delete(l.events, rec.ID)
	return nil
}
