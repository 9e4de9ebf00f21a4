package transfer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdb"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// masters are master keys that are the same in every test, one for each letter.
func masters(t testing.TB, letters string) eventstore.MasterKeys {
	t.Helper()
	text := ""
	for _, l := range letters {
		text += base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(string(l)), 32)) + "\n"
	}
	m, err := eventstore.ParseMasterKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// local is an embedded store in memory: what is tested here is not the disk.
func local(t testing.TB) *embedded.Store {
	t.Helper()
	return localOn(t, vfs.NewMem())
}

// localOn is an embedded store on the file system, that of the machine when it is nil.
func localOn(t testing.TB, fs vfs.FS) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(t.TempDir(), embedded.Options{Logf: t.Logf, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, s)
	return s
}

// closing closes it with the test.
func closing(t testing.TB, c io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// remote is a store behind EventStoreDB's protocol, over a real socket.
func remote(t testing.TB) *esdb.Store {
	t.Helper()
	return remoteBefore(t, local(t))
}

// remoteBefore is a store behind the protocol that keeps what it is given in the embedded one.
func remoteBefore(t testing.TB, behind *embedded.Store) *esdb.Store {
	t.Helper()
	s, err := esdb.Open("esdb://"+serve(t, behind)+"?tls=false", esdb.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, s)
	return s
}

// serve serves the store over the protocol, and answers the address.
func serve(t testing.TB, behind *embedded.Store) string {
	t.Helper()
	server, err := esdbserver.New(behind, esdbserver.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Stop(ctx)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return listener.Addr().String()
}

// install is a store with its keys and what moves it.
type install struct {
	Target
	master eventstore.MasterKeys
}

// put puts a fresh key of the name, wrapped by the install's master key.
func (in install) put(t testing.TB, name string) {
	t.Helper()
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	wrapped, err := in.master.Seal(rand.Reader, name, raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.PutKeyIfAbsent(t.Context(), name, wrapped); err != nil {
		t.Fatal(err)
	}
}

// add appends events of the payment, each with the data; its subject is the payment's own.
func (in install) add(t testing.TB, payment int, from eventstore.Revision, data ...string) {
	t.Helper()
	out := newAppender(in.Target, func(uint64, eventstore.Position) {})
	in.begin(t, out, payment, from, data...)
	if err := out.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// begin is add without waiting for it.
func (in install) begin(t testing.TB, out *appender, payment int, from eventstore.Revision, data ...string) {
	t.Helper()
	for i, d := range data {
		r := eventstore.Record{
			Stream: fmt.Sprintf("transaction-%d", payment), Revision: from + eventstore.Revision(i), ID: uuid.New(), Type: "PaymentReceived",
			Data: []byte(d), Metadata: fmt.Appendf(nil, `{"actor":"operator","subject":"payment-%d","version":1}`, payment),
		}
		if err := out.add(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
}

// populate makes an install with payments whose events lie among each other's, checkpoints of a reactor, and bytes that are
// no usual JSON.
func populate(t testing.TB, payments int) install {
	t.Helper()
	in := install{local(t), masters(t, "a")}
	in.put(t, "install-derivation")
	out := newAppender(in.Target, func(uint64, eventstore.Position) {})
	for p := range payments {
		in.put(t, fmt.Sprintf("payment-%d", p))
		in.begin(t, out, p, 0, `{"amount":"1.00"}`, fmt.Sprintf(`{"amount":"%d.00","note":"<b>&\u2028 \"é\"","raw":"%0500d"}`, p, p))
		if p > 0 {
			in.begin(t, out, p-1, 2, `{"late":true}`)
		}
		if p%100 == 0 {
			if err := out.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			in.checkpoint(t)
		}
	}
	if err := out.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, odd := range []string{"", "null", " {}", "{ \"a\" : 1.0e2 }", "{\n}", "\xff\x00", `"` + string(bytes.Repeat([]byte("x"), 900_000)) + `"`, `{"a":1,"a":2}`, "1\r"} {
		if _, err := in.Append(t.Context(), "odd", eventstore.Revision(i-1), eventstore.NewEvent{ID: uuid.New(), Type: "Odd", Data: []byte(odd)}); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// checkpoint appends a reactor's checkpoint, as the reactor does.
func (in install) checkpoint(t testing.TB) {
	t.Helper()
	head, err := in.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := eventstore.NewEvent{ID: uuid.New(), Type: reaction.Checkpointed{}.EventType(), Data: fmt.Appendf(nil, `{"reactor":"watch","position":%d}`, head)}
	if _, err := in.Append(t.Context(), reaction.Stream("watch"), eventstore.AnyRevision, e); err != nil {
		t.Fatal(err)
	}
}

// files are the two files of an export, and who may open the keys.
type files struct {
	events, keys []byte
	identity     *age.X25519Identity
}

// export exports the install, going on with events if there are any.
func (in install) export(t testing.TB, events []byte) (files, Exported) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	out := files{identity: identity}
	options := ExportOptions{ID: uuid.New(), Created: time.Now(), Master: in.master, Random: rand.Reader}
	state, offset, err := Scan(bytes.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	options.Continue = state
	file := bytes.NewBuffer(bytes.Clone(events[:offset]))
	done, err := Export(t.Context(), in, file, options)
	if err != nil {
		t.Fatal(err)
	}
	out.events = file.Bytes()
	out.keys = in.exportKeys(t, done, identity)
	return out, done
}

// exportKeys exports the keys to the identity.
func (in install) exportKeys(t testing.TB, of Exported, to *age.X25519Identity) []byte {
	t.Helper()
	var keys bytes.Buffer
	if _, err := WriteKeys(t.Context(), in, &keys, KeysOptions{
		Of: of, Created: time.Now(), Recipients: []age.Recipient{to.Recipient()}, Master: in.master, Random: rand.Reader,
	}); err != nil {
		t.Fatal(err)
	}
	return keys.Bytes()
}

// options are an import of the files with the master key.
func (f files) options(master eventstore.MasterKeys) ImportOptions {
	return ImportOptions{
		Events: bytes.NewReader(f.events), Keys: bytes.NewReader(f.keys), Identities: []age.Identity{f.identity}, Master: master,
	}
}

// move imports into the target.
func move(ctx context.Context, to Target, o ImportOptions) (Imported, error) {
	in, err := Check(ctx, o)
	if err != nil {
		return Imported{}, err
	}
	return in.Into(ctx, to)
}

// mustImport imports the files into the target, under the master key of the target.
func (in install) mustImport(t testing.TB, f files) Imported {
	t.Helper()
	done, err := move(t.Context(), in.Target, f.options(in.master))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// travelled is what has to survive of an event.
type travelled struct {
	Stream               string
	Revision             eventstore.Revision
	ID                   uuid.UUID
	Type, Data, Metadata string
}

// records are all events of the store that travel, in order.
func records(t testing.TB, s eventstore.Store) []travelled {
	t.Helper()
	var all []travelled
	for at := eventstore.Position(0); ; {
		page, err := s.ReadAll(t.Context(), at, eventstore.Forward, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			at = r.Position
			if !LeftOut(r.Stream) {
				all = append(all, travelled{r.Stream, r.Revision, r.ID, r.Type, string(r.Data), string(r.Metadata)})
			}
		}
		if len(page) == 0 {
			return all
		}
	}
}

// keysOf are all keys of the store.
func keysOf(t testing.TB, s eventstore.KeyStore) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := s.EachKey(t.Context(), "", func(name string, wrapped []byte) error { all[name] = string(wrapped); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// wantSame wants that both stores have the same events in the same order, and the same keys.
func wantSame(t testing.TB, from, to Target) {
	t.Helper()
	if diff := cmp.Diff(records(t, from), records(t, to)); diff != "" {
		t.Errorf("events (-source +target):\n%.4000s", diff)
	}
	if diff := cmp.Diff(keysOf(t, from), keysOf(t, to)); diff != "" {
		t.Errorf("keys (-source +target):\n%.4000s", diff)
	}
}
