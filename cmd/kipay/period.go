package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
)

type periodCloseArgs struct {
	Merchant int64        `json:"merchant"`
	Mode     domain.Mode  `json:"mode"`
	Month    period.Month `json:"month"`
}

type periodClosed struct {
	MerchantID int64       `json:"merchant_id"`
	Mode       domain.Mode `json:"mode"`
	Month      string      `json:"month"`
	Position   uint64      `json:"position"`
}

func opPeriodClose(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args periodCloseArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	at, err := n.write.ClosePeriod(ctx, args.Merchant, args.Mode, args.Month)
	if err != nil {
		return nil, err
	}
	return periodClosed{args.Merchant, args.Mode, args.Month.String(), uint64(at)}, nil
}

func periodCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "period", Short: "Close the months of a merchant's books"}
	cmd.AddCommand(periodCloseCommand())
	return cmd
}

func periodCloseCommand() *cobra.Command {
	var merchantID int64
	var mode string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "close MONTH",
		Short: "Close a month of a merchant's books, and all before it",
		Long: `Close a month of a merchant's books, and all before it. What happened in it and becomes known later is booked in the first
month that is open, with a reference to this one. A month can be closed when it is over, in the merchant's time zone, and months are
closed one after the other. Closing it again changes nothing.`,
		Example: "  kipay period close 2026-10 --merchant 1",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			month, err := period.ParseMonth(args[0])
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("MONTH: %w", err)}
			}
			if mode != string(domain.ModeLive) && mode != string(domain.ModeTest) {
				return &exitError{exitUsage, errors.New("--mode must be live or test")}
			}
			var out periodClosed
			if err := call(cmd, "period close", periodCloseArgs{merchantID, domain.Mode(mode), month}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s and all before it is closed in the %s books of merchant %d, at position %d.\n", out.Month, out.Mode, out.MerchantID, out.Position)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().Int64Var(&merchantID, "merchant", 1, "number of the merchant")
	cmd.Flags().StringVar(&mode, "mode", string(domain.ModeLive), "which books: live or test")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
