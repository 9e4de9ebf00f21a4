package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// Target is the store that is imported into, with its keys.
type Target interface {
	eventstore.Store
	eventstore.KeyStore
}

// ImportOptions are what an import needs.
type ImportOptions struct {
	// Events and Keys are the two files of one export. They are read more than once, and must not change meanwhile.
	Events io.ReadSeeker
	Keys   io.ReadSeeker
	// Identities open the file of keys, Master the keys in it.
	Identities []age.Identity
	Master     eventstore.MasterKeys
	// OneByOne waits for each append, for a target that did not keep the order (ErrOrder).
	OneByOne bool
	// Destroys says of events of these types which keys they say are destroyed. Such a key that is not in the file goes in the target
	// too, where an import of an earlier state may have put it. It may be nil.
	Destroys map[string]func(data []byte) (names []string, err error)
	// Progress may be nil.
	Progress Progress
}

// Imported is what an import came to.
type Imported struct {
	Export uuid.UUID `json:"export"`
	// Events are in the file; There of them stood in the target already, and were compared; New were written.
	Events uint64 `json:"events"`
	There  uint64 `json:"there"`
	New    uint64 `json:"new"`
	// Keys are in the file; NewKeys were put (all, while the target has no events: nobody asked which an import that was cut
	// off among them had put). ErasedKeys are missing in the target although events that they sealed
	// stand there: they were destroyed there, and stay so.
	Keys       uint64 `json:"keys"`
	NewKeys    uint64 `json:"new_keys"`
	ErasedKeys uint64 `json:"erased_keys"`
	// DestroyedKeys were in the target, and were destroyed there because they were at the source.
	DestroyedKeys uint64 `json:"destroyed_keys"`
	// Position is the target's position of the last event that was written, zero when none was.
	Position eventstore.Position `json:"position"`
}

// Check begins an import: it reads both files to their ends. They are whole, belong together, were sealed under the master
// key, and that opens every key. An append can't be taken back, so nothing is written before the last byte was seen, and
// no target is needed until then. Errors: ErrFormat, ErrCutOff, ErrDamaged, ErrSeal, ErrIdentity, ErrMasterKey, ErrMismatch.
func Check(ctx context.Context, o ImportOptions) (*Import, error) {
	if o.Progress == nil {
		o.Progress = func(string, uint64, uint64, uint64) {}
	}
	in := &Import{ImportOptions: o, destroyed: destroyed{}}
	return in, in.check(ctx)
}

// Into writes the events and the keys into the target, in these steps:
//
//  1. The target's events are compared with the file's, from the first on and byte for byte. Either ends first: what the
//     target has is the beginning of the file (nothing, or an import that was cut off), or the file is the beginning of
//     what the target has (there is nothing left to do). Everything else is an ErrConflict, with nothing written.
//  2. The keys are put, the install's own first looked at: a target with others has derived other references, and is refused
//     (ErrKeyConflict). Those that were destroyed at the source since an earlier import are destroyed.
//  3. The events that are missing are appended in order, each at its exact revision and with its id.
//
// So it may be cut off anywhere and run again, and a second run changes nothing. Nobody else may write to the target
// meanwhile; who does makes it stop with an ErrConflict. What was imported is answered beside an error, too: it stays.
func (in *Import) Into(ctx context.Context, to Target) (Imported, error) {
	in.to = to
	err := in.run(ctx)
	return in.done, err
}

// Import is an import under way.
type Import struct {
	ImportOptions
	to   Target
	keys keysFile
	end  trailer
	done Imported
	// sealed are the subjects of the events that stand in the target already.
	sealed subjects
	// destroyed are the keys that the events say are destroyed. ahead tells that the target has events that the file does not have.
	destroyed destroyed
	ahead     bool
	// keysSeen is how many keys of the file were dealt with.
	keysSeen uint64
}

func (in *Import) run(ctx context.Context) error {
	reader, err := in.open()
	if err != nil {
		return err
	}
	defer reader.Close()
	next, err := in.compare(ctx, reader)
	if err != nil {
		return err
	}
	if err := in.putKeys(ctx); err != nil {
		return err
	}
	return in.append(ctx, reader, next)
}

// open begins to read the events from the start.
func (in *Import) open() (*Reader, error) {
	if _, err := in.Events.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	return NewReader(in.Events)
}

