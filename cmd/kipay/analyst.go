package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/chdb/analyst"
)

// openAnalystPort listens for analysts; nil where none is wanted.
func (n *node) openAnalystPort(ctx context.Context) (*analystPort, error) {
	if n.cfg.AnalystAddr == "" {
		return nil, nil //nolint:nilnil // there is none, and that is fine
	}
	if n.reads == nil || n.reads.super == nil {
		return nil, &exitError{exitUsage, errAnalystServer}
	}
	port, err := analyst.New(analyst.Options{
		Engine: n.reads.super, Log: n.log, Database: projections.AnalyticsDatabase, PersonalDatabase: projections.PersonalDatabase,
		Authenticate: n.authenticateAnalyst, Observe: n.observeAnalyst,
	})
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.cfg.AnalystAddr)
	if err != nil {
		return nil, portTaken("KIPAY_ANALYST_ADDR", n.cfg.AnalystAddr, err)
	}
	return &analystPort{port, ln}, nil
}

var errAnalystServer = fmt.Errorf("KIPAY_ANALYST_ADDR: is for the embedded ClickHouse engine; give analysts a user of the server (docs/analytics.md)")

type analystPort struct {
	port     *analyst.Port
	listener net.Listener
}

// run serves until ctx ends.
func (p *analystPort) run(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.port.Serve(ctx, p.listener)
}

func (n *node) authenticateAnalyst(ctx context.Context, token string) (analyst.Analyst, error) {
	who, ok, err := n.write.Analyst(ctx, token)
	if err != nil {
		return analyst.Analyst{}, err
	}
	if !ok {
		return analyst.Analyst{}, analyst.ErrUnknownToken
	}
	return analyst.Analyst{ID: who.ID, Name: who.Name, MerchantID: who.Merchant, MayReadPersonal: who.Personal}, nil
}

// observeAnalyst records what was read, once an hour for the same views.
func (n *node) observeAnalyst(ctx context.Context, o analyst.Observation) {
	if o.Denied || len(o.Tables) == 0 {
		return
	}
	_ = n.write.NoteAnalystRead(ctx, commands.AnalystRead{ // it has said so itself
		Token: o.Analyst.ID, Name: o.Analyst.Name, MerchantID: o.Analyst.MerchantID, From: o.From, Views: o.Tables,
	})
}

type analystIssueArgs struct {
	Name     string `json:"name"`
	Merchant int64  `json:"merchant"`
	Personal bool   `json:"personal"`
}

type analystIssued struct {
	ID    string `json:"token_id"`
	Token string `json:"token"`
}

func opAnalystIssue(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args analystIssueArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	id, token, err := n.write.IssueAnalystToken(ctx, args.Name, args.Merchant, args.Personal)
	return analystIssued{id, token}, err
}

func opAnalystRevoke(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var token string
	if err := json.Unmarshal(raw, &token); err != nil {
		return nil, err
	}
	s, err := n.write.RevokeAnalystToken(ctx, token)
	return analystIssued{ID: s.ID}, err
}

func analystCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "analyst", Short: "Issue and revoke analysts' tokens"}
	var args analystIssueArgs
	var asJSON bool
	issue := &cobra.Command{
		Use: "issue --name NAME", Short: "Issue a token for the analysts' port", Args: cobra.NoArgs,
		Long: `Issue a token with which the read models can be asked in SQL at KIPAY_ANALYST_ADDR: of all merchants or of one, with personal
data masked or shown. It is shown this once. docs/analytics.md has the tables and how to connect.`,
		Example: "  kipay analyst issue --name grafana\n  kipay analyst issue --name finance --merchant 3 --personal",
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			var out analystIssued
			if err := call(cmd, "analyst issue", args, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Token %s, shown this once:\n%s\n", out.ID, out.Token)
			return err
		}),
	}
	issue.Flags().StringVar(&args.Name, "name", "", "what the token is for: a tool or a job")
	issue.Flags().Int64Var(&args.Merchant, "merchant", 0, "the only merchant whose rows are shown; 0 for all")
	issue.Flags().BoolVar(&args.Personal, "personal", false, "show payers' names, emails and phones")
	issue.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	revoke := &cobra.Command{
		Use: "revoke TOKEN_ID", Short: "End a token for good", Args: cobra.ExactArgs(1), Example: "  kipay analyst revoke 3f0c…",
		Long: "End a token for good, named by its id or by itself. Statements that run end within seconds of their limit; no new one begins.",
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			var out analystIssued
			if err := call(cmd, "analyst revoke", args[0], nil, &out); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Token %s opens nothing any more.\n", out.ID)
			return err
		}),
	}
	for _, c := range []*cobra.Command{issue, revoke} {
		addSettings(c)
		cmd.AddCommand(c)
	}
	return cmd
}
