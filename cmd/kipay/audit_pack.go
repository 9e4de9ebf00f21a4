package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/readapi"
)

type auditPackArgs struct {
	Merchant int64        `json:"merchant"`
	Mode     domain.Mode  `json:"mode"`
	Month    period.Month `json:"month"`
}

// auditPackNews is a piece of a file of the pack.
type auditPackNews struct {
	File  string `json:"file"`
	Piece []byte `json:"piece,omitempty"`
}

func opAuditPack(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args auditPackArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	who, err := n.callerFor(ctx, args.Merchant, args.Mode)
	if err != nil {
		return nil, err
	}
	head, err := n.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	var out transparency.Manifest
	noted := false
	err = n.withProofs(ctx, func() error {
		source := n.source()
		reads := readapi.Deps{Log: n.events, Reader: projections.NewReader(n.reads.conn, source), Projection: source, Issuer: n.proofs.issuer}
		out, err = reads.AuditPack(ctx, who, args.Month, head, func(file string, piece []byte) error {
			if !noted { // before anything is shown, and not where the pack is refused
				if err := n.write.NoteOperatorRead(ctx, args.Merchant, fmt.Sprintf("audit pack %s %s", args.Month, args.Mode)); err != nil {
					return err
				}
				noted = true
			}
			return emit(auditPackNews{file, piece})
		})
		return asFinding(err)
	})
	return out, err
}

func auditPackCommand() *cobra.Command {
	var args auditPackArgs
	var month, mode, output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pack --month MONTH -o FILE",
		Short: "Write a month of a merchant's books with its proofs, for an auditor",
		Long: `Write one archive with everything of a month that an auditor asks for: the events as they stand in the log, the proof that they are
under a signed head, the ledger entries and the trial balance, statements with their differences and what was decided, the head,
the log's verifier keys, and how to check all of it without Kipay (README.txt, verify.py). Personal data stays sealed.
docs/audit-pack.md describes it. That it was made is recorded as a reading of audit data, which the merchant sees.

The pack of a month that is closed (kipay period close) is the same whenever it is made. That of an open one says so.`,
		Example: "  kipay audit pack --month 2026-10 --merchant 1 -o october.zip\n  kipay audit verify-pack october.zip --key 'pay.example/kipay+…'",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var err error
			if args.Month, err = period.ParseMonth(month); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--month: %w", err)}
			}
			if mode != string(domain.ModeLive) && mode != string(domain.ModeTest) {
				return &exitError{exitUsage, errors.New("--mode must be live or test")}
			}
			if output == "" {
				return &exitError{exitUsage, errors.New("-o is missing: the file to write")}
			}
			args.Mode = domain.Mode(mode)
			var out transparency.Manifest
			err = writeWhole(nil, output, func(w io.Writer) error {
				archive := transparency.NewPackArchive(w)
				err := call(cmd, "audit pack", args, func(raw json.RawMessage) error {
					var news auditPackNews
					if err := json.Unmarshal(raw, &news); err != nil {
						return err
					}
					return archive.Add(news.File, news.Piece)
				}, &out)
				if err == nil && cmd.Context().Err() != nil {
					err = errors.New("stopped")
				}
				if err != nil {
					return err
				}
				return archive.Close()
			})
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			return printPacked(cmd.OutOrStdout(), output, &out)
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&month, "month", "", "the month, such as 2026-10")
	cmd.Flags().Int64Var(&args.Merchant, "merchant", 1, "number of the merchant")
	cmd.Flags().StringVar(&mode, "mode", string(domain.ModeLive), "which books: live or test")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printPacked(w io.Writer, file string, m *transparency.Manifest) error {
	_, err := fmt.Fprintf(w, "%s has %d events, %d ledger entries and %d statements of %s of merchant %d (%s), under a head over %d events.\n",
		file, m.Events, m.Entries, m.Imports, m.Month, m.Merchant, m.Mode, m.Size)
	if err == nil && m.Closed == nil {
		_, err = fmt.Fprintf(w, "The month is not closed: its books may still change. kipay period close %s --merchant %d --mode %s\n", m.Month, m.Merchant, m.Mode)
	}
	return err
}

func auditVerifyPackCommand() *cobra.Command {
	var keys, witnesses []string
	var least int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify-pack FILE --key KEY",
		Short: "Check an audit pack, with the network unplugged",
		Long: `Check an audit pack (kipay audit pack) against the log's verifier key, and those of witnesses, and say what it proves. It asks nobody:
neither the network nor the operator. Get the key from a source that you trust; the one in the pack is the log's own word. A pack of
which one byte was altered is refused, and the file named.

Exit status: 0 in order, 3 refused.`,
		Example: "  kipay audit verify-pack october.zip --key 'pay.example/kipay+5fe7b9d1+AW…'",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			if len(keys) == 0 {
				return &exitError{exitUsage, errors.New("--key: the log's verifier key is required")}
			}
			known, err := transparency.ParseKeys(append(keys, witnesses...)...)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			verdict, err := verifyPackFile(args[0], transparency.VerifyOptions{Keys: known, Witnesses: least})
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(verdict)
			}
			for _, s := range verdict.Sentences() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), s); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "verifier key of the log; again for each one")
	cmd.Flags().StringArrayVar(&witnesses, "witness", nil, "verifier key of a witness; again for each one")
	cmd.Flags().IntVar(&least, "witnesses", 0, "how many of the witnesses must have cosigned the head")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func verifyPackFile(name string, o transparency.VerifyOptions) (*transparency.PackVerdict, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	verdict, err := transparency.VerifyPack(f, info.Size(), o)
	if err != nil {
		return nil, &exitError{exitFinding, fmt.Errorf("REFUSED: %w", err)}
	}
	return verdict, nil
}