// check reads both files to their ends.
func (in *Import) check(ctx context.Context) error {
	var err error
	if in.keys, err = checkKeys(ctx, in.Keys, in.Identities, in.Master, in.Progress); err != nil {
		return err
	}
	in.done.Keys = in.keys.count
	size, err := in.Events.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read the events: %w", err)
	}
	reader, err := in.open()
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		var line []byte
		if line, err = reader.line(); err != nil {
			break // what the digest and the seal vouch for needs no reading twice
		}
		if err := in.noteDestroyed(line); err != nil {
			return err
		}
		if reader.events%exportPage != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		at, err := in.Events.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		in.Progress("checking the file", uint64(at), uint64(size), reader.events)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	in.Progress("checking the file", uint64(size), uint64(size), reader.events)
	in.end = *reader.end
	in.done.Export, in.done.Events = reader.header.Export, in.end.Events
	if in.keys.header.Export != reader.header.Export || in.keys.header.Events != in.end.SHA256 {
		return fmt.Errorf("%w: they were exported with %s, these events are %s: take the two files of one run", ErrMismatch,
			in.keys.header.Export, reader.header.Export)
	}
	return checkSeal(in.Master, eventsSeal, in.end)
}

// compare reads file and target side by side until one of them ends, and answers the file's first event that the target
// does not have, nil when it has all.
func (in *Import) compare(ctx context.Context, reader *Reader) (*eventstore.Record, error) {
	in.sealed = make(subjects)
	for at := eventstore.Position(0); ; {
		there, err := in.to.ReadAll(ctx, at, eventstore.Forward, exportPage)
		if err != nil {
			return nil, fmt.Errorf("read what the target has after position %d: %w", at, err)
		}
		for i := range there {
			at = there[i].Position
			if LeftOut(there[i].Stream) {
				continue
			}
			want, err := reader.Next()
			if errors.Is(err, io.EOF) {
				in.ahead = true
				return nil, nil //nolint:nilnil // the target has all of the file, and more
			}
			if err != nil {
				return nil, err
			}
			if reason := difference(&there[i], &want); reason != "" {
				return nil, &ConflictError{Stream: there[i].Stream, Revision: there[i].Revision, ID: want.ID, Reason: reason, Same: in.done.There}
			}
			in.sealed.add(want.Metadata)
			in.done.There++
		}
		if len(there) == 0 {
			break
		}
		in.Progress("comparing", in.done.There, in.end.Events, in.done.There)
	}
	next, err := reader.Next()
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // nothing is missing
	}
	return &next, err
}

// difference says how an event of the target is not the file's, empty when it is.
func difference(there, want *eventstore.Record) string {
	switch {
	case there.Stream != want.Stream || there.Revision != want.Revision:
		return fmt.Sprintf("the file has an event of %s at revision %d in its place", want.Stream, want.Revision)
	case there.ID != want.ID:
		return fmt.Sprintf("event %s stands there, the file has %s", there.ID, want.ID)
	case there.Type != want.Type || !bytes.Equal(there.Data, want.Data) || !bytes.Equal(there.Metadata, want.Metadata):
		return fmt.Sprintf("event %s holds something else than in the file", there.ID)
	default:
		return ""
	}
}

// putsAtOnce is how many keys are put at a time: a store that is a server syncs many together. keysAtOnce are taken from
// the file at a time.
const (
	putsAtOnce = 64
	keysAtOnce = 1024
)

// putKeys puts the keys that are missing.
func (in *Import) putKeys(ctx context.Context) error {
	for name, wrapped := range in.keys.install {
		there, err := in.to.GetKey(ctx, name)
		if errors.Is(err, eventstore.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read key %s of the target: %w", name, err)
		}
		if err := in.same(name, wrapped, there); err != nil {
			return fmt.Errorf("%w: another install was begun there; import into a new store", err)
		}
	}
	if _, err := in.Keys.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	chunk := make([]keyLine, 0, keysAtOnce)
	_, _, err := eachKey(ctx, in.Keys, in.Identities, func(k keyLine) error {
		if _, named := in.destroyed[k.Name]; named {
			in.destroyed[k.Name] = true
		}
		if chunk = append(chunk, k); len(chunk) < keysAtOnce {
			return nil
		}
		defer func() { chunk = chunk[:0] }()
		return in.putChunk(ctx, chunk)
	})
	if err != nil {
		return err
	}
	if err := in.putChunk(ctx, chunk); err != nil {
		return err
	}
	return in.destroy(ctx)
}

