package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/benfex/kipay/projections/chdb"
)

const (
	moduleRoot = "../.."
	modulePath = "github.com/benfex/kipay"
	// mostLines is how long a file may be that is no test.
	mostLines = 500
)

// mayImport is what each top-level folder may import of ours, beside itself.
var mayImport = map[string][]string{
	"domain":      {},
	"eventstore":  {"domain"},
	"commands":    {"domain", "eventstore"},
	"projections": {"domain", "eventstore"},
	"readapi":     {"domain", "eventstore", "projections"},
	"deploy":      {}, // a program of its own in the image
	"cmd":         {"domain", "eventstore", "commands", "projections", "readapi"},
}

// finerRules are for rooms inside the folders: files below a path import nothing of ours but what is named here.
var finerRules = map[string][]string{
	"commands/mpesa/simulator":    {"commands/delivery"},
	"commands/paystack/simulator": {"commands/delivery"},
	"commands/delivery":           {},
	"commands/upstream":           {},
	"commands/mpesa":              {"domain", "commands/upstream"},
	"commands/paystack":           {"domain", "commands/upstream"},
	"cmd/kipay/internal/web":      {"domain"},
}

// sourceFile is a Go file of this module.
type sourceFile struct {
	path   string // from the module's root
	isTest bool
	lines  int
	syntax *ast.File
	places *token.FileSet
}

func (f sourceFile) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.places.Position(p).Line)
}

// sourceFiles parses every Go file of the module.
func sourceFiles(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(moduleRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && name != moduleRoot
			if hidden || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "data" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		places := token.NewFileSet()
		syntax, err := parser.ParseFile(places, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, name)
		files = append(files, sourceFile{
			path: filepath.ToSlash(rel), isTest: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(text), "\n"), syntax: syntax, places: places,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("only %d Go files found", len(files))
	}
	return files
}

// topFolder is the first part of a path.
func topFolder(p string) string {
	first, _, _ := strings.Cut(p, "/")
	return first
}

// ours are the packages of this module that a file imports, from the module's root.
func (f sourceFile) ours() []string {
	var list []string
	for _, i := range f.syntax.Imports {
		if name, err := strconv.Unquote(i.Path.Value); err == nil {
			if rest, ok := strings.CutPrefix(name, modulePath+"/"); ok {
				list = append(list, rest)
			}
		}
	}
	return list
}

func TestImportsPointOneWay(t *testing.T) {
	for _, f := range sourceFiles(t) {
		folder := topFolder(f.path)
		allowed, known := mayImport[folder]
		if !known {
			t.Errorf("%s: no folder of the design; the table in this test has them all", f.path)
			continue
		}
		for _, p := range f.ours() {
			if to := topFolder(p); to != folder && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: %s may import only %v", f.path, p, folder, allowed)
			}
		}
	}
}

func TestRoomsKeepToThemselves(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.isTest { // the clients' tests run against the simulators
			continue
		}
		room := path.Dir(f.path)
		allowed, ruled := finerRules[room]
		for _, p := range f.ours() {
			if ruled && p != room && !slices.Contains(allowed, topFolder(p)) && !slices.Contains(allowed, p) {
				t.Errorf("%s imports %s: %s may import only %v", f.path, p, room, allowed)
			}
			if strings.Contains(p, "simulator") && topFolder(f.path) != "cmd" {
				t.Errorf("%s imports %s: only cmd and tests use simulators", f.path, p)
			}
			// What is behind the contract of the event store is chosen by cmd; the Merkle tree beside it is no engine.
			if rest, ok := strings.CutPrefix(p, "eventstore/"); ok && rest != "transparency" && topFolder(f.path) != "cmd" && topFolder(f.path) != "eventstore" && !isTestRoom(f.path) {
				t.Errorf("%s imports eventstore/%s: only cmd picks an engine", f.path, rest)
			}
		}
	}
}

// isTestRoom tells a package that only tests import.
func isTestRoom(p string) bool {
	return strings.Contains(p, "storetest/") || strings.Contains(p, "projectionstest/")
}

