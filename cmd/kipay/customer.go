package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/projections"
)

// paymentIndex finds customers' payments in the read models.
type paymentIndex struct {
	*projections.Reader
	readSource
}

type customerEraseArgs struct {
	Customer int64  `json:"customer"`
	Reason   string `json:"reason"`
	Schedule bool   `json:"schedule"`
	Cancel   bool   `json:"cancel"`
}

func opCustomerErase(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args customerEraseArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if args.Cancel {
		return nil, n.write.CancelErasure(ctx, args.Customer)
	}
	done, _, err := n.write.EraseCustomer(ctx, commands.EraseOrder{Customer: args.Customer, Reason: args.Reason, Schedule: args.Schedule}, commands.ByOperator())
	if err != nil {
		return nil, err
	}
	return done, nil
}

func customerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "customer", Short: "Erase customers"}
	cmd.AddCommand(customerEraseCommand())
	return cmd
}

func customerEraseCommand() *cobra.Command {
	var args customerEraseArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "erase CUSTOMER --reason REASON",
		Short: "Destroy all that is known of a customer",
		Long: `Destroy the keys of all that is known of a customer: details, and what payments say of the payer. Amounts, receipts and proofs stay
as they are. There is no way back. It is refused, with the reason, while a rule of retention or a legal hold keeps the data, or a
payment is under way; with --schedule it is then done by itself when nothing stands against it any more. The reason is kept, so it
must not name the customer. docs/privacy.md has all about it.`,
		Example: "  kipay customer erase 4 --reason \"request 17 of our register\"\n  kipay customer erase 4 --reason \"request 17\" --schedule\n  kipay customer erase 4 --cancel",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, named []string) error {
			var err error
			if args.Customer, err = positive("CUSTOMER", named[0]); err != nil {
				return err
			}
			if args.Cancel {
				if err := call(cmd, "customer erase", args, nil, nil); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Customer %d is not going to be erased.\n", args.Customer)
				return err
			}
			var out commands.Erasure
			if err := call(cmd, "customer erase", args, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			return sayErasure(cmd.OutOrStdout(), out)
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&args.Reason, "reason", "", "why, without naming the customer: such as the number in your register of requests")
	cmd.Flags().BoolVar(&args.Schedule, "schedule", false, "where something stands against it, do it when that has ended")
	cmd.Flags().BoolVar(&args.Cancel, "cancel", false, "take a schedule back")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func sayErasure(to io.Writer, e commands.Erasure) error {
	if e.Scheduled {
		if _, err := fmt.Fprintf(to, "Customer %d is going to be erased, on %s at the earliest:\n", e.CustomerID, e.When[:10]); err != nil {
			return err
		}
		for _, o := range e.Because {
			if _, err := fmt.Fprintf(to, "  %s\n", o); err != nil {
				return err
			}
		}
		return nil
	}
	models := "The read models hold nothing of it any more."
	if e.ReadModels != "purged" {
		models = "The read models drop it when kipay serve runs and ClickHouse answers."
	}
	_, err := fmt.Fprintf(to, "Customer %d is erased. %s\n", e.CustomerID, models)
	return err
}

// positive reads a number that names something.
func positive(what, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, &exitError{exitUsage, errors.New(what + " must be a number")}
	}
	return n, nil
}
