package chdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

// EngineOptions says where the engine keeps its data and what it may use.
type EngineOptions struct {
	// Library is the path of libchdb.so, as LibraryPath gives it.
	Library string
	// Path is the storage folder; it is made with mode 0700 when it isn't there.
	Path string
	// MaxMemoryBytes limits what the whole engine may allocate: a query that would pass it fails with code 241.
	// 0 leaves the engine's own limit, which is most of the machine's memory.
	MaxMemoryBytes int64
	// Settings are further options of the engine (max_threads, background_pool_size …), given to the first connection.
	Settings map[string]string
}

// engineOpened is the one piece of package state: the engine is a singleton of the process, whatever we do. The second
// open in a process would otherwise fail inside the library in ways that are hard to read.
var engineOpened atomic.Bool

// Engine is the one engine of this process, over one storage folder.
type Engine struct {
	lib  *library
	argv []string

	mu    sync.Mutex
	open  int // connections that are not closed yet; shutdown must wait for them
	ended bool
}

// OpenEngine loads the library and opens the storage folder. A process can do so once.
func OpenEngine(opts EngineOptions) (*Engine, error) {
	if opts.Path == "" {
		return nil, errors.New("chdb: open engine: no storage folder given")
	}
	path, err := filepath.Abs(opts.Path)
	if err != nil {
		return nil, fmt.Errorf("chdb: storage folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("chdb: storage folder: %w", err)
	}
	lib, err := load(opts.Library)
	if err != nil {
		return nil, err
	}
	if !engineOpened.CompareAndSwap(false, true) {
		return nil, errors.New("chdb: open engine: this process has had one already")
	}
	// Before the first connect, or the engine takes the Go runtime's signals.
	lib.setSignalHandlers(0)

	argv := []string{"kipay", "--path=" + path}
	if opts.MaxMemoryBytes > 0 {
		argv = append(argv, "--max_server_memory_usage="+strconv.FormatInt(opts.MaxMemoryBytes, 10))
	}
	return &Engine{lib: lib, argv: append(argv, options(opts.Settings)...)}, nil
}

// options are settings in the form of a command line, in a fixed order.
func options(settings map[string]string) []string {
	args := make([]string, 0, len(settings))
	for name, value := range settings {
		args = append(args, "--"+name+"="+value)
	}
	sort.Strings(args)
	return args
}

// Version is the version of ClickHouse that the library holds.
func (e *Engine) Version() string { return e.lib.version() }

// Connect opens a session of its own. Its settings (readonly, max_threads, max_memory_usage …) hold for it alone.
func (e *Engine) Connect(settings map[string]string) (*Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil, errors.New("chdb: connect: the engine is shut down")
	}
	argv := append(append([]string{}, e.argv...), options(settings)...)

	var pin runtime.Pinner
	defer pin.Unpin()
	pointers := make([]unsafe.Pointer, len(argv)+1) // ends with NULL, as argv of main does
	for i, arg := range argv {
		text := append([]byte(arg), 0)
		pin.Pin(&text[0])
		pointers[i] = unsafe.Pointer(&text[0])
	}
	conn := e.lib.connect(int32(len(argv)), unsafe.Pointer(&pointers[0]))
	if conn == nil {
		return nil, fmt.Errorf("chdb: connect with %q: the engine refused; its own words are on stderr", argv[1:])
	}
	e.open++
	return &Conn{engine: e, lib: e.lib, pointer: conn, handle: *(*handle)(conn)}, nil
}

// Close joins the engine's threads. Every connection has to be closed before, and none can be opened afterwards.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	if e.open > 0 {
		return fmt.Errorf("chdb: shut down: %d connections are still open", e.open)
	}
	e.ended = true
	e.lib.shutdown()
	return nil
}

func (e *Engine) closed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
}
