package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// stopWithin is how long calls that run may take to end when the event store's server stops.
const stopWithin = 10 * time.Second

// storeServer is what `kipay eventstore` was told.
type storeServer struct {
	addr, dataDir, cert, key, advertise string
}

func eventStoreCommand() *cobra.Command {
	var o storeServer
	cmd := &cobra.Command{
		Use:   "eventstore",
		Short: "Serve the embedded event store over EventStoreDB's protocol",
		Long: `Serve the embedded event store over EventStoreDB's own gRPC protocol, so that several nodes, or the official clients of
any language, share one log. For development and tests, and small installs on a trusted network: it knows no users, and whoever
reaches the port is served. docs/kurrentdb.md tells about the real one.`,
		Example: `  kipay eventstore --addr 127.0.0.1:2113 --data-dir /var/lib/kipay-log
  KIPAY_EVENTSTORE='esdb://127.0.0.1:2113?tls=false' KIPAY_MASTER_KEY=$(openssl rand -base64 32) kipay serve`,
		Args: cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			log := newLogger(zerolog.InfoLevel, cmd.ErrOrStderr())
			return o.serve(cmd.Context(), log)
		}),
	}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:2113", "address to listen on")
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "./eventstore", "folder of the log; one process owns it")
	cmd.Flags().StringVar(&o.cert, "tls-cert", "", "file of the server's certificate in PEM; plaintext without (clients say tls=false)")
	cmd.Flags().StringVar(&o.key, "tls-key", "", "file of its key in PEM")
	cmd.Flags().StringVar(&o.advertise, "advertise", "", "HOST:PORT that clients are told to connect to; what they dialed when empty")
	return cmd
}

// serve serves until ctx ends.
func (o storeServer) serve(ctx context.Context, log zerolog.Logger) (err error) {
	options := esdbserver.Options{Advertise: o.advertise, Logf: func(format string, args ...any) { log.Error().Msgf(format, args...) }}
	switch {
	case (o.cert == "") != (o.key == ""):
		return &exitError{exitUsage, errors.New("--tls-cert and --tls-key go together")}
	case o.cert != "":
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("--tls-cert, --tls-key: %w", err)}
		}
		options.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return portTaken("--addr", o.addr, err)
	}
	defer func() { _ = ln.Close() }()
	dir, err := filepath.Abs(o.dataDir)
	if err != nil {
		return err
	}
	if err := embedded.MarkServed(dir); err != nil {
		return err
	}
	store, err := embedded.Open(dir, embedded.Options{Logf: options.Logf})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	server, err := esdbserver.New(store, options)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Serve(ln) })
	g.Go(func() error {
		var failure error
		select {
		case <-running.Done():
		case <-store.Failed():
			failure = fmt.Errorf("the event store stopped taking appends; nothing acknowledged is lost; mend the disk, then start again: %w", store.Stats().Failure)
		}
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		server.Stop(stopping)
		return failure
	})
	log.Info().Str("address", ln.Addr().String()).Str("data", dir).Bool("tls", options.TLS != nil).Msg("the event store is served")
	return g.Wait()
}
