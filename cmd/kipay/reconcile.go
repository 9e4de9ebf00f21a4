package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/projections"
)

// booksOf says whose books a verb is about.
type booksOf struct {
	Merchant int64       `json:"merchant"`
	Mode     domain.Mode `json:"mode"`
}

// flags adds --merchant and --mode; check reads them.
func (b *booksOf) flags(cmd *cobra.Command) {
	addSettings(cmd)
	cmd.Flags().Int64Var(&b.Merchant, "merchant", 1, "number of the merchant")
	cmd.Flags().StringVar((*string)(&b.Mode), "mode", string(domain.ModeLive), "which books: live or test")
}

func (b *booksOf) check() error {
	if b.Mode != domain.ModeLive && b.Mode != domain.ModeTest {
		return &exitError{exitUsage, errors.New("--mode must be live or test")}
	}
	return nil
}

type reconcileImportArgs struct {
	booksOf
	Path    string                    `json:"path"`
	Channel int64                     `json:"channel"`
	Options commands.StatementOptions `json:"options"`
}

func opReconcileImport(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args reconcileImportArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	f := commands.StatementFile{Merchant: args.Merchant, Mode: args.Mode, Channel: args.Channel, Name: filepath.Base(args.Path)}
	return n.write.ImportFile(ctx, args.Path, f, args.Options, func(p commands.ImportProgress) {
		_ = emit(progressNews{Phase: p.Step, Done: uint64(p.Done), Total: uint64(p.Total)}) // who asked may have gone
	})
}

type reconcileFetchArgs struct {
	booksOf
	Source  reconciliation.Source `json:"source"`
	Channel int64                 `json:"channel"`
	From    time.Time             `json:"from"`
	Until   time.Time             `json:"until"`
}

func opReconcileFetch(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args reconcileFetchArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	f := commands.StatementFile{Merchant: args.Merchant, Mode: args.Mode, Channel: args.Channel, Source: args.Source}
	return n.write.FetchStatement(ctx, f, args.From, args.Until, func(p commands.ImportProgress) {
		_ = emit(progressNews{Phase: p.Step, Done: uint64(p.Done), Total: uint64(p.Total)})
	})
}

type reconcileShowArgs struct {
	booksOf
	Import int64  `json:"import"`
	Cause  string `json:"cause,omitempty"`
	State  string `json:"state,omitempty"`
	Page   uint64 `json:"page,omitempty"`
}

// shownAtOnce is how many imports or differences one answer brings.
const shownAtOnce = 1000

func opReconcileStatus(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args reconcileShowArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if args.Import != 0 {
		v, err := n.write.ImportOf(ctx, args.Merchant, args.Mode, args.Import)
		return []commands.ImportView{v}, err
	}
	if err := n.caughtUp(ctx); err != nil {
		return nil, err
	}
	page, err := projections.NewReader(n.reads.conn, n.source()).Imports(ctx, projections.ImportFilter{
		MerchantID: args.Merchant, Mode: args.Mode, Limit: shownAtOnce,
	})
	views := make([]commands.ImportView, 0, len(page.Rows))
	for i := range page.Rows {
		v, viewErr := n.write.ImportOf(ctx, args.Merchant, args.Mode, page.Rows[i].ID)
		if viewErr != nil {
			return nil, viewErr
		}
		views = append(views, v)
	}
	return views, err
}

func opReconcileDifferences(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args reconcileShowArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	if err := n.write.CheckImport(ctx, args.Merchant, args.Mode, args.Import); err != nil {
		return nil, err
	}
	if err := n.caughtUp(ctx); err != nil {
		return nil, err
	}
	page, err := projections.NewReader(n.reads.conn, n.source()).Differences(ctx, projections.DifferenceFilter{
		MerchantID: args.Merchant, Mode: args.Mode, Import: args.Import, Cause: reconciliation.Cause(args.Cause), State: reconciliation.State(args.State),
		Offset: args.Page * shownAtOnce, Limit: shownAtOnce,
	})
	if err != nil {
		return nil, err
	}
	out := shownDifferences{Total: page.Total, Rows: make([]shownDifference, len(page.Rows))}
	var receipts []string
	for i := range page.Rows {
		out.Rows[i].DifferenceRow = page.Rows[i]
		if page.Rows[i].LineNumber != 0 {
			receipts = append(receipts, page.Rows[i].Receipt)
		}
	}
	statuses, err := n.write.StatusesJSON(ctx, args.Merchant, args.Mode, args.Import, receipts)
	for i := range out.Rows {
		out.Rows[i].ProviderStatus = statuses[out.Rows[i].Receipt]
	}
	return out, err
}

// shownDifferences is a page of differences; each with what the provider said of its receipt, if it was asked.
type shownDifferences struct {
	Rows  []shownDifference
	Total uint64
}

type shownDifference struct {
	projections.DifferenceRow
	ProviderStatus json.RawMessage `json:"provider_status,omitempty"`
}

// caughtUp waits until the read models have come as far as the log is now.
func (n *node) caughtUp(ctx context.Context) error {
	head, err := n.store.Head(ctx)
	if err != nil {
		return err
	}
	return n.source().WaitFor(ctx, head)
}

