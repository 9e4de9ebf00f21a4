package chdb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever may ask the read models must not thereby read the files of this user, by whatever way SQL has to name a
// function.
func TestNoReadGivesAFile(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte("the file's content"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := call(t, supervise(t, dir))
	for _, sql := range []string{
		"SELECT file('{path}')",
		"SELECT * APPLY(file) FROM (SELECT '{path}' AS p)",
		"SELECT COLUMNS('p') APPLY file FROM (SELECT '{path}' AS p)",
		"SELECT arrayMap(file, ['{path}'])",
		"SELECT arrayMap(`file`, ['{path}'])",
		"SELECT 1 AS x$a$, file('{path}'), 2 AS y$a$",
		"SELECT $ '$'$ '$, arrayMap(file, ['{path}']), ''",
		"SELECT $x y$'$x y$, arrayMap(file, ['{path}']), ''",
		"SELECT $é$'$é$, arrayMap(file, ['{path}']), ''",
		"SELECT 1 AS é'é, file('{path}'), '",
		"EXPLAIN SELECT * APPLY(file) FROM (SELECT '{path}' AS p)",
		"SELECT * FROM eval('SELECT file(\\'{path}\\')')",
		"SELECT * FROM eval('SELECT fi' || 'le(\\'{path}\\')')",
		"SELECT * FROM filesystem('{path}')",
		"SELECT * FROM (SELECT * FROM default.`{path}` SETTINGS readonly = 0)",
		"SELECT * FROM (SELECT * FROM filesystem('{path}') SETTINGS readonly = 0)",
		"SELECT * FROM (SELECT * FROM eval('SELECT fi' || 'le(\\'{path}\\')') SETTINGS allow_experimental_eval_table_function = 1)",
		"SELECT * FROM (SELECT *, 1.SETTINGS readonly = 0 FROM default.`{path}`)",
		"SELECT * FROM (SELECT * FROM default.`{path}` WHERE 1.SETTINGS readonly = 0)",
		"WITH x AS (SELECT * FROM eval('SELECT fi' || 'le(\\'{path}\\')') /**/SETTINGS/**/allow_experimental_eval_table_function = 1) SELECT * FROM x",
		"SELECT * FROM url('file://{path}', 'RawBLOB')",
	} {
		for _, setting := range []string{"max_threads", "allow_experimental_eval_table_function"} {
			r := c.must("GET", values("query", strings.ReplaceAll(sql, "{path}", path), setting, "1"), "")
			if r.status == 200 || strings.Contains(r.body, "content") {
				t.Errorf("%s with %s: %+v", sql, setting, r)
			}
		}
	}
}
