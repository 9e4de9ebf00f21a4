package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	_ "time/tzdata" // merchants' time zones, also where the machine has none

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
)

// loadZone is a time zone by name, the default one for "".
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		name = merchant.DefaultTimeZone
	}
	return time.LoadLocation(name)
}

type keyIssueArgs struct {
	Merchant int64    `json:"merchant"`
	Live     bool     `json:"live"`
	Label    string   `json:"label"`
	Scopes   []string `json:"scopes"`
}

type keyIssued struct {
	MerchantID int64  `json:"merchant_id"`
	KeyID      string `json:"key_id"`
	Mode       string `json:"mode"`
	APIKey     string `json:"api_key"`
}

func opKeyIssue(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args keyIssueArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	mode := domain.ModeTest
	if args.Live {
		mode = domain.ModeLive
	}
	k, err := n.write.IssueKey(ctx, args.Merchant, mode, args.Label, args.Scopes)
	if err != nil {
		return nil, err
	}
	return keyIssued{args.Merchant, k.ID, string(k.Mode), k.Key}, nil
}

type keyRevokeArgs struct {
	Key string `json:"key"`
}

type keyRevoked struct {
	MerchantID int64  `json:"merchant_id"`
	KeyID      string `json:"key_id"`
	Revoked    bool   `json:"revoked"`
}

func opKeyRevoke(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args keyRevokeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	k, err := n.write.RevokeKey(ctx, args.Key)
	if err != nil {
		return nil, err
	}
	return keyRevoked{k.Merchant, k.ID, k.Revoked}, nil
}

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Issue and revoke API keys"}
	var issue keyIssueArgs
	var asJSON bool
	create := &cobra.Command{
		Use:   "issue",
		Short: "Issue another API key and print it, once",
		Long: `Issue another API key and print it, once. A key without --scope may read and write. Payouts above the limit (kipay payout policy) are approved
with a key that has the scope approve, which no key has that may write: give it to a second person.`,
		Example: `  kipay key issue --merchant 1
  kipay key issue --merchant 1 --live --label "web shop" --scope write
  kipay key issue --merchant 1 --live --label "treasurer" --scope read,approve`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out keyIssued
			if err := call(cmd, "key issue", issue, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "API key (%s)  %s\nKey id          %s\n\nKeep the key now: it is shown this once and stored nowhere.\n", out.Mode, out.APIKey, out.KeyID)
			return err
		}),
	}
	addSettings(create)
	create.Flags().Int64Var(&issue.Merchant, "merchant", 0, "number of the merchant")
	create.Flags().BoolVar(&issue.Live, "live", false, "a live key, which moves real money")
	create.Flags().StringVar(&issue.Label, "label", "", "a name to know it by")
	create.Flags().StringSliceVar(&issue.Scopes, "scope", nil, "what it may do: read, write, or approve payouts (default read and write)")
	create.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = create.MarkFlagRequired("merchant")

	revoke := &cobra.Command{
		Use:     "revoke KEY_ID",
		Short:   "Revoke an API key, at once and for good",
		Example: "  kipay key revoke 5f2d1c…",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			var out keyRevoked
			if err := call(cmd, "key revoke", keyRevokeArgs{args[0]}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Key %s of merchant %d is revoked.\n", out.KeyID, out.MerchantID)
			return err
		}),
	}
	addSettings(revoke)
	revoke.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(create, revoke)
	return cmd
}
