package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain/money"
)

type payoutPolicyArgs struct {
	Merchant int64          `json:"merchant"` // 0 for all who have no limit of their own
	Currency money.Currency `json:"currency"`
	Limit    string         `json:"limit,omitempty"` // in major units; empty to ask
}

type payoutPolicy struct {
	Merchant int64  `json:"merchant"`
	Currency string `json:"currency"`
	// Limit is what goes for the merchant, Own whether it is its own.
	Limit string `json:"limit"`
	Own   bool   `json:"own"`
}

func opPayoutPolicy(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args payoutPolicyArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if args.Limit != "" {
		limit, err := money.Parse(args.Limit, args.Currency)
		if err != nil {
			return nil, fmt.Errorf("the limit %w", err)
		}
		if err := n.write.SetPayoutPolicy(ctx, args.Merchant, limit); err != nil {
			return nil, err
		}
	}
	p, err := n.write.PayoutPolicy(ctx, args.Merchant)
	if err != nil {
		return nil, err
	}
	_, own := p.Own.In(args.Currency)
	return payoutPolicy{args.Merchant, string(args.Currency), money.Of(p.Limit(args.Currency), args.Currency).String(), own}, nil
}

func payoutPolicyCommand() *cobra.Command {
	var args payoutPolicyArgs
	var currency string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show or set above which amount a second person has to agree",
		Long: `Show or set the largest payout that one person may have made alone. A larger one waits until an API key with the
scope approve (kipay key issue), or the operator, approves it. Without --merchant it is the install's limit, for all merchants that have none of their own. Where
nothing was set it is 0: every payout needs a second person. What was requested before keeps to the limit of that time.`,
		Example: "  kipay payout policy --limit 50000\n  kipay payout policy --merchant 3 --limit 0\n  kipay payout policy --merchant 3",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var err error
			if args.Currency, err = money.ParseCurrency(currency); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--currency: %w", err)}
			}
			if cmd.Flags().Changed("limit") && args.Limit == "" {
				return &exitError{exitUsage, errors.New("--limit must be an amount such as 50000")}
			}
			var out payoutPolicy
			if err := call(cmd, "payout policy", args, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			whose := "any merchant without a limit of its own"
			switch {
			case out.Own:
				whose = fmt.Sprintf("merchant %d", out.Merchant)
			case out.Merchant != 0:
				whose = fmt.Sprintf("merchant %d, which has no limit of its own", out.Merchant)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "A payout of %s above %s %s needs a second person.\n", whose, out.Currency, out.Limit)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().Int64Var(&args.Merchant, "merchant", 0, "number of the merchant; 0 is the install")
	cmd.Flags().StringVar(&currency, "currency", "KES", "currency of the limit")
	cmd.Flags().StringVar(&args.Limit, "limit", "", "largest amount that needs no second person, in whole units such as 50000")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
