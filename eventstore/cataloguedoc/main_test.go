package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const docs = "../../docs"

func TestThePagesAreFresh(t *testing.T) {
	var stderr strings.Builder
	if code := run([]string{"-dir", docs, "-check"}, &stderr); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

func TestStaleAndMissingPagesFailTheCheckAndAreWritten(t *testing.T) {
	dir := t.TempDir()
	call := func(want int, args ...string) string {
		t.Helper()
		var stderr strings.Builder
		if code := run(append([]string{"-dir", dir}, args...), &stderr); code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, stderr.String())
		}
		return stderr.String()
	}
	if got := call(1, "-check"); strings.Count(got, "\n") != len(documents) {
		t.Errorf("missing: %s", got)
	}
	call(0)
	call(0, "-check")
	if err := os.WriteFile(filepath.Join(dir, "events.md"), []byte("# Old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(1, "-check"); !strings.Contains(got, "events.md is stale") || strings.Contains(got, "evidence.md") {
		t.Errorf("stale: %s", got)
	}
	call(2, "-nonsense")
	dir = filepath.Join(dir, "missing")
	call(1)
}

func TestEveryTypeAndFieldIsOnThePage(t *testing.T) {
	page := eventsPage()
	for _, typ := range eventstore.Catalogue() {
		_, section, ok := strings.Cut(page, "\n## "+typ.Name()+"\n")
		if !ok {
			t.Errorf("%s has no section", typ.Name())
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, text := range []string{typ.Meaning, typ.AppendedBy} {
			if !strings.Contains(section, text) {
				t.Errorf("%s: %q is missing", typ.Name(), text)
			}
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(typ.Prototype)) {
			if f.Anonymous {
				continue // its fields stand beside the others
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name != strings.ToLower(name) || !strings.Contains(section, "| `"+name) {
				t.Errorf("%s.%s has the JSON name %q", typ.Name(), f.Name, name)
			}
			if sealed := strings.Contains(section, "| `"+name+"` | string | `domain.Personal` | yes |"); sealed != (f.Type == reflect.TypeFor[domain.Personal]()) {
				t.Errorf("%s.%s: sealed %v", typ.Name(), f.Name, sealed)
			}
		}
	}
}

func TestEveryEventOfTheDomainIsInTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, typ := range eventstore.Catalogue() {
		known[typ.Name()] = true
	}
	files, err := filepath.Glob("../../domain/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "EventType" || fn.Recv == nil {
				continue
			}
			answer, ok := fn.Body.List[0].(*ast.ReturnStmt)
			if !ok {
				t.Fatalf("%s: EventType is no constant", path)
			}
			name, ok := answer.Results[0].(*ast.BasicLit)
			if !ok || !known[strings.Trim(name.Value, `"`)] {
				t.Errorf("%s: an event that is not in the catalogue", path)
			}
		}
	}
}

func TestEveryRuleAndConflictIsOnThePage(t *testing.T) {
	page := evidencePage()
	for _, r := range transaction.Rules {
		for _, text := range []string{r.Name, r.Sources, r.Why} {
			if !strings.Contains(page, cell(text)) {
				t.Errorf("%q is missing", text)
			}
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "../../domain/transaction/evidence.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "ConflictKind" {
			kinds++
			if value, ok := spec.Values[0].(*ast.BasicLit); !ok || !strings.Contains(page, "`"+strings.Trim(value.Value, `"`)+"` | ") {
				t.Errorf("%s is missing", spec.Names[0].Name)
			}
		}
		return true
	})
	if kinds == 0 {
		t.Error("no kinds of conflict were found")
	}
}
