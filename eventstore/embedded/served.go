package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/benfex/kipay/eventstore"
)

// servedFile is the file that marks a folder as one of `kipay eventstore`. What such a folder holds under the names of
// streams and keys is laid out by esdbserver: `kipay serve` would find no subject's key in it.
const servedFile = "SERVED"

// pebbleFiles finds something in every folder that Pebble has ever opened.
const pebbleFiles = "MANIFEST-*"

// MarkServed marks the folder as one of `kipay eventstore`, before it is opened. ErrUnavailable when `kipay serve` has
// written it.
func MarkServed(dir string) error {
	served, err := isServed(dir)
	if err != nil || served {
		return err
	}
	if found, err := filepath.Glob(filepath.Join(dir, pebbleFiles)); err != nil || len(found) > 0 {
		return errors.Join(fmt.Errorf("%w: the event store in %s was written by `kipay serve` for itself; to move it behind "+
			"`kipay eventstore`, export its events and import them there", eventstore.ErrUnavailable, dir), err)
	}
	if err := makeFolder(dir); err != nil {
		return fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir, reason("create it", err), err)
	}
	const text = "This event store belongs to `kipay eventstore`: connect to it with KIPAY_EVENTSTORE=esdb://...\n"
	if err := writeSynced(filepath.Join(dir, servedFile), text); err != nil {
		return fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir, reason("write "+servedFile, err), err)
	}
	return nil
}

// RefuseServed is ErrUnavailable when the folder is one of `kipay eventstore`: for `kipay serve`, before it opens it.
func RefuseServed(dir string) error {
	served, err := isServed(dir)
	if err != nil || !served {
		return err
	}
	return fmt.Errorf("%w: the event store in %s belongs to `kipay eventstore`: start that, and connect to it with "+
		"KIPAY_EVENTSTORE=esdb://HOST:PORT", eventstore.ErrUnavailable, dir)
}

func isServed(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, servedFile))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("%w: event store folder %s: %w", eventstore.ErrUnavailable, dir, err)
	}
}

// writeSynced writes a file that is there, whole, once it returns.
func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
