package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore/embedded"
)

// maxKeyFiles is how many files the keys of a point may lie in before they are written in one again.
const maxKeyFiles = 16

// keysHeader is the first line of a key file. Its frames are names, in their order, each followed by the wrapped key, or
// by nothing when the key is gone.
type keysHeader struct {
	Kind   string    `json:"kind"`
	Format int       `json:"format"`
	Store  uuid.UUID `json:"store"`
	// Erasures is how many lines of the list of erasures were known: what stands there later destroys keys in this file.
	Erasures uint64 `json:"erasures"`
}

const keysKind = "kipay keys"

// keySource gives keys in the order of their names.
type keySource interface {
	// Next is the next key; ok is false at the end. An empty key is one that is gone.
	Next() (name string, wrapped []byte, ok bool, err error)
}

// keyFile reads a key file, and verifies it on the way.
type keyFile struct {
	*fileReader
	header keysHeader
	last   string
}

func openKeys(dir string, store uuid.UUID, ref Ref) (*keyFile, error) {
	f := &keyFile{}
	r, err := openFile(dir, ref, &f.header)
	if err != nil {
		return nil, err
	}
	f.fileReader = r
	if f.header.Kind != keysKind || f.header.Format != format || f.header.Store != store {
		r.close()
		return nil, r.damaged(errors.New("its first line does not fit"))
	}
	return f, nil
}

// Next is the next key.
func (f *keyFile) Next() (string, []byte, bool, error) {
	name, err := f.frame(nil)
	if errors.Is(err, io.EOF) {
		return "", nil, false, nil
	}
	if err != nil {
		return "", nil, false, err
	}
	wrapped, err := f.frame(nil)
	if errors.Is(err, io.EOF) {
		err = f.damaged(errors.New("a name without a key"))
	}
	if err != nil {
		return "", nil, false, err
	}
	if string(name) <= f.last {
		return "", nil, false, f.damaged(errors.New("its names are out of order"))
	}
	f.last = string(name)
	return f.last, wrapped, true, nil
}

// layered gives the keys of several files, of which a later one overrides those before it.
type layered struct {
	files []*keyFile
	heads []layerHead
}

type layerHead struct {
	name    string
	wrapped []byte
	ok      bool
}

