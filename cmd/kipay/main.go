// Command kipay is a self-hosted payment gateway: one binary that serves payments, and that its operator looks after it
// with.
//
// One file a verb (serve, merchant, key, channel, customer, hold, retention, events, fsck, rebuild, verify, doctor, keys, backup,
// restore, sandbox, demo, eventstore, version), config.go for
// what may be set, node.go for what every verb stands on, control.go for verbs beside a running server. All wiring is
// here; rules are in domain, use cases in commands and readapi.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes of every verb.
const (
	exitFailed  = 1 // it did not work
	exitUsage   = 2 // the command or a setting is wrong
	exitFinding = 3 // it worked, and found something wrong (fsck, verify, doctor)
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	var coded *exitError
	if !errors.As(err, &coded) {
		coded = &exitError{exitUsage, err} // what cobra itself refuses
	}
	if coded.err != nil {
		fmt.Fprintln(os.Stderr, "kipay: "+coded.err.Error())
	}
	os.Exit(coded.code)
}

// exitError is an error with the exit code that it ends the process with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// failed ends the process with exitFailed.
func failed(err error) error {
	var coded *exitError
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return &exitError{exitFailed, err}
}

// verb wraps a command's function so that its errors carry an exit code.
func verb(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error { return failed(run(cmd, args)) }
}

// flagError says of a number that is none what is wanted, where the parser names its functions.
func flagError(_ *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	if !errors.As(err, &invalid) || !errors.As(err, &number) {
		return err
	}
	flag := invalid.GetFlag()
	wants := map[string]string{"bool": "true or false", "uint64": "a whole number from 0"}[flag.Value.Type()]
	if wants == "" {
		wants = "a whole number"
	}
	if errors.Is(number, strconv.ErrRange) {
		wants = "a smaller number"
	}
	return fmt.Errorf("--%s: must be %s, not %q", flag.Name, wants, invalid.GetValue())
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kipay",
		Short: "A self-hosted payment gateway on an event-sourced ledger",
		Long: `Kipay takes M-Pesa and card payments. Every change is an event in a durable log; lists and reports are read
from ClickHouse, which is built from that log.

Verbs work beside a running "kipay serve" on the same data folder, and alone when nothing runs.
Settings are flags or KIPAY_* variables: see docs/configuration.md, or "kipay serve --help".`,
		Example: `  kipay serve                         # run everything on this machine
  kipay merchant create --name "Duka" --email owner@example.com
  kipay events tail                   # watch the log
  kipay doctor                        # what is wrong, and what to do about it`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.AddCommand(
		serveCommand(),
		merchantCommand(),
		keyCommand(),
		channelCommand(),
		periodCommand(),
		customerCommand(),
		holdCommand(),
		retentionCommand(),
		refundCommand(),
		payoutCommand(),
		disputeCommand(),
		reportCommand(),
		receiptCommand(),
		analystCommand(),
		auditCommand(),
		proofsCommand(),
		eventsCommand(),
		fsckCommand(),
		rebuildCommand(),
		verifyCommand(),
		reconcileCommand(),
		doctorCommand(),
		keysCommand(),
		backupCommand(),
		restoreCommand(),
		sandboxCommand(),
		demoCommand(),
		eventStoreCommand(),
		versionCommand(),
		readModelCommand(),
		docsCommand(),
	)
	for _, c := range cmd.Commands() {
		if c.HasSubCommands() && c.RunE == nil {
			onlyGroups(c)
		}
	}
	return cmd
}

// onlyGroups makes a command that only holds others refuse what is none of them: cobra shows its help and succeeds, and
// a misspelt "key revoke" must not look done.
func onlyGroups(cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &exitError{exitUsage, fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())}
		}
		return cmd.Help()
	}
}
