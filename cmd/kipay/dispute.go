package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// maxListedDisputes is how many disputes the operator is shown.
const maxListedDisputes = 1000

type disputeArgs struct {
	Merchant int64          `json:"merchant"`
	Mode     domain.Mode    `json:"mode"`
	ID       int64          `json:"id"`
	Status   dispute.Status `json:"status"`
	Answer   dispute.Answer `json:"answer"`
	Amount   string         `json:"amount"`
	Message  string         `json:"message"`
	// Fields are the evidence, as the API takes it.
	Fields   json.RawMessage `json:"fields"`
	FileName string          `json:"file_name"`
	File     []byte          `json:"file"`
}

type disputeLine struct {
	ID        int64           `json:"id"`
	Reference string          `json:"transaction_reference"`
	Amount    json.RawMessage `json:"amount"`
	Currency  money.Currency  `json:"currency"`
	Status    dispute.Status  `json:"status"`
	DueAt     *time.Time      `json:"due_at"`
	Attention string          `json:"needs_attention"`
}

func opDisputeList(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args disputeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	rows, err := n.listedDisputes(ctx, args)
	if err != nil {
		return nil, err
	}
	for _, d := range rows {
		line := disputeLine{
			ID: d.ID, Reference: d.Reference, Amount: money.Of(d.Amount, d.Currency).AppendDecimal(nil), Currency: d.Currency, Status: d.Status,
			Attention: d.NeedsAttention,
		}
		if !d.DueAt.IsZero() {
			line.DueAt = &d.DueAt
		}
		if err := emit(line); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// listedDisputes are a merchant's, the urgent ones first: from the read models beside a server, from the log where nothing
// runs.
func (n *node) listedDisputes(ctx context.Context, args disputeArgs) ([]projections.Dispute, error) {
	if n.reads != nil {
		page, err := projections.NewReader(n.reads.conn, n.source()).Disputes(ctx, projections.DisputeFilter{
			MerchantID: args.Merchant, Mode: args.Mode, Status: args.Status, Zone: time.UTC, Limit: maxListedDisputes,
		})
		return page.Rows, err
	}
	head, err := n.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	var rows []projections.Dispute
	err = n.showRange(ctx, 0, head, func(r eventstore.Record) error {
		if r.Type != (dispute.Opened{}).EventType() {
			return nil
		}
		out, err := commands.Fold[dispute.State](ctx, n.write, r.Stream)
		if s := out.State; err == nil && s.Merchant == args.Merchant && s.Mode == args.Mode && (args.Status == "" || s.Status == args.Status) {
			rows = append(rows, projections.DisputeOf(s, out.Position))
		}
		return err
	})
	slices.SortStableFunc(rows, func(a, b projections.Dispute) int {
		waits := func(d projections.Dispute) int {
			if d.Status == dispute.NeedsResponse {
				return 0
			}
			return 1
		}
		if byTurn := waits(a) - waits(b); byTurn != 0 || waits(a) == 1 {
			return cmp.Or(byTurn, b.CreatedAt.Compare(a.CreatedAt))
		}
		return a.DueAt.Compare(b.DueAt)
	})
	return rows[:min(len(rows), maxListedDisputes)], err
}

func opDisputeShow(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args disputeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	d, err := n.write.FindDispute(ctx, args.Merchant, args.Mode, args.ID)
	if err != nil {
		return nil, err
	}
	return commands.ViewDispute(d), nil
}

func opDisputeEvidence(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args disputeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	d, err := n.write.FindDispute(ctx, args.Merchant, args.Mode, args.ID)
	if err != nil {
		return nil, err
	}
	e, err := n.write.ReadEvidence(args.Fields, args.FileName, args.File)
	if err != nil {
		return nil, err
	}
	out, err := n.write.GiveEvidence(ctx, d, e, byOperator(d.Merchant))
	if err != nil {
		return nil, err
	}
	return commands.ViewDispute(out.State), nil
}

func opDisputeAnswer(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args disputeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	d, err := n.write.FindDispute(ctx, args.Merchant, args.Mode, args.ID)
	if err != nil {
		return nil, err
	}
	cmd := dispute.RequestAnswer{Answer: args.Answer, Message: args.Message, Amount: money.Of(0, d.Amount.Currency)}
	if cmd.Answer == dispute.Accept {
		if args.Amount == "" {
			cmd.Amount, err = n.write.AcceptableAmount(ctx, d)
		} else if cmd.Amount, err = money.Parse(args.Amount, d.Amount.Currency); err != nil {
			err = domain.Invalid("amount", err.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	out, err := n.write.AnswerDispute(ctx, d, cmd, byOperator(d.Merchant))
	if err != nil {
		return nil, err
	}
	return commands.ViewDispute(out.State), nil
}

// byOperator is the one who runs a verb.
func byOperator(merchantID int64) commands.By {
	return commands.By{Actor: "operator", Merchant: merchantID}
}

func disputeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dispute", Short: "See and answer payers' complaints about card payments"}
	cmd.AddCommand(disputeListCommand(), disputeShowCommand(), disputeEvidenceCommand(), disputeAcceptCommand(), disputeDeclineCommand())
	return cmd
}

// addDisputeFlags are the flags of every verb about disputes.
func addDisputeFlags(cmd *cobra.Command, args *disputeArgs, asJSON *bool) {
	addSettings(cmd)
	cmd.Flags().Int64Var(&args.Merchant, "merchant", 1, "number of the merchant")
	cmd.Flags().StringVar((*string)(&args.Mode), "mode", string(domain.ModeLive), "which books: live or test")
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// checkDispute reads the number of a dispute, and checks the mode.
func checkDispute(args *disputeArgs, words []string) error {
	if args.Mode != domain.ModeLive && args.Mode != domain.ModeTest {
		return &exitError{exitUsage, errors.New("--mode must be live or test")}
	}
	if len(words) == 0 {
		return nil
	}
	id, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || id < 1 {
		return &exitError{exitUsage, errors.New("DISPUTE must be the provider's number of a dispute")}
	}
	args.ID = id
	return nil
}

func disputeListCommand() *cobra.Command {
	var args disputeArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List disputes: those that wait for the merchant first, by their deadline",
		Example: `  kipay dispute list --merchant 1
  kipay dispute list --merchant 1 --status needs_response --json`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if err := checkDispute(&args, nil); err != nil {
				return err
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			if !asJSON {
				_, _ = fmt.Fprintln(out, "DISPUTE\tSTATUS\tDUE\tAMOUNT\tTRANSACTION\tNEEDS ATTENTION")
			}
			err := call(cmd, "dispute list", args, func(news json.RawMessage) error {
				if asJSON {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), string(news))
					return err
				}
				var d disputeLine
				if err := json.Unmarshal(news, &d); err != nil {
					return err
				}
				due := "-"
				if d.DueAt != nil {
					due = d.DueAt.UTC().Format(time.RFC3339)
				}
				_, err := fmt.Fprintf(out, "%d\t%s\t%s\t%s %s\t%s\t%s\n", d.ID, d.Status, due, d.Currency, d.Amount, orNone(d.Reference), d.Attention)
				return err
			}, nil)
			return errors.Join(err, out.Flush())
		}),
	}
	addDisputeFlags(cmd, &args, &asJSON)
	cmd.Flags().StringVar((*string)(&args.Status), "status", "", "needs_response, under_review, won, lost or closed; all when empty")
	return cmd
}

// disputeVerb runs an operation about one dispute and shows the dispute afterwards.
func disputeVerb(cmd *cobra.Command, operation string, args *disputeArgs, asJSON bool) error {
	var out commands.DisputeView
	if err := call(cmd, operation, args, nil, &out); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	line := func(name string, value *string) {
		if value != nil {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, *value)
		}
	}
	_, _ = fmt.Fprintf(w, "dispute\t%d\nstatus\t%s\namount\t%s %s\n", out.ID, out.Status, out.Currency, out.Amount)
	line("transaction", out.TransactionReference)
	line("category", out.Category)
	line("due", out.DueAt)
	if a := out.Answer; a != nil {
		_, _ = fmt.Fprintf(w, "answer\t%s, %s\n", a.Resolution, a.Status)
		line("failure", a.FailureReason)
	}
	line("resolution", out.Resolution)
	line("resolved", out.ResolvedAt)
	line("needs attention", out.NeedsAttention)
	return w.Flush()
}

