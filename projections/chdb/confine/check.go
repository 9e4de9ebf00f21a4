package confine

import (
	"fmt"
	"slices"
	"strings"
)

// ClickHouse's numbers of what is refused here.
const (
	codeSyntaxError   = 62
	codeUnknownTable  = 60
	codeReadonly      = 164
	codeTooLarge      = 168 // TOO_BIG_AST
	codeNotAllowed    = 446 // FUNCTION_NOT_ALLOWED
	codeAccessDenied  = 497
	codeUnknownFormat = 73
)

// Refusal is why a statement does not run: ClickHouse's number of the error, and words for whoever wrote the statement.
type Refusal struct {
	Code   int
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// Name is ClickHouse's name for the code.
func (r *Refusal) Name() string {
	switch r.Code {
	case codeSyntaxError:
		return "SYNTAX_ERROR"
	case codeUnknownTable:
		return "UNKNOWN_TABLE"
	case codeReadonly:
		return "READONLY"
	case codeTooLarge:
		return "TOO_BIG_AST"
	case codeNotAllowed:
		return "FUNCTION_NOT_ALLOWED"
	case codeUnknownFormat:
		return "UNKNOWN_FORMAT"
	default:
		return "ACCESS_DENIED"
	}
}

func refuse(code int, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// errUnreadable is for what the engine's formatter and this package do not agree on.
func errUnreadable() error {
	return refuse(codeSyntaxError, "the statement cannot be read safely; write it in plainer SQL")
}

// Scope is what one analyst may read.
type Scope struct {
	// Database is the current one; Databases are all whose tables may be read.
	Database  string
	Databases []string
	// Tables are the tables of Databases that may be read, each as database.table.
	Tables map[string]bool
	// Elsewhere are the engine's other databases.
	Elsewhere map[string]bool
	// Narrow is set for who may see a part of the rows only: they get no plans either, which count what others have.
	Narrow bool
}

// offeredSystem are the tables of the database system that tools need. Whoever runs the statement filters tables, columns
// and databases to the scope.
var offeredSystem = []string{"one", "numbers", "numbers_mt", "tables", "columns", "databases", "functions", "settings"}

// offeredTableFunctions, in lower case, make rows of their arguments alone.
var offeredTableFunctions = []string{"numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "values", "sqlstandardvalues", "null"}

// Check decides about a statement: canonical is the engine's canonical form of it, tree its syntax tree. It gives the
// tables that are read, sorted, each as database.table. Its errors are Refusals.
func Check(canonical, tree string, scope Scope, functions *Functions) ([]string, error) {
	words, err := readWords(canonical)
	if err != nil {
		return nil, err
	}
	if err := checkWords(words, scope, functions); err != nil {
		return nil, err
	}
	nodes, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	if len(nodes) > 0 && widening(nodes, 0) > maxWidening {
		return nil, refuse(codeTooLarge, "the statement has too many stars in queries of queries: name the columns")
	}
	c := checker{nodes: nodes, scope: scope, functions: functions, read: map[string]bool{}}
	if err := c.check(); err != nil {
		return nil, err
	}
	tables := make([]string, 0, len(c.read))
	for table := range c.read {
		tables = append(tables, table)
	}
	slices.Sort(tables)
	return tables, nil
}

// checkWords holds the rules for what the tree does not show.
func checkWords(words []word, scope Scope, functions *Functions) error {
	if err := checkKind(words, scope); err != nil {
		return err
	}
	for i, w := range words {
		qualified := i > 1 && words[i-1].kind == sign && words[i-1].text == "." && words[i-2].isName()
		switch {
		case w.is("SETTINGS") && !qualified:
			// In a subquery it lifts every limit of the session.
			return refuse(codeReadonly, "SETTINGS are not offered in statements, nor is anything of that name: settings go in the request")
		case w.is("OUTFILE"):
			return refuse(codeReadonly, "INTO OUTFILE is not offered")
		case w.kind == sign && w.text == "{" && i+3 < len(words) && words[i+3].is("Identifier"):
			return refuse(codeAccessDenied, "parameters of the type Identifier are not offered")
		case w.kind == name && functions.refuses(w.text) && !qualified:
			// Wherever it stands: a function can be handed to another by its bare name.
			return refuse(codeNotAllowed, "the function %s is not offered; a column of that name has to be written with its table's", quote(w.text))
		}
	}
	return nil
}

// checkKind looks at how a statement begins.
func checkKind(words []word, scope Scope) error {
	for len(words) > 0 && words[0].kind == sign && words[0].text == "(" {
		words = words[1:]
	}
	next := func(keywords ...string) bool {
		return len(words) > 0 && !words[0].quoted && slices.ContainsFunc(keywords, words[0].is)
	}
	switch {
	case next("SELECT", "WITH", "DESCRIBE", "EXISTS"):
		return nil
	case next("EXPLAIN"):
		if scope.Narrow {
			return refuse(codeAccessDenied, "EXPLAIN is not offered to who sees one merchant's rows only: plans count everybody's")
		}
		if words = words[1:]; next("ESTIMATE", "TABLE") {
			return refuse(codeAccessDenied, "this kind of EXPLAIN is not offered")
		}
		return nil
	case next("SHOW"):
		words = words[1:]
		for next("FULL", "EXTENDED") {
			words = words[1:]
		}
		if next("TABLES", "DATABASES", "COLUMNS", "FIELDS", "CREATE") {
			return checkShow(words)
		}
		return refuse(codeAccessDenied, "SHOW is offered for TABLES, DATABASES, COLUMNS and CREATE TABLE only")
	}
	return refuse(codeReadonly, "only SELECT, WITH, EXPLAIN, DESCRIBE, SHOW and EXISTS are offered here")
}

// checkShow leaves SHOW nothing but names and a pattern: its tree does not show the conditions that it may have.
func checkShow(words []word) error {
	for _, w := range words {
		if w.is("WHERE") || w.is("LIMIT") || w.kind == sign && w.text != "." {
			return refuse(codeAccessDenied, "SHOW with WHERE or LIMIT is not offered: ask system.tables or system.columns")
		}
	}
	return nil
}

type checker struct {
	nodes     []node
	scope     Scope
	functions *Functions
	read      map[string]bool
}

// parts are the kinds of nodes that hold nothing but their children, or nothing that reaches anywhere.
var parts = map[string]bool{
	"SelectWithUnionQuery": true, "SelectIntersectExceptQuery": true, "SelectQuery": true, "ExpressionList": true, "Subquery": true,
	"Asterisk": true, "QualifiedAsterisk": true, "ColumnsRegexpMatcher": true, "QualifiedColumnsRegexpMatcher": true,
	"ColumnsListMatcher": true, "QualifiedColumnsListMatcher": true, "ColumnsTransformerList": true, "ColumnsExceptTransformer": true,
	"ColumnsReplaceTransformer": true, "ColumnsReplaceTransformer::Replacement": true,
	"Literal": true, "WithElement": true, "TablesInSelectQuery": true, "TablesInSelectQueryElement": true, "TableExpression": true,
	"TableJoin": true, "ArrayJoin": true, "OrderByElement": true, "WindowDefinition": true, "WindowListElement": true,
	"SampleRatio": true, "InterpolateElement": true,
	// Not ColumnsApplyTransformer, whose function the tree does not show, and not Set, which changes settings.
}

// roots are the kinds of nodes that a statement may begin with, beside queries.
var roots = map[string]bool{
	"Explain": true, "DescribeQuery": true, "ShowTables": true, "ShowColumns": true, "ShowCreateTableQuery": true, "ShowCreateViewQuery": true,
	"ExistsTableQuery": true, "ExistsViewQuery": true,
}

func (c *checker) check() error {
	if len(c.nodes) == 0 {
		return errUnreadable()
	}
	for i, n := range c.nodes {
		var err error
		switch {
		case parts[n.kind]:
		case i == 0 && roots[n.kind]:
			err = c.root(n)
		case n.kind == "Function":
			err = c.function(i)
		case n.kind == "Identifier":
			err = c.identifier(n.name)
		case n.kind == "TableIdentifier":
			if strings.Contains(n.alias, ".") {
				// A filter of the session is found by the name of its table, an alias counts as one.
				return refuse(codeAccessDenied, "a table's alias must not have a dot in it")
			}
			err = c.table(n.name)
		case n.kind == "ColumnsApplyTransformer":
			err = refuse(codeAccessDenied, "APPLY is not offered")
		case n.kind == "Set":
			err = refuse(codeReadonly, "SETTINGS are not offered in statements: settings go in the request")
		default:
			err = refuse(codeAccessDenied, "%s is not offered", quote(n.kind))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// root checks what SHOW and EXISTS name beside their children.
func (c *checker) root(n node) error {
	var named []string
	for _, i := range children(c.nodes, 0) {
		if c.nodes[i].kind == "Identifier" {
			named = append(named, c.nodes[i].name)
		}
	}
	switch {
	case n.kind == "Explain" && n.name == "EXPLAIN ESTIMATE":
		return refuse(codeAccessDenied, "this kind of EXPLAIN is not offered")
	case n.kind == "ShowTables" && len(named) == 1:
		return c.database(named[0])
	case strings.HasPrefix(n.kind, "ShowCreate") || strings.HasPrefix(n.kind, "Exists"):
		switch len(named) {
		case 1:
			return c.table(named[0])
		case 2:
			if strings.Contains(named[0], ".") {
				return errUnreadable()
			}
			return c.table(named[0] + "." + named[1])
		default:
			return errUnreadable()
		}
	}
	return nil
}

// takesTable are the functions, in lower case, whose second argument may be the name of a table.
var takesTable = []string{
	"in", "notin", "globalin", "globalnotin", "nullin", "notnullin", "globalnullin", "globalnotnullin",
	"inignoreset", "notinignoreset", "globalinignoreset", "globalnotinignoreset", "nullinignoreset", "notnullinignoreset",
	"globalnullinignoreset", "globalnotnullinignoreset",
}

func (c *checker) function(i int) error {
	n := c.nodes[i]
	if i > 0 && c.nodes[i-1].kind == "TableExpression" {
		if !slices.Contains(offeredTableFunctions, strings.ToLower(n.name)) {
			return refuse(codeAccessDenied, "the table function %s is not offered", quote(n.name))
		}
		return nil
	}
	if !c.functions.offers(n.name) {
		return refuse(codeNotAllowed, "the function %s is not offered", quote(n.name))
	}
	if !slices.Contains(takesTable, strings.ToLower(n.name)) {
		return nil
	}
	lists := children(c.nodes, i)
	if len(lists) == 0 {
		return nil
	}
	arguments := children(c.nodes, lists[0])
	if len(arguments) == 2 && c.nodes[arguments[1]].kind == "Identifier" {
		return c.table(c.nodes[arguments[1]].name)
	}
	return nil
}

// identifier checks the name of a column, which may also turn out to be a table's.
func (c *checker) identifier(name string) error {
	if first, _, dotted := strings.Cut(name, "."); dotted && c.scope.Elsewhere[first] {
		return c.database(first)
	}
	return nil
}

// table checks the name of a table. One without a database is a table of the current one, which is in the scope, or a name
// that the statement itself gave to a subquery.
func (c *checker) table(name string) error {
	database, table, dotted := strings.Cut(name, ".")
	if !dotted {
		if c.scope.Narrow && !isPlain(name) {
			return refuse(codeAccessDenied, "names of tables with other than letters, digits and underscores are not offered")
		}
		if full := c.scope.Database + "." + name; c.scope.Tables[full] {
			c.read[full] = true
		}
		return nil
	}
	if database == "system" {
		if !slices.Contains(offeredSystem, table) {
			return refuse(codeAccessDenied, "the table system.%s is not offered", quote(table))
		}
		return nil
	}
	if err := c.database(database); err != nil {
		return err
	}
	if !c.scope.Tables[name] {
		return refuse(codeUnknownTable, "the table %s does not exist here", quote(name))
	}
	c.read[name] = true
	return nil
}

// isPlain says whether a name needs no quotes.
func isPlain(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return true
}

func (c *checker) database(name string) error {
	if slices.Contains(c.scope.Databases, name) {
		return nil
	}
	return refuse(codeAccessDenied, "the database %s is not offered; these are: %s", quote(name), strings.Join(c.scope.Databases, ", "))
}

// maxQuoted is how much of a name an error repeats.
const maxQuoted = 64

func quote(name string) string {
	if len(name) > maxQuoted {
		name = strings.ToValidUTF8(name[:maxQuoted], "") + "…"
	}
	return "`" + name + "`"
}
