package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain/retention"
)

type retentionRules struct {
	Version int              `json:"version"`
	Rules   []retention.Rule `json:"rules"`
}

func opRetentionShow(ctx context.Context, n *node, _ json.RawMessage, _ func(any) error) (any, error) {
	s, err := n.write.Retention(ctx)
	return retentionRules{s.Version, s.Rules}, err
}

func opRetentionSet(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var years map[string]int
	if err := json.Unmarshal(raw, &years); err != nil {
		return nil, err
	}
	s, err := n.write.SetRetention(ctx, years)
	return retentionRules{s.Version, s.Rules}, err
}

func retentionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "retention", Short: "Show and set how long data about payments must be kept"}
	cmd.AddCommand(retentionShowCommand(), retentionSetCommand())
	return cmd
}

func retentionShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the rules of retention",
		Long:    `Show how many years after the last payment each rule keeps what is known of a customer.`,
		Example: "  kipay retention show",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			return retentionVerb(cmd, "retention show", struct{}{}, asJSON)
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func retentionSetCommand() *cobra.Command {
	var tax, aml int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set the years of the rules of retention",
		Long: `Set how many years after the last payment each rule keeps what is known of a customer; 0 is no rule. What is not given stays. It
counts at once, for erasures that are scheduled too: those against which nothing stands any more are carried out.`,
		Example: "  kipay retention set --tax 6 --aml 7",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			years := map[string]int{}
			for name, n := range map[string]int{retention.Tax: tax, retention.AML: aml} {
				if cmd.Flags().Changed(name) {
					years[name] = n
				}
			}
			if len(years) == 0 {
				return &exitError{exitUsage, errors.New("nothing is to be set: give --tax or --aml")}
			}
			return retentionVerb(cmd, "retention set", years, asJSON)
		}),
	}
	addSettings(cmd)
	cmd.Flags().IntVar(&tax, retention.Tax, 0, "years for tax law")
	cmd.Flags().IntVar(&aml, retention.AML, 0, "years against money laundering")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func retentionVerb(cmd *cobra.Command, operation string, args any, asJSON bool) error {
	var out retentionRules
	if err := call(cmd, operation, args, nil, &out); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
	}
	for _, r := range out.Rules {
		line := fmt.Sprintf("%-4s %d years after the last payment", r.Name, r.Years)
		if r.Years == 0 {
			line = fmt.Sprintf("%-4s no rule", r.Name)
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
			return err
		}
	}
	return nil
}
