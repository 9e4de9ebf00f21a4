package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// Database is the database that the child makes at its start and that statements run in unless they name another.
const Database = "kipay"

// Options says how the child serves the engine. Dir and Socket have to be set.
type Options struct {
	// Dir is the folder of the read models: it holds the lock and, in "store", the engine's files.
	Dir string
	// Socket is the path of the Unix socket to serve on.
	Socket string
	// Library is the path of libchdb.so; empty means where LibraryPath finds it.
	Library string
	// MaxMemoryBytes limits the engine; 0 means 1 GiB. A single read may use half of it, so that an insert finds room
	// beside a runaway query.
	MaxMemoryBytes int64
	// Readers and Writers are how many reads, and how many inserts and other changes, run at once; 0 means 6 and 2.
	Readers, Writers int
	// Analysts is how many statements of analysts run at once, each with a sixth of the engine's memory and one thread; 0
	// means 3. AnalystOverdue is how long one may go on after it was told to stop before the process gives itself up; 0
	// means 30 s.
	Analysts       int
	AnalystOverdue time.Duration
	// MaxThreads limits the threads of one statement; 0 means one for each core.
	MaxThreads int
	// EngineSettings are further options of the engine, over those that this package sets.
	EngineSettings map[string]string
	// MaxStatementBytes bounds a statement's text (0: 16 MiB), MaxInsertBytes the data of an INSERT (0: 1 GiB).
	MaxStatementBytes, MaxInsertBytes int64
	// LockTimeout is how long to wait for the child before this one to leave the folder; 0 means 10 s.
	LockTimeout time.Duration
	// StopTimeout is how long statements may go on after the end was asked for; 0 means 10 s.
	StopTimeout time.Duration
	// StallTimeout is how long a caller may neither send nor take data; 0 means 60 s.
	StallTimeout time.Duration
	// Parent ends the server when it reads end of file: it is the pipe that the supervisor holds open, file descriptor 3
	// of the child (see ParentPipe). Nil means that nobody watches.
	Parent io.Reader
	Log    zerolog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.Socket == "" {
		return o, errors.New("chdb: serve: a folder and a socket have to be given")
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&o.LockTimeout, 10 * time.Second}, {&o.StopTimeout, 10 * time.Second}, {&o.StallTimeout, time.Minute}, {&o.AnalystOverdue, 30 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	for _, n := range []struct {
		value *int64
		or    int64
	}{{&o.MaxMemoryBytes, 1 << 30}, {&o.MaxStatementBytes, 16 << 20}, {&o.MaxInsertBytes, 1 << 30}} {
		if *n.value <= 0 {
			*n.value = n.or
		}
	}
	if o.Readers <= 0 {
		o.Readers = 6
	}
	if o.Writers <= 0 {
		o.Writers = 2
	}
	if o.Analysts <= 0 {
		o.Analysts = 3
	}
	var err error
	o.Library, err = LibraryPath(o.Library)
	return o, err
}

// engineSettings are what the engine is started with: sized for a small machine that it shares with payments.
func (o Options) engineSettings() map[string]string {
	settings := map[string]string{
		// Merges get one thread: they are never urgent, and payments need the cores. This pool's ratio still lets two wait.
		"background_pool_size":        "1",
		"background_common_pool_size": "1",
		// Threads beyond these end after a heavy query instead of staying for good (there were 138). With fewer, threads are
		// ended and started again for every insert.
		"max_thread_pool_free_size": "64",
		// The engine's caches default to several GiB each.
		"mark_cache_size":                "33554432",
		"index_mark_cache_size":          "8388608",
		"primary_index_cache_size":       "33554432",
		"query_condition_cache_size":     "8388608",
		"compiled_expression_cache_size": "8388608",
		// The group's memory is the payments' process too: it says nothing about the engine.
		"memory_worker_use_cgroup": "0",
		"memory_worker_period_ms":  "500",
		// chDB turns these on; they show addresses and symbols of the process.
		"allow_introspection_functions": "0",
		"session_timezone":              "UTC",
	}
	if o.MaxThreads > 0 {
		settings["max_threads"] = strconv.Itoa(o.MaxThreads)
	}
	maps.Copy(settings, o.EngineSettings)
	return settings
}

// server is the engine behind ClickHouse's HTTP interface.
type server struct {
	opts             Options
	classes          *classes
	killer           *killer
	readers, writers *pool
	schema           *pool // answers what tables look like
	analysts         *analysts
	starved          *starved
	settings         map[string]bool // the names of the engine's settings
	version          string
	timezone         string
}

// ParentPipe is the pipe that a Supervisor gives its child, as file descriptor 3.
func ParentPipe() *os.File { return os.NewFile(3, "parent") }

// errWedged ends a process that holds a statement which cannot be stopped.
var errWedged = errors.New("the engine is wedged")

// Serve opens the engine over a folder and serves it on a Unix socket until ctx ends or the parent does, lets
// statements finish, and closes the engine. It is meant to be all that its process does: it sets the process's umask,
// and no engine can be opened afterwards.
func Serve(ctx context.Context, opts Options) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if opts.Parent != nil {
		go func() {
			// Ends with the process at the latest. Nothing is ever written to the pipe: any return means that it is closed.
			_, _ = io.Copy(io.Discard, opts.Parent)
			opts.Log.Info().Msg("the parent has closed its pipe: stopping")
			cancel()
		}()
	}
	// Everything that this process makes, the socket above all, is for its user alone from the first moment on.
	unix.Umask(0o077)
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return fmt.Errorf("chdb: folder: %w", err)
	}
	lock, err := lockWithin(ctx, opts.Dir, opts.LockTimeout)
	if err != nil {
		return err
	}
	wedged := false
	defer func() {
		if !wedged { // then the engine still works in the folder, until the end of the process frees it
			_ = lock.Close()
		}
	}()

	engine, err := OpenEngine(EngineOptions{
		Library:        opts.Library,
		Path:           filepath.Join(opts.Dir, "store"),
		MaxMemoryBytes: opts.MaxMemoryBytes,
		Settings:       opts.engineSettings(),
	})
	if err != nil {
		return err
	}
	s := &server{opts: opts, starved: newStarved()}
	if err := s.open(engine); err != nil {
		return err
	}
	served := s.serve(ctx)
	if wedged = errors.Is(served, errWedged); wedged {
		return served // closing would wait for what does not end
	}
	return errors.Join(served, s.close(engine))
}