func disputeShowCommand() *cobra.Command {
	var args disputeArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show DISPUTE",
		Short:   "Show a dispute as it is now",
		Example: "  kipay dispute show 624 --merchant 1",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, words []string) error {
			if err := checkDispute(&args, words); err != nil {
				return err
			}
			return disputeVerb(cmd, "dispute show", &args, asJSON)
		}),
	}
	addDisputeFlags(cmd, &args, &asJSON)
	return cmd
}

func disputeEvidenceCommand() *cobra.Command {
	var args disputeArgs
	var asJSON bool
	var file string
	cmd := &cobra.Command{
		Use:   "evidence DISPUTE",
		Short: "Give the provider evidence about a disputed payment",
		Long: `Give the provider evidence about a disputed payment. The evidence is a JSON object on standard input: customer_email, customer_name,
customer_phone, service_details and, where something was delivered, delivery_address and delivery_date. It moves no money and may be
given again; answer the dispute with accept or decline afterwards.`,
		Example: `  kipay dispute evidence 624 --merchant 1 --file receipt.pdf < evidence.json`,
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, words []string) error {
			if err := checkDispute(&args, words); err != nil {
				return err
			}
			fields, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxRulesBytes))
			if err != nil {
				return fmt.Errorf("read the evidence: %w", err)
			}
			if args.Fields = fields; !json.Valid(fields) {
				return &exitError{exitUsage, errors.New("the evidence on standard input must be a JSON object")}
			}
			if file != "" {
				info, err := os.Stat(file)
				if err != nil {
					return &exitError{exitUsage, fmt.Errorf("--file: %w", err)}
				}
				if info.Size() > paystack.MaxDisputeFile {
					return &exitError{exitUsage, fmt.Errorf("--file: must have at most %d bytes", paystack.MaxDisputeFile)}
				}
				if args.File, err = os.ReadFile(file); err != nil {
					return &exitError{exitUsage, fmt.Errorf("--file: %w", err)}
				}
				args.FileName = filepath.Base(file)
			}
			return disputeVerb(cmd, "dispute evidence", &args, asJSON)
		}),
	}
	addDisputeFlags(cmd, &args, &asJSON)
	cmd.Flags().StringVar(&file, "file", "", "a file that goes with it, such as a receipt")
	return cmd
}

