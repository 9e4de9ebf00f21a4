package transfer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/eventstore"
)

func TestFromTheLaptopToAServerAndBackNothingIsChanged(t *testing.T) {
	laptop := populate(t, 600)
	out, exported := laptop.export(t, nil)
	if exported.LeftOut != 6 || exported.New != exported.Events {
		t.Errorf("exported %+v", exported)
	}
	server := install{remote(t), laptop.master}
	in := server.mustImport(t, out)
	if in.New != exported.Events || in.There != 0 || in.NewKeys != 601 || in.Keys != 601 {
		t.Errorf("imported %+v of %+v", in, exported)
	}
	wantSame(t, laptop, server)

	again := server.mustImport(t, out)
	if again.New != 0 || again.There != exported.Events || again.NewKeys != 0 || again.ErasedKeys != 0 {
		t.Errorf("the second import did %+v", again)
	}
	home := install{local(t), laptop.master}
	back, _ := server.export(t, nil)
	home.mustImport(t, back)
	wantSame(t, laptop, home)
}

// A checkpoint is a position of the store it was written in: on the target the reactor would skip what lies before it.
func TestCheckpointsOfReactorsStayAtHome(t *testing.T) {
	laptop := populate(t, 30)
	out, _ := laptop.export(t, nil)
	target := install{local(t), laptop.master}
	target.checkpoint(t) // one of its own changes nothing
	target.mustImport(t, out)
	got, err := target.ReadStream(t.Context(), reaction.Stream("watch"), 0, eventstore.Forward, 100)
	if err != nil || len(got) != 1 {
		t.Errorf("the target has %d checkpoints: %v", len(got), err)
	}
	for stream, want := range map[string]bool{
		reaction.Stream("expiry"): true, "lease-projector": true, "transaction-reactor-1": false, "reactors-1": false, "lease": false,
	} {
		if LeftOut(stream) != want {
			t.Errorf("%s is left out: %v", stream, !want)
		}
	}
}

func TestAnExportThatWasCutOffGoesOnAndAFinishedOneGrows(t *testing.T) {
	laptop := populate(t, 2000)
	whole, exported := laptop.export(t, nil)
	target := install{local(t), laptop.master}
	for name, try := range map[string]struct {
		length func(first, all int) int
		anew   bool
	}{
		"nothing":             {func(int, int) int { return 0 }, true},
		"no header":           {func(int, int) int { return 3 }, true},
		"half a frame":        {func(first, _ int) int { return first / 2 }, true},
		"almost a frame":      {func(first, _ int) int { return first - 1 }, true},
		"a frame":             {func(first, _ int) int { return first }, false},
		"almost two":          {func(first, _ int) int { return first + 100 }, false},
		"all but the trailer": {func(_, all int) int { return all - 1 }, false},
	} {
		first, err := readFrame(bytes.NewReader(whole.events), nil)
		if err != nil || len(first)*2 > len(whole.events) {
			t.Fatalf("%d of %d bytes are the first frame: %v", len(first), len(whole.events), err)
		}
		cut := whole
		cut.events = whole.events[:try.length(len(first), len(whole.events))]
		if _, err := move(t.Context(), target.Target, cut.options(laptop.master)); !errors.Is(err, ErrCutOff) && !errors.Is(err, ErrFormat) {
			t.Errorf("%s was imported: %v", name, err)
		}
		resumed, done := laptop.export(t, cut.events)
		if done.Events != exported.Events || try.anew != (done.New == exported.Events) || try.anew == (done.Export == exported.Export) {
			t.Errorf("%s was continued to %+v of %+v", name, done, exported)
		}
		if !try.anew && done.SHA256 != exported.SHA256 {
			t.Errorf("%s was continued to another file", name)
		}
		whole, exported = resumed, done
		exported.New = exported.Events
	}
	if head, err := target.Head(t.Context()); head != 0 || err != nil || len(keysOf(t, target)) != 0 {
		t.Errorf("something was written at %d: %v", head, err)
	}
	target.mustImport(t, whole)

	// What came since is all that the second export and import have to do: so a move stops payments for moments only.
	laptop.put(t, "payment-9000")
	laptop.add(t, 9000, 0, `{}`, `{}`, `{}`)
	grown, done := laptop.export(t, whole.events)
	if done.New != 3 || done.Events != exported.Events+3 {
		t.Errorf("the file grew to %+v", done)
	}
	if in := target.mustImport(t, grown); in.New != 3 || in.NewKeys != 1 {
		t.Errorf("the second import did %+v", in)
	}
	wantSame(t, laptop, target)

	other := populate(t, 10)
	state, _, err := Scan(bytes.NewReader(grown.events))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Export(t.Context(), other, io.Discard, ExportOptions{Continue: state, Master: other.master, Random: rand.Reader})
	if !errors.Is(err, ErrOtherStore) {
		t.Errorf("another store's file was continued: %v", err)
	}
}

