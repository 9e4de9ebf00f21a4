package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

type channelPullArgs struct {
	Channel int64  `json:"channel"`
	On      bool   `json:"on"`
	Number  string `json:"number"`
}

type channelPulling struct {
	ChannelID int64 `json:"payment_channel_id"`
	On        bool  `json:"on"`
}

func opChannelPull(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args channelPullArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	ch, err := n.write.SetPulling(ctx, args.Channel, args.On, args.Number)
	if err != nil {
		return nil, err
	}
	return channelPulling{ch.ID, ch.Pulls}, nil
}

func channelPullCommand() *cobra.Command {
	var number string
	var off, asJSON bool
	cmd := &cobra.Command{
		Use:   "pull CHANNEL_ID",
		Short: "Ask M-Pesa for a channel's payments every so often, or no more",
		Long: `Ask M-Pesa for the payments that came to a channel's shortcode, every KIPAY_PULL_EVERY, and compare them with the books (Daraja, Pull
Transactions). A payment whose callback and confirmation were lost shows up by itself: it completes its transaction, or waits in
suspense. --number is the phone in the shortcode's papers; the shortcode is registered under it when M-Pesa says that it isn't.`,
		Example: "  kipay channel pull 1 --number 254722000000\n  kipay channel pull 1 --off",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return &exitError{exitUsage, errors.New("CHANNEL_ID must be the number of a payment channel")}
			}
			var out channelPulling
			if err := call(cmd, "channel pull", channelPullArgs{id, !off, number}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			what := "is not asked for its payments any more"
			if out.On {
				what = "is asked for its payments from now on"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Channel %d %s.\n", out.ChannelID, what)
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&number, "number", "", "phone in the shortcode's papers, 2547XXXXXXXX or 2541XXXXXXXX")
	cmd.Flags().BoolVar(&off, "off", false, "ask no more")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
