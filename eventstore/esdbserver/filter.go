package esdbserver

import (
	"fmt"
	"regexp"
	"strings"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/benfex/kipay/eventstore"
)

// defaultWindow is how many events EventStoreDB looks at at a time when the client leaves it to the server.
const defaultWindow = 32

// filter picks events of $all. A nil filter picks all.
type filter struct {
	byType   bool
	regex    *regexp.Regexp
	prefixes []string
	// interval is after how many events looked at a subscription is told a checkpoint.
	interval int
}

// parseFilter reads the filter of a request. The dialect of expressions is RE2's: lookahead and backreferences, which
// EventStoreDB's own has, are refused.
func parseFilter(o *api.ReadReq_Options_FilterOptions) (*filter, error) {
	f := new(filter)
	var expression *api.ReadReq_Options_FilterOptions_Expression
	switch by := o.GetFilter().(type) {
	case *api.ReadReq_Options_FilterOptions_StreamIdentifier:
		expression = by.StreamIdentifier
	case *api.ReadReq_Options_FilterOptions_EventType:
		expression, f.byType = by.EventType, true
	default:
		return nil, fmt.Errorf("%w: a filter of nothing", eventstore.ErrInvalid)
	}
	if text := expression.GetRegex(); text != "" {
		regex, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("%w: filter: %w", eventstore.ErrInvalid, err)
		}
		f.regex = regex
	}
	f.prefixes = expression.GetPrefix()
	if f.regex == nil && len(f.prefixes) == 0 {
		return nil, fmt.Errorf("%w: a filter without expression and prefixes", eventstore.ErrInvalid)
	}
	window := uint64(defaultWindow)
	switch w := o.GetWindow().(type) {
	case *api.ReadReq_Options_FilterOptions_Max:
		window = uint64(w.Max)
	case *api.ReadReq_Options_FilterOptions_Count:
	default:
		return nil, fmt.Errorf("%w: a filter without a search window", eventstore.ErrInvalid)
	}
	const longest = 1 << 31
	interval := window * uint64(o.GetCheckpointIntervalMultiplier())
	if interval == 0 || interval > longest {
		return nil, fmt.Errorf("%w: a checkpoint every %d events", eventstore.ErrInvalid, interval)
	}
	f.interval = int(interval)
	return f, nil
}

// picks tells whether the record is one that the client asked for.
func (f *filter) picks(rec *eventstore.Record) bool {
	if f == nil {
		return true
	}
	text := rec.Stream
	if f.byType {
		text, _ = unmarkType(rec.Type)
	}
	if f.regex != nil {
		return f.regex.MatchString(text)
	}
	for _, prefix := range f.prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
