package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

type auditCheckArgs struct {
	Since string   `json:"since,omitempty"` // an old checkpoint, empty to check the log against its own heads alone
	Keys  []string `json:"keys,omitempty"`
}

// auditChecked is what a check found in order.
type auditChecked struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
	Since  int64  `json:"since,omitempty"`
	Heads  int    `json:"heads,omitempty"`
	Leaves int64  `json:"leaves_compared,omitempty"`
}

// withProofs carries out fn with the node's proofs, which are opened and built up to the end of the log where no server runs.
func (n *node) withProofs(ctx context.Context, fn func() error) error {
	if n.proofs != nil {
		return fn()
	}
	if err := n.openProofs(); err != nil {
		return err
	}
	defer n.proofs.close()
	head, err := n.store.Head(ctx)
	if err != nil {
		return err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	g, inner := errgroup.WithContext(inner)
	g.Go(func() error { return n.proofs.follower.Run(inner) })
	g.Go(func() error {
		defer stop()
		for {
			changed := n.proofs.tree.Changed()
			if n.proofs.tree.Seen() >= head {
				return nil
			}
			select {
			case <-changed:
			case <-inner.Done():
				return nil // the follower has said why
			}
		}
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if err = fn(); errors.Is(err, transparency.ErrDamaged) { // a server's follower sees to it by itself
		if resetErr := n.proofs.tree.Reset(); resetErr != nil {
			return errors.Join(err, resetErr)
		}
		return fmt.Errorf("%w; they are built again from the log: run the command once more", err)
	}
	return err
}

// logKeys are the verifier keys to go by: those given and what they have introduced since, else the log's own.
func (n *node) logKeys(ctx context.Context, given []string) (transparency.Keys, error) {
	own, err := n.proofs.heads.Keys(ctx)
	if err != nil {
		return transparency.Keys{}, err
	}
	var all, introductions []string
	for _, k := range own {
		all, introductions = append(all, k.VerifierKey), append(introductions, k.Introduction)
	}
	if len(given) > 0 {
		if all, err = transparency.FollowRotations(given, introductions); err != nil {
			return transparency.Keys{}, err
		}
	}
	return transparency.ParseKeys(all...)
}

func opAuditCheck(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args auditCheckArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	var out auditChecked
	err := n.withProofs(ctx, func() error {
		// Before the log is asked for its keys: the first head makes the first one.
		if _, err := n.proofs.maker.Make(ctx); err != nil {
			return asFinding(err)
		}
		keys, err := n.logKeys(ctx, args.Keys)
		if err != nil {
			return err
		}
		if args.Since != "" {
			since, err := transparency.CheckSince(ctx, n.proofs.publisher.Fetch, args.Since, keys)
			if err != nil {
				return asFinding(err)
			}
			out.Since = since.Old.Size
		}
		head, err := n.proofs.heads.Newest(ctx)
		if err != nil {
			return err
		}
		out.Size, out.Root = head.Size, head.Root
		if list, err := n.proofs.heads.Keys(ctx); err == nil {
			out.Origin = list.Origin()
		}
		if out.Heads, err = transparency.CheckHeads(ctx, n.events, n.proofs.tree, keys); err != nil {
			return asFinding(err)
		}
		compared, err := transparency.CompareLog(ctx, n.store, n.proofs.tree.View(), func(done, total int64) { _ = emit([]int64{done, total}) })
		if err != nil {
			return err
		}
		if d := compared.Difference; d != nil {
			return &exitError{exitFinding, fmt.Errorf("%w: leaf %d is not the event that was there: %s at revision %d, position %d", transparency.ErrHistory, d.Leaf, d.Stream, d.Revision, d.Position)}
		}
		out.Leaves = compared.Leaves
		return nil
	})
	return out, asFinding(err)
}

// asFinding makes a history that was changed a finding, which has an exit status of its own, and so it does a store that is damaged.
func asFinding(err error) error {
	var coded *exitError
	if errors.As(err, &coded) {
		return err
	}
	for _, finding := range []error{transparency.ErrHistory, transparency.ErrOtherLog, transparency.ErrCheckpoint, eventstore.ErrCorrupt} {
		if errors.Is(err, finding) {
			return &exitError{exitFinding, err}
		}
	}
	return err
}

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Prove that history was not changed"}
	cmd.AddCommand(auditCheckCommand(), auditPackCommand(), auditVerifyPackCommand())
	return cmd
}

func auditCheckCommand() *cobra.Command {
	var since, from string
	var keys []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [--since FILE]",
		Short: "Check the log against every head that was signed, and an old checkpoint",
		Long: `Check that the log is what was signed: each event against the Merkle tree, the tree against every signed head, and with --since
against a checkpoint that somebody kept (a file, - is standard input, as published at /transparency/checkpoint). --key is
the log's verifier key as you know it, and those that it has introduced since (kipay proofs rotate) are taken too; without it the
log's own word is taken for its keys.

With --url it is somebody else's install that is checked, by what it publishes: then --since and --key are required.

Exit status: 0 in order, 3 history was changed, or the event store is damaged.`,
		Example: "  kipay audit check --since checkpoint-of-march.txt\n  kipay audit check --url https://pay.example/transparency --since old.txt --key 'pay.example/kipay+…'",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			args := auditCheckArgs{Keys: keys}
			if since != "" {
				text, err := readReceipt(cmd.InOrStdin(), since)
				if err != nil {
					return &exitError{exitUsage, fmt.Errorf("--since: %w", err)}
				}
				args.Since = string(text)
			}
			var out auditChecked
			if from != "" {
				if args.Since == "" || len(keys) == 0 {
					return &exitError{exitUsage, errors.New("--url needs --since and --key")}
				}
				var err error
				if out, err = checkPublished(cmd.Context(), from, args); err != nil {
					return asFinding(err)
				}
			} else if err := call(cmd, "audit check", args, nil, &out); err != nil {
				return asFinding(err) // of a store that could not even be opened
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			return printChecked(cmd.OutOrStdout(), out)
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&since, "since", "", "file with an old checkpoint, - for standard input")
	cmd.Flags().StringVar(&from, "url", "", "where another install publishes its log, https://…/transparency")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "verifier key of the log; again for each one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printChecked(w io.Writer, out auditChecked) error {
	_, err := fmt.Fprintf(w, "The log %s is in order: %d events are under its newest signed head.\n", out.Origin, out.Size)
	if err == nil && out.Since > 0 {
		_, err = fmt.Fprintf(w, "The first %d of them are those that the old checkpoint was over, unaltered and in their places.\n", out.Since)
	}
	if err == nil && out.Heads > 0 {
		_, err = fmt.Fprintf(w, "All %d heads that were ever signed agree with it, and each of %d events is the one that was signed.\n", out.Heads, out.Leaves)
	}
	return err
}

// Bounds of what is fetched of another install.
const (
	fetchTimeout  = 30 * time.Second
	maxFetchBytes = 1 << 20
)

// checkPublished checks another install by what it publishes.
func checkPublished(ctx context.Context, base string, args auditCheckArgs) (auditChecked, error) {
	if _, err := transparency.ParseKeys(args.Keys...); err != nil {
		return auditChecked{}, &exitError{exitUsage, err}
	}
	client := &http.Client{Timeout: fetchTimeout}
	fetch := func(ctx context.Context, path string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/"+path, http.NoBody)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered %s", path, resp.Status)
		}
		return io.ReadAll(io.LimitReader(resp.Body, maxFetchBytes))
	}
	keys, err := publishedKeys(ctx, fetch, args.Keys)
	if err != nil {
		return auditChecked{}, err
	}
	since, err := transparency.CheckSince(ctx, fetch, args.Since, keys)
	if err != nil {
		return auditChecked{}, err
	}
	return auditChecked{Origin: since.New.Origin, Size: since.New.Size, Root: since.New.Root.String(), Since: since.Old.Size}, nil
}

