package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/projections"
)

func opRebuild(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	return n.reads.projector.Rebuild(ctx, projectionNews(emit))
}

func projectionNews(emit func(any) error) func(projections.Progress) {
	return func(p projections.Progress) {
		_ = emit(progressNews{p.Stage, uint64(p.Done), uint64(p.Total), p.PerSecond})
	}
}

func rebuildCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Build the read models again from the log, while reads go on",
		Long: `Build a new generation of the read models from the beginning of the log, beside the one that serves, and swap it in
when it has caught up. Stopping it midway leaves the old one serving.`,
		Example: "  kipay rebuild",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out projections.Rebuilt
			b := newBar(cmd.ErrOrStderr())
			err := call(cmd, "rebuild", struct{}{}, barNews(b), &out)
			b.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					From   projections.Generation `json:"from_generation"`
					To     projections.Generation `json:"generation"`
					Events uint64                 `json:"events"`
					At     uint64                 `json:"position"`
					TookMS int64                  `json:"took_ms"`
				}{out.From, out.To, out.Events, uint64(out.Position), out.Took.Milliseconds()})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Generation %d serves: %d events in %s (%.0f a second)\n", out.To, out.Events, out.Took.Round(1e6), float64(out.Events)/out.Took.Seconds())
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