// putChunk puts some keys.
func (in *Import) putChunk(ctx context.Context, keys []keyLine) error {
	found := make([]keyFate, len(keys))
	group, putting := errgroup.WithContext(ctx)
	group.SetLimit(putsAtOnce)
	for i, k := range keys {
		group.Go(func() (err error) {
			found[i], err = in.putKey(putting, k)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, f := range found {
		switch f {
		case keyPut:
			in.done.NewKeys++
		case keyErased:
			in.done.ErasedKeys++
		case keyThere:
		}
	}
	in.keysSeen += uint64(len(keys))
	in.Progress("importing keys", in.keysSeen, in.keys.count, in.keysSeen)
	return nil
}

// keyFate is what became of a key.
type keyFate int

const (
	keyThere keyFate = iota
	keyPut
	keyErased
)

// putKey puts one key, unless it is there, or was and is no more.
func (in *Import) putKey(ctx context.Context, k keyLine) (keyFate, error) {
	if in.done.There > 0 {
		there, err := in.to.GetKey(ctx, k.Name)
		switch {
		case err == nil:
			err = in.same(k.Name, k.Wrapped, there)
			if !errors.Is(err, ErrKeyConflict) || !in.stale(k.Name) {
				return keyThere, err
			}
		case !errors.Is(err, eventstore.ErrKeyNotFound):
			return keyThere, fmt.Errorf("read key %s of the target: %w", k.Name, err)
		case in.sealed.has(k.Name) && !in.stale(k.Name):
			return keyErased, nil // its events came after it; so it was there, and was destroyed
		}
	}
	there, err := in.to.PutKeyIfAbsent(ctx, k.Name, k.Wrapped)
	if err != nil {
		return keyThere, fmt.Errorf("put key %s: %w", k.Name, err)
	}
	err = in.same(k.Name, k.Wrapped, there)
	if !errors.Is(err, ErrKeyConflict) || !in.stale(k.Name) {
		return keyPut, err
	}
	if err := in.to.DeleteKey(ctx, k.Name); err != nil { // the one from before it was destroyed
		return keyThere, fmt.Errorf("destroy key %s: %w", k.Name, err)
	}
	if there, err = in.to.PutKeyIfAbsent(ctx, k.Name, k.Wrapped); err != nil {
		return keyThere, fmt.Errorf("put key %s: %w", k.Name, err)
	}
	return keyPut, in.same(k.Name, k.Wrapped, there)
}

// same is ErrKeyConflict unless the target's key is the file's, perhaps rewrapped since.
func (in *Import) same(name string, ours, theirs []byte) error {
	same, err := sameKey(in.Master, name, ours, theirs)
	if err == nil && !same {
		err = fmt.Errorf("%w: %s", ErrKeyConflict, name)
	}
	return err
}

// append appends next and what follows it in the file.
func (in *Import) append(ctx context.Context, reader *Reader, next *eventstore.Record) error {
	out := newAppender(in.to, func(events uint64, at eventstore.Position) {
		in.done.New, in.done.Position = in.done.New+events, at
		in.Progress("importing events", in.done.There+in.done.New, in.end.Events, in.done.New)
	})
	if in.OneByOne {
		out.ordered = nil
	}
	err := in.appendAll(ctx, reader, next, out)
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		conflict.Same, conflict.Imported = in.done.There, in.done.New
	}
	return err
}

func (in *Import) appendAll(ctx context.Context, reader *Reader, next *eventstore.Record, out *appender) error {
	for next != nil {
		if err := out.add(ctx, next); err != nil {
			return err
		}
		rec, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		next = &rec
	}
	if err := out.flush(ctx); err != nil {
		return err
	}
	if reader.end != nil && reader.end.SHA256 != in.end.SHA256 {
		return fmt.Errorf("%w: it changed while it was imported", ErrDamaged)
	}
	return nil
}

// subjects are the names of the keys that events were sealed with.
type subjects map[string]struct{}

// add takes in the subject that the metadata names.
func (s subjects) add(metadata []byte) {
	var of struct {
		Subject string `json:"subject"`
	}
	if json.Unmarshal(metadata, &of) == nil && of.Subject != "" {
		s[of.Subject] = struct{}{}
	}
}

// has tells that an event was sealed with the key. The install's own keys are never destroyed.
func (s subjects) has(name string) bool {
	_, ok := s[name]
	return ok && !strings.HasPrefix(name, eventstore.InstallKeys)
}