type reconcileResolveArgs struct {
	booksOf
	commands.Decision
}

func opReconcileResolve(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args reconcileResolveArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	return n.write.Resolve(ctx, args.Merchant, args.booksOf.Mode, args.Decision)
}

func reconcileCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "reconcile", Short: "Compare statements of providers and banks with the books"}
	cmd.AddCommand(reconcileImportCommand(), reconcileFetchCommand(), reconcileStatusCommand(), reconcileDifferencesCommand(), reconcileAskCommand(), reconcileResolveCommand(), reconcileReopenCommand())
	return cmd
}

func reconcileImportCommand() *cobra.Command {
	var args reconcileImportArgs
	var mapping string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Compare a statement with the books",
		Long: `Read a statement and compare it with the books: each line is tied to a payment, refund or fee, or says why it is not. What is certain
counts at once: a payment that only the statement shows completes its transaction, money of an unknown payer waits in suspense. A file
with a line that can't be read is refused as a whole, with the line named; the same file again is recognised.

Sources: mpesa_statement (the organisation portal's CSV or XLSX), paystack_settlement and paystack_transactions (CSV, or the API's
JSON), bank (CSV with a mapping, MT940, CAMT.053). See docs/reconciliation.md.`,
		Example: `  kipay reconcile import october.xlsx --source mpesa_statement --channel 1
  kipay reconcile import equity.csv --source bank --account "Equity current" --mapping equity.json`,
		Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, list []string) error {
			if err := args.check(); err != nil {
				return err
			}
			path, err := filepath.Abs(list[0])
			if err != nil {
				return err
			}
			args.Path = path
			if mapping != "" {
				text, err := os.ReadFile(mapping)
				if err != nil {
					return &exitError{exitUsage, fmt.Errorf("--mapping: %w", err)}
				}
				args.Options.Mapping = string(text)
			}
			return importAndShow(cmd, "reconcile import", args, asJSON)
		}),
	}
	args.flags(cmd)
	f, o := cmd.Flags(), &args.Options
	f.StringVar(&o.Source, "source", "", "mpesa_statement, paystack_settlement, paystack_transactions or bank")
	f.Int64Var(&args.Channel, "channel", 0, "number of the payment channel; none for a bank")
	f.StringVar(&o.Account, "account", "", "what you call the account at a bank")
	f.StringVar(&mapping, "mapping", "", "file that says which column of the bank's CSV is what; kept for the next time")
	f.StringVar(&o.Currency, "currency", "", "of files that name none (the channel's)")
	f.StringVar(&o.Format, "format", "", "what the file is, when it is not recognised")
	f.StringVar(&o.DateLayout, "date-layout", "", "how dates are written, such as DD/MM/YYYY HH:mm, of a file that a spreadsheet has saved")
	f.StringVar(&o.Encoding, "encoding", "", "utf-8 or windows-1252")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func reconcileFetchCommand() *cobra.Command {
	var args reconcileFetchArgs
	var from, to, zone string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Ask Paystack or M-Pesa for what it lists, and compare that with the books",
		Long: `Ask a provider for what it lists of a channel, and compare that with the books as import does with a file: Paystack for its
transactions or settlements of some days (of settlements it asks for the payments of each), M-Pesa for the customers' payments of the
last 48 hours (mpesa_pull: --from and --to may be left out).`,
		Example: `  kipay reconcile fetch --source paystack_settlement --channel 2 --from 2026-10-01 --to 2026-10-31
  kipay reconcile fetch --source mpesa_pull --channel 1`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if err := args.check(); err != nil {
				return err
			}
			where, err := time.LoadLocation(zone)
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("--tz: %w", err)}
			}
			optional := args.Source == reconciliation.SourceMpesaPull
			if args.From, err = time.ParseInLocation(time.DateOnly, from, where); err != nil && (!optional || from != "") {
				return &exitError{exitUsage, errors.New("--from must be a day such as 2026-10-01")}
			}
			if args.Until, err = time.ParseInLocation(time.DateOnly, to, where); err != nil && (!optional || to != "") {
				return &exitError{exitUsage, errors.New("--to must be a day such as 2026-10-31")}
			}
			if to != "" {
				args.Until = args.Until.AddDate(0, 0, 1)
			}
			return importAndShow(cmd, "reconcile fetch", args, asJSON)
		}),
	}
	args.flags(cmd)
	f := cmd.Flags()
	f.StringVar((*string)(&args.Source), "source", "", "paystack_transactions, paystack_settlement or mpesa_pull")
	f.Int64Var(&args.Channel, "channel", 0, "number of the payment channel")
	f.StringVar(&from, "from", "", "first day")
	f.StringVar(&to, "to", "", "last day")
	f.StringVar(&zone, "tz", merchant.DefaultTimeZone, "where days are counted")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// importAndShow carries out an import with its progress, and shows what came of it.
