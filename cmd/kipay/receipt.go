package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore/transparency"
)

func receiptCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "receipt", Short: "Verify receipts of payments"}
	cmd.AddCommand(receiptVerifyCommand())
	return cmd
}

func receiptVerifyCommand() *cobra.Command {
	var keys, witnesses []string
	var least int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE --key KEY",
		Short: "Check a receipt, with the network unplugged",
		Long: `Check a receipt file (- is standard input) against the log's verifier key, and those of witnesses, and say what it proves. It asks
nobody: neither the network nor the operator. Get the key once, from a source that you trust (https://…/transparency/keys), and keep it.

Exit status: 0 verified, 3 refused, 4 in order but not yet under a signed head.`,
		Example: "  kipay receipt verify KIPAY….receipt.json --key 'pay.example/kipay+5fe7b9d1+AW…'",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			if len(keys) == 0 {
				return &exitError{exitUsage, errors.New("--key: the log's verifier key is required")}
			}
			known, err := transparency.ParseKeys(append(keys, witnesses...)...)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			file, err := readReceipt(cmd.InOrStdin(), args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			verdict, err := transparency.VerifyReceipt(file, transparency.VerifyOptions{Keys: known, Witnesses: least})
			if err != nil {
				return &exitError{exitFinding, fmt.Errorf("REFUSED: %w", err)}
			}
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(verdict)
			} else {
				for _, s := range verdict.Sentences() {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), s)
				}
			}
			if err == nil && verdict.Status == transparency.NotYetSigned {
				return &exitError{exitNotYet, errors.New("not yet signed")}
			}
			return err
		}),
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "verifier key of the log; again for each one")
	cmd.Flags().StringArrayVar(&witnesses, "witness", nil, "verifier key of a witness; again for each one")
	cmd.Flags().IntVar(&least, "witnesses", 0, "how many of the witnesses must have cosigned the head")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// exitNotYet is the status of a receipt that is in order and not under a signed head yet.
const exitNotYet = 4

func readReceipt(stdin io.Reader, path string) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		stdin = f
	}
	return io.ReadAll(io.LimitReader(stdin, transparency.MaxReceiptBytes+1))
}
