package transfer

import (
	"slices"
	"strings"
)

// leftOut are the categories of streams whose events are about the store they are in, in order: leases of nodes, and
// reactors' checkpoints, which are positions.
func leftOut() []string { return []string{"lease", "reactor"} }

// LeftOut tells that events of the stream don't travel. A stream's category is its name up to the first dash.
func LeftOut(stream string) bool {
	category, _, dashed := strings.Cut(stream, "-")
	return dashed && slices.Contains(leftOut(), category)
}
