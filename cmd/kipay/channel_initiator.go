package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type channelInitiatorArgs struct {
	Channel     int64  `json:"channel"`
	Name        string `json:"name"`
	Password    string `json:"password"`
	Certificate []byte `json:"certificate"`
	Days        int    `json:"days"`
}

type channelInitiator struct {
	ChannelID       int64     `json:"payment_channel_id"`
	CertificateEnds time.Time `json:"certificate_ends"`
}

func opChannelInitiator(ctx context.Context, n *node, raw json.RawMessage, _ func(any) error) (any, error) {
	var args channelInitiatorArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	ch, err := n.write.SetInitiator(ctx, args.Channel, args.Name, args.Password, args.Certificate, args.Days)
	if err != nil {
		return nil, err
	}
	return channelInitiator{ch.ID, ch.CertificateEnds}, nil
}

func channelInitiatorCommand() *cobra.Command {
	var name, certificate string
	var days int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "initiator CHANNEL_ID --name NAME --certificate FILE",
		Short: "Let an M-Pesa channel give money back and pay out",
		Long: `Give an M-Pesa channel the initiator in whose name Daraja is asked to reverse payments, to pay out and to tell what became of a
transaction. The initiator's password is read from standard input, encrypted with Safaricom's certificate (a file, PEM or DER; sandbox
and production have different ones), and kept only so. Run it again when the password or the certificate changes.`,
		Example: "  kipay channel initiator 3 --name apiop --certificate ProductionCertificate.cer < password.txt",
		Args:    cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return &exitError{exitUsage, errors.New("CHANNEL_ID must be the number of a payment channel")}
			}
			cert, err := os.ReadFile(certificate)
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("--certificate: %w", err)}
			}
			password, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxRulesBytes))
			if err != nil {
				return fmt.Errorf("read the password: %w", err)
			}
			var out channelInitiator
			if err := call(cmd, "channel initiator", channelInitiatorArgs{id, name, strings.TrimRight(string(password), "\r\n"), cert, days}, nil, &out); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Channel %d can give money back. The certificate is good until %s.\n", out.ChannelID, out.CertificateEnds.Format(time.DateOnly))
			return err
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&name, "name", "", "name of the initiator on the M-Pesa organisation portal")
	cmd.Flags().StringVar(&certificate, "certificate", "", "Safaricom's certificate, PEM or DER")
	cmd.Flags().IntVar(&days, "password-days", 90, "for how many days the portal takes the password: doctor and an alert warn before")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
