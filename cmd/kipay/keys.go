package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore"
)

type keysRotated struct {
	KeyID     string `json:"key_id"`
	Keys      int    `json:"keys"`
	Rewrapped int    `json:"rewrapped"`
	FromFile  bool   `json:"from_file"`
}

// opKeysRotate wraps every data key under the current master key. With the key in the data folder a new one is made first,
// and the old one is dropped when nothing needs it any more; it may be cut off at any point and run again.
func opKeysRotate(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	end, err := n.ring.BeginRotation()
	if err != nil {
		return nil, err
	}
	defer end()
	out := keysRotated{FromFile: n.cfg.MasterKey == ""} // a command's answer counts as set
	if out.FromFile && n.cfg.remote() {
		// The other nodes, and the notices in every spool, know the old key only.
		return nil, &exitError{exitUsage, errors.New("a key that several nodes share is not changed in one node's file: give all of them NEW,OLD as KIPAY_MASTER_KEY, restart them, and run this again")}
	}
	path := filepath.Join(n.cfg.DataDir, masterKeyFile)
	var fresh string
	if out.FromFile {
		if fresh, err = addMasterKey(n, path); err != nil {
			return nil, err
		}
	}
	out.KeyID = n.ring.Master().CurrentID()
	err = n.ring.Rewrap(ctx, func(seen, rewrapped int) {
		out.Keys, out.Rewrapped = seen, rewrapped
		if seen%1000 == 0 {
			_ = emit(progressNews{"rewrapping", uint64(rewrapped), uint64(seen), 0})
		}
	})
	if err != nil {
		return nil, err
	}
	if out.FromFile {
		if err := dropOldMasterKeys(ctx, n, path, fresh); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addMasterKey makes a new master key, durable in the file before it is used, with those that are there behind it.
func addMasterKey(n *node, path string) (fresh string, err error) {
	old, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("master key: %w", err)
	}
	held, err := eventstore.ParseMasterKeys(string(old))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if current := n.ring.Master().CurrentID(); !held.Holds(current) {
		return "", fmt.Errorf("the master key in %s is not the one that this server runs with (%s): put that one back, nothing else opens the events", path, current)
	}
	if fresh, err = newMasterKeyText(); err != nil {
		return "", err
	}
	both, err := eventstore.ParseMasterKeys(fresh + "\n" + string(old))
	if err != nil {
		return "", err
	}
	if err := writePrivate(path, fresh+"\n"+string(old)); err != nil {
		return "", err
	}
	n.ring.UseMaster(both)
	return fresh, nil
}

// dropOldMasterKeys leaves the fresh key alone in the file, once it has opened every data key: there is no way back.
func dropOldMasterKeys(ctx context.Context, n *node, path, fresh string) error {
	only, err := eventstore.ParseMasterKeys(fresh)
	if err != nil {
		return err
	}
	if err := n.ring.CheckKeys(ctx, only, func(err error) error { return err }); err != nil {
		return fmt.Errorf("the old master key stays, something needs it: %w", err)
	}
	if err := writePrivate(path, fresh+"\n"); err != nil {
		return err
	}
	n.ring.UseMaster(only)
	return nil
}

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Look after the master key"}
	var asJSON bool
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Wrap every data key under a new master key",
		Long: `Wrap every data key under a new master key. Payments go on meanwhile, and it may be stopped and run again.

With the key in the data folder (the default) a new one is made and the old one dropped at the end. With KIPAY_MASTER_KEY,
start the server with NEW,OLD (separated by a comma), run this, then start it with NEW alone. Where several nodes share a log, all of
them have NEW,OLD before this is run, and none is started with NEW alone before every spool is empty (kipay_spool_notices,
kipay_spool_parked): what waits there was sealed under OLD.`,
		Example: "  kipay keys rotate",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out keysRotated
			b := newBar(cmd.ErrOrStderr())
			err := call(cmd, "keys rotate", struct{}{}, barNews(b), &out)
			b.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "%d of %d keys were rewrapped; the current master key is %s\n", out.Rewrapped, out.Keys, out.KeyID)
			if !out.FromFile {
				_, _ = fmt.Fprintln(w, "The older keys in KIPAY_MASTER_KEY are not needed any more once every node's spool is empty.")
			}
			_, _ = fmt.Fprintln(w, "Recovery bundles from before do not hold it: make a new one with kipay keys recovery, and keep the old one as long as the backups from before.")
			return nil
		}),
	}
	addSettings(rotate)
	rotate.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(rotate, keysRecoveryCommand(), keysRecoverCommand())
	return cmd
}
