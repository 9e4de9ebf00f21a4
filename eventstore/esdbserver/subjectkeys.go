package esdbserver

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// subjectKeyPrefix is that of the only streams that can be deleted: those that hold the wrapped data keys of subjects.
const subjectKeyPrefix = "subjectkey-"

// maxPayload bounds an event of such a stream: it has to fit into the engine's key space.
const maxPayload = 60 << 10

// shellMetadata is the metadata of a shell, for whoever looks into the folder.
const shellMetadata = `{"payload":"apart"}`

func isSubjectKey(stream string) bool { return strings.HasPrefix(stream, subjectKeyPrefix) }

// subjectKeys keeps the streams subjectkey-*. The log can't be taken anything out of, so such an event goes into it as a
// shell: stream, id and type, no data. Its payload lies in the engine's key space, which can, under the hash of the
// stream and the event's id; readers get both joined.
//
// The payload is written before the shell and is durable with it at the latest. So a shell without a payload was
// deleted, or has a newer one after it: only the newest payload of a stream is kept. A payload without a shell, after a
// crash or an append that was refused, is seen by nobody, and goes with the next write or delete of its stream.
type subjectKeys struct {
	streams *streams
	// locks make the steps of a write or a delete one, stream by stream.
	locks [256]sync.Mutex
}

// hashBytes tells streams apart in the names of payloads.
const hashBytes = 16

// lock locks the stream, and answers the beginning of its payloads' names.
func (k *subjectKeys) lock(stream string) (names string, unlock func()) {
	sum := sha256.Sum256([]byte(stream))
	mu := &k.locks[sum[hashBytes]]
	mu.Lock()
	return namesOf(sum), mu.Unlock
}

func namesOf(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:hashBytes]) + "-" }

func payloadName(names string, id uuid.UUID) string { return names + hex.EncodeToString(id[:]) }

// payload puts data and metadata of an event together.
func payload(e *eventstore.NewEvent) []byte {
	out := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen32+len(e.Data)+len(e.Metadata)), uint64(len(e.Data)))
	return append(append(out, e.Data...), e.Metadata...)
}

// join fills in the event's payload. It answers false when there is none.
func (k *subjectKeys) join(ctx context.Context, e *event) (bool, error) {
	raw, err := k.streams.store.GetKey(ctx, payloadName(namesOf(sha256.Sum256([]byte(e.Stream))), e.ID))
	if errors.Is(err, eventstore.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	length, n := binary.Uvarint(raw)
	if n <= 0 || length > uint64(len(raw)-n) {
		return false, fmt.Errorf("%w: payload of event %s of %s", eventstore.ErrCorrupt, e.ID, e.Stream)
	}
	e.Data, e.Metadata = raw[n:n+int(length)], raw[n+int(length):]
	return true, nil
}

// state is what is known of a stream before it is written to.
type subjectKeyState struct {
	newest eventstore.Record
	// exists tells that it has events; deleted, that none of them can be read any more.
	exists, deleted bool
}

func (k *subjectKeys) state(ctx context.Context, stream, names string) (st subjectKeyState, err error) {
	if st.newest, st.exists, err = k.streams.newest(ctx, stream); err != nil || !st.exists {
		return st, err
	}
	_, err = k.streams.store.GetKey(ctx, payloadName(names, st.newest.ID))
	if errors.Is(err, eventstore.ErrKeyNotFound) {
		st.deleted, err = true, nil
	}
	return st, err
}

// write carries out an append.
func (k *subjectKeys) write(ctx context.Context, p *proposal) (outcome, error) {
	names, unlock := k.lock(p.stream)
	defer unlock()
	st, err := k.state(ctx, p.stream, names)
	if err != nil {
		return outcome{}, err
	}
	expected := p.expected
	switch {
	case st.deleted && expected.kind == noStream: // a deleted stream begins again where it ended
		expected = expectation{exactRevision, st.newest.Revision}
	case st.deleted && expected.kind == streamExists:
		return outcome{}, streamDeletedError{p.stream}
	}
	if len(p.events) == 0 {
		return k.streams.append(ctx, p.stream, expected, nil)
	}
	last := &p.events[len(p.events)-1]
	repeats := st.exists && !st.deleted && st.newest.ID == last.ID
	if !repeats {
		raw := payload(last)
		if len(raw) > maxPayload {
			return outcome{}, fmt.Errorf("%w: an event of %s has %d bytes, at most %d", eventstore.ErrTooLarge, p.stream, len(raw), maxPayload)
		}
		if _, err := k.streams.store.PutKeyIfAbsent(ctx, payloadName(names, last.ID), raw); err != nil {
			return outcome{}, err
		}
	}
	done, err := k.streams.append(ctx, p.stream, expected, shells(p.events))
	if err != nil || repeats || !st.exists && !done.wrong {
		return done, err // with an error nobody knows whether there is a shell: the payload stays
	}
	keep := st.newest.ID
	if !done.wrong && done.revision > st.newest.Revision {
		keep = last.ID
	}
	return done, k.sweep(ctx, names, keep, k.streams.store.DropKey)
}

// shells are the events as they go into the log.
func shells(events []eventstore.NewEvent) []eventstore.NewEvent {
	out := make([]eventstore.NewEvent, len(events))
	for i := range events {
		out[i] = eventstore.NewEvent{ID: events[i].ID, Type: events[i].Type, Metadata: []byte(shellMetadata)}
	}
	return out
}

// errSwept ends a walk over the keys.
var errSwept = errors.New("no further payload of the stream")

// sweep removes the stream's payloads but the one to keep.
func (k *subjectKeys) sweep(ctx context.Context, names string, keep uuid.UUID, remove func(context.Context, string) error) error {
	var old []string
	err := k.streams.store.EachKey(ctx, names, func(name string, _ []byte) error {
		if !strings.HasPrefix(name, names) {
			return errSwept
		}
		if name != payloadName(names, keep) {
			old = append(old, name)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSwept) {
		return err
	}
	for _, name := range old {
		if err := remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// delete takes the stream's payloads away, bytes included. It answers the position up to which the stream is gone.
func (k *subjectKeys) delete(ctx context.Context, stream string, expected expectation) (outcome, error) {
	names, unlock := k.lock(stream)
	defer unlock()
	st, err := k.state(ctx, stream, names)
	if err != nil {
		return outcome{}, err
	}
	readable := st.exists && !st.deleted
	wrong := outcome{wrong: true, revision: st.newest.Revision}
	switch {
	case st.deleted && expected.kind == streamExists:
		return outcome{}, streamDeletedError{stream}
	case expected.kind == noStream && readable,
		expected.kind == streamExists && !st.exists,
		expected.kind == exactRevision && (!st.exists || expected.revision != st.newest.Revision):
		return wrong, nil
	}
	if err := k.sweep(ctx, names, uuid.Nil, k.streams.store.DeleteKey); err != nil {
		return outcome{}, err
	}
	head, err := k.streams.store.Head(ctx)
	return outcome{revision: st.newest.Revision, position: head}, err
}
