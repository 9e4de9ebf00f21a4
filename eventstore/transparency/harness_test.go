package transparency

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

const testOrigin = "pay.example/kipay"

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// masterKeys are the same in every test.
func masterKeys(t testing.TB) eventstore.MasterKeys {
	t.Helper()
	m, err := eventstore.ParseMasterKeys(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("m"), 32)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// eventTypes are those of the catalogue, and of heads wherever they are.
func eventTypes() []eventstore.EventType {
	types := eventstore.Catalogue()
	for _, e := range []domain.Event{treehead.Signed{}, treehead.Cosigned{}, treehead.KeyRotated{}, treehead.KeyRetired{}} {
		if !slices.ContainsFunc(types, func(t eventstore.EventType) bool { return t.Name() == e.EventType() }) {
			types = append(types, eventstore.EventType{Prototype: e, Version: 1})
		}
	}
	return types
}

// install is an event store in memory with what a node has on top of it. Its clock, ids and randomness are the same in every
// run.
type install struct {
	store *embedded.Store
	ring  *eventstore.Keyring
	codec *eventstore.Codec
	log   *eventstore.Log
	tree  *Tree
	heads *Heads
	maker *Maker
}

func newInstall(t testing.TB) *install {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{FS: vfs.NewMem(), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, store)
	return installOn(t, store, vfs.NewMem())
}

// installOn is a node on the store, with a tree of its own.
func installOn(t testing.TB, store *embedded.Store, disk vfs.FS) *install {
	t.Helper()
	in := &install{store: store, tree: openTree(t, disk)}
	closing(t, in.tree)
	noise := &lockedNoise{from: rand.NewChaCha8([32]byte([]byte("kipay transparency tests, seed 1")))}
	in.ring = eventstore.NewKeyring(store, masterKeys(t), noise)
	in.codec = eventstore.NewCodec(in.ring, eventTypes())
	var n uint64
	var mu sync.Mutex
	in.log = eventstore.NewLog(store, in.codec, func() time.Time { return start }, func() uuid.UUID {
		mu.Lock()
		defer mu.Unlock()
		n++
		return testID(n)
	})
	in.heads = NewHeads(in.log)
	in.maker = NewMaker(MakerOptions{Log: in.log, Tree: in.tree, Heads: in.heads, Secrets: in.ring, Origin: testOrigin})
	return in
}

// lockedNoise is randomness for several goroutines.
type lockedNoise struct {
	mu   sync.Mutex
	from io.Reader
}

func (l *lockedNoise) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from.Read(p)
}

func testID(n uint64) uuid.UUID {
	id := uuid.UUID{0x01, 0x95, 6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

func closing(t testing.TB, c io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func openTree(t testing.TB, disk vfs.FS) *Tree {
	t.Helper()
	tree, err := OpenTree("/tree", TreeOptions{FS: disk, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// append appends events with these data to the stream, at its end.
func (in *install) append(t testing.TB, stream string, data ...string) {
	t.Helper()
	for _, d := range data {
		if _, err := in.store.Append(t.Context(), stream, eventstore.AnyRevision, plainEvent(d)); err != nil {
			t.Fatal(err)
		}
	}
}

func plainEvent(data string) eventstore.NewEvent {
	return eventstore.NewEvent{ID: uuid.New(), Type: "PaymentCompleted", Data: []byte(data), Metadata: []byte(`{"actor":"operator","version":1}`)}
}

// caughtUp has the tree follow the store until it has seen its head.
func (in *install) caughtUp(t testing.TB) {
	t.Helper()
	follow(t, in.store, in.tree)
}

// follow has a tree follow a store until it has seen what is there now.
func follow(t testing.TB, store eventstore.Store, tree *Tree) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	head, err := store.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	follower := NewFollower(FollowerOptions{Store: store, Tree: tree, Pause: time.Nanosecond, Commit: time.Hour})
	following, stop := context.WithCancel(ctx)
	go func() { done <- follower.Run(following) }()
	for {
		changed := tree.Changed()
		if tree.Seen() >= head {
			break
		}
		select {
		case <-changed:
		case err := <-done:
			t.Fatalf("the follower ended: %v", err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// head makes a head of what is in the log.
func (in *install) head(t testing.TB) treehead.Head {
	t.Helper()
	in.caughtUp(t)
	head, err := in.maker.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if head.Size != in.tree.View().Size() {
		t.Fatalf("the head has %d leaves, the tree %d", head.Size, in.tree.View().Size())
	}
	return head
}

// keys are the verifier keys of the log.
func (in *install) keys(t testing.TB) []string {
	t.Helper()
	keys, err := in.heads.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, k := range keys {
		texts = append(texts, k.VerifierKey)
	}
	return texts
}

func mustKeys(t testing.TB, texts ...string) Keys {
	t.Helper()
	keys, err := ParseKeys(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (in *install) publisher() *Publisher {
	return NewPublisher(PublisherOptions{Store: in.store, Tree: in.tree, Heads: in.heads, Entries: true})
}

// naiveRoot is the root as RFC 6962 defines it, in as many words.
func naiveRoot(leaves []tlog.Hash) tlog.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(naiveRoot(leaves[:k]), naiveRoot(leaves[k:]))
}

// leafAt is a leaf that follows from its number.
func leafAt(n int) Leaf {
	return Leaf{Hash: tlog.RecordHash(fmt.Appendf(nil, "leaf %d", n)), Position: eventstore.Position(3*n + 1)}
}

func leavesUpTo(n int) []Leaf {
	leaves := make([]Leaf, n)
	for i := range leaves {
		leaves[i] = leafAt(i)
	}
	return leaves
}

func hashesOf(leaves []Leaf) []tlog.Hash {
	hashes := make([]tlog.Hash, len(leaves))
	for i := range leaves {
		hashes[i] = leaves[i].Hash
	}
	return hashes
}

// drawSize draws sizes of trees, those round tiles often.
func drawSize(most int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		if rapid.Bool().Draw(t, "near a tile's end") {
			return min(most, max(0, 256*rapid.IntRange(0, most/256).Draw(t, "tiles")+rapid.IntRange(-2, 2).Draw(t, "off")))
		}
		return rapid.IntRange(0, most).Draw(t, "size")
	})
}

// opener opens sealed fields with the key store and the master key, as package eventstore seals them.
type opener struct {
	keys   eventstore.KeyStore
	master eventstore.MasterKeys
}

func (o opener) OpenSealed(ctx context.Context, subject, key string, id uuid.UUID, sealed string) ([]byte, string, error) {
	wrapped, err := o.keys.GetKey(ctx, subject)
	if errors.Is(err, eventstore.ErrKeyNotFound) {
		return nil, "", eventstore.ErrErased
	}
	if err != nil {
		return nil, "", err
	}
	raw, err := o.master.Open(subject, wrapped)
	if err != nil {
		return nil, "", err
	}
	if sum := sha256.Sum256(append([]byte("kipay data key id\x00"), raw...)); hex.EncodeToString(sum[:8]) != key {
		return nil, "", eventstore.ErrErased
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, "", err
	}
	envelope, err := base64.RawURLEncoding.DecodeString(sealed[strings.LastIndex(sealed, ".")+1:])
	if err != nil {
		return nil, "", err
	}
	plain, err := aead.Open(nil, envelope[:aead.NonceSize()], envelope[aead.NonceSize():], id[:])
	if err != nil {
		return nil, "", err
	}
	return plain[:saltBytes], string(plain[saltBytes:]), nil
}
