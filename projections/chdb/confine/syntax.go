package confine

import (
	"regexp"
	"strings"
)

// node is a part of a syntax tree as EXPLAIN AST writes it, one a line, indented by a space for each level:
//
//	TableExpression (children 1)
//	 TableIdentifier kipay.transactions (alias t)
type node struct {
	depth       int
	kind        string // TableIdentifier
	name        string // kipay.transactions
	alias       string // t
	first, last int    // what is below it lies in the list from first up to last
}

// maxNodes bounds the tree of one statement.
const maxNodes = 50_000

var (
	childrenMark = regexp.MustCompile(` \(children \d+\)$`)
	aliasMark    = regexp.MustCompile(` \(alias (.*)\)$`)
)

// readTree reads a tree in the order in which it is written: a node comes before its children.
func readTree(text string) ([]node, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > maxNodes {
		return nil, refuse(codeTooLarge, "the statement has too many parts")
	}
	nodes := make([]node, 0, len(lines))
	var open []int // the nodes above the next line, by depth
	for i, line := range lines {
		bare := strings.TrimLeft(line, " ")
		n := node{depth: len(line) - len(bare), first: i + 1}
		if bare == "" || n.depth > len(open) || n.depth == 0 && i > 0 {
			return nil, errUnreadable()
		}
		bare = childrenMark.ReplaceAllString(bare, "")
		if m := aliasMark.FindStringSubmatch(bare); m != nil {
			n.alias = m[1]
			bare = strings.TrimSuffix(bare, m[0])
		}
		n.kind, n.name, _ = strings.Cut(bare, " ")
		for _, above := range open[n.depth:] {
			nodes[above].last = i
		}
		open = append(open[:n.depth], i)
		nodes = append(nodes, n)
	}
	for _, above := range open {
		nodes[above].last = len(nodes)
	}
	return nodes, nil
}

// children are the places of the direct children of a node.
func children(nodes []node, of int) []int {
	var found []int
	for i := nodes[of].first; i < nodes[of].last; i = nodes[i].last {
		found = append(found, i)
	}
	return found
}
