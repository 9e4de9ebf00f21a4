package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/payout"
)

type payoutArgs struct {
	Reference payout.Reference `json:"reference"`
	Said      commands.PayoutSaid
}

type payoutListArgs struct {
	Merchant int64         `json:"merchant"`
	Status   payout.Status `json:"status,omitempty"`
}

// payoutRow is a payout as verbs show it.
type payoutRow struct {
	Reference      string `json:"reference"`
	MerchantID     int64  `json:"merchant_id"`
	Mode           string `json:"mode"`
	Status         string `json:"status"`
	Amount         string `json:"amount"`
	Currency       string `json:"currency"`
	ChannelID      int64  `json:"payment_channel_id"`
	Method         string `json:"method"`
	Destination    string `json:"destination"`
	Number         string `json:"number,omitempty"` // in full where one payout is shown
	Hint           string `json:"destination_hint"`
	Bank           string `json:"bank_name,omitempty"`
	Name           string `json:"account_name,omitempty"`
	RequestedBy    string `json:"requested_by"`
	ApprovedBy     string `json:"approved_by,omitempty"`
	RejectedBy     string `json:"rejected_by,omitempty"`
	CreatedAt      string `json:"created_at"`
	Receipt        string `json:"receipt,omitempty"`
	Charge         string `json:"provider_charge,omitempty"`
	BankReference  string `json:"bank_reference,omitempty"`
	ValueDate      string `json:"value_date,omitempty"`
	FailureCode    string `json:"failure_code,omitempty"`
	FailureReason  string `json:"failure_reason,omitempty"`
	OutcomeUnknown bool   `json:"outcome_unknown,omitempty"`
	NeedsAttention string `json:"needs_attention,omitempty"`
}

func payoutRowOf(s payout.State) payoutRow {
	r := payoutRow{
		Reference: string(s.Reference), MerchantID: s.Merchant, Mode: string(s.Mode), Status: string(s.Status), Amount: s.Amount.String(),
		Currency: string(s.Amount.Currency), ChannelID: s.Channel, Method: string(s.Way), Destination: string(s.Destination.Kind), Hint: s.Destination.Hint(),
		RequestedBy: s.RequestedBy, ApprovedBy: s.ApprovedBy, RejectedBy: s.RejectedBy, CreatedAt: s.At.UTC().Format(time.RFC3339), Receipt: s.Receipt,
		BankReference: s.BankReference, ValueDate: s.ValueDate, OutcomeUnknown: s.Unknown, NeedsAttention: s.Attention,
	}
	if s.Charge != nil {
		r.Charge = s.Charge.String()
	}
	if s.Failure != nil {
		r.FailureCode, r.FailureReason = s.Failure.FailureCode, s.Failure.Reason
	}
	return r
}

func opPayoutList(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args payoutListArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return nil, n.write.EachPayout(ctx, args.Merchant, func(s payout.State) error {
		if args.Status != "" && s.Status != args.Status {
			return nil
		}
		return emit(payoutRowOf(s))
	})
}

func opPayoutShow(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args payoutArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	known, err := commands.Fold[payout.State](ctx, n.write, args.Reference.Stream())
	if err != nil {
		return nil, err
	}
	if !known.State.Exists() {
		return nil, domain.NotFoundf("payout not found")
	}
	to := known.State.Destination
	r := payoutRowOf(known.State)
	r.Number, r.Bank, r.Name = string(to.Number), string(to.Bank), string(to.Name)
	return r, nil
}

func opPayoutDecide(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args payoutArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	s, err := n.write.DecidePayout(ctx, args.Reference, args.Said)
	if err != nil {
		return nil, err
	}
	return payoutRowOf(s), nil
}

func payoutCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "payout", Short: "Look after payouts to merchants"}
	cmd.AddCommand(
		payoutListCommand(), payoutShowCommand(), payoutPolicyCommand(),
		payoutVerb("approve", "Agree to a payout as the second person", `Agree to a payout that waits for approval. It is sent, or to be made by a person, from then on.`, ""),
		payoutVerb("reject", "Stop a payout before anything is sent", `Stop a payout that waits for approval, or that is approved and not sent yet. Its money can be paid out again.`, "--reason TEXT"),
		payoutVerb("record", "Say that a person made the transfer", `Record that a payout to a bank account or till was made: the bank's reference of the transfer, and its day.`, "--bank-reference REF --value-date DATE"),
		payoutVerb("settle", "Say that the provider has paid, with the evidence", `Settle a payout that nobody knows the outcome of: it was paid. Look it up first, on the M-Pesa statement or with the provider's
support, and say where it was seen. It is recorded with your words and can't be taken back. A payout is never sent again.`, "--receipt RECEIPT --evidence TEXT"),
		payoutVerb("fail", "Say that the provider has not paid, with the evidence", `Settle a payout that nobody knows the outcome of: it was not paid. Look it up first, on the M-Pesa statement or with the provider's
support, and say where it was missing. Its money can be paid out again, by a payout of its own; should the provider say later that it was paid after
all, that counts.`, "--evidence TEXT"),
	)
	return cmd
}

