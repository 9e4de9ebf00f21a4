package eventstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/customer"
)

func TestMasterKeysAreReadInEveryUsualForm(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb}, keyBytes)
	std, url := base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw)
	want, err := ParseMasterKeys(std)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{std + "\n", url, strings.TrimRight(url, "="), " " + std + " ", std + "," + masterText("b"), std + "\n" + masterText("b") + "\n"} {
		got, err := ParseMasterKeys(text)
		if err != nil || got.CurrentID() != want.CurrentID() {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
}

func TestWrongMasterKeysAreNamedByPlaceAndNeverQuoted(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	for text, want := range map[string]string{
		"":                                "master key is empty",
		" ,\n":                            "master key is empty",
		secret:                            "master key 1 of 1 must be 32 bytes",
		masterText("a") + "," + secret:    "master key 2 of 2 must be 32 bytes",
		"not base64 at all!":              "master key 1 of 4 must be 32 bytes",
		masterText("a") + masterText("a"): "master key 1 of 1 must be 32 bytes",
	} {
		_, err := ParseMasterKeys(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("failed with %v; want %s", err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("quotes the key: %v", err)
		}
	}
}

func TestWrongMasterKeyIsToldByIDsOnly(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	right, wrong := masters(t, "a"), masters(t, "b")
	c := NewCodec(NewKeyring(keys, right, rand.Reader), Catalogue())
	e := customer.Created{ID: 1, Hash: "4f1c", Person: customer.Person{Email: "asha@example.com"}}
	r := encoded(t, c, goldenID, e)
	other := NewCodec(NewKeyring(keys, wrong, rand.Reader), Catalogue())
	_, err := other.Decode(ctx, r)
	if err == nil || !strings.Contains(err.Error(), right.CurrentID()) || !strings.Contains(err.Error(), wrong.CurrentID()) ||
		!strings.Contains(err.Error(), "customer-4f1c") || !strings.Contains(err.Error(), "KIPAY_MASTER_KEY") {
		t.Errorf("failed with %v", err)
	}
	if errors.Is(err, ErrErased) {
		t.Error("a wrong master key passes for an erasure")
	}
	for _, secret := range []string{masterText("a"), masterText("b"), strings.Repeat("a", 16), strings.Repeat("b", 16)} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("quotes a key: %v", err)
		}
	}
	if _, err := other.Encode(ctx, otherID, goldenMeta, e); err == nil {
		t.Error("seals under a second key while the first can't be opened")
	}
	if keys.puts != 1 {
		t.Errorf("%d keys were stored", keys.puts)
	}
}

func TestWrappedKeysCannotBeAlteredOrMoved(t *testing.T) {
	m := masters(t, "a")
	wrapped, err := m.wrap(rand.Reader, "customer-a", bytes.Repeat([]byte{7}, keyBytes))
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(i int) []byte {
		b := bytes.Clone(wrapped)
		b[i] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		name    string
		wrapped []byte
	}{
		"under another name":     {"customer-b", wrapped},
		"another version":        {"customer-a", flipped(0)},
		"another master key":     {"customer-a", flipped(1)},
		"another nonce":          {"customer-a", flipped(1 + masterIDBytes)},
		"another ciphertext":     {"customer-a", flipped(len(wrapped) - 20)},
		"another tag":            {"customer-a", flipped(len(wrapped) - 1)},
		"cut in the nonce":       {"customer-a", wrapped[:1+masterIDBytes+3]},
		"cut in the ciphertext":  {"customer-a", wrapped[:len(wrapped)-5]},
		"cut in the id":          {"customer-a", wrapped[:4]},
		"nothing":                {"customer-a", nil},
		"only the master key id": {"customer-a", wrapped[:1+masterIDBytes]},
	} {
		t.Run(name, func(t *testing.T) {
			if key, err := m.unwrap(c.name, c.wrapped); err == nil || key != nil || !strings.Contains(err.Error(), c.name) {
				t.Errorf("answers %x, %v", key, err)
			}
		})
	}
	if key, err := m.unwrap("customer-a", wrapped); err != nil || !bytes.Equal(key, bytes.Repeat([]byte{7}, keyBytes)) {
		t.Errorf("answers %x, %v", key, err)
	}
	if bytes.Contains(wrapped, bytes.Repeat([]byte{7}, 8)) {
		t.Error("the key is readable")
	}
}

