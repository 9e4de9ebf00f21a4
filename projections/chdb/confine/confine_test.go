package confine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func functions() *Functions {
	return NewFunctions([]Function{
		{"sum", "", "Aggregate Functions", true},
		{"uniqExact", "", "Aggregate Functions", true},
		{"flameGraph", "", "Aggregate Functions", true},
		{"plus", "", "Arithmetic", false},
		{"in", "", "Comparison", false},
		{"arrayMap", "", "Arrays", false},
		{"file", "", "Other", false},
		{"version", "", "Other", false},
		{"formatRow", "", "Type Conversion", false},
		{"hostName", "", "Other", false},
		{"hostname", "hostName", "", false},
		{"lower", "", "String", false},
		{"lcase", "lower", "", false},
		{"odd", "", "String", false},
		{"ODD", "", "Other", false},
		{"new", "", "A category that nobody has looked at", false},
	}, []string{"If", "OrNull", "State", "Merge"})
}

func TestFunctionsAreOfferedByWhatTheyAre(t *testing.T) {
	f := functions()
	for name, want := range map[string]bool{
		"sum": true, "SUM": true, "sumIf": true, "sumOrNullIf": true, "uniqExactOrNullStateIf": true, "plus": true, "lcase": true, "LOWER": true, "version": true, "lambda": true,
		"file": false, "FILE": false, "hostname": false, "formatRow": false, "flameGraph": false, "flameGraphIf": false, "new": false, "unknown": false, "If": false, "": false, "plusIf": false,
		// Two names that differ in case only: whichever is meant, the worse one counts.
		"odd": false, "Odd": false,
	} {
		if got := f.offers(name); got != want {
			t.Errorf("%q is offered: %t", name, got)
		}
	}
	for name, want := range map[string]bool{"file": true, "FiLe": true, "lower": false, "id": false, "": false} {
		if got := f.refuses(name); got != want {
			t.Errorf("%q is refused: %t", name, got)
		}
	}
}

func TestWordsOfACanonicalStatement(t *testing.T) {
	words, err := readWords("SELECT `a b`, x$1, 'it''s \\' `no`' FROM t WHERE (y - -1) >= {v:Array(String)}")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, w := range words {
		if w.kind != sign {
			texts = append(texts, w.text)
		}
	}
	if diff := cmp.Diff([]string{"SELECT", "a b", "x$1", "", "FROM", "t", "WHERE", "y", "1", "v", "Array", "String"}, texts); diff != "" {
		t.Error(diff)
	}
	for _, strange := range []string{
		"SELECT 1 -- x", "SELECT 1 /* x */", "SELECT # x", "SELECT \"a\"", "SELECT é", "SELECT $a$b$a$", "SELECT `a", "SELECT 'a", "SELECT `a\\nb`", "SELECT `a``b`", "SELECT `a\nb`", "SELECT\x00", "SELECT\t1", "SELECT \\N",
	} {
		if words, err := readWords(strange); err == nil {
			t.Errorf("%q is read as %+v", strange, words)
		}
	}
}

const tree = `SelectWithUnionQuery (children 1)
 ExpressionList (children 1)
  SelectQuery (children 2)
   ExpressionList (children 2)
    Asterisk
    Function sum (alias s) (children 1)
     ExpressionList (children 1)
      Identifier p.amount
   TablesInSelectQuery (children 1)
    TablesInSelectQueryElement (children 1)
     TableExpression (children 1)
      TableIdentifier analytics.payments (alias p)
`

func scope() Scope {
	return Scope{
		Database: "analytics", Databases: []string{"analytics"}, Tables: map[string]bool{"analytics.payments": true},
		Elsewhere: map[string]bool{"kipay": true, "system": true},
	}
}

func TestATreeIsReadAsItIsWritten(t *testing.T) {
	nodes, err := readTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	last := nodes[len(nodes)-1]
	if last.kind != "TableIdentifier" || last.name != "analytics.payments" || last.alias != "p" || last.depth != 6 {
		t.Errorf("%+v", last)
	}
	if got := children(nodes, 2); len(got) != 2 || nodes[got[0]].kind != "ExpressionList" || nodes[got[1]].kind != "TablesInSelectQuery" {
		t.Errorf("%+v", got)
	}
	for _, strange := range []string{"", "\n", "A\nB\n", "A\n  B\n", " A\n", "A\n\n B\n"} {
		if nodes, err := readTree(strange); err == nil {
			t.Errorf("%q is read as %+v", strange, nodes)
		}
	}
}

