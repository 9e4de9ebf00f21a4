package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/projections"
)

type verifyArgs struct {
	Repair bool `json:"repair"`
}

func opVerify(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args verifyArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	found, err := n.reads.projector.Verify(ctx, projections.VerifyOptions{Repair: args.Repair, Progress: projectionNews(emit)})
	if err == nil && found.Total > 0 && found.Repaired == 0 {
		err = &exitError{exitFinding, fmt.Errorf("%d rows differ from the log; kipay verify --repair mends them", found.Total)}
	}
	return found, err
}

// verifyOutput is what `verify --json` prints.
func verifyOutput(v projections.Verified) any {
	type difference struct {
		Table   string   `json:"table"`
		Kind    string   `json:"kind"`
		Row     string   `json:"row"`
		Columns []string `json:"columns,omitempty"`
	}
	differences := make([]difference, 0, len(v.Differences))
	for _, d := range v.Differences {
		differences = append(differences, difference{d.Table, string(d.Kind), d.Row, d.Columns})
	}
	return struct {
		Generation  projections.Generation `json:"generation"`
		Position    uint64                 `json:"position"`
		Events      uint64                 `json:"events"`
		Rows        uint64                 `json:"rows"`
		Differ      int                    `json:"differ"`
		Differences []difference           `json:"differences"`
		RepairedBy  projections.Generation `json:"repaired_by_generation,omitempty"`
		TookMS      int64                  `json:"took_ms"`
	}{v.Generation, uint64(v.Position), v.Events, v.Rows, v.Total, differences, v.Repaired, v.Took.Milliseconds()}
}

func verifyCommand() *cobra.Command {
	var args verifyArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare the read models with a fresh fold of the log",
		Long: `Fold the whole log afresh and compare the read models with that, by checksums, and row by row where they differ. Rows
that were altered, are missing or are too many are named by their keys. Reads go on meanwhile.
Exit code 3 means that something differs and was not repaired.`,
		Example: "  kipay verify\n  kipay verify --repair",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var found projections.Verified
			b := newBar(cmd.ErrOrStderr())
			err := call(cmd, "verify", args, barNews(b), &found)
			b.finish()
			var finding *exitError
			if err != nil && (!errors.As(err, &finding) || finding.code != exitFinding) {
				return err
			}
			if asJSON {
				if encErr := json.NewEncoder(cmd.OutOrStdout()).Encode(verifyOutput(found)); encErr != nil {
					return encErr
				}
				return err
			}
			w := cmd.OutOrStdout()
			for _, d := range found.Differences {
				_, _ = fmt.Fprintln(w, "  "+d.String())
			}
			_, _ = fmt.Fprintf(w, "%d events folded, %d rows compared up to position %d in %s: %d differ\n", found.Events, found.Rows, found.Position, found.Took.Round(1e6), found.Total)
			if found.Repaired != 0 {
				_, _ = fmt.Fprintf(w, "Generation %d serves now: every difference is mended.\n", found.Repaired)
			}
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&args.Repair, "repair", false, "mend what differs")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
