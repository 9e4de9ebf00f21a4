package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/readapi/pages/verifier"
)

// servesVerifier sees that the page is served as it is, with no policy that would keep its scripts from running.
func (in *instance) servesVerifier(t *testing.T) {
	t.Helper()
	page := send(t.Context(), http.MethodGet, in.base+"/transparency/verifier", "")
	if policy := page.header.Get("Content-Security-Policy"); page.status != http.StatusOK || page.raw != string(verifier.Page()) || policy != "frame-ancestors 'none'" {
		t.Errorf("the verifier's page: %d, policy %q", page.status, policy)
	}
}

// proofKey is the verifier key that the install publishes.
func (in *instance) proofKey(t *testing.T) string {
	t.Helper()
	r := send(t.Context(), http.MethodGet, in.base+"/transparency/keys", "")
	if r.status != 200 || r.text("keys.0.signs") != "true" {
		t.Fatalf("keys: %v", r)
	}
	return r.text("keys.0.verifier_key")
}

// signedReceipt is a transaction's receipt once it is under a signed head.
func (m *merchant) signedReceipt(t *testing.T, reference, query string) string {
	t.Helper()
	var r reply
	eventually(t, 30*time.Second, "a signed receipt", func() error {
		if r = m.get("/api/transactions/" + reference + "/receipt" + query); r.status != 200 || r.text("receipt.pending") != "false" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	return r.raw
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAReceiptIsVerifiedWithTheNetworkUnplugged(t *testing.T) {
	t.Parallel()
	in := newInstance(t, t.TempDir(), quick(settings{"HEAD_EVERY": "200ms"}))
	in.start(t)
	t.Cleanup(in.stop)
	in.awaitReady(t)
	in.servesVerifier(t)
	m := newShop(t, in)
	ref := m.push(t, phone(), "640")
	m.settles(t, ref, "completed", 15*time.Second)
	file := m.signedReceipt(t, ref, "?disclose=all")
	key := in.proofKey(t)

	path := writeFile(t, file)
	said := in.cli(t, "receipt", "verify", path, "--key", key)
	for _, want := range []string{"has sealed this receipt", "PaymentReceived: transaction-" + ref, "ReceiptClaimed", "which is what was sealed"} {
		if !strings.Contains(said, want) {
			t.Errorf("the verdict lacks %q:\n%s", want, said)
		}
	}
	altered := writeFile(t, strings.Replace(file, `"type":"PaymentReceived"`, `"type":"PaymentRECEIVED"`, 1))
	in.fails(t, 3, "REFUSED", "receipt", "verify", altered, "--key", key)
	in.fails(t, 2, "verifier key is required", "receipt", "verify", path)
	other := newShop(t, in)
	other.get("/api/transactions/"+ref+"/receipt").want(t, 404, nil)
	m.get("/api/transactions/"+ref+"/receipt?disclose=some").want(t, 422, shape{"errors.disclose": "text"})
	if closed := m.signedReceipt(t, ref, ""); !strings.Contains(closed, `"disclosures":[]`) {
		t.Errorf("nobody asked for what is sealed: %.300s", closed)
	}

	// What was signed then is the beginning of what is signed now, also after a restart, beside the server and alone.
	old := send(t.Context(), http.MethodGet, in.base+"/transparency/checkpoint", "")
	again := m.push(t, phone(), "10")
	m.settles(t, again, "completed", 15*time.Second)
	m.signedReceipt(t, again, "")
	since := writeFile(t, old.raw)
	check := func(args ...string) reply {
		return reply{raw: in.cli(t, append([]string{"audit", "check", "--since", since, "--key", key, "--json"}, args...)...)}
	}
	beside := check()
	if beside.text("since") == "" || beside.text("heads") == "" || beside.text("leaves_compared") != beside.text("size") {
		t.Errorf("audit check: %s", beside.raw)
	}
	if published := check("--url", in.base+"/transparency"); published.text("size") == "" || published.text("since") != beside.text("since") {
		t.Errorf("audit check by what is published: %s", published.raw)
	}
	in.cli(t, "proofs", "rotate")
	if keys := in.cli(t, "proofs", "keys", "--json"); strings.Count(keys, `"signs":true`) != 2 {
		t.Errorf("keys: %s", keys)
	}
	in.cli(t, "proofs", "retire", "1")
	in.fails(t, 1, "rotate first", "proofs", "retire", "2")
	// Who was given the first key follows to the second, which alone signs now.
	late := m.push(t, phone(), "11")
	m.settles(t, late, "completed", 15*time.Second)
	m.signedReceipt(t, late, "")
	if published := check("--url", in.base+"/transparency"); published.text("since") != beside.text("since") {
		t.Errorf("audit check by what is published, after a rotation: %s", published.raw)
	}
	if code := in.terminate(t, 30*time.Second); code != 0 {
		t.Errorf("stopped with %d", code)
	}
	if out := in.cli(t, "receipt", "verify", path, "--key", key); !strings.Contains(out, "sealed this receipt") {
		t.Errorf("an old receipt no longer verifies: %s", out)
	}
	if alone := check(); alone.text("since") != beside.text("since") {
		t.Errorf("audit check alone: %s", alone.raw)
	}
}

// signing is an install that keeps its log in the data folder and has signed a head over a payment.
func signing(t *testing.T) (*instance, *merchant) {
	t.Helper()
	in := newInstance(t, t.TempDir(), quick(settings{"EVENTSTORE": "embedded", "HEAD_EVERY": "200ms"}))
	in.start(t)
	t.Cleanup(in.stop)
	in.awaitReady(t)
	m := newShop(t, in)
	ref := m.push(t, phone(), "640")
	m.settles(t, ref, "completed", 15*time.Second)
	m.signedReceipt(t, ref, "")
	return in, m
}

// tenth makes payments of 640 shillings a tenth as large.
func tenth(r *eventstore.Record) {
	if r.Type == "PaymentReceived" {
		r.Data = bytes.ReplaceAll(r.Data, []byte("64000"), []byte("6400"))
	}
}

// Where the tree's files are damaged they are built again, and are not for ever in the way of who looks at the log without a server.
func TestATreeThatWasDamagedIsBuiltAgain(t *testing.T) {
	t.Parallel()
	in, _ := signing(t)
	since := writeFile(t, send(t.Context(), http.MethodGet, in.base+"/transparency/checkpoint", "").raw)
	in.terminate(t, 30*time.Second)
	in.behindTheBack(t, func(ctx context.Context, s *embedded.Store) error {
		var many []eventstore.NewEvent
		for range 300 { // a tile that is full is not read when the tree is opened
			many = append(many, eventstore.NewEvent{ID: uuid.New(), Type: "Noted", Data: []byte("{}"), Metadata: []byte("{}")})
		}
		_, err := s.Append(ctx, "note-1", eventstore.NoStream, many...)
		return err
	})
	check := func() string {
		return reply{raw: in.cli(t, "audit", "check", "--since", since, "--json")}.text("since")
	}
	before := check()
	in.flip(t, filepath.Join("proofs", "level-0"), 40)
	in.fails(t, 1, "once more", "audit", "check", "--since", since)
	if again := check(); again != before || before == "" {
		t.Errorf("since %s, and %s before the tree was damaged", again, before)
	}
}

// flip alters a byte of a file of the data folder.
func (in *instance) flip(t *testing.T, name string, at int) {
	t.Helper()
	path := filepath.Join(in.data, name)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[at] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAHistoryThatWasRewrittenIsCaughtByAnOldCheckpoint(t *testing.T) {
	t.Parallel()
	in, _ := signing(t)
	key := in.proofKey(t)
	old := writeFile(t, send(t.Context(), http.MethodGet, in.base+"/transparency/checkpoint", "").raw)
	in.terminate(t, 30*time.Second)

	// The whole store is written anew with one amount changed and no head kept, so that everything is hashed and signed again.
	in.rewrite(t, func(r *eventstore.Record) bool {
		tenth(r)
		return !strings.HasPrefix(r.Stream, "transparency-heads")
	})
	in.cli(t, "audit", "check", "--key", key) // by itself it is in order
	in.fails(t, 3, "history was changed", "audit", "check", "--since", old, "--key", key)
	in.fails(t, 3, "history was changed", "audit", "check", "--since", old)
}

// The tree in the data folder is of the log as it was: whoever changes the log and leaves that is caught without any checkpoint.
func TestALogThatItsTreeWasNotMadeOfIsAFinding(t *testing.T) {
	t.Parallel()
	in, _ := signing(t)
	in.terminate(t, 30*time.Second)
	tree, aside := filepath.Join(in.data, "proofs"), filepath.Join(in.data, "aside")
	if err := os.Rename(tree, aside); err != nil {
		t.Fatal(err)
	}
	in.rewrite(t, func(r *eventstore.Record) bool {
		return r.Type != "PaymentReceived" && !strings.HasPrefix(r.Stream, "transparency-heads")
	})
	if err := errors.Join(os.RemoveAll(tree), os.Rename(aside, tree)); err != nil {
		t.Fatal(err)
	}
	in.behindTheBack(t, func(ctx context.Context, s *embedded.Store) error { // the log goes on past the end of the tree
		var more []eventstore.NewEvent
		for range 300 {
			more = append(more, eventstore.NewEvent{ID: uuid.New(), Type: "Noted", Data: []byte("{}"), Metadata: []byte("{}")})
		}
		_, err := s.Append(ctx, "note-1", eventstore.NoStream, more...)
		return err
	})
	in.fails(t, 3, "another log", "audit", "check")
}

// Nobody has to ask: a node that finds another log under its own heads says so, and takes payments all the same.
func TestANodeSaysThatItsLogIsNotTheOneThatWasSigned(t *testing.T) {
	t.Parallel()
	in, m := signing(t)
	if changed := in.metric(t, "kipay_log_changed"); changed != "0" {
		t.Errorf("before: %s", changed)
	}
	in.terminate(t, 30*time.Second)
	in.rewrite(t, func(r *eventstore.Record) bool {
		tenth(r)
		return true
	})
	in.start(t)
	in.awaitReady(t)
	eventually(t, 20*time.Second, "it says so", func() error {
		if changed := in.metric(t, "kipay_log_changed"); changed != "1" || !strings.Contains(in.log(), "the log is not what was signed") {
			return fmt.Errorf("kipay_log_changed is %s", changed)
		}
		return nil
	})
	m.settles(t, m.push(t, phone(), "10"), "completed", 15*time.Second)
}

// rewrite writes the event store anew while no server runs, with what change makes of each event; false leaves it out.
func (in *instance) rewrite(t *testing.T, change func(r *eventstore.Record) bool) {
	t.Helper()
	dir := filepath.Join(in.data, "events")
	next := filepath.Join(in.data, "events-new")
	to, err := embedded.Open(next, embedded.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	revisions := map[string]eventstore.Revision{}
	in.behindTheBack(t, func(ctx context.Context, from *embedded.Store) error {
		for at := eventstore.Position(0); ; {
			records, err := from.ReadAll(ctx, at, eventstore.Forward, 500)
			if err != nil || len(records) == 0 {
				return errors.Join(err, from.EachKey(ctx, "", func(name string, wrapped []byte) error {
					_, err := to.PutKeyIfAbsent(ctx, name, wrapped)
					return err
				}))
			}
			for _, r := range records {
				at = r.Position
				if r.Data = slices.Clone(r.Data); !change(&r) {
					continue
				}
				expected, ok := revisions[r.Stream]
				if !ok {
					expected = eventstore.NoStream
				}
				done, err := to.Append(ctx, r.Stream, expected, eventstore.NewEvent{ID: r.ID, Type: r.Type, Data: r.Data, Metadata: r.Metadata})
				if err != nil {
					return err
				}
				revisions[r.Stream] = done.Revision
			}
		}
	})
	if err := errors.Join(to.Close(), os.RemoveAll(dir), os.Rename(next, dir), os.RemoveAll(filepath.Join(in.data, "proofs"))); err != nil {
		t.Fatal(err)
	}
}

// The key store lost the keys that sign, and nothing else knows their private halves: the bundle has them.
func TestAnInstallGoesOnSigningWithTheKeysOfItsRecoveryBundle(t *testing.T) {
	t.Parallel()
	in := newInstance(t, t.TempDir(), quick(settings{"EVENTSTORE": "embedded", "HEAD_EVERY": "200ms"}))
	vault := newSafe(t)
	in.cli(t, "merchant", "create", "--name", "Duka", "--email", "owner@example.com")
	in.cli(t, "keys", "recovery", "--recipient", vault.recipient, "--out", vault.bundle) // before anything was signed
	in.start(t)
	t.Cleanup(in.stop)
	in.awaitReady(t)
	m := newShop(t, in)
	ref := m.push(t, phone(), "640")
	m.settles(t, ref, "completed", 15*time.Second)
	m.signedReceipt(t, ref, "")
	key := in.proofKey(t)
	old := writeFile(t, send(t.Context(), http.MethodGet, in.base+"/transparency/checkpoint", "").raw)
	in.cli(t, "proofs", "rotate")
	late := newSafe(t)
	if out := in.cli(t, "keys", "recovery", "--recipient", late.recipient, "--out", late.bundle); !strings.Contains(out, "1 derivation keys and 2 signing keys") {
		t.Error(out)
	}
	in.terminate(t, 30*time.Second)
	lose := func() {
		in.behindTheBack(t, func(ctx context.Context, s *embedded.Store) error {
			return errors.Join(s.DeleteKey(ctx, "install-transparency-1"), s.DeleteKey(ctx, "install-transparency-2"))
		})
	}
	lose()

	// Without them nothing is signed, and no other keys are made that would stand in the way of the right ones.
	in.fails(t, 1, "has lost key 1", "proofs", "rotate")
	if out := in.cli(t, "keys", "recovery", "--recipient", vault.recipient); strings.Contains(out, "AGE-SECRET") {
		t.Error(out)
	}
	if out := in.cli(t, "keys", "recover", "--in", vault.bundle, "--identity", vault.identity); !strings.Contains(out, "1 of 2 derivation and signing keys were missing") {
		t.Error(out)
	}
	in.fails(t, 1, "has lost key 2", "proofs", "rotate")
	if out := in.cli(t, "keys", "recover", "--in", late.bundle, "--identity", late.identity); !strings.Contains(out, "1 of 3 derivation and signing keys were missing") {
		t.Error(out)
	}
	in.start(t)
	in.awaitReady(t)
	again := m.push(t, phone(), "20")
	m.settles(t, again, "completed", 15*time.Second)
	in.cli(t, "receipt", "verify", writeFile(t, m.signedReceipt(t, again, "")), "--key", key)
	in.cli(t, "audit", "check", "--since", old, "--key", key)
}
