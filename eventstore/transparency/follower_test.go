package transparency

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/transfer"
)

// leavesOf are the leaves that the log has, read by themselves.
func leavesOf(t testing.TB, store eventstore.Store) []tlog.Hash {
	t.Helper()
	var hashes []tlog.Hash
	for at := eventstore.Position(0); ; {
		page, err := store.ReadAll(t.Context(), at, eventstore.Forward, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			at = r.Position
			if !LeftOut(r.Stream) {
				hashes = append(hashes, LeafHash(&r))
			}
		}
		if len(page) == 0 {
			return hashes
		}
	}
}

// busy appends events of payments among those of streams that are no leaves.
func (in *install) busy(t testing.TB, payments int) {
	t.Helper()
	for p := range payments {
		in.append(t, fmt.Sprintf("transaction-%d", p), `{"amount":1}`, fmt.Sprintf(`{"amount":%d}`, p))
		if p%5 == 0 {
			in.append(t, "reactor-watch", fmt.Sprintf(`{"position":%d}`, p))
		}
		if p%7 == 0 {
			in.append(t, "lease-projector", `{"node":"a"}`)
		}
	}
}

func TestTheFollowerBuildsTheTreeOfTheLog(t *testing.T) {
	in := newInstall(t)
	in.busy(t, 300)
	in.caughtUp(t)
	if got, want := in.tree.View().Root(), naiveRoot(leavesOf(t, in.store)); got != want || in.tree.View().Size() != 600 {
		t.Errorf("%d leaves with root %s, want %s", in.tree.View().Size(), got, want)
	}
	in.busy(t, 10) // the streams go on
	in.caughtUp(t)
	if got, want := in.tree.View().Root(), naiveRoot(leavesOf(t, in.store)); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
}

