package chdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	// LibraryVersion is the version of the package that libchdb.so comes from; it names the folder in the user's cache.
	LibraryVersion = "26.7.3-stable.1"
	// EngineVersion is the version of ClickHouse that this library holds.
	EngineVersion = "26.7.2.1"
	// LibraryEnv names the variable that overrides where the library is looked for.
	LibraryEnv = "KIPAY_CHDB_LIB"

	libraryFile = "libchdb.so"
)

// LibraryPath is where libchdb.so is: override if given, else what KIPAY_CHDB_LIB says, else the user's cache folder,
// where `make deps` puts it. A missing file is an error that says what to do.
func LibraryPath(override string) (string, error) {
	path := override
	if path == "" {
		path = os.Getenv(LibraryEnv)
	}
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("chdb: no cache folder to look for %s in (set %s): %w", libraryFile, LibraryEnv, err)
		}
		path = filepath.Join(cache, "kipay", "chdb", LibraryVersion, libraryFile)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("chdb: library path: %w", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("chdb: the engine's library is missing at %s: run `make deps`, or set %s to where it is", path, LibraryEnv)
	}
	if err != nil {
		return "", fmt.Errorf("chdb: library: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("chdb: %s is not a library: run `make deps`, or set %s to where it is", path, LibraryEnv)
	}
	return path, nil
}

// handle is a pointer that belongs to the engine: Go neither looks behind it nor frees it.
type handle uintptr

// library is the C interface of libchdb.so, as its public header declares it. Lengths are size_t, handles are opaque.
type library struct {
	setSignalHandlers func(enabled int32)
	version           func() string
	connect           func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn         func(conn unsafe.Pointer)
	shutdown          func()

	query       func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) handle
	queryParams func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle

	stream       func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) handle
	streamParams func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle
	streamFetch  func(conn, stream handle) handle
	streamCancel func(conn, stream handle)

	insert        func(conn handle, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) handle
	insertError   func(insert handle) string
	insertAppend  func(insert handle, data unsafe.Pointer, dataLen uintptr) int32
	insertDone    func(insert handle) handle
	insertCancel  func(insert handle)
	insertDestroy func(insert handle)

	classify func(conn handle, sql unsafe.Pointer, sqlLen uintptr, database unsafe.Pointer, databaseLen uintptr, out unsafe.Pointer) int32

	resultError       func(result handle) string
	resultBuffer      func(result handle) unsafe.Pointer
	resultLength      func(result handle) uintptr
	resultRowsRead    func(result handle) uint64
	resultRowsWritten func(result handle) uint64
	resultElapsed     func(result handle) float64
	resultDestroy     func(result handle)
}

// load opens the library and binds every call, so that a library of another version fails here and not in the middle
// of a statement.
func load(path string) (*library, error) {
	// RTLD_LOCAL: the library carries its own copies of OpenSSL, zlib and others, which must not answer for anyone else.
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("chdb: load %s: %w", path, err)
	}
	l := &library{}
	for name, call := range map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
		"chdb_version":                     &l.version,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_shutdown":                    &l.shutdown,
		"chdb_query_n":                     &l.query,
		"chdb_query_with_params_n":         &l.queryParams,
		"chdb_stream_query_n":              &l.stream,
		"chdb_stream_query_with_params_n":  &l.streamParams,
		"chdb_stream_fetch_result":         &l.streamFetch,
		"chdb_stream_cancel_query":         &l.streamCancel,
		"chdb_stream_insert_n":             &l.insert,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.insertCancel,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
		"chdb_classify_query_n":            &l.classify,
		"chdb_result_error":                &l.resultError,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_rows_read":            &l.resultRowsRead,
		"chdb_result_rows_written":         &l.resultRowsWritten,
		"chdb_result_elapsed":              &l.resultElapsed,
		"chdb_destroy_query_result":        &l.resultDestroy,
	} {
		symbol, err := purego.Dlsym(lib, name)
		if err != nil {
			return nil, fmt.Errorf("chdb: %s is not chDB %s (no %s): run `make deps`: %w", path, LibraryVersion, name, err)
		}
		purego.RegisterFunc(call, symbol)
	}
	return l, nil
}
