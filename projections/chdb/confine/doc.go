// Package confine decides whether a statement of an analyst stays within what it may read.
//
// The engine has no users and no grants, and its readonly setting is no wall: a SETTINGS clause in a subquery lifts it
// (measured with 26.7: `SELECT * FROM (SELECT * FROM file('…') SETTINGS readonly = 0)` in a session with readonly = 1 reads
// the file). So every statement is read before it runs, and what is not known to be harmless is refused.
//
// # What is read
//
// Two texts that the engine's own parser makes of the statement without running it: its canonical form (formatQuery), in
// which there are no comments, no other ways to quote, and one way to write each clause, and its syntax tree (EXPLAIN AST)
// with parameters put in. The canonical form is then what runs, so that nothing runs that was not read.
//
//   - words.go reads the canonical form word by word, syntax.go the tree.
//   - check.go holds the rules: kinds of statement, parts of the tree, tables. functions.go says which functions are offered.
//
// # What must not
//
// No I/O and no connection: the package is given texts and lists. And no list of what is forbidden where a list of what
// is allowed will do: a new version of the engine may bring anything.
package confine