func openLayers(dir string, store uuid.UUID, refs []Ref) (*layered, error) {
	l := &layered{}
	for _, ref := range refs {
		f, err := openKeys(dir, store, ref)
		if err != nil {
			l.close()
			return nil, err
		}
		l.files = append(l.files, f)
		l.heads = append(l.heads, layerHead{})
		if err := l.advance(len(l.files) - 1); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func (l *layered) advance(i int) (err error) {
	h := &l.heads[i]
	h.name, h.wrapped, h.ok, err = l.files[i].Next()
	return err
}

// Next is the next key that is there.
func (l *layered) Next() (name string, wrapped []byte, ok bool, err error) {
	for {
		ok = false
		for _, h := range l.heads {
			if h.ok && (!ok || h.name <= name) { // the last of the same name wins
				name, wrapped, ok = h.name, h.wrapped, true
			}
		}
		if !ok {
			return "", nil, false, nil
		}
		for i := range l.heads {
			if l.heads[i].ok && l.heads[i].name == name {
				if err := l.advance(i); err != nil {
					return "", nil, false, err
				}
			}
		}
		if len(wrapped) > 0 {
			return name, wrapped, true, nil
		}
	}
}

func (l *layered) close() {
	for _, f := range l.files {
		f.close()
	}
}

// keyWriter writes a key file.
type keyWriter struct{ *fileWriter }

func createKeys(dir string, store uuid.UUID, erasures uint64) (keyWriter, error) {
	w, err := createFile(dir, keysDir, keysHeader{keysKind, format, store, erasures})
	return keyWriter{w}, err
}

func (w keyWriter) put(name string, wrapped []byte) error {
	if err := w.frame([]byte(name)); err != nil {
		return err
	}
	return w.frame(wrapped)
}

func (w keyWriter) commit() (Ref, error) {
	return w.fileWriter.commit(func(sum string) string { return keysDir + "/" + sum + ".keys" })
}

// writeKeys writes the keys of the view: what differs from the point before, or all of them in one file where that is
// not worth it. It answers the files that hold them all now.
func writeKeys(ctx context.Context, dir string, view *embedded.View, erasures uint64, before *Point, news func(done uint64)) (refs []Ref, count uint64, written int64, err error) {
	// A file without the destroyed keys takes the place of those that held them.
	if before != nil && before.Erasures == erasures && len(before.Keys) > 0 && len(before.Keys) < maxKeyFiles {
		ref, count, err := writeChanges(ctx, dir, view, erasures, before, news)
		switch {
		case err != nil:
			return nil, 0, 0, err
		case ref == nil:
			return before.Keys, count, 0, nil
		}
		changes := ref.Bytes
		for _, r := range before.Keys[1:] {
			changes += r.Bytes
		}
		if changes <= before.Keys[0].Bytes/2 {
			return append(append([]Ref{}, before.Keys...), *ref), count, ref.Bytes, nil
		}
	}
	ref, count, err := writeAllKeys(ctx, dir, view, erasures, news)
	if err != nil {
		return nil, 0, 0, err
	}
	return []Ref{ref}, count, ref.Bytes, nil
}

func writeAllKeys(ctx context.Context, dir string, view *embedded.View, erasures uint64, news func(done uint64)) (_ Ref, count uint64, err error) {
	live, err := view.Keys(ctx)
	if err != nil {
		return Ref{}, 0, err
	}
	defer func() { _ = live.Close() }()
	w, err := createKeys(dir, view.Store(), erasures)
	if err != nil {
		return Ref{}, 0, err
	}
	defer w.discard()
	err = eachKey(ctx, live, func(name string, wrapped []byte) error {
		if count++; count%newsEvery == 0 {
			news(count)
		}
		return w.put(name, wrapped)
	})
	if err != nil {
		return Ref{}, 0, err
	}
	ref, err := w.commit()
	return ref, count, err
}

// writeChanges writes what differs between the keys of the point and those of the view; nil when nothing does.
func writeChanges(ctx context.Context, dir string, view *embedded.View, erasures uint64, before *Point, news func(done uint64)) (_ *Ref, count uint64, err error) {
	old, err := openLayers(dir, before.Store, before.Keys)
	if err != nil {
		return nil, 0, err
	}
	defer old.close()
	live, err := view.Keys(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = live.Close() }()
	w, err := createKeys(dir, view.Store(), erasures)
	if err != nil {
		return nil, 0, err
	}
	defer w.discard()
	oldName, oldKey, more, err := old.Next()
	if err != nil {
		return nil, 0, err
	}
	// catchUp takes the old keys before the name off: they are gone.
	catchUp := func(until func(name string) bool) error {
		for more && until(oldName) {
			if err := w.put(oldName, nil); err != nil {
				return err
			}
			if oldName, oldKey, more, err = old.Next(); err != nil {
				return err
			}
		}
		return nil
	}
	err = eachKey(ctx, live, func(name string, wrapped []byte) error {
		if count++; count%newsEvery == 0 {
			news(count)
		}
		if err := catchUp(func(old string) bool { return old < name }); err != nil {
			return err
		}
		same := more && oldName == name && bytes.Equal(oldKey, wrapped)
		if more && oldName == name {
			if oldName, oldKey, more, err = old.Next(); err != nil {
				return err
			}
		}
		if same {
			return nil
		}
		return w.put(name, wrapped)
	})
	if err == nil {
		err = catchUp(func(string) bool { return true })
	}
	if err != nil || w.frames == 0 {
		return nil, count, err
	}
	ref, err := w.commit()
	return &ref, count, err
}

// eachKey calls fn for every key of the source.
func eachKey(ctx context.Context, source keySource, fn func(name string, wrapped []byte) error) error {
	for n := 1; ; n++ {
		name, wrapped, ok, err := source.Next()
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		if !ok {
			return nil
		}
		if n%newsEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fn(name, wrapped); err != nil {
			return err
		}
	}
}