// publishedKeys are the keys given, and those that they have introduced since. A mirror may lack the list; then the given ones have to do.
func publishedKeys(ctx context.Context, fetch transparency.Fetch, given []string) (transparency.Keys, error) {
	var list struct {
		Keys []struct {
			Introduction string `json:"introduction"`
		} `json:"keys"`
	}
	text, err := fetch(ctx, "keys")
	if err != nil || json.Unmarshal(text, &list) != nil {
		return transparency.ParseKeys(given...)
	}
	var introductions []string
	for _, k := range list.Keys {
		introductions = append(introductions, k.Introduction)
	}
	all, err := transparency.FollowRotations(given, introductions)
	if err != nil {
		return transparency.Keys{}, err
	}
	return transparency.ParseKeys(all...)
}

type proofKey struct {
	Number      int    `json:"number"`
	VerifierKey string `json:"verifier_key"`
	Signs       bool   `json:"signs"`
}

func proofKeys(list treehead.Keys) []proofKey {
	out := []proofKey{}
	for _, k := range list {
		out = append(out, proofKey{k.Number, k.VerifierKey, !k.Retired})
	}
	return out
}

func opProofsKeys(ctx context.Context, n *node, _ json.RawMessage, _ func(any) error) (any, error) {
	var out []proofKey
	err := n.withProofs(ctx, func() error {
		list, err := n.proofs.heads.Keys(ctx)
		out = proofKeys(list)
		return err
	})
	return out, err
}

