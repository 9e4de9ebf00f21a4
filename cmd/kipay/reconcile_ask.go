package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

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
		RunE:    verb(aboutItem("reconcile ask", &args, &args.Item, &asJSON, printAsked)),
	}
	args.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printAsked(out io.Writer, v *commands.AskedItem) error {
	said := "M-Pesa was asked."
	if v.Asked != nil {
		said = sayStatus(v.Asked)
	}
	if _, err := fmt.Fprintln(out, said); err != nil {
		return err
	}
	return printItem(out, &v.ItemView)
}
