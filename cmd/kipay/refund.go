package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

type refundArgs struct {
	Name string `json:"name"`
	Said commands.RefundSaid
}

// refundRow is a refund as verbs show it.
type refundRow struct {
	Reference      string `json:"reference"`
	Transaction    string `json:"transaction_reference"`
	MerchantID     int64  `json:"merchant_id"`
	Mode           string `json:"mode"`
	Status         string `json:"status"`
	Amount         string `json:"amount"`
	Currency       string `json:"currency"`
	ChannelID      int64  `json:"payment_channel_id"`
	Method         string `json:"method"`
	CreatedAt      string `json:"created_at"`
	Receipt        string `json:"receipt,omitempty"`
	RefundedAt     string `json:"refunded_at,omitempty"`
	FailureCode    string `json:"failure_code,omitempty"`
	FailureReason  string `json:"failure_reason,omitempty"`
	OutcomeUnknown bool   `json:"outcome_unknown,omitempty"`
	NeedsAttention string `json:"needs_attention,omitempty"`
}

func refundRowOf(r *projections.Refund) refundRow {
	out := refundRow{
		Reference: r.Name, Transaction: r.Reference, MerchantID: r.MerchantID, Mode: string(r.Mode), Status: string(r.Status),
		Amount: money.Of(r.Amount, r.Currency).String(), Currency: string(r.Currency), ChannelID: r.ChannelID, Method: r.Method,
		CreatedAt: r.CreatedAt.UTC().Format(time.RFC3339), Receipt: r.Receipt, FailureCode: r.FailureCode, FailureReason: r.FailureReason,
		OutcomeUnknown: r.OutcomeUnknown, NeedsAttention: r.NeedsAttention,
	}
	if !r.RefundedAt.IsZero() {
		out.RefundedAt = r.RefundedAt.UTC().Format(time.RFC3339)
	}
	return out
}

// readModelWait is how long a verb waits for the read models before it reads the log instead.
const readModelWait = 5 * time.Second

