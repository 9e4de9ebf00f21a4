package confine

import (
	"slices"
	"strings"
)

// maxWidening bounds how many times as many columns as its tables have a statement may make by stars. A few levels of
// `SELECT *, * FROM (…)` are as many columns as it takes to keep the engine's analyser busy for minutes, which looks at no
// limit of time.
const maxWidening = 256

// widening is a bound of that number: a query has its stars times its tables, times what its own tables bring. Of the parts
// of a UNION the widest counts; those of WITH may all be built on each other.
func widening(nodes []node, i int) int {
	product, widest := 1, 1
	stars, tables := 0, 0
	for _, child := range children(nodes, i) {
		of := widening(nodes, child)
		switch {
		case nodes[child].kind == "WithElement" || isWithList(nodes, child):
			product = capped(product * of)
		default:
			widest = max(widest, of)
		}
		if nodes[i].kind != "SelectQuery" {
			continue
		}
		for _, part := range children(nodes, child) {
			switch {
			case nodes[child].kind == "ExpressionList" && (strings.HasSuffix(nodes[part].kind, "Asterisk") || strings.HasSuffix(nodes[part].kind, "Matcher")):
				stars++
			case nodes[child].kind == "TablesInSelectQuery":
				tables++
			}
		}
	}
	own := 1
	if stars > 0 {
		own = capped(stars * max(1, tables))
	}
	return capped(capped(product*widest) * own)
}

func isWithList(nodes []node, i int) bool {
	return nodes[i].kind == "ExpressionList" &&
		slices.ContainsFunc(children(nodes, i), func(child int) bool { return nodes[child].kind == "WithElement" })
}

// capped keeps products from running over.
func capped(n int) int { return min(n, maxWidening+1) }