// payoutVerb is a verb that says something of a payout.
func payoutVerb(name, short, long, flags string) *cobra.Command {
	var said commands.PayoutSaid
	var paidAt string
	var asJSON bool
	use := strings.TrimSpace(name + " PAYOUT " + flags)
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			ref, err := payoutReference(args[0])
			if err != nil {
				return err
			}
			said.Verb = name
			if paidAt != "" {
				if said.PaidAt, err = time.Parse(time.RFC3339, paidAt); err != nil {
					return &exitError{exitUsage, errors.New("--paid-at must be a time such as 2026-11-27T14:05:00+03:00")}
				}
			}
			var out payoutRow
			if err := call(cmd, "payout decide", payoutArgs{ref, said}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Payout %s of %s %s is %s.\n", out.Reference, out.Currency, out.Amount, out.Status)
			return err
		}),
	}
	addSettings(cmd)
	for _, f := range []struct {
		name, usage string
		value       *string
	}{
		{"reason", "why it is stopped", &said.Reason},
		{"bank-reference", "the bank's reference of the transfer", &said.BankReference},
		{"value-date", "the bank's day of the transfer, such as 2026-10-31", &said.ValueDate},
		{"receipt", "the provider's receipt of the payout", &said.Receipt},
		{"evidence", "where what became of it was seen", &said.Evidence},
	} {
		if strings.Contains(flags, "--"+f.name+" ") {
			cmd.Flags().StringVar(f.value, f.name, "", f.usage)
		}
	}
	if name == "settle" {
		cmd.Flags().StringVar(&paidAt, "paid-at", "", "when it was paid, such as 2026-11-27T14:05:00+03:00; now when empty")
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func payoutReference(s string) (payout.Reference, error) {
	ref, ok := payout.ParseReference(s)
	if !ok {
		return "", &exitError{exitUsage, errors.New("PAYOUT must be a payout's reference, such as PAYOUT0123456789ABCDEF")}
	}
	return ref, nil
}

func payoutListCommand() *cobra.Command {
	var args payoutListArgs
	var status string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List a merchant's payouts",
		Example: "  kipay payout list --merchant 1\n  kipay payout list --merchant 1 --status awaiting_approval --json",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			args.Status = payout.Status(status)
			rows, err := rowsOf[payoutRow](cmd, "payout list", args)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(rows)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "PAYOUT\tSTATUS\tAMOUNT\tTO\tSINCE\tWHAT TO DO")
			for _, r := range rows {
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s %s\t%s %s\t%s\t%s\n", r.Reference, r.Status, r.Currency, r.Amount, r.Destination, r.Hint, r.CreatedAt[:10], payoutTodo(r))
			}
			return w.Flush()
		}),
	}
	addSettings(cmd)
	cmd.Flags().Int64Var(&args.Merchant, "merchant", 1, "number of the merchant")
	cmd.Flags().StringVar(&status, "status", "", "only those: awaiting_approval, approved, sent, completed, failed or rejected")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// payoutTodo is what a person has to do about a payout, empty when that is nothing.
func payoutTodo(r payoutRow) string {
	switch {
	case r.NeedsAttention != "":
		return r.NeedsAttention
	case r.Status == string(payout.Waiting):
		return "approve or reject"
	case r.Status == string(payout.Ready) && r.Method == string(payout.ByPerson):
		return "make the transfer and record it"
	}
	return ""
}

func payoutShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show PAYOUT",
		Short: "Show a payout, with where it goes in full",
		Args:  cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			ref, err := payoutReference(args[0])
			if err != nil {
				return err
			}
			var out payoutRow
			if err := call(cmd, "payout show", payoutArgs{Reference: ref}, nil, &out); err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(out)
		}),
	}
	addSettings(cmd)
	return cmd
}
