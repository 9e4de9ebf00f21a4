package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
)

type holdArgs struct {
	Customer int64  `json:"customer,omitempty"`
	Hold     int64  `json:"hold,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

func opHoldPlace(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args holdArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	number, err := n.write.PlaceHold(ctx, args.Customer, args.Reason)
	return holdArgs{Customer: args.Customer, Hold: number}, err
}

func opHoldRelease(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args holdArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return nil, n.write.ReleaseHold(ctx, args.Hold)
}

func opHoldList(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	return nil, n.write.EachHold(ctx, func(h commands.StandingHold) error { return emit(h) })
}

func holdCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "hold", Short: "Keep customers' data for a legal case"}
	cmd.AddCommand(holdPlaceCommand(), holdReleaseCommand(), holdListCommand())
	return cmd
}

func holdPlaceCommand() *cobra.Command {
	var args holdArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "place CUSTOMER --reason REASON",
		Short: "Keep a customer from being erased",
		Long: `Keep a customer from being erased until the hold is released, whatever else allows it. A customer may have several. The reason goes
with the customer's data, when that is erased after all.`,
		Example: "  kipay hold place 4 --reason \"case 5 of 2026, High Court\"",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, named []string) error {
			var err error
			if args.Customer, err = positive("CUSTOMER", named[0]); err != nil {
				return err
			}
			var out holdArgs
			if err := call(cmd, "hold place", args, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Hold %d keeps customer %d.\n", out.Hold, out.Customer)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&args.Reason, "reason", "", "why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func holdReleaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "release HOLD",
		Short:   "End a legal hold",
		Long:    `End a legal hold. An erasure that is scheduled for the customer is carried out, unless something else stands against it.`,
		Example: "  kipay hold release 3",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, named []string) error {
			number, err := positive("HOLD", named[0])
			if err != nil {
				return err
			}
			if err := call(cmd, "hold release", holdArgs{Hold: number}, nil, nil); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Hold %d is released.\n", number)
			return err
		}),
	}
	addSettings(cmd)
	return cmd
}

func holdListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the legal holds that stand",
		Example: "  kipay hold list\n  kipay hold list --json",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			return call(cmd, "hold list", struct{}{}, func(raw json.RawMessage) error {
				if asJSON {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
					return err
				}
				var h commands.StandingHold
				if err := json.Unmarshal(raw, &h); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "hold %d  customer %d of merchant %d  since %s  %s\n", h.Hold, h.CustomerID, h.MerchantID, h.PlacedAt[:10], h.Reason)
				return err
			}, nil)
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one a line")
	return cmd
}
