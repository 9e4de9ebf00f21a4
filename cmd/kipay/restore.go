package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/embedded/backup"
)

// restoringDir is where a restore builds, inside the data folder. While it is there and the log is not, the folder is half restored.
const restoringDir = ".restoring"

// restoreArgs is what `kipay restore` was told.
type restoreArgs struct {
	from, at, recovery, identity string
	erasures                     []string
}

type restored struct {
	Point     string    `json:"point"`
	Taken     time.Time `json:"taken"`
	Position  uint64    `json:"position"`
	Events    uint64    `json:"events"`
	Keys      uint64    `json:"keys"`
	Erased    uint64    `json:"erasures_applied"`
	MasterKey bool      `json:"master_key"` // there, and opens every key and event
	TookMS    int64     `json:"took_ms"`
}

// refuseHalfRestored keeps a server from beginning an empty log where a restore was cut off.
func refuseHalfRestored(cfg *config) error {
	if _, err := os.Stat(eventsFolder(cfg)); cfg.remote() || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, restoringDir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("data folder %s: a restore into it did not end; run kipay restore again", cfg.DataDir)
}

// restore puts a restore point into the empty data folder. Everything is built and checked aside; the last step makes it live.
func restore(ctx context.Context, cfg *config, args restoreArgs, log zerolog.Logger, progress backup.Progress) (_ restored, err error) {
	started := time.Now()
	if cfg.remote() {
		return restored{}, errRemoteBackup
	}
	var bundle *recoveryBundle
	if args.recovery != "" {
		if bundle, err = openBundle(args.recovery, args.identity); err != nil {
			return restored{}, err
		}
	}
	var further [][]embedded.Erasure
	for _, path := range args.erasures {
		list, err := backup.ReadErasures(path)
		if err != nil {
			return restored{}, err
		}
		further = append(further, list)
	}
	point, err := backup.Choose(args.from, args.at)
	if err != nil {
		return restored{}, err
	}
	owned, err := beginRestore(cfg.DataDir)
	if err != nil {
		return restored{}, err
	}
	defer func() { err = errors.Join(err, owned()) }()
	aside := *cfg
	aside.DataDir = filepath.Join(cfg.DataDir, restoringDir)
	logf := func(format string, args ...any) { log.Error().Msgf(format, args...) }
	got, err := backup.Restore(ctx, args.from, point, eventsFolder(&aside), further, embedded.Options{Logf: logf}, progress)
	if err != nil {
		return restored{}, err
	}
	out := restored{Point: point.Name(), Taken: point.Taken, Position: uint64(point.Position), Events: got.Events, Keys: got.Keys, Erased: got.Erased}
	if bundle != nil {
		if err := bundle.install(aside.DataDir); err != nil {
			return restored{}, err
		}
	}
	if out.MasterKey, err = checkRestored(ctx, &aside, bundle, logf, progress); err != nil {
		return restored{}, err
	}
	if err := goLive(cfg.DataDir); err != nil {
		return restored{}, err
	}
	out.TookMS = time.Since(started).Milliseconds()
	return out, nil
}