func TestTheTopLevelIsATableOfContents(t *testing.T) {
	want := []string{"LICENSE", "Makefile", "README.md", "cmd", "commands", "deploy", "docs", "domain", "eventstore", "go.mod", "go.sum", "projections", "readapi"}
	entries, err := os.ReadDir(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && name != "bin" && name != "data" && name != "coverage.out" {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the top level holds\n%v, want\n%v", got, want)
	}
}

func TestFilesAreOneThing(t *testing.T) {
	vague := regexp.MustCompile(`^(utils?|helpers?|common|types|models|managers?|services?|misc)(_test)?$`)
	for _, f := range sourceFiles(t) {
		if !f.isTest && f.lines > mostLines {
			t.Errorf("%s has %d lines, at most %d", f.path, f.lines, mostLines)
		}
		if base := strings.TrimSuffix(path.Base(f.path), ".go"); vague.MatchString(base) || vague.MatchString(f.syntax.Name.Name) {
			t.Errorf("%s: a name that says what is in it", f.path)
		}
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`) // in halves: this file is searched too
	for _, f := range sourceFiles(t) {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				if word := later.FindString(c.Text); word != "" {
					t.Errorf("%s: %s: do it, or file it", f.at(c.Pos()), word)
				}
			}
		}
	}
}

func TestTestsNeitherSkipNorSleep(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if !f.isTest && !isTestRoom(f.path) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			on, _ := of.X.(*ast.Ident)
			if on == nil {
				return true
			}
			switch of.Sel.Name {
			case "Skip", "Skipf", "SkipNow":
				if on.Name == "t" || on.Name == "b" || on.Name == "tb" {
					t.Errorf("%s: a test that skips itself holds nothing", f.at(call.Pos()))
				}
			case "Sleep":
				if on.Name == "time" {
					t.Errorf("%s: wait for what happens, not for time", f.at(call.Pos()))
				}
			}
			return true
		})
	}
}

// stateAllowed are the package-level variables without a value that have a reason.
var stateAllowed = map[string]string{
	"projections/chdb.engineOpened": "the library allows one engine a process, whoever opens it",
}

// A test by the name of one that has no race to find would never be tried for races.
func TestFilesHoldNoOtherTestThatIsNotTriedForRaces(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(moduleRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + ` := (.*)$`).FindSubmatch(makefile)
		if m == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return string(m[1])
	}
	names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(value("SINGLE_TESTS"), "^("), ")$$"), "|")
	packages := strings.Fields(value("SINGLE_PACKAGES"))
	declared := map[string]int{}
	for _, f := range sourceFiles(t) {
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !f.isTest || !slices.Contains(names, fn.Name.Name) {
				continue
			}
			declared[fn.Name.Name]++
			if !slices.Contains(packages, "./"+path.Dir(f.path)) {
				t.Errorf("%s: %s is skipped under the race detector, and is in none of %s", f.at(fn.Pos()), fn.Name.Name, packages)
			}
		}
	}
	for _, name := range names {
		if declared[name] == 0 {
			t.Errorf("there is no test %s", name)
		}
	}
}

func TestPackagesHaveNoState(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.isTest {
			continue
		}
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: no init: wiring is in cmd", f.at(d.Pos()))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					f.noState(t, d)
				}
			}
		}
	}
}

// noState refuses variables that begin empty: only what changes later does.
func (f sourceFile) noState(t *testing.T, d *ast.GenDecl) {
	t.Helper()
	embedded := func(g *ast.CommentGroup) bool {
		return g != nil && slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed") })
	}
	for _, s := range d.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok || len(v.Values) > 0 || embedded(d.Doc) || embedded(v.Doc) {
			continue
		}
		for _, name := range v.Names {
			if key := path.Dir(f.path) + "." + name.Name; stateAllowed[key] == "" {
				t.Errorf("%s: %s is state of a package", f.at(name.Pos()), name.Name)
			}
		}
	}
}

func TestTheFetchedLibraryIsTheOneThatIsLoaded(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(moduleRoot, "deploy", "fetch-chdb.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "\nversion="+chdb.LibraryVersion+"\n") {
		t.Errorf("deploy/fetch-chdb.sh does not fetch %s", chdb.LibraryVersion)
	}
}

// registrations are the functions that register routes, with what stands before their paths.
var registrations = map[string]string{
	"commands/write_side.go:RegisterAPI": "/api",
	"commands/write_side.go:doors":       "",
	"readapi/register.go:Register":       "/api",
	"cmd/kipay/health.go:registerHealth": "",
	"cmd/kipay/proofs.go:register":       "",
	"readapi/pages/routes.go:Register":   "",
}

func TestEveryRouteIsInTheOpenAPIDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	at := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "  /") && strings.HasSuffix(line, ":"):
			at = strings.TrimSuffix(strings.TrimSpace(line), ":")
		case at != "" && strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "     ") && strings.HasSuffix(line, ":"):
			documented[strings.TrimSuffix(strings.TrimSpace(line), ":")+" "+at] = true
		case line != "" && line[0] != ' ':
			at = ""
		}
	}
	parameter := regexp.MustCompile(`:(\w+)`)
	found := 0
	for _, f := range sourceFiles(t) {
		for _, d := range f.syntax.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			prefix, ok := registrations[f.path+":"+function.Name.Name]
			if !ok {
				continue
			}
			for method, route := range routesIn(function) {
				found++
				route = strings.Replace(parameter.ReplaceAllString(prefix+route, "{$1}"), "/*", "/{path}", 1)
				if !documented[method+" "+route] {
					t.Errorf("docs/openapi.yaml has no %s %s", method, route)
				}
			}
		}
	}
	if found < 15 || len(documented) < found {
		t.Errorf("%d routes and %d documented operations found: this test no longer sees them", found, len(documented))
	}
}

// routesIn yields method and path of each route that is registered with a literal path.
func routesIn(function *ast.FuncDecl) func(yield func(method, route string) bool) {
	return func(yield func(method, route string) bool) {
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || (of.Sel.Name != "Get" && of.Sel.Name != "Post") {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			route, err := strconv.Unquote(literal.Value)
			return err != nil || yield(strings.ToLower(of.Sel.Name), route)
		})
	}
}

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(moduleRoot, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob(filepath.Join(moduleRoot, "docs", "adr", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for _, page := range append(append(pages, records...), filepath.Join(moduleRoot, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}