func TestRewrapMovesEveryKeyToTheNewMasterKey(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	c := NewCodec(ring, Catalogue())
	var records []Record
	for _, hash := range []string{"one", "two", "three"} {
		records = append(records, encoded(t, c, goldenID, customer.Created{ID: 1, Hash: hash, Person: customer.Person{Email: "e@example.com"}}))
	}
	secret, err := ring.Secret(ctx, "references")
	if err != nil {
		t.Fatal(err)
	}

	ring.UseMaster(masters(t, "b", "a"))
	counts := func() (seen, rewrapped int) {
		if err := ring.Rewrap(ctx, func(s, r int) { seen, rewrapped = s, r }); err != nil {
			t.Fatal(err)
		}
		return seen, rewrapped
	}
	if seen, done := counts(); seen != 4 || done != 4 {
		t.Errorf("rewrapped %d of %d", done, seen)
	}
	if seen, done := counts(); seen != 4 || done != 0 {
		t.Errorf("again rewrapped %d of %d", done, seen)
	}

	fresh := NewKeyring(keys, masters(t, "b"), rand.Reader)
	for _, r := range records {
		if env, err := NewCodec(fresh, Catalogue()).Decode(ctx, r); err != nil || env.Erased {
			t.Errorf("under the new master key alone: erased %v, %v", env.Erased, err)
		}
	}
	again, err := fresh.Secret(ctx, "references")
	if err != nil || !bytes.Equal(secret, again) {
		t.Errorf("the install's own secret changed: %v", err)
	}
	if _, err := NewCodec(NewKeyring(keys, masters(t, "a"), rand.Reader), Catalogue()).Decode(ctx, records[0]); err == nil {
		t.Error("the old master key still opens")
	}
}