// eachRefund calls fn with the refunds that are wanted, oldest first: from the read models beside a server, from the log where
// nothing runs or they are away.
func (n *node) eachRefund(ctx context.Context, wanted projections.RefundsWanted, fn func(projections.Refund) error) error {
	if n.reads != nil {
		var found []projections.Refund
		short, cancel := context.WithTimeout(ctx, readModelWait)
		err := n.caughtUp(short)
		cancel()
		if err == nil {
			err = projections.NewReader(n.reads.conn, n.source()).EachRefund(ctx, wanted, func(r projections.Refund) error {
				found = append(found, r)
				return nil
			})
		}
		if err == nil {
			for i := range found {
				if err := fn(found[i]); err != nil {
					return err
				}
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return n.eachRefundOfLog(ctx, wanted, fn)
}

func (n *node) eachRefundOfLog(ctx context.Context, wanted projections.RefundsWanted, fn func(projections.Refund) error) error {
	head, err := n.store.Head(ctx)
	if err != nil {
		return err
	}
	read := map[string]bool{}
	return n.showRange(ctx, 0, head, func(rec eventstore.Record) error {
		if rec.Type != (transaction.RefundRequested{}).EventType() || read[rec.Stream] {
			return nil
		}
		read[rec.Stream] = true
		known, err := commands.Fold[transaction.State](ctx, n.write, rec.Stream)
		if err != nil {
			return err
		}
		for _, r := range projections.RefundsOf(known.State, known.Position) {
			if wanted.Wants(&r) {
				if err := fn(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func opRefundList(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var wanted projections.RefundsWanted
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return nil, err
	}
	return nil, n.eachRefund(ctx, wanted, func(r projections.Refund) error { return emit(refundRowOf(&r)) })
}

func opRefundSettle(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args refundArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	var is projections.Refund
	err := n.eachRefund(ctx, projections.RefundsWanted{Name: args.Name}, func(r projections.Refund) error {
		is = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	if is.ID == 0 {
		return nil, domain.NotFoundf("refund not found")
	}
	out, err := n.write.SettleRefund(ctx, transaction.Reference(is.Reference), is.ID, args.Said)
	if err != nil {
		return nil, err
	}
	for _, r := range projections.RefundsOf(out.State, out.Position) {
		if r.ID == is.ID {
			is = r
		}
	}
	return refundRowOf(&is), nil
}

func refundCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "refund", Short: "Look after refunds that nobody knows the outcome of"}
	cmd.AddCommand(refundListCommand(), refundSettleCommand(true), refundSettleCommand(false))
	return cmd
}

func refundListCommand() *cobra.Command {
	var wanted projections.RefundsWanted
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List refunds: those that are under way, or that need a person",
		Example: "  kipay refund list --attention\n  kipay refund list --merchant 1 --pending --json",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			rows, err := rowsOf[refundRow](cmd, "refund list", wanted)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(rows)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "REFUND\tMERCHANT\tSTATUS\tAMOUNT\tMETHOD\tTRANSACTION\tSINCE\tWHAT TO DO")
			for _, r := range rows {
				_, _ = fmt.Fprintf(w, "%s\t%d %s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", r.Reference, r.MerchantID, r.Mode, r.Status, r.Currency, r.Amount, r.Method,
					r.Transaction, r.CreatedAt[:10], refundTodo(r))
			}
			return w.Flush()
		}),
	}
	addSettings(cmd)
	cmd.Flags().Int64Var(&wanted.MerchantID, "merchant", 0, "number of the merchant; all when 0")
	cmd.Flags().BoolVar(&wanted.Pending, "pending", false, "only those that nothing final is known of")
	cmd.Flags().BoolVar(&wanted.Attention, "attention", false, "only those whose outcome nobody knows, or that a person has to look at")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// refundTodo is what a person has to do about a refund, empty when that is nothing.
func refundTodo(r refundRow) string {
	if r.NeedsAttention == "" && r.OutcomeUnknown {
		return "the provider's answer is lost: it is asked after"
	}
	return r.NeedsAttention
}

func refundSettleCommand(done bool) *cobra.Command {
	var said commands.RefundSaid
	var paidAt string
	var asJSON bool
	said.Done = done
	cmd := &cobra.Command{
		Use: "fail REFUND --evidence TEXT", Short: "Say that the money has not gone back, with the evidence", Args: cobra.ExactArgs(1),
		Long: `Settle a refund that nobody knows the outcome of: the money has not gone back. Look it up first, on the provider's statement or with
its support, and say where it was missing. The money can be refunded again; should the provider say later that it has gone back after all, that
counts, and you are told. So you can say of one that is taken for done and needs attention.`,
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			if !regexp.MustCompile(`^REFUND[0-9A-Z]{16,34}$`).MatchString(args[0]) {
				return &exitError{exitUsage, errors.New("REFUND must be a refund's reference, such as REFUND0123456789ABCDEF")}
			}
			if paidAt != "" {
				var err error
				if said.PaidAt, err = time.Parse(time.RFC3339, paidAt); err != nil {
					return &exitError{exitUsage, errors.New("--paid-at must be a time such as 2026-11-27T14:05:00+03:00")}
				}
			}
			var out refundRow
			if err := call(cmd, "refund settle", refundArgs{args[0], said}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Refund %s of %s %s is %s.\n", out.Reference, out.Currency, out.Amount, out.Status)
			return err
		}),
	}
	addSettings(cmd)
	if done {
		cmd.Use, cmd.Short = "settle REFUND --receipt RECEIPT --evidence TEXT", "Say that the money has gone back, with the evidence"
		cmd.Long = `Settle a refund that nobody knows the outcome of: the money has gone back. Look it up first, on the provider's statement or with its
support, and say where it was seen. It is recorded with your words. A refund is never sent again. Of one that is completed and needs attention
it says that you have looked, and that it is right.`
		cmd.Flags().StringVar(&said.Receipt, "receipt", "", "the provider's receipt of the refund")
		cmd.Flags().StringVar(&paidAt, "paid-at", "", "when it went back, such as 2026-11-27T14:05:00+03:00; now when empty")
	}
	cmd.Flags().StringVar(&said.Evidence, "evidence", "", "where what became of it was seen")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
