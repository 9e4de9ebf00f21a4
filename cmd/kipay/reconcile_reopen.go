package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
)

type reconcileReopenArgs struct {
	booksOf
	commands.Reopening
}

func opReconcileReopen(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args reconcileReopenArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return n.write.Reopen(ctx, args.Merchant, args.Mode, args.Reopening)
}

func reconcileReopenCommand() *cobra.Command {
	var args reconcileReopenArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reopen ITEM",
		Short: "Take back a decision about a difference",
		Long: `Take back that a difference was accepted, or that its money was written off or returned: by mistake. The money stands in suspense again, by
an entry of today; both decisions stay in the log. Money that was credited counts for its transaction: refund it there.`,
		Example: `  kipay reconcile reopen 6291457 --reason "It was the other payment that was sent back"`,
		Args:    cobra.ExactArgs(1),
		RunE:    verb(aboutItem("reconcile reopen", &args, &args.Item, &asJSON, printItem)),
	}
	args.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&args.Reason, "reason", "", "why")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