// stopping is a target that fails after so many appends.
type stopping struct {
	Target
	left int
}

func (s *stopping) Append(ctx context.Context, stream string, at eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if s.left--; s.left < 0 {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	return s.Target.Append(ctx, stream, at, events...)
}

func TestAnImportThatWasCutOffIsFinishedByTheNext(t *testing.T) {
	laptop := populate(t, 100)
	out, exported := laptop.export(t, nil)
	target := install{local(t), laptop.master}
	var first Imported
	for _, appends := range []int{0, 1, 60} {
		done, err := move(t.Context(), &stopping{target, appends}, out.options(laptop.master))
		if !errors.Is(err, eventstore.ErrUnavailable) {
			t.Fatalf("after %d appends: %v", appends, err)
		}
		first.New += done.New
	}
	last := target.mustImport(t, out)
	if first.New == 0 || first.New != last.There || last.There+last.New != exported.Events {
		t.Errorf("the first ones did %+v, the last %+v", first, last)
	}
	wantSame(t, laptop, target)
}

func TestKeysThatWereDestroyedStayDestroyed(t *testing.T) {
	laptop := populate(t, 20)
	before, _ := laptop.export(t, nil)
	if err := laptop.DeleteKey(t.Context(), "payment-7"); err != nil {
		t.Fatal(err)
	}
	out, _ := laptop.export(t, before.events)
	target := install{local(t), laptop.master}
	target.mustImport(t, out)
	if _, there := keysOf(t, target)["payment-7"]; there {
		t.Error("a key that was destroyed at the source came to the target")
	}
	if err := target.DeleteKey(t.Context(), "payment-8"); err != nil {
		t.Fatal(err)
	}
	if done := target.mustImport(t, out); done.ErasedKeys != 1 || done.NewKeys != 0 {
		t.Errorf("the second import did %+v", done)
	}
	if _, there := keysOf(t, target)["payment-8"]; there {
		t.Error("a key that was destroyed at the target came back")
	}
}

func TestNothingIsWrittenUnlessTheKeysWillOpen(t *testing.T) {
	laptop := populate(t, 20)
	out, _ := laptop.export(t, nil)
	later, _ := laptop.export(t, nil)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	target := local(t)
	for name, try := range map[string]struct {
		change func(*ImportOptions)
		want   error
	}{
		"another master key": {func(o *ImportOptions) { o.Master = masters(t, "b") }, ErrMasterKey},
		"another identity":   {func(o *ImportOptions) { o.Identities = []age.Identity{stranger} }, ErrIdentity},
		"the keys of another": {func(o *ImportOptions) {
			o.Keys, o.Identities = bytes.NewReader(later.keys), []age.Identity{later.identity}
		}, ErrMismatch},
		"keys that are cut off":  {func(o *ImportOptions) { o.Keys = bytes.NewReader(out.keys[:len(out.keys)-20]) }, ErrDamaged},
		"events for keys":        {func(o *ImportOptions) { o.Keys = bytes.NewReader(out.events) }, ErrFormat},
		"keys for events":        {func(o *ImportOptions) { o.Events = bytes.NewReader(out.keys) }, ErrFormat},
		"lines that are no zstd": {func(o *ImportOptions) { o.Events = bytes.NewReader(plain(t, out.events)) }, ErrFormat},
	} {
		o := out.options(laptop.master)
		try.change(&o)
		if _, err := move(t.Context(), target, o); !errors.Is(err, try.want) {
			t.Errorf("%s: %v; want %v", name, err, try.want)
		}
	}
	rotated := install{target, masters(t, "ba")}
	if head, err := target.Head(t.Context()); head != 0 || err != nil || len(keysOf(t, target)) != 0 {
		t.Errorf("something was written at %d: %v", head, err)
	}
	rotated.mustImport(t, out) // the old master key beside a new one does
}

// plain are the lines of a file, packed what packs them again.
func plain(t testing.TB, file []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lines, err := d.DecodeAll(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func packed(t testing.TB, lines []byte) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(lines, nil)
}

// reseal ends lines that are not ours as well as one can who does not have the master key.
func reseal(t testing.TB, master eventstore.MasterKeys, events uint64, lines []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(lines)
	seal, err := master.Seal(rand.Reader, eventsSeal, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(trailerLine{trailer{Events: events, SHA256: hex.EncodeToString(sum[:]), Seal: seal}})
	if err != nil {
		t.Fatal(err)
	}
	return append(append(bytes.Clone(lines), line...), '\n')
}

func TestAFileThatWasChangedIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	laptop := populate(t, 20)
	out, exported := laptop.export(t, nil)
	lines := bytes.SplitAfter(plain(t, out.events), []byte("\n"))
	end := len(lines) - 2 // nothing stands behind the last \n
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	one := func(i int, line []byte) []byte { return join(join(lines[:i]...), line, join(lines[i+1:]...)) }
	dearer := bytes.Replace(lines[3], []byte("1.00"), []byte("9.00"), 1)
	if bytes.Equal(dearer, lines[3]) {
		t.Fatalf("no amount in %s", lines[3])
	}
	forged := reseal(t, masters(t, "b"), exported.Events, join(join(lines[:3]...), dearer, join(lines[4:end]...)))
	flipped := bytes.Clone(out.events)
	flipped[len(flipped)/2] ^= 1
	target := local(t)
	for name, try := range map[string]struct {
		file []byte
		want error
	}{
		"another amount":              {packed(t, one(3, dearer)), ErrDamaged},
		"a line less":                 {packed(t, one(5, nil)), ErrDamaged},
		"two lines swapped":           {packed(t, join(join(lines[:4]...), lines[5], lines[4], join(lines[6:]...))), ErrDamaged},
		"a line that is no event":     {packed(t, one(3, []byte("{}\n"))), ErrDamaged},
		"something behind the end":    {packed(t, append(plain(t, out.events), lines[3]...)), ErrDamaged},
		"no end":                      {packed(t, join(lines[:end]...)), ErrCutOff},
		"half a line at the end":      {packed(t, join(lines[:end]...)[:len(join(lines[:end]...))-3]), ErrCutOff},
		"a bit on the disk":           {flipped, ErrDamaged},
		"a newer version":             {packed(t, one(0, bytes.Replace(lines[0], []byte(`"version":1`), []byte(`"version":2`), 1))), ErrFormat},
		"another amount, well forged": {packed(t, forged), ErrMismatch}, // the keys tell; their seal can't be forged either
	} {
		o := out.options(laptop.master)
		o.Events = bytes.NewReader(try.file)
		if _, err := move(t.Context(), target, o); !errors.Is(err, try.want) {
			t.Errorf("%s: %v; want %v", name, err, try.want)
		}
	}
	// Not even keys that belong to the forged events make them pass.
	sum := sha256.Sum256(bytes.TrimSuffix(forged, bytes.SplitAfter(forged, []byte("\n"))[end]))
	exported.SHA256 = hex.EncodeToString(sum[:])
	o := out.options(laptop.master)
	o.Events, o.Keys = bytes.NewReader(packed(t, forged)), bytes.NewReader(laptop.exportKeys(t, exported, out.identity))
	if _, err := move(t.Context(), target, o); !errors.Is(err, ErrSeal) {
		t.Errorf("forged events with keys of their own: %v", err)
	}
	if head, err := target.Head(t.Context()); head != 0 || err != nil || len(keysOf(t, target)) != 0 {
		t.Errorf("something was written at %d: %v", head, err)
	}
	// The same lines in one frame are as good.
	o = out.options(laptop.master)
	o.Events = bytes.NewReader(packed(t, plain(t, out.events)))
	if _, err := move(t.Context(), target, o); err != nil {
		t.Error(err)
	}
}

func TestATargetWithOtherEventsIsRefusedAndTheyAreNamed(t *testing.T) {
	laptop := populate(t, 20)
	out, _ := laptop.export(t, nil)
	var conflict *ConflictError

	busy := install{local(t), laptop.master}
	busy.add(t, 5, 0, `{"of":"another"}`)
	_, err := move(t.Context(), busy, out.options(laptop.master))
	if !errors.As(err, &conflict) || conflict.Stream != "transaction-5" || conflict.Revision != 0 || len(keysOf(t, busy)) != 0 {
		t.Errorf("a store that was used: %v", err)
	}

	other := install{local(t), laptop.master}
	other.put(t, "install-derivation")
	if _, err := move(t.Context(), other, out.options(laptop.master)); !errors.Is(err, ErrKeyConflict) || len(keysOf(t, other)) != 1 {
		t.Errorf("a store of another install: %v", err)
	}

	// What has gone its own way since the import is refused once the file has grown, and named where it parts.
	parted := install{local(t), laptop.master}
	parted.mustImport(t, out)
	parted.add(t, 700, 0, `{}`)
	laptop.add(t, 800, 0, `{}`)
	if done := parted.mustImport(t, out); done.New != 0 {
		t.Errorf("the file that was imported was imported as %+v", done)
	}
	grown, _ := laptop.export(t, out.events)
	_, err = move(t.Context(), parted, grown.options(laptop.master))
	if !errors.As(err, &conflict) || conflict.Stream != "transaction-700" || conflict.Same == 0 {
		t.Errorf("a store that went its own way: %v", err)
	}

	// Somebody writes while the import runs: it stops there, and says that what it wrote stays.
	raced := install{&meddling{Target: local(t)}, laptop.master}
	done, err := move(t.Context(), raced, out.options(laptop.master))
	if !errors.As(err, &conflict) || conflict.Stream != "transaction-9" || conflict.Revision != 0 || conflict.Imported == 0 || conflict.Imported != done.New {
		t.Errorf("a store that somebody writes to: %v, %+v", err, done)
	}
}

// meddling is a target that somebody else writes to.
type meddling struct {
	Target
	appends int
}

func (m *meddling) Append(ctx context.Context, stream string, at eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if m.appends++; m.appends == 5 {
		if _, err := m.Target.Append(ctx, "transaction-9", eventstore.NoStream, eventstore.NewEvent{ID: uuid.New(), Type: "Other", Data: []byte("{}")}); err != nil {
			return eventstore.Appended{}, err
		}
	}
	return m.Target.Append(ctx, stream, at, events...)
}

// unordered is a target that answers as if an append had come before the one before it.
type unordered struct {
	Target
	appends int
}

func (u *unordered) Append(ctx context.Context, stream string, at eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	done, err := u.Target.Append(ctx, stream, at, events...)
	if u.appends++; u.appends == 4 {
		done.Position = 2
	}
	return done, err
}

func TestATargetThatDoesNotKeepTheOrderIsNoticed(t *testing.T) {
	laptop := populate(t, 20)
	out, _ := laptop.export(t, nil)
	if _, err := move(t.Context(), &unordered{Target: local(t)}, out.options(laptop.master)); !errors.Is(err, ErrOrder) {
		t.Errorf("%v", err)
	}
}

func TestExportsAndImportsEndWithTheirContext(t *testing.T) {
	laptop := populate(t, 20)
	out, _ := laptop.export(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := Export(ctx, laptop, io.Discard, ExportOptions{Created: time.Now(), Master: laptop.master, Random: rand.Reader}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("export: %v", err)
	}
	if _, err := move(ctx, local(t), out.options(laptop.master)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("import: %v", err)
	}
	if err := fmt.Errorf("%w", &ConflictError{}); !errors.Is(err, ErrConflict) {
		t.Error("a conflict is none")
	}
}
