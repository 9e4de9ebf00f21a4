package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

type channelTurnArgs struct {
	Channel int64 `json:"channel"`
	Active  bool  `json:"active"`
}

type channelTurned struct {
	ChannelID  int64 `json:"payment_channel_id"`
	MerchantID int64 `json:"merchant_id"`
	Active     bool  `json:"is_active"`
}

func opChannelTurn(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args channelTurnArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	ch, err := n.write.TurnChannel(ctx, args.Channel, args.Active)
	if err != nil {
		return nil, err
	}
	return channelTurned{ch.ID, ch.Merchant, ch.Active}, nil
}

func channelCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "channel", Short: "Turn payment channels off and on, and say what they charge"}
	cmd.AddCommand(
		channelTurnCommand(false, "off CHANNEL_ID", "Let a payment channel take no new payments, at once",
			`Let a payment channel take no new payments, on every node within a second. What was begun through it goes on: a prompt that
is on a phone may still be paid, and what providers report is recorded.`),
		channelTurnCommand(true, "on CHANNEL_ID", "Let a payment channel take payments again", "Let a payment channel that was turned off take payments again."),
		channelFeesCommand(),
		channelInitiatorCommand(),
		channelPullCommand(),
	)
	return cmd
}

func channelTurnCommand(active bool, use, short, long string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Example: "  kipay channel " + map[bool]string{true: "on", false: "off"}[active] + " 3",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return &exitError{exitUsage, errors.New("CHANNEL_ID must be the number of a payment channel")}
			}
			var out channelTurned
			if err := call(cmd, "channel turn", channelTurnArgs{id, active}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			what := "takes no new payments"
			if out.Active {
				what = "takes payments"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Channel %d of merchant %d %s.\n", out.ChannelID, out.MerchantID, what)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
