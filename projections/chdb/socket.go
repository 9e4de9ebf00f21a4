package chdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	// maxSocketPath is the longest path of a Unix socket that every system takes (sun_path, with its final NUL).
	maxSocketPath = 103
	socketFile    = "readmodel.sock"
	// socketHost stands where HTTP wants a host; the socket's dialer does not look at it.
	socketHost = "readmodel.kipay.internal:80"
)

// SocketPath is the path of the socket of the read models in dir: inside it, or, when that would be longer than a
// socket's path may be, in a folder of the system's temporary folder that only this user can enter.
func SocketPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("chdb: socket: %w", err)
	}
	if path := filepath.Join(dir, socketFile); len(path) <= maxSocketPath {
		return path, nil
	}
	sum := sha256.Sum256([]byte(dir))
	private := filepath.Join(os.TempDir(), "kipay-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:8]))
	if err := os.Mkdir(private, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("chdb: socket: %w", err)
	}
	// The name can be guessed, and others may write into the temporary folder: it has to be ours and a real folder.
	info, err := os.Lstat(private)
	if err != nil {
		return "", fmt.Errorf("chdb: socket: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || int(owner.Uid) != os.Getuid() {
		return "", fmt.Errorf("chdb: socket: %s is not a private folder of this user", private)
	}
	path := filepath.Join(private, socketFile)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("chdb: socket: %s is longer than %d bytes: set TMPDIR to a shorter folder", path, maxSocketPath)
	}
	return path, nil
}

func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return conn, nil
}