func lockWithin(ctx context.Context, dir string, limit time.Duration) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return lockFolder(ctx, dir)
}

// open makes the connections that every request needs.
func (s *server) open(engine *Engine) error {
	control, err := engine.Connect(nil)
	if err != nil {
		return err
	}
	s.killer = &killer{conn: control, every: 50 * time.Millisecond}
	parser, err := engine.Connect(nil)
	if err != nil {
		return err
	}
	s.classes = newClasses(parser)
	if err := control.Exec("CREATE DATABASE IF NOT EXISTS " + quoteIdentifier(Database)); err != nil {
		return fmt.Errorf("create database %s: %w", Database, err)
	}
	names, err := words(control, "SELECT name FROM system.settings")
	if err != nil {
		return fmt.Errorf("list settings: %w", err)
	}
	s.settings = make(map[string]bool, len(names))
	for _, name := range names {
		s.settings[name] = true
	}
	facts, err := words(control, "SELECT arrayJoin([version(), timezone()])")
	if err != nil || len(facts) != 2 {
		return fmt.Errorf("ask the engine's version: %q: %w", facts, err)
	}
	s.version, s.timezone = facts[0], facts[1]

	reads := map[string]string{
		// With 1, and not 2, table functions that read files or the network are refused too.
		"readonly":         "1",
		"max_memory_usage": strconv.FormatInt(s.opts.MaxMemoryBytes/2, 10),
	}
	s.readers = newPool(engine, s.killer, "read", s.opts.Readers, reads)
	s.schema = newPool(engine, s.killer, "schema", 1, reads)
	s.writers = newPool(engine, s.killer, "write", s.opts.Writers, map[string]string{
		// What is inserted is small blocks, many a second, of rows that are one for each key already: more threads cost
		// more than they save, and skip indexes are soon enough when parts are merged.
		"max_threads":                        "1",
		"max_insert_threads":                 "1",
		"optimize_on_insert":                 "0",
		"materialize_skip_indexes_on_insert": "0",
	})
	s.analysts, err = s.newAnalysts(engine, control)
	return err
}

// words is the only column of a small result whose values hold no white space.
func words(conn *Conn, sql string) ([]string, error) {
	result, err := conn.Query(sql, "TabSeparated")
	if err != nil {
		return nil, err
	}
	defer result.Close()
	return strings.Fields(string(result.Bytes())), nil
}

// serve answers requests until ctx ends, then lets those that run finish.
func (s *server) serve(ctx context.Context) error {
	// The lock is ours, so a socket that is there belongs to nobody any more.
	if err := os.Remove(s.opts.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("chdb: socket: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", s.opts.Socket)
	if err != nil {
		return fmt.Errorf("chdb: listen: %w", err)
	}
	if err := os.Chmod(s.opts.Socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("chdb: socket: %w", err), listener.Close())
	}

	// Statements have a context of their own: the end of ctx lets them finish, running stops them.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", s.ping)
	mux.HandleFunc("GET /{$}", s.answer)
	mux.HandleFunc("POST /{$}", s.answer)
	mux.HandleFunc("POST "+AnalystPath, s.analysts.answer)
	web := &http.Server{
		Handler:           fresh(mux),
		BaseContext:       func(net.Listener) context.Context { return running },
		ReadHeaderTimeout: s.opts.StallTimeout,
		IdleTimeout:       10 * time.Minute,
		MaxHeaderBytes:    4 << 20, // parameters come in the URL
	}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	s.opts.Log.Info().Str("socket", s.opts.Socket).Str("clickhouse", s.version).Msg("read models are served")

	select {
	case err := <-ended:
		return fmt.Errorf("chdb: serve: %w", err)
	case err := <-s.analysts.wedged:
		return errors.Join(errWedged, err)
	case err := <-s.starved.over:
		return errors.Join(errWedged, err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(running, s.opts.StopTimeout)
	defer cancel()
	if err := web.Shutdown(patience); err != nil {
		s.opts.Log.Warn().Err(err).Msg("statements are stopped")
		stop()
		_ = web.Close() // unblocks those that wait for data; their own errors are answered
	}
	<-ended
	return nil
}

// fresh lets every request begin without the write deadline that the one before it left on the connection.
func fresh(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			return // the connection is closed
		}
		next.ServeHTTP(w, r)
	})
}

// ping answers when the engine does: a server whose engine is wedged is not alive.
func (s *server) ping(w http.ResponseWriter, r *http.Request) {
	if err := s.killer.alive(); err != nil {
		answerError(w, inWords(r.Context(), err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	_, _ = io.WriteString(w, "Ok.\n")
}

// close waits for the statements that still run, closes every connection and then the engine: in the other order the
// library would wait for ever.
func (s *server) close(engine *Engine) error {
	s.readers.close()
	s.schema.close()
	s.writers.close()
	s.analysts.close()
	s.classes.parser.Close()
	s.killer.conn.Close()
	if err := engine.Close(); err != nil {
		return err
	}
	s.opts.Log.Info().Msg("the engine is closed")
	return nil
}
