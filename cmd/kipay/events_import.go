package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transfer"
)

// How long an import waits for an event store server: nobody waits for the import.
const (
	importDeadline = 2 * time.Minute
	importAttempt  = 10 * time.Second
)

// eventsImport is what `kipay events import` was told.
type eventsImport struct {
	file, keys, identity string
	oneByOne, asJSON     bool
}

func eventsImportCommand() *cobra.Command {
	var o eventsImport
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Write an exported log, with its keys, into a new event store",
		Long: `Write the events of FILE and the keys that were exported with it into the event store of the settings: the data folder's
own, or a server (KIPAY_EVENTSTORE). Streams, revisions, ids and the order are kept; positions and the store's times are new.
KIPAY_MASTER_KEY (or master.key in the data folder) has to be the exported install's.

The store must be new, or hold the beginning of this very file: then what is missing is added, and an import that was cut off is
finished. Importing a second time compares every event and writes nothing. Nothing is written either before both files were
read to their ends and found sound. No node may run on the store meanwhile. docs/moving.md has the whole road.`,
		Example: `  KIPAY_EVENTSTORE='esdb://127.0.0.1:2113?tls=false' KIPAY_MASTER_KEY=$(cat master.key) \
    kipay events import kipay.ndjson.zst --keys kipay.keys.age --identity identity.txt
  kipay events import kipay.ndjson.zst --keys kipay.keys.age --identity identity.txt --data-dir ./new`,
		Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			return o.run(cmd)
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&o.keys, "keys", "", "file of the keys that were exported with FILE (required)")
	cmd.Flags().StringVar(&o.identity, "identity", "", "file of the age identity that opens it (required)")
	cmd.Flags().BoolVar(&o.oneByOne, "one-by-one", false, "wait for each append: slow, for a server that does not keep the order otherwise (the import says so)")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// run imports.
func (o *eventsImport) run(cmd *cobra.Command) (err error) {
	if o.keys == "" || o.identity == "" {
		return &exitError{exitUsage, errors.New("--keys and --identity are required: without its keys nothing that is sealed can be opened")}
	}
	cfg, err := readConfig(cmd, environ(), func(name string) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "kipay: unknown setting %s; is it spelt right?\n", name)
	})
	if err != nil {
		return err
	}
	options, closeFiles, err := o.options(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	defer closeFiles()
	b := newBar(cmd.ErrOrStderr())
	defer b.finish()
	options.OneByOne = o.oneByOne
	options.Progress = moveProgress(b.show)
	in, err := transfer.Check(cmd.Context(), options)
	if err != nil {
		return err
	}
	target, err := openTarget(cmd, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := checkReadModels(cmd, cfg, target); err != nil {
		return err
	}
	result, err := in.Into(cmd.Context(), target)
	b.finish()
	if errors.Is(err, transfer.ErrConflict) || errors.Is(err, transfer.ErrKeyConflict) || errors.Is(err, transfer.ErrOrder) {
		return err // to run it again would not help
	}
	if err != nil {
		if cmd.Context().Err() != nil {
			err = errors.New("stopped")
		}
		return fmt.Errorf("%w (%d of %d events are there; what is there stays, and the same import goes on from it)", err, result.There+result.New, result.Events)
	}
	return o.report(cmd, result)
}

// options opens the files; closeFiles closes them again.
func (o *eventsImport) options(ctx context.Context, cfg *config) (_ transfer.ImportOptions, closeFiles func(), err error) {
	var out transfer.ImportOptions
	if out.Master, err = masterKeysOf(ctx, cfg); err != nil {
		return out, nil, err
	}
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	open := func(path string) (*os.File, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		files = append(files, f)
		return f, nil
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	identity, err := open(o.identity)
	if err != nil {
		return out, nil, err
	}
	if out.Identities, err = transfer.ParseIdentities(identity); err != nil {
		return out, nil, &exitError{exitUsage, fmt.Errorf("--identity %s: %w", o.identity, err)}
	}
	keys, err := open(o.keys)
	if err != nil {
		return out, nil, err
	}
	events, err := open(o.file)
	if err != nil {
		return out, nil, err
	}
	out.Keys, out.Events = keys, events
	out.Destroys = map[string]func([]byte) ([]string, error){
		customer.ErasureStarted{}.EventType(): destroyedIn[customer.ErasureStarted], customer.Erased{}.EventType(): destroyedIn[customer.Erased],
	}
	return out, closeAll, nil
}

// destroyedIn are the keys that the data of an event of that type say are destroyed. They are names, and not sealed.
func destroyedIn[E domain.Event](data []byte) ([]string, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return destroyedBy(e), err
}

// masterKeysOf reads the master keys, and makes none: a new one would open nothing that is imported.
func masterKeysOf(ctx context.Context, cfg *config) (eventstore.MasterKeys, error) {
	if path := filepath.Join(cfg.DataDir, masterKeyFile); cfg.keyFromFile() {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return eventstore.MasterKeys{}, &exitError{exitUsage, fmt.Errorf("KIPAY_MASTER_KEY: must be the exported install's (or put its %s to %s)", masterKeyFile, path)}
		}
	}
	return loadMasterKeys(ctx, cfg)
}

// openTarget opens the event store without beginning an install in it: the keys that come with the events are its first.
func openTarget(cmd *cobra.Command, cfg *config) (engine, error) {
	if cfg.remote() {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "kipay: no node may run on this event store until the import has ended")
	}
	store, _, err := openEngine(cfg, newLogger(zerolog.WarnLevel, cmd.ErrOrStderr()), importDeadline, importAttempt)
	if !cfg.remote() && errors.Is(err, eventstore.ErrUnavailable) {
		return nil, fmt.Errorf("an import has the event store for itself, nothing else may run on it meanwhile: %w", err)
	}
	return store, err
}

// checkReadModels refuses to begin a log beside read models of another one: their checkpoint is a position of that log, and
// they would go on after it.
func checkReadModels(cmd *cobra.Command, cfg *config, target engine) error {
	path := filepath.Join(cfg.DataDir, readModelDir)
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // there are none
	}
	head, err := target.Head(cmd.Context())
	if err != nil || head > 0 {
		return err
	}
	return &exitError{exitUsage, fmt.Errorf("%s holds read models of another log: remove that folder, they are built again from what is imported", path)}
}

// report says what was imported.
func (o *eventsImport) report(cmd *cobra.Command, r transfer.Imported) error {
	w := cmd.OutOrStdout()
	if o.asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%d events: %d were there and are the same, %d are new; %d of %d keys are new\n", r.Events, r.There, r.New, r.NewKeys, r.Keys)
	if err == nil && r.DestroyedKeys > 0 {
		_, err = fmt.Fprintf(w, "%d keys are destroyed here too: their owners were erased since they came\n", r.DestroyedKeys)
	}
	if err == nil && r.ErasedKeys > 0 {
		_, err = fmt.Fprintf(w, "%d keys were destroyed here since, and stay so\n", r.ErasedKeys)
	}
	return err
}
