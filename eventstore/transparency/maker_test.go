package transparency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// headsIn are all heads in the log, oldest first.
func headsIn(t testing.TB, in *install) []treehead.Signed {
	t.Helper()
	var all []treehead.Signed
	err := in.log.EachInStream(t.Context(), treehead.HeadsStream, 0, func(e eventstore.Envelope) error {
		if s, ok := e.Event.(treehead.Signed); ok {
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAHeadIsMadeOnlyWhenEventsWereAdded(t *testing.T) {
	in := newInstall(t)
	if head, err := in.maker.Make(t.Context()); err != nil || head.Exists() {
		t.Fatalf("a head of an empty log: %+v, %v", head, err)
	}
	in.append(t, "transaction-a", "{}", "{}")
	first := in.head(t)
	for range 3 {
		if again := in.head(t); !cmp.Equal(first, again) {
			t.Errorf("%+v became %+v", first, again)
		}
	}
	in.append(t, "reactor-watch", "{}") // no leaf
	in.head(t)
	in.append(t, "transaction-a", "{}")
	second := in.head(t)
	if got := headsIn(t, in); len(got) != 2 || got[0] != first.Signed || got[1] != second.Signed || first.Size != 2 || second.Size != 3 {
		t.Errorf("the log has %+v", got)
	}
	c, err := OpenCheckpoint(second.Checkpoint, mustKeys(t, in.keys(t)...))
	if err != nil || c.Origin != testOrigin || c.Root != naiveRoot(leavesOf(t, in.store)) || len(c.Signed) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if n, err := CheckHeads(t.Context(), in.log, in.tree, mustKeys(t, in.keys(t)...)); n != 2 || err != nil {
		t.Errorf("%d heads, %v", n, err)
	}
}

func TestNodesThatRaceMakeEachHeadOnce(t *testing.T) {
	first := newInstall(t)
	nodes := []*install{first, installOn(t, first.store, vfs.NewMem()), installOn(t, first.store, vfs.NewMem())}
	for _, node := range nodes[1:] { // event ids of one clock would be the same
		node.log = eventstore.NewLog(node.store, node.codec, node.log.Now, uuid.New)
		node.heads = NewHeads(node.log)
		node.maker.Log, node.maker.Heads = node.log, node.heads
	}
	for round := range 10 {
		first.append(t, fmt.Sprintf("transaction-%d", round), "{}", "{}")
		for _, node := range nodes {
			node.caughtUp(t)
		}
		var making sync.WaitGroup
		for _, node := range nodes {
			making.Go(func() {
				if head, err := node.maker.Make(t.Context()); err != nil || head.Size != int64(2*round+2) {
					t.Errorf("%+v, %v", head, err)
				}
			})
		}
		making.Wait()
	}
	var sizes []int64
	for _, h := range headsIn(t, first) {
		sizes = append(sizes, h.Size)
	}
	if diff := cmp.Diff([]int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, sizes); diff != "" {
		t.Error(diff)
	}
	if keys := first.keys(t); len(keys) != 1 {
		t.Errorf("keys are %q", keys)
	}
}

func TestANodeThatIsBehindMakesNoHead(t *testing.T) {
	ahead := newInstall(t)
	behind := installOn(t, ahead.store, vfs.NewMem())
	ahead.append(t, "transaction-a", "{}")
	behind.caughtUp(t)
	ahead.append(t, "transaction-a", "{}")
	want := ahead.head(t)
	if got, err := behind.maker.Make(t.Context()); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// The store was rebuilt with one amount changed, and everything after it hashed anew. Whoever did so has the keys, and still can't
// get a head out of Kipay, nor past anybody who kept an old one.
func TestAChangedAmountIsCaughtByAnOldHead(t *testing.T) {
	honest := newInstall(t)
	honest.busy(t, 40)
	old := honest.head(t)
	keys := honest.keys(t)

	forged := newInstall(t)
	for at := eventstore.Position(0); ; {
		page, err := honest.store.ReadAll(t.Context(), at, eventstore.Forward, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		r := page[0]
		at = r.Position
		e := eventstore.NewEvent{ID: r.ID, Type: r.Type, Data: r.Data, Metadata: r.Metadata}
		if r.Stream == "transaction-17" && r.Revision == 1 {
			e.Data = []byte(strings.Replace(string(e.Data), "17", "71", 1))
		}
		if _, err := forged.store.Append(t.Context(), r.Stream, r.Revision-1, e); err != nil {
			t.Fatal(err)
		}
	}
	err := honest.store.EachKey(t.Context(), "", func(name string, wrapped []byte) error {
		_, err := forged.store.PutKeyIfAbsent(t.Context(), name, wrapped)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forged.caughtUp(t)
	var history *HistoryError
	if _, err := forged.maker.Make(t.Context()); !errors.As(err, &history) || !errors.Is(err, ErrHistory) || history.Size != old.Size {
		t.Fatalf("it signs it: %v", err)
	}
	if n, err := CheckHeads(t.Context(), forged.log, forged.tree, mustKeys(t, keys...)); !errors.Is(err, ErrHistory) || n != 1 {
		t.Errorf("%d heads, %v", n, err)
	}
	if err := forged.maker.Cosign(t.Context()); !errors.Is(err, ErrHistory) {
		t.Errorf("it has it cosigned: %v", err)
	}

	// They sign it themselves, and leave the old head out.
	var list []note.Signer
	seed, err := honest.ring.Secret(t.Context(), secretName(1))
	if err != nil {
		t.Fatal(err)
	}
	signer, _, err := newSigner(testOrigin, seed)
	if err != nil {
		t.Fatal(err)
	}
	view := forged.tree.View()
	text, err := signHead(Head{Origin: testOrigin, Size: view.Size(), Root: view.Root()}, append(list, signer)...)
	if err != nil {
		t.Fatal(err)
	}
	publish := forgedPublisher(view, text)
	if _, err := CheckSince(t.Context(), publish, old.Checkpoint, mustKeys(t, keys...)); !errors.As(err, &history) || history.Size != old.Size {
		t.Errorf("the old head is not enough: %v", err)
	}

	// And the tree that was built before names the event.
	got, err := CompareLog(t.Context(), forged.store, honest.tree.View(), nil)
	if err != nil || got.Difference == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := got.Difference; d.Stream != "transaction-17" || d.Revision != 1 || d.Leaf != got.Leaves || d.Now == d.Was {
		t.Errorf("%s", d)
	}
}

func TestKeysAreRotated(t *testing.T) {
	in := newInstall(t)
	if _, err := in.maker.Rotate(t.Context(), false); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("a key before the first: %v", err)
	}
	in.append(t, "transaction-a", "{}")
	in.head(t)
	first := in.keys(t)[0]
	if err := in.maker.Retire(t.Context(), 1); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("the last key is retired: %v", err)
	}
	second, err := in.maker.Rotate(t.Context(), false)
	if err != nil || second.Number != 2 || second.Retired {
		t.Fatalf("%+v, %v", second, err)
	}
	in.append(t, "transaction-a", "{}")
	both := in.head(t)
	for _, keys := range [][]string{{first}, {second.VerifierKey}, {first, second.VerifierKey}} {
		if c, err := OpenCheckpoint(both.Checkpoint, mustKeys(t, keys...)); err != nil || len(c.Signed) != len(keys) || len(c.Unknown) != 2-len(keys) {
			t.Errorf("%q: %+v, %v", keys, c, err)
		}
	}
	for range 2 {
		if err := in.maker.Retire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	in.append(t, "transaction-a", "{}")
	alone := in.head(t)
	if _, err := OpenCheckpoint(alone.Checkpoint, mustKeys(t, first)); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("the retired key signs: %v", err)
	}
	third, err := in.maker.Rotate(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	in.append(t, "transaction-a", "{}")
	last := in.head(t)
	if c, err := OpenCheckpoint(last.Checkpoint, mustKeys(t, in.keys(t)...)); err != nil || !cmp.Equal(c.Signed, []string{keyOf(third.VerifierKey)}) {
		t.Errorf("%+v, %v", c, err)
	}
	if err := in.maker.Retire(t.Context(), 9); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a key that there is not: %v", err)
	}
	// The first key was made with the head; a person did the rest.
	records, err := in.store.ReadStream(t.Context(), treehead.KeysStream, 0, eventstore.Forward, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if want := []string{actor, operator}[min(i, 1)]; !strings.Contains(string(r.Metadata), `"actor":"`+want+`"`) {
			t.Errorf("%s at revision %d is by %s, not %s", r.Type, i, r.Metadata, want)
		}
	}
	// The name is that of the first key, whatever the settings say later.
	if in.maker.Origin = "other.example/kipay"; !strings.HasPrefix(last.Checkpoint, testOrigin+"\n") {
		t.Error(last.Checkpoint)
	}
	in.append(t, "transaction-a", "{}")
	if head := in.head(t); !strings.HasPrefix(head.Checkpoint, testOrigin+"\n") {
		t.Error(head.Checkpoint)
	}
	// Who knows the first key finds the third, and nobody is led to a key that none has introduced.
	var introductions []string
	keys, err := in.heads.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys { // whatever their order
		introductions = append(introductions, keys[len(keys)-1-i].Introduction)
	}
	followed, err := FollowRotations([]string{first}, append(introductions, introduced2(t, "stranger")))
	if diff := cmp.Diff([]string{first, second.VerifierKey, third.VerifierKey}, followed); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	followed, err = FollowRotations([]string{third.VerifierKey}, introductions[1:])
	if err != nil || len(followed) != 1 {
		t.Errorf("from the newest: %q, %v", followed, err)
	}
	if _, err := CheckSince(t.Context(), in.publisher().Fetch, both.Checkpoint, mustKeys(t, in.keys(t)...)); err != nil {
		t.Errorf("across rotations: %v", err)
	}
}

// introduced2 is an introduction that only its own key vouches for.
func introduced2(t *testing.T, seed string) string {
	t.Helper()
	signer, key, err := newSigner(testOrigin, []byte(fmt.Sprintf("%-32s", seed)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: introductionText(testOrigin, key)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// keyOf is a key as checkpoints name it.
func keyOf(verifierKey string) string {
	parts := strings.Split(verifierKey, "+")
	return parts[0] + "+" + parts[1]
}

func TestHeadsAreNotSignedWithAnotherInstallsKeys(t *testing.T) {
	in := newInstall(t)
	in.append(t, "transaction-a", "{}")
	in.head(t)
	if err := in.store.DeleteKey(t.Context(), eventstore.InstallKeys+secretName(1)); err != nil {
		t.Fatal(err)
	}
	in.append(t, "transaction-a", "{}")
	in.caughtUp(t)
	if _, err := in.maker.Make(t.Context()); !errors.Is(err, eventstore.ErrKeyNotFound) {
		t.Errorf("signed with a key that was lost: %v", err)
	}
	if lost, err := EnsureSecrets(t.Context(), in.ring, treehead.Keys{{KeyRotated: treehead.KeyRotated{Number: 1}}}); err != nil || !slices.Equal(lost, []int{1}) {
		t.Errorf("lost are %v, %v", lost, err)
	}
	if _, err := in.ring.Secret(t.Context(), secretName(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := in.maker.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "another install") {
		t.Errorf("signed with a key that was made anew: %v", err)
	}
	in.maker.Origin = "no name"
	other := newInstall(t)
	other.maker.Origin = "no name"
	other.append(t, "transaction-a", "{}")
	other.caughtUp(t)
	if _, err := other.maker.Make(t.Context()); err == nil {
		t.Error("a log without a proper name")
	}
}

func TestTheNewestHeadIsFoundAtTheEndOfALongStream(t *testing.T) {
	in := newInstall(t)
	in.append(t, "transaction-a", "{}")
	in.head(t)
	for range 3 * headsPage { // cosignatures that came late
		e := treehead.Cosigned{Size: 1, Cosignatures: []string{"x"}, At: start}
		if _, _, err := in.log.Append(t.Context(), treehead.HeadsStream, eventstore.AnyRevision, eventstore.Metadata{Actor: "test"}, e); err != nil {
			t.Fatal(err)
		}
	}
	fresh := NewHeads(in.log)
	head, err := fresh.Newest(t.Context())
	if err != nil || head.Size != 1 || len(head.Cosignatures) != 3*headsPage {
		t.Errorf("%d leaves, %d cosignatures, %v", head.Size, len(head.Cosignatures), err)
	}
	// What another node appends is seen once it was observed.
	in.append(t, "transaction-a", "{}")
	in.head(t)
	if head, _ := fresh.Newest(t.Context()); head.Size != 1 {
		t.Error("it was read at once: the clock stands still")
	}
	fresh.Observe(nil)
	if head, err := fresh.Newest(t.Context()); err != nil || head.Size != 2 {
		t.Errorf("%d leaves, %v", head.Size, err)
	}
}

// forgedPublisher publishes a view under a checkpoint.
func forgedPublisher(view *View, checkpoint string) Fetch {
	return func(_ context.Context, path string) ([]byte, error) {
		if path == checkpointPath {
			return []byte(checkpoint), nil
		}
		tile, err := ParseTilePath(path)
		if err != nil {
			return nil, err
		}
		return view.Tile(tile)
	}
}

func TestHeadsAreMadeWhileTheLogGrows(t *testing.T) {
	in, ws := witnessed(t, "witness.example/w1")
	sub, err := in.store.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, sub)
	failed := make(chan error, 100)
	in.maker.Failed = func(err error) { failed <- err }
	ctx, cancel := context.WithCancel(t.Context())
	running, following := make(chan error, 1), make(chan error, 1)
	follower := NewFollower(FollowerOptions{Store: in.store, Tree: in.tree, Observe: in.heads.Observe, Pause: time.Nanosecond})
	go func() { following <- follower.Run(ctx) }()
	go func() { running <- in.maker.Run(ctx, time.Millisecond) }()
	in.append(t, "transaction-b", "{}", "{}")
	// The head before it, and at least one now, the newest of them cosigned. The one before may be overtaken before a witness sees it.
	for heads, cosigned := 0, false; heads < 2 || !cosigned; {
		batch, err := sub.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			switch r.Type {
			case treehead.Signed{}.EventType():
				heads, cosigned = heads+1, false
			case treehead.Cosigned{}.EventType():
				cosigned = true
			}
		}
	}
	cancel()
	if err := errors.Join(<-running, <-following); err != nil {
		t.Error(err)
	}
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if c := in.cosigned(t, ws...); len(c.Cosigned) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestARunGoesOnAfterAFailure(t *testing.T) {
	in := newInstall(t)
	in.maker.Origin = "not a name"
	in.append(t, "transaction-a", "{}")
	in.caughtUp(t)
	failed := make(chan error)
	in.maker.Failed = func(err error) { failed <- err }
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- in.maker.Run(ctx, time.Millisecond) }()
	for range 3 {
		if err := <-failed; err == nil {
			t.Error("no error")
		}
	}
	cancel()
	for {
		select {
		case err := <-failed:
			if err == nil {
				t.Error("no error")
			}
		case err := <-running:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}