func TestTheFollowerGoesOnWhereverItWasStopped(t *testing.T) {
	in := newInstall(t)
	in.busy(t, 400)
	want := naiveRoot(leavesOf(t, in.store))
	rapid.Check(t, func(rt *rapid.T) {
		disk := vfs.NewMem()
		for range rapid.IntRange(1, 4).Draw(rt, "stops") {
			tree := mustOpen(rt, disk)
			ctx, cancel := context.WithCancel(t.Context())
			until := int64(rapid.IntRange(0, 800).Draw(rt, "until"))
			done := make(chan error, 1)
			follower := NewFollower(FollowerOptions{Store: in.store, Tree: tree, Pause: time.Nanosecond})
			go func() { done <- follower.Run(ctx) }()
			for {
				changed := tree.Changed()
				if tree.View().Size() >= until {
					break
				}
				<-changed
			}
			cancel()
			if err := <-done; err != nil {
				rt.Fatal(err)
			}
			if err := tree.Close(); err != nil {
				rt.Fatal(err)
			}
		}
		tree := mustOpen(rt, disk)
		follow(t, in.store, tree)
		if got := tree.View().Root(); got != want {
			rt.Fatalf("root %s, want %s", got, want)
		}
		if err := tree.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestADamagedTreeIsBuiltAgain(t *testing.T) {
	disk := vfs.NewMem()
	store := newInstall(t).store
	in := installOn(t, store, disk)
	in.busy(t, 300)
	in.caughtUp(t)
	want := in.tree.View().Root()
	f, err := disk.OpenReadWrite("/tree/level-0", diskCategory)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, f)
	failed := make(chan error, 10)
	follower := NewFollower(FollowerOptions{Store: store, Tree: in.tree, Pause: time.Nanosecond, Failed: func(err error) { failed <- err }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- follower.Run(ctx) }()
	if _, err := f.WriteAt([]byte("not a hash"), 40*tlog.HashSize); err != nil {
		t.Fatal(err)
	}
	if _, err := in.tree.View().Inclusion(41); !errors.Is(err, ErrDamaged) {
		t.Fatalf("the damage is not found: %v", err)
	}
	if err := <-failed; !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	for {
		changed := in.tree.Changed()
		if view := in.tree.View(); view.Size() == 600 {
			if _, err := view.Inclusion(41); err == nil && view.Root() == want {
				break
			}
		}
		<-changed
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestATreeOfAnotherLogIsLeftAlone(t *testing.T) {
	disk := vfs.NewMem()
	mine := installOn(t, newInstall(t).store, disk)
	mine.busy(t, 20)
	mine.caughtUp(t)
	root := mine.tree.View().Root()

	longer, shorter := newInstall(t), newInstall(t)
	longer.busy(t, 30)
	shorter.busy(t, 2)
	for _, other := range []*install{longer, shorter} {
		err := NewFollower(FollowerOptions{Store: other.store, Tree: mine.tree}).Run(t.Context())
		if !errors.Is(err, ErrOtherLog) {
			t.Errorf("%v", err)
		}
	}
	if mine.tree.View().Root() != root {
		t.Error("it was changed")
	}
}

func TestTheFollowerTriesAgainWhenTheStoreIsAway(t *testing.T) {
	in := newInstall(t)
	in.busy(t, 3)
	away := &awayStore{Store: in.store, times: 1}
	failed := make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	follower := NewFollower(FollowerOptions{Store: away, Tree: in.tree, Pause: time.Nanosecond, Failed: func(err error) { failed <- err }})
	go func() { done <- follower.Run(ctx) }()
	if err := <-failed; !errors.Is(err, eventstore.ErrUnavailable) {
		t.Error(err)
	}
	for {
		changed := in.tree.Changed()
		if in.tree.View().Size() == 6 {
			break
		}
		<-changed
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// awayStore can't be subscribed to for a while.
type awayStore struct {
	eventstore.Store
	times int
}

func (s *awayStore) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	if s.times--; s.times >= 0 {
		return nil, eventstore.ErrUnavailable
	}
	return s.Store.Subscribe(ctx, from)
}

// What was signed on the laptop holds in production: positions are others there, and what an export leaves out is missing.
func TestAnImportedLogHasTheSameTree(t *testing.T) {
	laptop := newInstall(t)
	laptop.append(t, "reactor-watch", `{"position":0}`) // so that every position is another one
	laptop.busy(t, 50)
	laptop.append(t, "odd", "", " {}", "\xff\x00", string(bytes.Repeat([]byte("x"), 100_000)))
	head := laptop.head(t)
	laptop.busy(t, 5)

	production := newInstall(t)
	move(t, laptop.store, production.store)
	production.caughtUp(t)
	laptop.caughtUp(t)
	there, here := laptop.tree.View(), production.tree.View()
	if there.Root() != here.Root() || there.Size() != here.Size() || here.Size() != 114 {
		t.Fatalf("%d leaves with root %s became %d with %s", there.Size(), there.Root(), here.Size(), here.Root())
	}
	a, _ := there.Position(0)
	b, _ := here.Position(0)
	if a == b {
		t.Fatalf("both begin at position %d: nothing was shown", a)
	}
	// The heads have come too, and go on.
	newest, err := production.heads.Newest(t.Context())
	if err != nil || newest.Checkpoint != head.Checkpoint {
		t.Fatalf("the newest head is %+v, %v", newest, err)
	}
	next := production.head(t)
	since, err := CheckSince(t.Context(), production.publisher().Fetch, head.Checkpoint, mustKeys(t, laptop.keys(t)...))
	if err != nil || since.New.Size != next.Size || since.Old.Size != head.Size {
		t.Errorf("%+v, %v", since, err)
	}
}

// move exports one store and imports it into the other.
func move(t testing.TB, from, to *embedded.Store) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var events, keys bytes.Buffer
	master := masterKeys(t)
	done, err := transfer.Export(t.Context(), from, &events, transfer.ExportOptions{ID: uuid.New(), Created: start, Master: master, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.WriteKeys(t.Context(), from, &keys, transfer.KeysOptions{
		Of: done, Created: start, Recipients: []age.Recipient{identity.Recipient()}, Master: master, Random: rand.Reader,
	}); err != nil {
		t.Fatal(err)
	}
	in, err := transfer.Check(t.Context(), transfer.ImportOptions{
		Events: bytes.NewReader(events.Bytes()), Keys: bytes.NewReader(keys.Bytes()), Identities: []age.Identity{identity}, Master: master,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Into(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}

// Whatever streams write among each other, and however often a log is moved, its tree stays the same.
func TestMovingALogKeepsItsTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from, to := newInstall(t), newInstall(t)
		streams := rapid.SliceOfN(rapid.SampledFrom([]string{"transaction-a", "transaction-b", "receipt-mpesa-c", "reactor-x", "lease-y", "transparency-z", "odd"}), 1, 60)
		for i, stream := range streams.Draw(rt, "streams") {
			from.append(t, stream, fmt.Sprintf(`{"n":%d}`, i))
		}
		move(t, from.store, to.store)
		from.caughtUp(t)
		to.caughtUp(t)
		if from.tree.View().Root() != to.tree.View().Root() || !slices.Equal(leavesOf(t, from.store), leavesOf(t, to.store)) {
			rt.Fatal("another tree")
		}
	})
}