func importAndShow(cmd *cobra.Command, operation string, args any, asJSON bool) error {
	b := newBar(cmd.ErrOrStderr())
	var v commands.ImportView
	err := call(cmd, operation, args, barNews(b), &v)
	b.finish()
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(v)
	} else {
		err = printImport(cmd.OutOrStdout(), &v)
	}
	if err == nil && v.Status != string(journal.Done) {
		return &exitError{exitFinding, errors.New("the statement was not taken")}
	}
	return err
}

func reconcileStatusCommand() *cobra.Command {
	var args reconcileShowArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status [IMPORT]",
		Short:   "Show an import with the proof of its balance, or list all",
		Example: "  kipay reconcile status\n  kipay reconcile status 3",
		Args:    cobra.MaximumNArgs(1),
		RunE: verb(func(cmd *cobra.Command, list []string) error {
			if err := args.check(); err != nil {
				return err
			}
			if len(list) == 1 {
				var err error
				if args.Import, err = numberOf(list[0], "IMPORT", "an import"); err != nil {
					return err
				}
			}
			var views []commands.ImportView
			if err := call(cmd, "reconcile status", args, nil, &views); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(views)
			}
			if args.Import != 0 {
				return printImport(cmd.OutOrStdout(), &views[0])
			}
			return printImports(cmd.OutOrStdout(), views)
		}),
	}
	args.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func reconcileDifferencesCommand() *cobra.Command {
	var args reconcileShowArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "differences IMPORT",
		Short:   "List where a statement and the books differ, and why",
		Example: "  kipay reconcile differences 3 --state open\n  kipay reconcile differences 3 --cause missing_callback",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, list []string) error {
			if err := args.check(); err != nil {
				return err
			}
			var err error
			if args.Import, err = numberOf(list[0], "IMPORT", "an import"); err != nil {
				return err
			}
			if args.Cause != "" && !slices.Contains(reconciliation.Causes(), reconciliation.Cause(args.Cause)) {
				return &exitError{exitUsage, errors.New("--cause is not a cause: see docs/reconciliation.md")}
			}
			switch reconciliation.State(args.State) {
			case "", reconciliation.Open, reconciliation.Explained, reconciliation.Resolved:
			default:
				return &exitError{exitUsage, errors.New("--state must be open, explained or resolved")}
			}
			for args.Page = 0; ; args.Page++ {
				var page shownDifferences
				if err := call(cmd, "reconcile differences", args, nil, &page); err != nil {
					return err
				}
				if err := printDifferences(cmd.OutOrStdout(), page.Rows, asJSON, args.Page == 0); err != nil {
					return err
				}
				if (args.Page+1)*shownAtOnce >= page.Total {
					return nil
				}
			}
		}),
	}
	args.flags(cmd)
	cmd.Flags().StringVar(&args.Cause, "cause", "", "only those of a cause: timing, fee, duplicate, missing_callback, …")
	cmd.Flags().StringVar(&args.State, "state", "", "only those that are open, explained or resolved")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line each")
	return cmd
}

func reconcileResolveCommand() *cobra.Command {
	var args reconcileResolveArgs
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "resolve ITEM",
		Short: "Decide about a difference",
		Long: `Decide about a difference, with a reason that stands in the log for ever:

  credit     the money is that of the transaction --reference
  write_off  let money in suspense go
  return     money in suspense went back to whoever sent it, outside Kipay
  accept     nothing is booked: the reason explains the difference`,
		Example: `  kipay reconcile resolve 6291457 --action credit --reference KIPAY0123456789ABCDEF --reason "The customer sent a photo of the SMS"`,
		Args:    cobra.ExactArgs(1),
		RunE:    verb(aboutItem("reconcile resolve", &args, &args.Item, &asJSON, printItem)),
	}
	args.flags(cmd)
	f := cmd.Flags()
	f.StringVar((*string)(&args.Action), "action", "", "credit, write_off, return or accept")
	f.StringVar(&args.Reason, "reason", "", "why")
	f.StringVar(&args.Reference, "reference", "", "the transaction that is credited")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// aboutItem runs a verb about the difference that its argument numbers: item is where args have the number. show prints the answer, unless
// JSON is asked for.
func aboutItem[V any](name string, args interface{ check() error }, item *int64, asJSON *bool, show func(io.Writer, *V) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, list []string) error {
		if err := args.check(); err != nil {
			return err
		}
		var err error
		if *item, err = numberOf(list[0], "ITEM", "a difference"); err != nil {
			return err
		}
		var v V
		if err := call(cmd, name, args, nil, &v); err != nil {
			return err
		}
		if *asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
		}
		return show(cmd.OutOrStdout(), &v)
	}
}

// numberOf reads the argument of that name, the number of something.
func numberOf(s, argument, what string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, &exitError{exitUsage, fmt.Errorf("%s must be the number of %s", argument, what)}
	}
	return n, nil
}

// printItem says what became of a difference.
func printItem(out io.Writer, v *commands.ItemView) error {
	_, err := fmt.Fprintf(out, "Difference %d (%s, %s %s) is %s.\n", v.ID, plain(v.Cause), v.Currency, v.Amount, v.State)
	return err
}
