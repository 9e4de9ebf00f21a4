package main

import (
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/projections/chdb"
)

// readModelCommand is the child process that holds the embedded ClickHouse engine. `kipay serve` starts it; it gets no keys.
func readModelCommand() *cobra.Command {
	var dir, socket string
	var memory int64
	cmd := &cobra.Command{
		Use:    "readmodel",
		Short:  "Serve the embedded ClickHouse engine to kipay serve (started by it)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			return chdb.Serve(cmd.Context(), chdb.Options{
				Dir: dir, Socket: socket, MaxMemoryBytes: memory, Parent: chdb.ParentPipe(),
				Log: zerolog.New(os.Stderr).With().Timestamp().Logger(),
			})
		}),
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the read models")
	cmd.Flags().StringVar(&socket, "socket", "", "Unix socket to serve on")
	cmd.Flags().Int64Var(&memory, "memory", 1<<30, "memory limit in bytes")
	return cmd
}
