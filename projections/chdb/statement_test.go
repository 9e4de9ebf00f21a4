package chdb

import (
	"strings"
	"testing"
)

func TestKeyword(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1":                           "SELECT",
		"  \n-- a comment\n/* and */ INSERT": "INSERT",
		"((SELECT 1))":                       "SELECT",
		"# shell\nSYSTEM FLUSH LOGS":         "SYSTEM",
		"":                                   "",
		"/* never closed":                    "",
		"'text'":                             "TEXT",
	} {
		if got := keyword(sql); got != want {
			t.Errorf("%q begins with %q, want %q", sql, got, want)
		}
	}
}

func TestNamesFile(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT file('/etc/passwd')":                      true,
		"SELECT FILE ( '/etc/passwd')":                    true,
		"SELECT `file`('/etc/passwd')":                    true,
		"SELECT \"f\\x69le\"('/etc/passwd')":              true,
		"SELECT “file”('/etc/passwd')":                    true,
		"SELECT ‘'’, file('/etc/passwd'), '":              true,
		"SELECT file/* */('/etc/passwd')":                 true,
		"SELECT file -- )\n('/etc/passwd')":               true,
		"SELECT \u00a0file\u00a0('/etc/passwd')":          true,
		"SELECT 'it''s', file('/etc/passwd'), ''":         true,
		"SELECT '\\'', file('/etc/passwd'), '\\''":        true,
		"SELECT $$'$$, file('/etc/passwd'), $$'$$":        true,
		"SELECT * FROM file('/etc/passwd')":               true,
		"SELECT file FROM t WHERE (file = 1)":             true, // it can't be told from a function's name
		"SELECT * APPLY(file) FROM t":                     true,
		"SELECT arrayMap(file, ['/etc/passwd'])":          true,
		"SELECT x$a$, file('/etc/passwd'), y$a$":          true,
		"SELECT 1$a$, file('/etc/passwd'), $a$":           false,
		"SELECT 'file(', \"a file(\", $x$file('')$x$":     false,
		"SELECT 1 -- file('/etc/passwd')":                 false,
		"SELECT 1 /* file('/etc/passwd') */":              false,
		"SELECT profile(1), file_size(2), files.name (3)": false,
	} {
		if got := namesFile(sql); got != want {
			t.Errorf("%q: %v, want %v", sql, got, want)
		}
	}
}

func TestCutInsert(t *testing.T) {
	for _, c := range []struct {
		sql, insert, format string
		ok                  bool
	}{
		{"INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", true},
		{"insert into t (a, b)format TSV ; ", "insert into t (a, b)", "TSV", true},
		{"INSERT INTO t (a) SETTINGS x = 1 FORMAT CSV", "INSERT INTO t (a) SETTINGS x = 1 ", "CSV", true},
		{"INSERT INTO t (a)\nVALUES", "INSERT INTO t (a)\n", "Values", true},
		{"INSERT INTO t VALUES (1)", "", "", false},
		{"INSERT INTO t SELECT 1", "", "", false},
		{"SELECT 1 FORMAT Native", "", "", false},
		{"", "", "", false},
	} {
		insert, format, ok := cutInsert(c.sql)
		if insert != c.insert || format != c.format || ok != c.ok {
			t.Errorf("%q: %q %q %v", c.sql, insert, format, ok)
		}
	}
}

// FuzzStatement looks for texts that the reading of statements cannot take, and for calls of file() that hide.
func FuzzStatement(f *testing.F) {
	for _, seed := range []string{"SELECT 1", "'", "`\\x", "$a$", "/*", "--", "‘", "“", "INSERT INTO t FORMAT Native", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		keyword(sql)
		cutInsert(sql)
		words := 0
		tokens(sql, func(token) bool { words++; return true })
		if words > len(sql) {
			t.Errorf("%d tokens in %d bytes", words, len(sql))
		}
		// What stands before a statement cannot hide it once every quote and comment of it is closed.
		if !strings.ContainsAny(sql, "'`\"$/*-#‘’“”\\") && !namesFile(sql+" file('x')") {
			t.Errorf("hidden by %q", sql)
		}
	})
}
