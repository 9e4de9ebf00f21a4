package domain_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowedImports is all of the standard library that rules need. Above all no clock of their own (time.Now is looked for
// below), no randomness, no I/O, no JSON.
var allowedImports = []string{
	"context", "crypto/sha256", "encoding/hex", "errors", "fmt", "math", "slices", "sort", "strconv", "strings", "time", "unicode",
}

const module = "github.com/benfex/kipay/domain"

// forbidden are the functions by which the allowed packages reach the outside world, or floats.
var forbidden = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation"},
	"fmt":     {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"strconv": {"ParseFloat", "FormatFloat", "AppendFloat"},
	"context": {"Background", "TO" + "DO", "WithTimeout", "WithDeadline"},
}

// domainPackages are the parsed packages below this folder, by import path, tests left out.
func domainPackages(t *testing.T, fset *token.FileSet) map[string][]*ast.File {
	t.Helper()
	out := map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name := module
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != "." {
			name += "/" + dir
		}
		out[name] = append(out[name], f)
		return nil
	})
	if err != nil || len(out) < 9 {
		t.Fatalf("found %d packages: %v", len(out), err)
	}
	return out
}

func importsOf(f *ast.File) []string {
	out := make([]string, 0, len(f.Imports))
	for _, i := range f.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func TestTheDomainImportsNothingThatReachesOut(t *testing.T) {
	fset := token.NewFileSet()
	for _, files := range domainPackages(t, fset) {
		for _, f := range files {
			for _, path := range importsOf(f) {
				if !slices.Contains(allowedImports, path) && path != module && !strings.HasPrefix(path, module+"/") {
					t.Errorf("%s imports %s", fset.File(f.Pos()).Name(), path)
				}
			}
		}
	}
}

// checked type-checks the domain's packages, dependencies first.
type checked struct {
	fset     *token.FileSet
	files    map[string][]*ast.File
	packages map[string]*types.Package
	std      types.Importer
	info     *types.Info
}

func (c *checked) Import(path string) (*types.Package, error) {
	if p := c.packages[path]; p != nil {
		return p, nil
	}
	files, ours := c.files[path]
	if !ours {
		return c.std.Import(path)
	}
	p, err := (&types.Config{Importer: c}).Check(path, c.fset, files, c.info)
	c.packages[path] = p
	return p, err
}

func TestNoFloatAndNoClockIsAnywhereInTheDomain(t *testing.T) {
	fset := token.NewFileSet()
	c := &checked{
		fset: fset, files: domainPackages(t, fset), packages: map[string]*types.Package{},
		std:  importer.ForCompiler(fset, "source", nil),
		info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}},
	}
	for path := range c.files {
		if _, err := c.Import(path); err != nil {
			t.Fatalf("type-check %s: %v", path, err)
		}
	}
	for expr, tv := range c.info.Types {
		if inexact(tv.Type) {
			t.Errorf("%s: an expression of type %s", fset.Position(expr.Pos()), tv.Type)
		}
	}
	for name, o := range c.info.Defs {
		if o != nil && inexact(o.Type()) {
			t.Errorf("%s: %s is a %s", fset.Position(name.Pos()), name.Name, o.Type())
		}
	}
	for name, o := range c.info.Uses {
		if o.Pkg() != nil && slices.Contains(forbidden[o.Pkg().Path()], o.Name()) && o.Parent() == o.Pkg().Scope() {
			t.Errorf("%s: uses %s.%s", fset.Position(name.Pos()), o.Pkg().Path(), o.Name())
		}
	}
	for path, files := range c.files {
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if n.Kind == token.FLOAT || n.Kind == token.IMAG {
						t.Errorf("%s: the literal %s", fset.Position(n.Pos()), n.Value)
					}
				case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
					t.Errorf("%s: %s waits for something", fset.Position(n.Pos()), path)
				case *ast.FuncDecl:
					if n.Recv == nil && n.Name.Name == "init" {
						t.Errorf("%s: an init function", fset.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
}

func inexact(t types.Type) bool {
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}