func TestRewrapThatWasCutOffIsFinishedLater(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	for _, name := range []string{"customer-a", "customer-b", "customer-c"} {
		if _, err := ring.sealing(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	ring.UseMaster(masters(t, "b", "a"))
	broken := &brokenKeys{memoryKeys: keys, failAt: "customer-b"}
	half := NewKeyring(broken, masters(t, "b", "a"), rand.Reader)
	if err := half.Rewrap(ctx, func(int, int) {}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("failed with %v", err)
	}
	done := 0
	if err := ring.Rewrap(ctx, func(_, r int) { done = r }); err != nil || done != 2 {
		t.Errorf("rewrapped %d more, %v", done, err)
	}
	for _, name := range []string{"customer-a", "customer-b", "customer-c"} {
		if _, err := NewKeyring(keys, masters(t, "b"), rand.Reader).opening(ctx, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// brokenKeys fails when a key of that name is to be replaced.
type brokenKeys struct {
	*memoryKeys
	failAt string
}

func (b *brokenKeys) ReplaceKey(ctx context.Context, name string, old, wrapped []byte) error {
	if name == b.failAt {
		return ErrUnavailable
	}
	return b.memoryKeys.ReplaceKey(ctx, name, old, wrapped)
}

func TestKeyDestroyedOrRewrappedDuringRewrapIsNoFailure(t *testing.T) {
	ctx := context.Background()
	for _, meanwhile := range []error{ErrKeyNotFound, ErrWrongRevision} {
		keys := &racingKeys{memoryKeys: newMemoryKeys(), err: meanwhile}
		ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
		if _, err := ring.sealing(ctx, "customer-a"); err != nil {
			t.Fatal(err)
		}
		ring.UseMaster(masters(t, "b", "a"))
		if err := ring.Rewrap(ctx, func(int, int) {}); err != nil {
			t.Errorf("%v: failed with %v", meanwhile, err)
		}
	}
}

type racingKeys struct {
	*memoryKeys
	err error
}

func (r *racingKeys) ReplaceKey(context.Context, string, []byte, []byte) error { return r.err }

func TestRewrapWithoutTheOldMasterKeySaysSo(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	if _, err := NewKeyring(keys, masters(t, "a"), rand.Reader).sealing(ctx, "customer-a"); err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(keys.keys["customer-a"])
	err := NewKeyring(keys, masters(t, "b"), rand.Reader).Rewrap(ctx, func(int, int) {})
	if err == nil || !strings.Contains(err.Error(), masters(t, "a").CurrentID()) {
		t.Errorf("failed with %v", err)
	}
	if diff := cmp.Diff(before, keys.keys["customer-a"]); diff != "" {
		t.Error("the key was touched")
	}
}

func TestOneSubjectHasOneKeyHoweverManySealAtOnce(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	rings := []*Keyring{NewKeyring(keys, masters(t, "a"), rand.Reader), NewKeyring(keys, masters(t, "a"), rand.Reader)}
	const each = 32
	got := make([]string, 2*each)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range got {
		done.Go(func() {
			start.Wait()
			key, err := rings[i%2].sealing(ctx, "customer-race")
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = key.id
		})
	}
	start.Done()
	done.Wait()
	for _, id := range got {
		if id != got[0] || id == "" {
			t.Fatalf("keys %v", got)
		}
	}
}

func TestSecretIsMadeOnceAndKeptApartByName(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	first, err := NewKeyring(keys, masters(t, "a"), rand.Reader).Secret(ctx, "references")
	if err != nil || len(first) != keyBytes {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	again, err := ring.Secret(ctx, "references")
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("another secret, %v", err)
	}
	other, err := ring.Secret(ctx, "hashes")
	if err != nil || bytes.Equal(first, other) {
		t.Errorf("the same secret under another name, %v", err)
	}
	for name, wrapped := range keys.keys {
		if !strings.HasPrefix(name, "install-") || bytes.Contains(wrapped, first) {
			t.Errorf("%s: %x", name, wrapped)
		}
	}
	keys.keys["install-hashes"] = keys.keys["install-references"]
	if _, err := ring.Secret(ctx, "hashes"); err == nil {
		t.Error("a secret was moved to another name")
	}
}

func TestNoRandomnessIsNoKey(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), io.LimitReader(rand.Reader, keyBytes+3))
	if _, err := ring.sealing(ctx, "customer-a"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("failed with %v", err)
	}
	if _, err := ring.Secret(ctx, "references"); err == nil {
		t.Error("a secret from nothing")
	}
	if len(keys.keys) != 0 {
		t.Errorf("stored %d keys", len(keys.keys))
	}
}

func TestKeyStoreThatIsAwayIsNoErasure(t *testing.T) {
	ctx := context.Background()
	ring := NewKeyring(awayKeys{newMemoryKeys()}, masters(t, "a"), rand.Reader)
	for _, err := range []error{
		second(ring.sealing(ctx, "customer-a")), second(ring.opening(ctx, "customer-a")), second(ring.Secret(ctx, "references")),
	} {
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrErased) {
			t.Errorf("failed with %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

type awayKeys struct{ *memoryKeys }

func (awayKeys) GetKey(context.Context, string) ([]byte, error) { return nil, ErrUnavailable }

// lateKeys holds one put up: somebody has wrapped a key and not stored it yet.
type lateKeys struct {
	*memoryKeys
	reached, goOn chan struct{}
}

func (l *lateKeys) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	if name == "customer-late" {
		close(l.reached)
		<-l.goOn
	}
	return l.memoryKeys.PutKeyIfAbsent(ctx, name, wrapped)
}

// A payment that had wrapped its key when the master key was rotated stored it afterwards, and it was lost with the old
// master key.
func TestKeyStoredDuringARotationIsNotLostWithTheOldMasterKey(t *testing.T) {
	ctx := context.Background()
	keys := &lateKeys{newMemoryKeys(), make(chan struct{}), make(chan struct{})}
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	var working sync.WaitGroup
	working.Go(func() {
		if _, err := ring.sealing(ctx, "customer-late"); err != nil {
			t.Error(err)
		}
	})
	<-keys.reached
	rotated := make(chan struct{})
	working.Go(func() {
		defer close(rotated)
		ring.UseMaster(masters(t, "b", "a"))
		if err := ring.Rewrap(ctx, func(int, int) {}); err != nil {
			t.Error(err)
		}
	})
	for waits := false; !waits; runtime.Gosched() {
		select {
		case <-rotated:
			waits = true // it did not wait: what comes now is lost
		default:
			if waits = !ring.wrapping.TryRLock(); !waits {
				ring.wrapping.RUnlock()
			}
		}
	}
	close(keys.goOn)
	working.Wait()
	ring.UseMaster(masters(t, "b"))
	err := ring.CheckKeys(ctx, ring.Master(), func(err error) error { return err })
	if err != nil || len(keys.keys) != 1 {
		t.Errorf("%d keys are stored: %v", len(keys.keys), err)
	}
}

func TestTwoRotationsAtOnceAreRefused(t *testing.T) {
	ring := NewKeyring(newMemoryKeys(), masters(t, "a"), rand.Reader)
	end, err := ring.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.BeginRotation(); err == nil || !strings.Contains(err.Error(), "being rotated already") {
		t.Errorf("a second one: %v", err)
	}
	end()
	if _, err := ring.BeginRotation(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestKeysThatTheMasterKeysDoNotOpenAreNamed(t *testing.T) {
	ctx := context.Background()
	keys := newMemoryKeys()
	ring := NewKeyring(keys, masters(t, "a"), rand.Reader)
	for _, name := range []string{"customer-a", "customer-b", "customer-c"} {
		if _, err := ring.sealing(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	keys.keys["customer-b"][40] ^= 1
	var found []string
	note := func(err error) error { found = append(found, err.Error()); return nil }
	if err := ring.CheckKeys(ctx, ring.Master(), note); err != nil || len(found) != 1 || !strings.Contains(found[0], "customer-b") {
		t.Errorf("found %q, %v", found, err)
	}
	if m := masters(t, "b", "a"); !m.Holds(masters(t, "a").CurrentID()) || m.Holds(masters(t, "c").CurrentID()) {
		t.Error("master keys don't know which they are")
	}
}
