package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/benfex/kipay/eventstore"
)

// destroyed are the names of the keys that the file's events say are destroyed. It is true of those that are in the file of keys
// all the same: whose they are has come back since, and has a new one.
type destroyed map[string]bool

// noteDestroyed takes in what an event's line says of keys.
func (in *Import) noteDestroyed(line []byte) error {
	for kind, names := range in.Destroys {
		if !bytes.Contains(line, []byte(`"`+kind+`"`)) {
			continue // nearly all of them, which needn't be read twice
		}
		r, err := parseEvent(line)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if r.Type != kind {
			continue
		}
		list, err := names(r.Data)
		if err != nil {
			return fmt.Errorf("%w: %s of %s: %w", ErrDamaged, r.Type, r.Stream, err)
		}
		for _, name := range list {
			in.destroyed[name] = false
		}
	}
	return nil
}

// stale tells that the target's key of the name was destroyed at the source, and that what is in the file is another one. A target
// that has gone on since has a later word on it.
func (in *Import) stale(name string) bool {
	_, named := in.destroyed[name]
	return named && !in.ahead
}

// destroy destroys the keys in the target that were destroyed at the source since an earlier import put them.
func (in *Import) destroy(ctx context.Context) error {
	if in.ahead {
		return nil
	}
	for name, back := range in.destroyed {
		if back || strings.HasPrefix(name, eventstore.InstallKeys) {
			continue
		}
		_, err := in.to.GetKey(ctx, name)
		if errors.Is(err, eventstore.ErrKeyNotFound) {
			continue
		}
		if err == nil {
			err = in.to.DeleteKey(ctx, name)
		}
		if err != nil {
			return fmt.Errorf("destroy key %s: %w", name, err)
		}
		in.done.DestroyedKeys++
	}
	return nil
}