func disputeAcceptCommand() *cobra.Command {
	var args disputeArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "accept DISPUTE --message TEXT",
		Short: "Accept a dispute: the payer gets the money back",
		Long: `Accept a dispute: the payer gets the money back. The provider is told once; when its answer is lost, it is asked how the dispute
stands and not told again.`,
		Example: `  kipay dispute accept 624 --merchant 1 --message "never delivered"`,
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, words []string) error {
			args.Answer = dispute.Accept
			return answerVerb(cmd, &args, words, asJSON)
		}),
	}
	addDisputeFlags(cmd, &args, &asJSON)
	cmd.Flags().StringVar(&args.Message, "message", "", "why, for the provider")
	cmd.Flags().StringVar(&args.Amount, "amount", "", "what goes back, in major units; default what the payer asks for, as far as it hasn't gone back")
	return cmd
}

func disputeDeclineCommand() *cobra.Command {
	var args disputeArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "decline DISPUTE --message TEXT",
		Short:   "Decline a dispute: the payment was right, and the bank decides",
		Example: `  kipay dispute decline 624 --merchant 1 --message "delivered on 3 March, see the receipt"`,
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, words []string) error {
			args.Answer = dispute.Decline
			return answerVerb(cmd, &args, words, asJSON)
		}),
	}
	addDisputeFlags(cmd, &args, &asJSON)
	cmd.Flags().StringVar(&args.Message, "message", "", "why, for the provider")
	return cmd
}

func answerVerb(cmd *cobra.Command, args *disputeArgs, words []string, asJSON bool) error {
	if err := checkDispute(args, words); err != nil {
		return err
	}
	if args.Message == "" {
		return &exitError{exitUsage, errors.New("--message is needed: the provider wants to know why")}
	}
	return disputeVerb(cmd, "dispute answer", args, asJSON)
}
