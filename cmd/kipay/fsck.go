package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

type progressNews struct {
	Phase string  `json:"phase"`
	Done  uint64  `json:"done"`
	Total uint64  `json:"total"`
	Rate  float64 `json:"rate"`
}

// fsckProblems is after how many findings a check stops listing more.
const fsckProblems = 100

func opFsck(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	started := time.Now()
	if n.local == nil {
		return nil, &exitError{exitUsage, errors.New("fsck reads the folder of the embedded event store; an EventStoreDB checks its own, and kipay verify compares the read models with its log")}
	}
	erasures, err := n.local.Erasures(ctx)
	if err != nil && !errors.Is(err, eventstore.ErrCorrupt) { // which the check finds too
		return nil, err
	}
	gone := goneKeys{destroyed: make(map[string]bool, len(erasures)), places: map[string]string{}}
	for _, e := range erasures {
		gone.destroyed[e.Key] = true
	}
	report, err := n.local.Check(ctx, func(r eventstore.Record) error {
		env, err := n.codec.Decode(ctx, r)
		if err == nil {
			gone.see(&env)
		}
		return err
	}, func(p embedded.CheckProgress) {
		_ = emit(progressNews{"checking " + string(p.Phase), p.Done, p.Total, float64(p.Done) / time.Since(started).Seconds()})
	})
	if err != nil && !errors.Is(err, eventstore.ErrCorrupt) {
		return report, err
	}
	for _, place := range gone.lost() {
		if len(report.Problems) < fsckProblems {
			report.Problems = append(report.Problems, place)
		}
	}
	err = n.ring.CheckKeys(ctx, n.ring.Master(), func(err error) error {
		if len(report.Problems) < fsckProblems {
			report.Problems = append(report.Problems, err.Error())
		}
		return nil
	})
	if found := len(report.Problems); err == nil && found > 0 {
		err = &exitError{exitFinding, fmt.Errorf("%w: %s (%d findings)", eventstore.ErrCorrupt, report.Problems[0], found)}
	}
	return report, err
}

// goneKeys tells keys that were lost from those that were destroyed: these stand in the store's list, or an event says so. A log that was
// moved here has events of erasures, and no list of them.
type goneKeys struct {
	destroyed map[string]bool
	// places are where a key that is gone is missed first, subjects whose they are, in the order of the log.
	places   map[string]string
	subjects []string
}

func (g *goneKeys) see(e *eventstore.Envelope) {
	for _, name := range destroyedBy(e.Event) {
		g.destroyed[name] = true
	}
	subject := e.Meta.Subject
	if !e.Erased || g.destroyed[subject] || g.places[subject] != "" {
		return
	}
	g.subjects = append(g.subjects, subject)
	g.places[subject] = fmt.Sprintf("position %d (%s revision %d, %s %s): the key of %s that it is sealed with is gone",
		e.Position, e.Stream, e.Revision, e.Event.EventType(), e.ID, subject)
}

// lost are the places of those that nobody destroyed.
func (g *goneKeys) lost() (places []string) {
	for _, subject := range g.subjects {
		if !g.destroyed[subject] {
			places = append(places, g.places[subject])
		}
	}
	return places
}

// destroyedBy are the keys that an event says are destroyed, or about to be.
func destroyedBy(e domain.Event) []string {
	switch e := e.(type) {
	case customer.ErasureStarted:
		return e.Keys()
	case customer.Erased:
		return e.Keys()
	}
	return nil
}

func fsckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check the event log end to end",
		Long: `Check the event log end to end: order without gaps, revisions of every stream, that every event can be decoded and
opened, the indexes against the log, and the keys. It changes nothing. Exit code 3 means that something is wrong.`,
		Example: "  kipay fsck\n  kipay fsck --json --data-dir /var/lib/kipay",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var report embedded.CheckReport
			b := newBar(cmd.ErrOrStderr())
			err := call(cmd, "fsck", struct{}{}, barNews(b), &report)
			b.finish()
			var finding *exitError
			if errors.Is(err, eventstore.ErrCorrupt) && !errors.As(err, &finding) { // it could not even be opened
				report.Problems = []string{err.Error()}
				err = &exitError{exitFinding, err}
				if !asJSON {
					return err
				}
			}
			if err != nil && (!errors.As(err, &finding) || finding.code != exitFinding) {
				return err
			}
			if asJSON {
				if encErr := json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					Events   uint64   `json:"events"`
					Bytes    uint64   `json:"bytes"`
					Streams  uint64   `json:"streams"`
					Keys     uint64   `json:"keys"`
					Head     uint64   `json:"head"`
					Problems []string `json:"problems"`
				}{report.Events, report.Bytes, report.Streams, report.Keys, uint64(report.Head), append([]string{}, report.Problems...)}); encErr != nil {
					return encErr
				}
				return err
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "%d events in %d streams, %d bytes, %d keys, up to position %d\n", report.Events, report.Streams, report.Bytes, report.Keys, report.Head)
			for _, p := range report.Problems {
				_, _ = fmt.Fprintln(w, "  "+p)
			}
			if err == nil {
				_, _ = fmt.Fprintln(w, "The log is sound.")
			}
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// barNews draws news of progress.
func barNews(b *bar) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var p progressNews
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		b.show(p)
		return nil
	}
}
