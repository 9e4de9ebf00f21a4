package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore"
)

type eventsArgs struct {
	Stream string `json:"stream,omitempty"` // one stream
	ID     string `json:"id,omitempty"`     // one event, by position or id
	Last   uint64 `json:"last,omitempty"`   // start with the last so many
	Follow bool   `json:"follow,omitempty"`
	Open   bool   `json:"open,omitempty"` // open what is sealed
}

// what is asked for, as the record of the reading has it.
func (a eventsArgs) what() string {
	switch {
	case a.ID != "":
		return " show"
	case a.Stream != "":
		return " stream"
	}
	return " tail"
}

// eventNews is an event as the verbs print it.
type eventNews struct {
	Position   uint64          `json:"position"`
	Stream     string          `json:"stream"`
	Revision   int64           `json:"revision"`
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	RecordedAt time.Time       `json:"recorded_at"`
	Metadata   json.RawMessage `json:"metadata"`
	Data       json.RawMessage `json:"data"`
}

const eventsChunk = 500

func opEvents(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args eventsArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if args.Open {
		if err := n.write.NoteAuditRead(ctx, "kipay events"+args.what()); err != nil {
			return nil, err
		}
	}
	show := func(r eventstore.Record) error {
		news := eventNews{uint64(r.Position), r.Stream, int64(r.Revision), r.ID.String(), r.Type, r.RecordedAt, r.Metadata, r.Data}
		if args.Open {
			env, err := n.codec.Decode(ctx, r)
			if err != nil {
				return err
			}
			if news.Data, err = json.Marshal(env.Event); err != nil {
				return err
			}
			if news.Metadata, err = json.Marshal(env.Meta); err != nil {
				return err
			}
		}
		return emit(news)
	}
	switch {
	case args.ID != "":
		return nil, n.showEvent(ctx, args.ID, show)
	case args.Stream != "":
		return nil, n.showStream(ctx, args.Stream, show)
	}
	head, err := n.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	from := head
	if args.Last > 0 {
		// The position before the last ones, by reading them: positions may have gaps.
		if from, err = n.before(ctx, int(min(args.Last, math.MaxInt32))); err != nil {
			return nil, err
		}
	}
	if args.Follow {
		return nil, n.followEvents(ctx, from, show)
	}
	return nil, n.showRange(ctx, from, head, show)
}

// showRange shows the events after from up to the one that was the newest when it was asked for: a log that is written to
// faster than it is printed has an end, too.
func (n *node) showRange(ctx context.Context, from, to eventstore.Position, show func(eventstore.Record) error) error {
	for from < to {
		records, err := n.store.ReadAll(ctx, from, eventstore.Forward, eventsChunk)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if r.Position > to {
				return nil
			}
			if err := show(r); err != nil {
				return err
			}
		}
		from = records[len(records)-1].Position
	}
	return nil
}

// before is the position after which the log has so many events, zero when it has no more than them.
func (n *node) before(ctx context.Context, events int) (eventstore.Position, error) {
	at, known := eventstore.EndPosition, 0 // a backward read starts with the event at its position, which is known by then
	for left := events + 1; ; known = 1 {
		records, err := n.store.ReadAll(ctx, at, eventstore.Backward, min(left+known, eventsChunk))
		if err != nil || len(records) <= known {
			return 0, err
		}
		records = records[known:]
		if left <= len(records) {
			return records[left-1].Position, nil
		}
		left -= len(records)
		at = records[len(records)-1].Position
	}
}

func (n *node) followEvents(ctx context.Context, from eventstore.Position, show func(eventstore.Record) error) error {
	sub, err := n.store.Subscribe(ctx, from)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for _, r := range batch.Records {
			if err := show(r); err != nil {
				return err
			}
		}
	}
}

func (n *node) showStream(ctx context.Context, stream string, show func(eventstore.Record) error) error {
	for from := eventstore.Revision(0); ; {
		records, err := n.store.ReadStream(ctx, stream, from, eventstore.Forward, eventsChunk)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := show(r); err != nil {
				return err
			}
		}
		from = records[len(records)-1].Revision + 1
	}
}

