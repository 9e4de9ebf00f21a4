package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/report"
	"github.com/benfex/kipay/readapi"
)

type reportArgs struct {
	Name       string      `json:"name"`
	Merchant   int64       `json:"merchant"`
	Mode       domain.Mode `json:"mode"`
	Parameters url.Values  `json:"parameters"`
}

// reportNews is a piece of the report.
type reportNews struct {
	Piece []byte `json:"piece"`
}

// errStopped: nobody waits for the report any more.
var errStopped = errors.New("the report is written")

func opReport(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args reportArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	who, err := n.callerFor(ctx, args.Merchant, args.Mode)
	if err != nil {
		return nil, err
	}
	head, err := n.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	source := n.source()
	reads := readapi.Deps{Log: n.events, Reader: projections.NewReader(n.reads.conn, source), Projection: source, TempDir: n.reads.temp}
	write := func(ctx context.Context) error {
		w := &reportPieces{emit: emit}
		if err := reads.Report(ctx, who, args.Name, args.Parameters, head, w); err != nil {
			return err
		}
		return w.flush()
	}
	if !n.single {
		return nil, write(ctx)
	}
	// Nobody keeps the read models up to date but us.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if n.reads.follower != nil {
			return n.reads.follower.Run(ctx)
		}
		return n.reads.projector.Run(ctx)
	})
	group.Go(func() error {
		if err := source.WaitFor(ctx, head); err != nil {
			return err
		}
		if err := write(ctx); err != nil {
			return err
		}
		return errStopped // which ends the other
	})
	if err := group.Wait(); !errors.Is(err, errStopped) {
		return nil, err
	}
	return nil, nil
}

// callerFor is the merchant as its own key would call. Errors: NotFound.
func (n *node) callerFor(ctx context.Context, id int64, mode domain.Mode) (domain.Caller, error) {
	var s merchant.State
	if err := n.events.EachInStream(ctx, merchant.Stream(id), 0, func(e eventstore.Envelope) error {
		s = s.Evolve(e.Event)
		return nil
	}); err != nil {
		return domain.Caller{}, err
	}
	if !s.Exists() {
		return domain.Caller{}, domain.NotFoundf("merchant %d not found", id)
	}
	return domain.Caller{MerchantID: id, Mode: mode, TimeZone: s.TimeZone}, nil
}

// pieceBytes is how much of a report is sent at once.
const pieceBytes = 64 << 10

// reportPieces sends what is written to it piece by piece.
type reportPieces struct {
	emit func(any) error
	held []byte
}

func (p *reportPieces) Write(b []byte) (int, error) {
	p.held = append(p.held, b...)
	if len(p.held) < pieceBytes {
		return len(b), nil
	}
	return len(b), p.flush()
}

func (p *reportPieces) flush() error {
	if len(p.held) == 0 {
		return nil
	}
	err := p.emit(reportNews{p.held})
	p.held = p.held[:0]
	return err
}

func reportCommand() *cobra.Command {
	var args reportArgs
	var mode, out string
	parameters := map[string]*string{}
	var names []string
	for _, r := range report.All() {
		names = append(names, r.Name)
	}
	cmd := &cobra.Command{
		Use:   "report NAME",
		Short: "Write a merchant's report to a file",
		Long: `Write a merchant's report to a file, or to standard output: ` + strings.Join(names, ", ") + `.
docs/reports.md says what each of them tells. Reports are written as a whole or not at all.`,
		Example: `  kipay report summary --merchant 1 --from 2026-10-01 --to 2026-10-31
  kipay report merchant_statement --merchant 1 --from 2026-10-01 --to 2026-10-31 --format pdf -o october.pdf
  kipay report trial_balance --merchant 1 --as-of 2026-11-01T00:00:00+03:00 --format csv`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: names,
		RunE: verb(func(cmd *cobra.Command, given []string) error {
			if mode != string(domain.ModeLive) && mode != string(domain.ModeTest) {
				return &exitError{exitUsage, errors.New("--mode must be live or test")}
			}
			args.Name, args.Mode, args.Parameters = given[0], domain.Mode(mode), url.Values{}
			for name, value := range parameters {
				args.Parameters.Set(name, *value)
			}
			return writeWhole(cmd.OutOrStdout(), out, func(w io.Writer) error {
				return call(cmd, "report", args, func(raw json.RawMessage) error {
					var news reportNews
					if err := json.Unmarshal(raw, &news); err != nil {
						return err
					}
					_, err := w.Write(news.Piece)
					return err
				}, nil)
			})
		}),
	}
	addSettings(cmd)
	f := cmd.Flags()
	f.Int64Var(&args.Merchant, "merchant", 1, "number of the merchant")
	f.StringVar(&mode, "mode", string(domain.ModeLive), "which payments: live or test")
	f.StringVarP(&out, "output", "o", "", "file to write; standard output when absent")
	for _, p := range []struct{ flag, name, value, usage string }{
		{"from", "date_from", "", "first day, such as 2026-10-01"},
		{"to", "date_to", "", "last day"},
		{"format", "format", "json", "json, csv, xlsx or parquet; pdf for merchant_statement"},
		{"group-by", "group_by", "", "what rows are grouped by, such as day,channel"},
		{"tz", "tz", "", "where days are counted; the merchant's time zone when absent"},
		{"channel", "payment_channel_id", "", "number of a payment channel"},
		{"as-of", "as_of", "", "what was known then: a position, or an RFC 3339 time"},
		{"effective-at", "effective_at", "", "what had happened by then"},
	} {
		parameters[p.name] = f.String(p.flag, p.value, p.usage)
	}
	return cmd
}

// writeWhole writes to a file that appears only when it is whole, or to standard output where none is named.
func writeWhole(stdout io.Writer, name string, write func(io.Writer) error) error {
	if name == "" {
		return write(stdout)
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
