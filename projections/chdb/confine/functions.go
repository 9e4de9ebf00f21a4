package confine

import (
	"slices"
	"strings"
)

// Function is a function as the engine lists it in system.functions.
type Function struct {
	Name      string
	AliasOf   string // "" for a name of its own
	Category  string
	Aggregate bool
}

// offeredCategories are those of functions that compute from their arguments alone.
var offeredCategories = []string{
	"Aggregate Functions", "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times", "Distance", "Encoding",
	"Encryption", "Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "JSON", "Logical", "Map", "Mathematical", "Null",
	"NumericIndexedVector", "Random Number", "Rounding", "String", "String Replacement", "String Search", "String Splitting", "Time Window",
	"Tuple", "Type Conversion", "URL", "UUID",
}

// offeredBeside are functions of other categories ("Other", "Internal") that are harmless all the same. What is not here
// reads files and dictionaries, shows the server and other sessions, sleeps, or calls other servers.
var offeredBeside = []string{
	"bar", "byteSize", "caseWithExpression", "_CAST", "countDigits", "currentDatabase", "currentUser", "defaultValueOfArgumentType",
	"defaultValueOfTypeName", "digits", "finalizeAggregation", "formatReadableDecimalSize", "formatReadableQuantity", "formatReadableSize",
	"formatReadableTimeDelta", "getSizeOfEnumType", "getSubcolumn", "identity", "ignore", "indexHint", "initializeAggregation",
	"isConstant", "isDecimalOverflow", "MACNumToString", "MACStringToNum", "materialize", "minSampleSizeContinuous", "minSampleSizeConversion",
	"neighbor", "parseReadableSize", "parseReadableSizeOrNull", "parseReadableSizeOrZero", "parseTimeDelta", "revision", "rowNumberInAllBlocks",
	"rowNumberInBlock", "runningAccumulate", "runningConcurrency", "runningDifference", "runningDifferenceStartingWithFirstValue", "throwIf",
	"toColumnTypeName", "toTypeName", "transform", "variantElement", "variantType", "version", "visibleWidth",
}

// refusedWithin are functions of offered categories that reach further than their arguments: formats with schemas in files,
// the engine's own stacks.
var refusedWithin = []string{"formatRow", "formatRowNoNewline", "flameGraph", "groupFormat", "aggThrow"}

// outsideCatalogue are what the parser makes of syntax and the engine does not list.
var outsideCatalogue = []string{"lambda", "exists", "untuple", "grouping", "array", "tuple", "map"}

// Functions knows which functions statements may name. It does not change after NewFunctions.
type Functions struct {
	offered     map[string]bool // by name in lower case: known, and whether it is offered
	aggregates  map[string]bool // those that are offered
	combinators []string
}

// NewFunctions takes what the engine says of itself: system.functions, and the names in system.aggregate_function_combinators.
func NewFunctions(catalogue []Function, combinators []string) *Functions {
	f := &Functions{offered: map[string]bool{}, aggregates: map[string]bool{}}
	byName := map[string]Function{}
	for _, function := range catalogue {
		byName[function.Name] = function
	}
	for _, function := range catalogue {
		target := function
		if of, ok := byName[function.AliasOf]; ok {
			target = of
		}
		offered := slices.Contains(offeredCategories, target.Category) && !slices.Contains(refusedWithin, target.Name) || slices.Contains(offeredBeside, target.Name)
		lower := strings.ToLower(function.Name)
		if before, ok := f.offered[lower]; ok {
			offered = offered && before // names that differ in case only: the worse one counts
		}
		f.offered[lower] = offered
		if function.Aggregate {
			f.aggregates[lower] = offered
		}
	}
	for _, name := range outsideCatalogue {
		if _, ok := f.offered[name]; !ok {
			f.offered[name] = true
		}
	}
	for _, name := range combinators {
		f.combinators = append(f.combinators, strings.ToLower(name))
	}
	return f
}

// offers says whether a function may be called: also an aggregate with combinators (sumIf, quantilesTDigestOrNullState).
func (f *Functions) offers(name string) bool {
	lower := strings.ToLower(name)
	if offered, known := f.offered[lower]; known {
		return offered
	}
	return f.combined(lower)
}

func (f *Functions) combined(lower string) bool {
	for _, combinator := range f.combinators {
		base, ok := strings.CutSuffix(lower, combinator)
		if ok && base != "" && (f.aggregates[base] || f.combined(base)) {
			return true
		}
	}
	return false
}

// refuses says whether a name is that of a function that may not be called. A bare name is one too: arrayMap(file, …).
func (f *Functions) refuses(name string) bool {
	offered, known := f.offered[strings.ToLower(name)]
	return known && !offered
}
