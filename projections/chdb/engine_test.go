package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// engineTest marks the process that TestEngine runs in.
const engineTest = "KIPAY_CHDB_ENGINE_TEST"

// TestEngine is one test in a process of its own because a process can open the engine once, and tests may be run
// again. That process is this binary, so the race detector watches the binding too.
func TestEngine(t *testing.T) {
	if os.Getenv(engineTest) == "" {
		again := exec.CommandContext(within(t), os.Args[0], "-test.run=^TestEngine$", "-test.v")
		again.Env = append(os.Environ(), engineTest+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	library, err := LibraryPath("")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := OpenEngine(EngineOptions{Library: library, Path: shortDir(t), MaxMemoryBytes: testMemory})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, engine)
	for _, sql := range []string{"CREATE DATABASE d", "USE d", "CREATE TABLE t (n Int64, s String) ENGINE = MergeTree ORDER BY n"} {
		if err := conn.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a process has one engine", func(t *testing.T) {
		if _, err := OpenEngine(EngineOptions{Library: library, Path: shortDir(t)}); err == nil {
			t.Error("a second one was opened")
		}
	})
	t.Run("the library holds the version that the constant says", func(t *testing.T) {
		if got := ask(t, conn, "SELECT version()"); got != EngineVersion {
			t.Errorf("EngineVersion is %s, the engine says %s", EngineVersion, got)
		}
		if got := engine.Version(); !strings.HasPrefix(LibraryVersion, got) {
			t.Errorf("LibraryVersion is %s, the library says %s", LibraryVersion, got)
		}
	})
	t.Run("the parser is asked once what a statement is", func(t *testing.T) {
		parser := connect(t, engine)
		known := newClasses(parser)
		for range 2 {
			for sql, want := range map[string]Class{"SELECT 1": ReadOnly, "INSERT INTO t FORMAT Native": Mutating, "SELECT 1 INTO OUTFILE 'x'": Control} {
				if got, err := known.of(sql, "d"); err != nil || got.Class != want {
					t.Errorf("%s is %d, want %d: %v", sql, got.Class, want, err)
				}
			}
			parser.Close()
		}
		if _, err := known.of("SELECT 2", "d"); err == nil {
			t.Error("another statement was not asked for")
		}
		if _, err := known.of("SELECT 1", "other"); err == nil {
			t.Error("another database was not asked for")
		}
	})
	t.Run("an insert in pieces is written whole", func(t *testing.T) {
		insert, err := conn.Insert("INSERT INTO t (n, s)", "TabSeparated")
		if err != nil {
			t.Fatal(err)
		}
		defer insert.Close()
		for i := range 1000 {
			if _, err := fmt.Fprintf(insert, "%d\t", i); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(insert, "text %d\n", i); err != nil {
				t.Fatal(err)
			}
		}
		if rows, err := insert.Done(); err != nil || rows != 1000 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	t.Run("an insert that is not finished writes nothing", func(t *testing.T) {
		insert, err := conn.Insert("INSERT INTO t (n, s)", "TabSeparated")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := insert.Write([]byte("-1\tnever\n")); err != nil {
			t.Fatal(err)
		}
		insert.Close()
		insert.Close()
		if got := ask(t, conn, "SELECT count() FROM t WHERE n = -1"); got != "0" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("data that cannot be read is an error", func(t *testing.T) {
		insert, err := conn.Insert("INSERT INTO t (n, s)", "TabSeparated")
		if err != nil {
			t.Fatal(err)
		}
		defer insert.Close()
		_, err = insert.Write([]byte("no number\tx\n"))
		if err == nil {
			_, err = insert.Done()
		}
		wantCode(t, err, 27)
	})
	t.Run("an insert into nothing is an error at once", func(t *testing.T) {
		_, err := conn.Insert("INSERT INTO nowhere (n)", "Native")
		wantCode(t, err, 60)
	})
	t.Run("a stream gives every chunk", func(t *testing.T) {
		stream, err := conn.Stream("SELECT number FROM numbers(300000)", "TabSeparated")
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		lines, chunks := 0, 0
		for {
			chunk, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			if chunk == nil {
				break
			}
			lines += bytes.Count(chunk.Bytes(), []byte("\n"))
			chunks++
			chunk.Close()
		}
		if lines != 300000 || chunks < 2 {
			t.Errorf("%d lines in %d chunks", lines, chunks)
		}
	})
	t.Run("a stream can be left", func(t *testing.T) {
		stream, err := conn.Stream("SELECT number FROM numbers(100000000000)", "TabSeparated")
		if err != nil {
			t.Fatal(err)
		}
		chunk, err := stream.Next()
		if err != nil || chunk == nil {
			t.Fatal(chunk, err)
		}
		chunk.Close()
		stream.Close()
		stream.Close()
		if got := ask(t, conn, "SELECT 1"); got != "1" {
			t.Error(got)
		}
	})
	t.Run("statements are classified without being run", func(t *testing.T) {
		for sql, want := range map[string]Classification{
			"SELECT 1":                              {Statements: 1, Class: ReadOnly, WritesTargetOnly: true},
			"SELECT 1; SELECT 2":                    {Statements: 2, Class: ReadOnly, WritesTargetOnly: true},
			"DROP DATABASE d":                       {Statements: 1, Class: Mutating, WritesTargetOnly: true, ChangesDatabases: true},
			"INSERT INTO t VALUES (1, 'a')":         {Statements: 1, Class: Mutating, WritesTargetOnly: true},
			"SET max_threads = 1":                   {Statements: 1, Class: Control},
			"SELECT 1 INTO OUTFILE '/tmp/whatever'": {Statements: 1, Class: Control},
			"SELEC":                                 {Statements: 1, Class: ReadOnly, WritesTargetOnly: true}, // a name is an expression
			"FOO BAR BAZ":                           {Class: Unknown},
		} {
			got, err := conn.Classify(sql, "d")
			if err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", sql, diff)
			}
		}
	})
	t.Run("goroutines may share a connection", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range 20 {
					want := fmt.Sprint(i)
					result, err := conn.Query("SELECT {v:Int64}", "TabSeparated", Param{"v", want})
					if err != nil {
						t.Error(err)
						return
					}
					if got := strings.TrimSpace(string(result.Bytes())); got != want {
						t.Errorf("%s answered %s", want, got)
					}
					result.Close()
				}
			})
		}
		all.Wait()
	})
	t.Run("connections come and go", func(t *testing.T) {
		for range 200 {
			c, err := engine.Connect(map[string]string{"readonly": "1", "max_threads": "1"})
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(t, c, "SELECT getSetting('max_threads')"); got != "1" {
				t.Error(got)
			}
			c.Close()
		}
		if _, err := engine.Connect(map[string]string{"max_threads": "bogus"}); err == nil {
			t.Error("a bogus value was taken")
		}
	})
	t.Run("what is closed says so", func(t *testing.T) {
		c, err := engine.Connect(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		c.Close()
		_, query := c.Query("SELECT 1", "Native")
		_, stream := c.Stream("SELECT 1", "Native")
		_, insert := c.Insert("INSERT INTO t (n)", "Native")
		_, classify := c.Classify("SELECT 1", "d")
		for _, err := range []error{query, stream, insert, classify} {
			if !errors.Is(err, errConnClosed) {
				t.Error(err)
			}
		}
	})
	t.Run("the engine ends after its connections", func(t *testing.T) {
		if err := engine.Close(); err == nil {
			t.Error("it ended under an open connection")
		}
		conn.Close()
		if err := errors.Join(engine.Close(), engine.Close()); err != nil {
			t.Error(err)
		}
		if _, err := engine.Connect(nil); err == nil {
			t.Error("it took a connection after its end")
		}
	})
}

func connect(t *testing.T, engine *Engine) *Conn {
	t.Helper()
	conn, err := engine.Connect(nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func ask(t *testing.T, conn *Conn, sql string) string {
	t.Helper()
	answer, err := words(conn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(answer, " ")
}

func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%v, want code %d", err, code)
	}
}