type proofsRotateArgs struct {
	Alone bool `json:"alone"`
}

func opProofsRotate(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args proofsRotateArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return nil, n.withProofs(ctx, func() error {
		_, err := n.proofs.maker.Rotate(ctx, args.Alone)
		return err
	})
}

func opProofsRetire(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var number int
	if err := json.Unmarshal(raw, &number); err != nil {
		return nil, err
	}
	return nil, n.withProofs(ctx, func() error { return n.proofs.maker.Retire(ctx, number) })
}

func proofsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "proofs", Short: "The keys that sign heads of the log"}
	var alone, asJSON bool
	keys := &cobra.Command{
		Use: "keys", Short: "List the log's verifier keys", Args: cobra.NoArgs, Example: "  kipay proofs keys",
		Long: "List the keys with which heads of the log are signed, and were: what whoever verifies receipts has to know.",
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out []proofKey
			if err := call(cmd, "proofs keys", struct{}{}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			for _, k := range out {
				word := "signs"
				if !k.Signs {
					word = "retired"
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%d  %-7s  %s\n", k.Number, word, k.VerifierKey); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	keys.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	rotate := &cobra.Command{
		Use: "rotate", Short: "Sign heads with a new key too", Args: cobra.NoArgs, Example: "  kipay proofs rotate",
		Long: `Sign heads with a new key from now on. The keys that sign until now vouch for it, and go on signing until they are retired, so that
who knows only them can still verify. With --alone they are retired at once: for a key that somebody else may have.`,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			return call(cmd, "proofs rotate", proofsRotateArgs{alone}, nil, nil)
		}),
	}
	rotate.Flags().BoolVar(&alone, "alone", false, "retire the other keys at once")
	retire := &cobra.Command{
		Use: "retire NUMBER", Short: "Sign no more heads with a key", Args: cobra.ExactArgs(1), Example: "  kipay proofs retire 1",
		Long: "Sign no more heads with the key of that number. What it signed stays true, and the key stays published.",
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			number, err := strconv.Atoi(args[0])
			if err != nil || number < 1 {
				return &exitError{exitUsage, errors.New("NUMBER must be that of a key: see kipay proofs keys")}
			}
			return call(cmd, "proofs retire", number, nil, nil)
		}),
	}
	for _, c := range []*cobra.Command{keys, rotate, retire} {
		addSettings(c)
		cmd.AddCommand(c)
	}
	return cmd
}
