package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
)

type merchantCreateArgs struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	TimeZone string `json:"time_zone"`
	Live     bool   `json:"live"`
}

// merchantCreated is what `merchant create --json` prints.
type merchantCreated struct {
	MerchantID int64  `json:"merchant_id"`
	APIKey     string `json:"api_key"`
	LiveAPIKey string `json:"live_api_key,omitempty"`
	Password   string `json:"password"`
}

func opMerchantCreate(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args merchantCreateArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	var p domain.Problems
	if strings.TrimSpace(args.Name) == "" {
		p.Add("name", "is required")
	}
	if a, err := mail.ParseAddress(args.Email); err != nil || a.Address != args.Email {
		p.Add("email", "must be a valid email address")
	}
	if _, err := loadZone(args.TimeZone); err != nil {
		p.Add("time-zone", "must be a name of the tz database, such as Africa/Nairobi")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	secret := make([]byte, 18)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	password := base64.RawURLEncoding.EncodeToString(secret)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return nil, fmt.Errorf("hash the password: %w", err)
	}
	id, keys, err := n.write.CreateMerchant(ctx, commands.NewMerchant{
		Name: strings.TrimSpace(args.Name), Email: args.Email, TimeZone: args.TimeZone, PasswordHash: string(hash), Live: args.Live,
	})
	if err != nil {
		return nil, err
	}
	out := merchantCreated{MerchantID: id, Password: password}
	for _, k := range keys {
		if k.Mode == domain.ModeLive {
			out.LiveAPIKey = k.Key
		} else {
			out.APIKey = k.Key
		}
	}
	return out, nil
}

type merchantRow struct {
	ID        int64   `json:"merchant_id"`
	Name      string  `json:"name"`
	Email     string  `json:"email"`
	TimeZone  string  `json:"time_zone"`
	Channels  []int64 `json:"channels"`
	CreatedAt string  `json:"created_at"`
}

func opMerchantList(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	return nil, n.write.EachMerchant(ctx, func(m merchant.State) error {
		return emit(merchantRow{m.ID, m.Name, m.Email, m.TimeZone, append([]int64{}, m.Channels...), m.CreatedAt.Format("2006-01-02T15:04:05.000Z")})
	})
}

func merchantCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "merchant", Short: "Open and list merchants"}
	cmd.AddCommand(merchantCreateCommand(), merchantListCommand())
	return cmd
}

func merchantCreateCommand() *cobra.Command {
	var args merchantCreateArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Open a merchant and print its API key and password, once",
		Example: `  kipay merchant create --name "Duka Moja" --email owner@example.com
  kipay merchant create --name "Duka Moja" --email owner@example.com --live --json`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out merchantCreated
			if err := call(cmd, "merchant create", args, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			w := cmd.OutOrStdout()
			_, _ = fmt.Fprintf(w, "Merchant %d\nTest API key  %s\n", out.MerchantID, out.APIKey)
			if out.LiveAPIKey != "" {
				_, _ = fmt.Fprintf(w, "Live API key  %s\n", out.LiveAPIKey)
			}
			_, _ = fmt.Fprintf(w, "Password      %s\n\nKeep them now: they are shown this once and stored nowhere.\n", out.Password)
			return nil
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&args.Name, "name", "", "business name, shown to payers")
	cmd.Flags().StringVar(&args.Email, "email", "", "email address of the owner")
	cmd.Flags().StringVar(&args.TimeZone, "time-zone", "", "where the merchant's days are counted (default Africa/Nairobi)")
	cmd.Flags().BoolVar(&args.Live, "live", false, "also issue a live API key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func merchantListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List merchants",
		Example: "  kipay merchant list\n  kipay merchant list --json",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			rows, err := rowsOf[merchantRow](cmd, "merchant list", struct{}{})
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(rows)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "ID\tNAME\tEMAIL\tTIME ZONE\tCHANNELS\tSINCE")
			for _, r := range rows {
				_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\n", r.ID, r.Name, r.Email, r.TimeZone, len(r.Channels), r.CreatedAt[:10])
			}
			return w.Flush()
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
