package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore/embedded/backup"
)

// errRemoteBackup is what verbs over backups answer when the log is on a server.
var errRemoteBackup = &exitError{exitUsage, errors.New("the event store is a server, which has backups of its own: see docs/kurrentdb.md and docs/disaster-recovery.md (kipay keys recovery works here too)")}

type backupArgs struct {
	Dir string `json:"dir"`
}

type backupTaken struct {
	Point     string    `json:"point"`
	Taken     time.Time `json:"taken"`
	Position  uint64    `json:"position"`
	Events    uint64    `json:"events"`
	NewEvents uint64    `json:"new_events"`
	Keys      uint64    `json:"keys"`
	Erasures  uint64    `json:"erasures"`
	Scrubbed  int       `json:"points_scrubbed"`
	Bytes     int64     `json:"bytes_written"`
	TookMS    int64     `json:"took_ms"`
}

func opBackup(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args backupArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if n.local == nil {
		return nil, errRemoteBackup
	}
	if inside, err := filepath.Rel(n.cfg.DataDir, args.Dir); err == nil && !strings.HasPrefix(inside, "..") {
		return nil, &exitError{exitUsage, errors.New("the backup folder must not be inside the data folder: what is lost with it is no backup")}
	}
	started := time.Now()
	taken, err := backup.Take(ctx, n.local, args.Dir, time.Now, progressOf(func(p progressNews) { _ = emit(p) }))
	if err != nil {
		return nil, err
	}
	p := taken.Point
	return backupTaken{
		p.Name(), p.Taken, uint64(p.Position), taken.Events, taken.NewEvents, taken.Keys, p.Erasures, taken.Scrubbed, taken.Written,
		time.Since(started).Milliseconds(),
	}, nil
}

// progressOf turns what a backup or a restore says into news.
func progressOf(show func(progressNews)) backup.Progress {
	started := time.Now()
	return func(phase string, done, total uint64) {
		show(progressNews{phase, done, total, float64(done) / time.Since(started).Seconds()})
	}
}

func backupCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Add a restore point to a backup folder, while payments go on",
		Long: `Add a restore point to a backup folder: the event log and the wrapped keys, consistent, as of now. The first one copies
everything, each further one what is new. Everything carries checksums, and files never change once they are there, so that the
folder can be copied elsewhere by any tool.

What is in it opens with the master key alone, which is not in it: keep a recovery bundle (kipay keys recovery) in a safe.
Beside a running server it is the server that writes the folder. docs/disaster-recovery.md has the whole.`,
		Example: `  kipay backup /mnt/backup/kipay
  kipay backup list /mnt/backup/kipay
  kipay backup verify /mnt/backup/kipay
  kipay restore /mnt/backup/kipay --data-dir /var/lib/kipay-restored --recovery kipay-recovery.age --identity key.txt`,
		Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				return &exitError{exitUsage, fmt.Errorf("unknown command %q for %q: did you mean %q? (for a folder of that name write ./%s)", args[0], cmd.CommandPath(), meant[0], args[0])}
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			var out backupTaken
			b := newBar(cmd.ErrOrStderr())
			err = call(cmd, "backup", backupArgs{dir}, barNews(b), &out)
			b.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "Restore point %s: position %d, %d events (%d new), %d keys; %d bytes written in %s\n",
				out.Point, out.Position, out.Events, out.NewEvents, out.Keys, out.Bytes, time.Duration(out.TookMS)*time.Millisecond)
			if out.Scrubbed > 0 {
				_, _ = fmt.Fprintf(w, "Keys destroyed since were taken out of %d older restore points; do the same to copies of this folder (rsync --delete).\n", out.Scrubbed)
			}
			return nil
		}),
	}
	cmd.SuggestionsMinimumDistance = 2
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(backupListCommand(), backupVerifyCommand())
	return cmd
}

// pointLine is a restore point in a list.
type pointLine struct {
	Point    string    `json:"point"`
	Taken    time.Time `json:"taken,omitzero"`
	Position uint64    `json:"position"`
	Keys     uint64    `json:"keys"`
	Erasures uint64    `json:"erasures"`
	Problem  string    `json:"problem,omitempty"`
}

func pointLines(points []*backup.Point, bad map[string]error) []pointLine {
	var out []pointLine
	for _, p := range points {
		out = append(out, pointLine{p.Name(), p.Taken, uint64(p.Position), p.KeyCount, p.Erasures, ""})
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		out = append(out, pointLine{Point: name, Problem: bad[name].Error()})
	}
	slices.SortStableFunc(out, func(a, b pointLine) int { return strings.Compare(a.Point, b.Point) })
	return out
}

func printPoints(cmd *cobra.Command, asJSON bool, lines []pointLine) error {
	if asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		for _, l := range lines {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "POINT\tPOSITION\tKEYS\tERASURES\t")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", l.Point, l.Position, l.Keys, l.Erasures, l.Problem)
	}
	return w.Flush()
}

// badPoints is the finding of a list or a verification.
func badPoints(bad map[string]error) error {
	if len(bad) == 0 {
		return nil
	}
	name := slices.Min(slices.Collect(maps.Keys(bad)))
	return &exitError{exitFinding, fmt.Errorf("%d restore points can't be used; %s: %w", len(bad), name, bad[name])}
}

func backupListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list FOLDER",
		Short:   "List the restore points in a backup folder",
		Long:    `List the restore points in a backup folder, the oldest first. Exit code 3 means that one of them can't be read.`,
		Example: "  kipay backup list /mnt/backup/kipay",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			points, bad, err := backup.List(args[0])
			if err != nil {
				return err
			}
			if err := printPoints(cmd, asJSON, pointLines(points, bad)); err != nil {
				return err
			}
			return badPoints(bad)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one line a restore point")
	return cmd
}

func backupVerifyCommand() *cobra.Command {
	var asJSON bool
	var at string
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Compare everything in a backup folder with its checksums",
		Long: `Read every file in a backup folder and compare it with its checksum, without restoring anything: it needs no key and no
data folder. A folder that was not copied to its end is found too. Exit code 3 means that a restore point can't be used.`,
		Example: "  kipay backup verify /mnt/backup/kipay",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			b := newBar(cmd.ErrOrStderr())
			found, err := backup.Verify(cmd.Context(), args[0], at, progressOf(b.show))
			b.finish()
			if err != nil {
				return err
			}
			if err := printPoints(cmd, asJSON, pointLines(found.Good, found.Bad)); err != nil {
				return err
			}
			if !asJSON {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%d files, %d bytes read; %d restore points are sound, %d are not\n", found.Files, found.Bytes, len(found.Good), len(found.Bad))
			}
			return badPoints(found.Bad)
		}),
	}
	cmd.Flags().StringVar(&at, "at", "", "only this restore point: a name, or a time (RFC 3339) at or before which it was taken")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one line a restore point")
	return cmd
}

// existing is an error unless the file is missing.
func existing(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already", path)
	}
	return nil
}