// showEvent finds one event by its position, or by its id, which takes a look at the whole log.
func (n *node) showEvent(ctx context.Context, name string, show func(eventstore.Record) error) error {
	if position, err := strconv.ParseUint(name, 10, 64); err == nil && position > 0 {
		records, err := n.store.ReadAll(ctx, eventstore.Position(position), eventstore.Backward, 1)
		if err != nil {
			return err
		}
		if len(records) == 0 || uint64(records[0].Position) != position {
			return fmt.Errorf("no event stands at position %d", position)
		}
		return show(records[0])
	}
	id, err := uuid.Parse(name)
	if err != nil {
		return fmt.Errorf("%q is neither a position nor an event id", name)
	}
	for from := eventstore.Position(0); ; {
		records, err := n.store.ReadAll(ctx, from, eventstore.Forward, eventsChunk)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("no event has the id %s", id)
		}
		for _, r := range records {
			if r.ID == id {
				return show(r)
			}
		}
		from = records[len(records)-1].Position
	}
}

func eventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Look at the event log, and move it",
		Long:  "Look at the event log, and move it. What is sealed stays sealed unless --open is given.",
	}
	tail := eventsVerb("tail", "Print the last events and follow the log", cobra.NoArgs,
		"  kipay events tail\n  kipay events tail --last 100 --no-follow --json", func(a *eventsArgs, _ []string) {})
	stream := eventsVerb("stream NAME", "Print the events of one stream, oldest first", cobra.ExactArgs(1),
		"  kipay events stream transaction-KIPAY0123456789ABCDEF\n  kipay events stream KIPAY0123456789ABCDEF --open", func(a *eventsArgs, args []string) {
			a.Stream = args[0]
			if strings.HasPrefix(a.Stream, "KIPAY") || strings.HasPrefix(a.Stream, "MPESA") {
				a.Stream = "transaction-" + a.Stream
			}
		})
	show := eventsVerb("show POSITION|ID", "Print one event whole", cobra.ExactArgs(1), "  kipay events show 42 --open", func(a *eventsArgs, args []string) { a.ID = args[0] })
	cmd.AddCommand(tail, stream, show, eventsExportCommand(), eventsImportCommand())
	return cmd
}

func eventsVerb(use, short string, positional cobra.PositionalArgs, example string, fill func(*eventsArgs, []string)) *cobra.Command {
	var args eventsArgs
	var asJSON, noFollow bool
	isTail, isShow := use == "tail", strings.HasPrefix(use, "show")
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: positional,
		RunE: verb(func(cmd *cobra.Command, positional []string) error {
			fill(&args, positional)
			args.Follow = isTail && !noFollow
			return call(cmd, "events", args, func(raw json.RawMessage) error {
				if asJSON {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), string(raw))
					return err
				}
				return printEvent(cmd.OutOrStdout(), raw, isShow)
			}, nil)
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&args.Open, "open", false, "open what is sealed: shows personal data and secrets")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	if isTail {
		cmd.Flags().Uint64Var(&args.Last, "last", 10, "how many to begin with")
		cmd.Flags().BoolVar(&noFollow, "no-follow", false, "stop at the end of the log")
	}
	return cmd
}

func printEvent(w io.Writer, raw json.RawMessage, whole bool) error {
	var e eventNews
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	if !whole {
		_, err := fmt.Fprintf(w, "%8d  %s  %-26s %s@%d\n          %s\n", e.Position, e.RecordedAt.Format("2006-01-02 15:04:05.000"), e.Type, e.Stream, e.Revision, shorten(string(e.Data), 160))
		return err
	}
	pretty := func(v json.RawMessage) string {
		var out bytes.Buffer // the text itself: decoded, an amount could pass through a float
		if json.Indent(&out, v, "  ", "  ") != nil {
			return string(v)
		}
		return out.String()
	}
	_, err := fmt.Fprintf(w, "position  %d\nstream    %s\nrevision  %d\nid        %s\ntype      %s\nrecorded  %s\nmetadata\n  %s\ndata\n  %s\n",
		e.Position, e.Stream, e.Revision, e.ID, e.Type, e.RecordedAt.Format(time.RFC3339Nano), pretty(e.Metadata), pretty(e.Data))
	return err
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