// beginRestore makes the folder in which a restore builds, empty, and this process the only one that does. A master key that
// the operator has put into the data folder comes along. The function it answers ends that.
func beginRestore(dataDir string) (func() error, error) {
	entries, err := os.ReadDir(dataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	key := false
	for _, e := range entries {
		switch e.Name() {
		case restoringDir, embedded.OwnerFile: // the latter of a server that was refused here
		case masterKeyFile:
			key = true
		default:
			return nil, fmt.Errorf("data folder %s is not empty: restore into a new one (it holds %s)", dataDir, e.Name())
		}
	}
	aside := filepath.Join(dataDir, restoringDir)
	owned, err := embedded.OwnFolder(aside)
	if err != nil {
		return nil, fmt.Errorf("another restore: %w", err)
	}
	// What a restore left that was cut off.
	err = errors.Join(os.RemoveAll(filepath.Join(aside, "events")), os.RemoveAll(filepath.Join(aside, masterKeyFile)))
	if err == nil && key {
		var text []byte
		if text, err = os.ReadFile(filepath.Join(dataDir, masterKeyFile)); err == nil {
			err = writePrivate(filepath.Join(aside, masterKeyFile), string(text))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data folder: %w", err), owned.Close())
	}
	return owned.Close, nil
}

// checkRestored reads the restored log from end to end, as fsck does, and opens every key and event when there is a master key.
func checkRestored(ctx context.Context, cfg *config, bundle *recoveryBundle, logf func(string, ...any), progress backup.Progress) (opened bool, err error) {
	store, err := embedded.Open(eventsFolder(cfg), embedded.Options{Logf: logf})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	masters, keyErr := loadMasterKeys(ctx, cfg)
	if keyErr != nil {
		if bundle != nil {
			return false, keyErr
		}
		_, err := store.Check(ctx, nil, func(p embedded.CheckProgress) { progress("checking "+string(p.Phase), p.Done, p.Total) })
		return false, err
	}
	if bundle != nil {
		if _, err := bundle.putBack(ctx, store); err != nil {
			return false, err
		}
	}
	ring := eventstore.NewKeyring(store, masters, rand.Reader)
	n := &node{cfg: cfg, store: store, local: store, ring: ring, codec: eventstore.NewCodec(ring, eventstore.Catalogue())}
	_, err = opFsck(ctx, n, nil, func(v any) error {
		if p, ok := v.(progressNews); ok {
			progress(p.Phase, p.Done, p.Total)
		}
		return nil
	})
	return err == nil, err
}

// goLive moves what was built to its place, the log last: with it the folder is an install.
func goLive(dataDir string) error {
	aside := filepath.Join(dataDir, restoringDir)
	key := filepath.Join(aside, masterKeyFile)
	if err := os.Rename(key, filepath.Join(dataDir, masterKeyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := syncEntries(dataDir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(filepath.Join(aside, "events"), filepath.Join(dataDir, "events")); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := syncEntries(dataDir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return os.RemoveAll(aside)
}

func restoreCommand() *cobra.Command {
	var args restoreArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Restore a backup into a new data folder",
		Long: `Restore the newest restore point of a backup folder, or the one that --at names, into a new data folder. Everything is
built aside, compared with its checksums and checked as kipay fsck does before it is made live; a restore that is cut off leaves
nothing that a server would take for an install, and is simply run again.

Keys that were destroyed after the restore point are not restored: those that the backup folder lists, and those in --erasures.
With --recovery the master key is put back too. The read models are built from the log at the next start.`,
		Example: `  kipay restore /mnt/backup/kipay --data-dir /var/lib/kipay --recovery kipay-recovery.age --identity key.txt
  kipay restore /mnt/backup/kipay --data-dir ./yesterday --at 2026-01-31T12:00:00Z`,
		Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, folder []string) error {
			if (args.recovery == "") != (args.identity == "") {
				return &exitError{exitUsage, errors.New("--recovery and --identity go together")}
			}
			cfg, err := readConfig(cmd, environ(), func(string) {})
			if err != nil {
				return err
			}
			args.from = folder[0]
			b := newBar(cmd.ErrOrStderr())
			out, err := restore(cmd.Context(), cfg, args, newLogger(zerolog.WarnLevel, cmd.ErrOrStderr()), progressOf(b.show))
			b.finish()
			switch {
			case errors.Is(err, backup.ErrDamaged), errors.Is(err, eventstore.ErrCorrupt):
				return &exitError{exitFinding, err}
			case err != nil:
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "Restored %s of %s into %s in %s: %d events up to position %d, %d keys\n",
				out.Point, out.Taken.Format(time.RFC3339), cfg.DataDir, time.Duration(out.TookMS)*time.Millisecond, out.Events, out.Position, out.Keys)
			if out.Erased > 0 {
				_, _ = fmt.Fprintf(w, "%d keys that were destroyed since were left out\n", out.Erased)
			}
			if out.MasterKey {
				_, _ = fmt.Fprintln(w, "The log is sound, and the master key opens everything in it.")
			} else {
				_, _ = fmt.Fprintln(w, "The log is sound. No master key was given, so nothing was opened: put it back with kipay keys recover before you start the server.")
			}
			_, _ = fmt.Fprintln(w, "This is a store of its own from now on: give its backups a new folder, and keep the old one with its list of erasures.")
			return nil
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&args.at, "at", "", "restore point: a name, or a time (RFC 3339) at or before which it was taken; the newest when empty")
	cmd.Flags().StringVar(&args.recovery, "recovery", "", "recovery bundle (kipay keys recovery)")
	cmd.Flags().StringVar(&args.identity, "identity", "", "file with the age identity that opens it")
	cmd.Flags().StringArrayVar(&args.erasures, "erasures", nil, "another list of erasures to apply (erasures.ndjson of a newer backup folder); may be given several times")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
