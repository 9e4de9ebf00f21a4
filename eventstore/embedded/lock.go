package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benfex/kipay/eventstore"
)

// OwnerFile is the file in the folder whose lock makes a process its owner. It says who that is.
const OwnerFile = "OWNER"

// owner is what the owner's file holds, as JSON.
type owner struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Started time.Time `json:"started"`
}

// ownerLock is the lock of a folder. The kernel gives it back when the process ends, however it ends.
type ownerLock struct{ file *os.File }

// lockFolder makes this process the owner of the folder, or answers ErrUnavailable with the name of the process that
// is it, or with what is wrong with the folder.
func lockFolder(dir string) (*ownerLock, error) {
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir,
			reason("create it", err), err)
	}
	path := filepath.Join(dir, OwnerFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir,
			reason("open "+OwnerFile, err), err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = file.Close() }()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: event store folder %s is in use by %s", eventstore.ErrUnavailable, dir, readOwner(path))
		}
		return nil, fmt.Errorf("%w: lock event store folder %s: %w", eventstore.ErrUnavailable, dir, err)
	}
	lock := &ownerLock{file: file}
	if err := lock.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir,
			reason("write "+OwnerFile, err), err), lock.Close())
	}
	return lock, nil
}

// sign writes this process into the owner's file.
func (l *ownerLock) sign() error {
	text, err := json.Marshal(owner{
		PID: os.Getpid(), Command: commandOf(os.Args), Started: time.Now().UTC().Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	if _, err := l.file.WriteAt(append(text, '\n'), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(text) + 1))
}

// commandOf is what a process was started as, up to its first flag: what flags say may be somebody's name or address, and
// the file outlives the process.
func commandOf(args []string) string {
	if i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") }); i >= 0 {
		args = args[:i]
	}
	return strings.Join(args, " ")
}

// readOwner describes the process that holds the folder.
func readOwner(path string) string {
	text, err := os.ReadFile(path)
	var by owner
	if err != nil || json.Unmarshal(text, &by) != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d (%s), since %s", by.PID, by.Command, by.Started.Format(time.RFC3339))
}

// Close gives the folder up.
func (l *ownerLock) Close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// makeFolder creates the folder with what is missing above it, and syncs each folder that got a new entry.
func makeFolder(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil {
			if !info.IsDir() {
				return fmt.Errorf("%s is not a folder", at)
			}
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		missing = append(missing, at)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, made := range missing {
		if err := syncFolder(filepath.Dir(made)); err != nil {
			return err
		}
	}
	return nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// OwnFolder makes this process the owner of any folder, as Open does with its own, until the closer is closed.
// ErrUnavailable, with a name, when another process is it.
func OwnFolder(dir string) (io.Closer, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	return lock, nil
}