func TestWhatATreeMayHold(t *testing.T) {
	const canonical = "SELECT 1"
	for line, code := range map[string]int{
		"": 0, "      TableIdentifier payments\n": 0, "      TableIdentifier other_name_of_a_subquery\n": 0, "      TableIdentifier system.one\n": 0, "      Subquery (children 0)\n": 0,
		"      TableIdentifier kipay.payments\n": codeAccessDenied, "      TableIdentifier analytics.nothing\n": codeUnknownTable, "      TableIdentifier system.processes\n": codeAccessDenied,
		"      TableIdentifier analytics.payments (alias system.tables)\n": codeAccessDenied, "      Identifier kipay.payments\n": codeAccessDenied, "      Identifier analytics.payments.id\n": 0,
		"      Set\n": codeReadonly, "      ColumnsApplyTransformer\n": codeAccessDenied, "      SomethingNew x\n": codeAccessDenied, "      Explain EXPLAIN\n": codeAccessDenied,
		"      Function file (children 0)\n": codeNotAllowed, "      Function plus (children 0)\n": 0,
		"     TableExpression (children 1)\n      Function numbers\n": 0, "     TableExpression (children 1)\n      Function url\n": codeAccessDenied, "     TableExpression (children 1)\n      Function plus\n": codeAccessDenied,
		"      Function in (children 1)\n       ExpressionList (children 2)\n        Identifier a\n        Identifier kipay.payments\n":     codeAccessDenied,
		"      Function in (children 1)\n       ExpressionList (children 2)\n        Identifier a\n        Identifier unheard.of\n":         codeAccessDenied,
		"      Function IN (children 1)\n       ExpressionList (children 2)\n        Identifier a\n        Identifier analytics.payments\n": 0,
	} {
		tables, err := Check(canonical, tree+line, scope(), functions())
		var refused *Refusal
		if errors.As(err, &refused); (err == nil) != (code == 0) || refused != nil && refused.Code != code {
			t.Errorf("%q: %v, want code %d", line, err, code)
		}
		if err == nil && !slices.Contains(tables, "analytics.payments") {
			t.Errorf("%q: it reads %q", line, tables)
		}
	}
}

func TestHowAStatementMayBegin(t *testing.T) {
	for canonical, ok := range map[string]bool{
		"SELECT 1": true, "((SELECT 1))": true, "WITH x AS (SELECT 1) SELECT 1": true, "EXPLAIN SELECT 1": true, "DESCRIBE TABLE x": true, "SHOW TABLES": true, "SHOW FULL TABLES FROM x LIKE 'a'": true,
		"INSERT INTO x SELECT 1": false, "`SELECT` 1": false, "SHOW PROCESSLIST": false, "SHOW TABLES WHERE f(1)": false, "SHOW TABLES LIMIT 1": false, "EXPLAIN ESTIMATE SELECT 1": false, "": false, "(": false, "SHOW": false,
		"SELECT 1 SETTINGS x = 1": false, "SELECT `settings`": false, "SELECT x.settings": true, "SELECT 1.SETTINGS readonly = 0": false, "SELECT `1`.settings": true, "SELECT 1. file": false, "SELECT 'SETTINGS'": true, "SELECT {x:Identifier}": false, "SELECT {x:String}": true, "SELECT file": false, "SELECT t.file": true,
		"SELECT * APPLY FILE": false, "SELECT 1 INTO OUTFILE 'x'": false,
	} {
		if _, err := Check(canonical, tree, scope(), functions()); (err == nil) != ok {
			t.Errorf("%q: %v", canonical, err)
		}
	}
	narrow := scope()
	narrow.Narrow = true
	if _, err := Check("EXPLAIN SELECT 1", tree, narrow, functions()); err == nil {
		t.Error("who sees one merchant's rows gets plans")
	}
}

// Whatever else a tree holds, a table that is not offered is found in it.
func TestATableElsewhereIsAlwaysFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.SplitAfter(tree, "\n")
		noise := rapid.SliceOfN(rapid.SampledFrom([]string{"Literal 'x'", "Identifier a", "Function plus (children 0)", "Asterisk", "Subquery (alias kipay) (children 1)", "TableIdentifier payments"}), 0, 20).Draw(t, "noise")
		rest := lines[1 : len(lines)-1]
		for _, line := range noise {
			rest = append(rest, " "+line+"\n")
		}
		at := rapid.IntRange(0, len(rest)).Draw(t, "at")
		depth := 1
		if at > 0 {
			depth = len(rest[at-1]) - len(strings.TrimLeft(rest[at-1], " "))
		}
		bad := strings.Repeat(" ", depth) + "TableIdentifier " + rapid.SampledFrom([]string{"kipay.payments", "system.processes", "KIPAY.x", "analytics2.payments"}).Draw(t, "table") + "\n"
		text := lines[0] + strings.Join(slices.Insert(slices.Clone(rest), at, bad), "")
		if tables, err := Check("SELECT 1", text, scope(), functions()); err == nil {
			t.Fatalf("it may run, reading %q:\n%s", tables, text)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("SELECT `a b` FROM analytics.payments", tree)
	f.Add("WITH x AS (SELECT 1) SELECT {v:String} FORMAT JSON", "SelectQuery (children 1)\n ExpressionList\n")
	f.Add("SHOW TABLES FROM analytics LIKE 'x'", "ShowTables (children 1)\n Identifier analytics\n")
	f.Add("SELECT '\\'", "A\n B (alias \n  C (children x)")
	known := functions()
	f.Fuzz(func(t *testing.T, canonical, tree string) {
		tables, err := Check(canonical, tree, scope(), known)
		var refused *Refusal
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%v is no refusal", err)
		}
		for _, table := range tables {
			if table != "analytics.payments" {
				t.Fatalf("it reads %q", table)
			}
		}
	})
}
