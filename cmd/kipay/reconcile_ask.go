package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
)

type reconcileAskArgs struct {
	booksOf
	Item int64 `json:"item"`
}

func opReconcileAsk(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args reconcileAskArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return n.write.Ask(ctx, args.Merchant, args.Mode, args.Item)
}

func reconcileAskCommand() *cobra.Command {
	var args reconcileAskArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ask ITEM",
		Short: "Ask M-Pesa what it knows of a difference's receipt",
		Long: `Ask M-Pesa what it knows of the receipt of a difference (Daraja, Transaction Status), and keep the answer with it. Where the answer
makes certain which payment waited for the money, it is credited; all else stays for a person to decide. The channel needs an
initiator, and the server has to run: the answer comes to its public address.`,
		Example: "  kipay reconcile ask 6291457",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, list []string) error {
			if err := args.check(); err != nil {
				return err
			}
			var err error
			if args.Item, err = strconv.ParseInt(list[0], 10, 64); err != nil || args.Item < 1 {
				return &exitError{exitUsage, errors.New("ITEM must be the number of a difference")}
			}
			var v commands.AskedItem
			if err := call(cmd, "reconcile ask", args, nil, &v); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			said := "M-Pesa was asked."
			if v.Asked != nil {
				said = sayStatus(v.Asked)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\nDifference %d (%s, %s %s) is %s.\n", said, v.ID, plain(v.Cause), v.Currency, v.Amount, v.State)
			return err
		}),
	}
	args.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
