package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
)

// feeRules are a channel's rules as they are written in a file.
type feeRules struct {
	Provider fee.Rule `json:"provider,omitzero"`
	Own      fee.Rule `json:"own,omitzero"`
}

type channelFeesArgs struct {
	Channel int64 `json:"channel"`
	// Set are the new rules, nil to ask.
	Set *feeRules `json:"set,omitempty"`
}

type channelFees struct {
	ChannelID int64  `json:"payment_channel_id"`
	Funds     string `json:"funds"`
	Currency  string `json:"currency"`
	Version   int    `json:"version"`
	feeRules
}

func opChannelFees(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args channelFeesArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	var ch channel.State
	var err error
	if args.Set == nil {
		ch, err = n.write.ChannelFees(ctx, args.Channel)
	} else {
		ch, err = n.write.SetChannelFees(ctx, args.Channel, args.Set.Provider, args.Set.Own)
	}
	if err != nil {
		return nil, err
	}
	return channelFees{
		ChannelID: ch.ID, Funds: string(ch.Funds), Currency: string(ch.Currency), Version: ch.Fees.Version,
		feeRules: feeRules{Provider: ch.Fees.Provider, Own: ch.Fees.Own},
	}, nil
}

func channelFeesCommand() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fees CHANNEL_ID",
		Short: "Show or set what payments through a channel are charged",
		Long: `Show the rules by which payments through a channel are charged, or set them from a file of JSON (- is standard input). They
count for payments from then on; each payment's own event says what it was charged.

  {"provider": {"parts": 5500, "max": 20000},
   "own": {"tiers": [{"up_to": 100000, "fixed": 500}, {"parts": 10000}], "tax_parts": 160000}}

provider is what the provider is expected to take, own what you charge. parts is a share in parts of a million (5500 is 0.55 %),
fixed is added to it, min and max bound the two; tiers, from the smallest payment, take the place of parts and fixed; tax_parts is the tax on
top of the charge. Amounts are in minor units: 20000 is 200.00.`,
		Example: "  kipay channel fees 3\n  kipay channel fees 3 --json\n  kipay channel fees 3 --set fees.json",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return &exitError{exitUsage, errors.New("CHANNEL_ID must be the number of a payment channel")}
			}
			ask := channelFeesArgs{Channel: id}
			if file != "" {
				if ask.Set, err = readFeeRules(cmd.InOrStdin(), file); err != nil {
					return &exitError{exitUsage, err}
				}
			}
			var out channelFees
			if err := call(cmd, "channel fees", ask, nil, &out); err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(out)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.Join(feeLines(out), "\n"))
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&file, "set", "", "file with the new rules, - for standard input")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// maxRulesBytes bounds a file of rules.
const maxRulesBytes = 64 << 10

func readFeeRules(stdin io.Reader, file string) (*feeRules, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, maxRulesBytes))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var rules feeRules
	if err := dec.Decode(&rules); err != nil {
		return nil, fmt.Errorf("--set: the rules are not as they should be: %w", err)
	}
	return &rules, nil
}
