package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/benfex/kipay/eventstore/transfer"
)

// exportArgs are what the process that has the log is told: where the file stands, and who may open the keys.
type exportArgs struct {
	Continue   *transfer.State `json:"continue,omitempty"`
	Recipients []string        `json:"recipients,omitempty"`
}

// exportNews is a piece of one of the files, or how far it has come. Who asked writes the files: a server often runs as
// another user, with a view of the disks of its own.
type exportNews struct {
	Events   []byte        `json:"events,omitempty"`
	Keys     []byte        `json:"keys,omitempty"`
	Progress *progressNews `json:"progress,omitempty"`
}

// exportResult is what `events export --json` prints.
type exportResult struct {
	transfer.Exported
	Keys uint64 `json:"keys"`
}

func opEventsExport(ctx context.Context, n *node, raw json.RawMessage, emit func(any) error) (any, error) {
	var args exportArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, err
	}
	var recipients []age.Recipient
	if len(args.Recipients) > 0 {
		var err error
		if recipients, err = transfer.ParseRecipients(args.Recipients); err != nil {
			return nil, err
		}
	}
	progress := moveProgress(func(p progressNews) { _ = emit(exportNews{Progress: &p}) })
	created := time.Now()
	done, err := transfer.Export(ctx, n.store, pieces(func(p []byte) error { return emit(exportNews{Events: p}) }), transfer.ExportOptions{
		ID: newEventID(), Created: created, Continue: args.Continue, Master: n.ring.Master(), Random: rand.Reader, Progress: progress,
	})
	if err != nil || recipients == nil {
		return exportResult{Exported: done}, err
	}
	const piece = 256 << 10
	out := bufio.NewWriterSize(pieces(func(p []byte) error { return emit(exportNews{Keys: p}) }), piece)
	keys, err := transfer.WriteKeys(ctx, n.store, out, transfer.KeysOptions{
		Of: done, Created: created, Recipients: recipients, Master: n.ring.Master(), Random: rand.Reader, Progress: progress,
	})
	return exportResult{done, keys}, errors.Join(err, out.Flush())
}

// pieces is a writer that hands on what it is given.
type pieces func([]byte) error

// Write hands p on.
func (w pieces) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// moveProgress makes news of a move's progress, a few a second.
func moveProgress(show func(progressNews)) transfer.Progress {
	const every = 200 * time.Millisecond
	var phase string
	var began, shown time.Time
	return func(name string, done, total, count uint64) {
		now := time.Now()
		if name != phase {
			phase, began, shown = name, now, time.Time{}
		}
		if done < total && now.Sub(shown) < every {
			return
		}
		shown = now
		show(progressNews{name, done, total, float64(count) / max(now.Sub(began).Seconds(), 1e-3)})
	}
}

// eventsExport is what `kipay events export` was told.
type eventsExport struct {
	file, keys, recipientsFile string
	recipients                 []string
	resume, asJSON             bool
}

func eventsExportCommand() *cobra.Command {
	var o eventsExport
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the whole log to a file, and its keys to another",
		Long: `Write the whole log to FILE, oldest event first, as lines of JSON packed with zstd (zstd -dc FILE shows them); "-" is the
standard output. What is sealed stays sealed. The keys go to a file of their own, encrypted with age to the recipients; with both,
kipay events import makes the same install elsewhere: docs/moving.md. Without --keys the file is for looking at.

It works beside a running server, up to the event that is the newest when it begins. --resume goes on with a file that was cut
off, and carries on one that is whole with what came since. What a node says about its store alone (reactors' checkpoints, leases)
is left out.`,
		Example: `  age-keygen -o identity.txt        # where it will be imported; it prints the recipient
  kipay events export kipay.ndjson.zst --keys kipay.keys.age --recipient age1...
  kipay events export kipay.ndjson.zst --keys kipay.keys.age --recipient age1... --resume
  kipay events export - | zstd -dc | jq .type`,
		Args: cobra.ExactArgs(1),
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			return o.run(cmd)
		}),
	}
	addSettings(cmd)
	cmd.Flags().StringVar(&o.keys, "keys", "", "file for the keys, encrypted to the recipients")
	cmd.Flags().StringArrayVar(&o.recipients, "recipient", nil, "age recipient (age1...) who may open the keys; may be repeated")
	cmd.Flags().StringVar(&o.recipientsFile, "recipients-file", "", "file of age recipients, one a line")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "go on with FILE; the file of keys is written anew")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// run exports.
func (o *eventsExport) run(cmd *cobra.Command) (err error) {
	args, err := o.args()
	if err != nil {
		return err
	}
	events, err := o.open(cmd, &args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.close()) }()
	keys := &keysOutput{path: o.keys}
	defer keys.discard()

	var result exportResult
	b := newBar(cmd.ErrOrStderr())
	err = call(cmd, "events export", args, func(raw json.RawMessage) error {
		var news exportNews
		if err := json.Unmarshal(raw, &news); err != nil {
			return err
		}
		if p := news.Progress; p != nil {
			b.show(*p)
		}
		_, eventsErr := events.Write(news.Events)
		_, keysErr := keys.Write(news.Keys)
		return errors.Join(eventsErr, keysErr)
	}, &result)
	b.finish()
	if err == nil && cmd.Context().Err() != nil {
		err = errors.New("stopped")
	}
	if err != nil {
		if events.began && o.file != "-" {
			err = fmt.Errorf("%w (--resume goes on with %s)", err, o.file)
		}
		return err
	}
	if err := events.sync(); err != nil {
		return err
	}
	if err := keys.finish(); err != nil {
		return err
	}
	return o.report(cmd, result)
}

// args are the operation's, and an error when the flags don't fit together.
func (o *eventsExport) args() (exportArgs, error) {
	refuse := func(text string) (exportArgs, error) { return exportArgs{}, &exitError{exitUsage, errors.New(text)} }
	args := exportArgs{Recipients: o.recipients}
	if o.recipientsFile != "" {
		raw, err := os.ReadFile(o.recipientsFile)
		if err != nil {
			return args, &exitError{exitUsage, fmt.Errorf("--recipients-file: %w", err)}
		}
		args.Recipients = append(args.Recipients, strings.Split(string(raw), "\n")...)
	}
	if len(args.Recipients) > 0 {
		if _, err := transfer.ParseRecipients(args.Recipients); err != nil {
			return args, &exitError{exitUsage, fmt.Errorf("%w (age-keygen prints one: age1...)", err)}
		}
	}
	switch {
	case o.keys != "" && len(args.Recipients) == 0:
		return refuse("--keys needs a --recipient: whoever reads the keys reads what they have sealed, if they have the master key")
	case o.keys == "" && len(args.Recipients) > 0:
		return refuse("--recipient is for the file of keys: name it with --keys")
	case o.file == "-" && o.resume:
		return refuse("--resume needs a file to go on with")
	case o.keys == "-" || o.keys == o.file && o.keys != "":
		return refuse("--keys needs a file of its own")
	}
	if _, err := os.Lstat(o.keys); err == nil && !o.resume {
		return refuse(o.keys + " is there already; --resume writes it anew")
	}
	return args, nil
}

// open finds out where the file stands. It is begun with the first piece that comes.
func (o *eventsExport) open(cmd *cobra.Command, args *exportArgs) (*eventsOutput, error) {
	if o.file == "-" {
		return &eventsOutput{out: cmd.OutOrStdout(), began: true}, nil
	}
	out := &eventsOutput{path: o.file}
	file, err := os.Open(o.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return out, nil
	case err != nil:
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if !o.resume {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is there already; --resume goes on with it", o.file)}
	}
	const ahead = 1 << 20
	if args.Continue, out.offset, err = transfer.Scan(bufio.NewReaderSize(file, ahead)); err != nil {
		return nil, fmt.Errorf("%s: %w: export to a new file", o.file, err)
	}
	return out, nil
}

// report says what was exported.
func (o *eventsExport) report(cmd *cobra.Command, r exportResult) error {
	w := cmd.OutOrStdout()
	if o.file == "-" {
		w = cmd.ErrOrStderr()
	}
	if o.asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%d events are in the file, %d of them new, up to position %d; %d were left out\n", r.Events, r.New, r.Position, r.LeftOut)
	if err != nil {
		return err
	}
	if o.keys == "" {
		_, err = fmt.Fprintln(w, "Without its keys (--keys) it can't be imported.")
		return err
	}
	_, err = fmt.Fprintf(w, "%d keys are in %s; they need the master key too, wherever they are imported\n", r.Keys, o.keys)
	return err
}

// eventsOutput is the file of events. Nothing is changed on the disk before there is something to write.
type eventsOutput struct {
	path   string
	offset int64 // what is behind is cut off
	out    io.Writer
	file   *os.File
	began  bool
}

// Write writes a piece.
func (e *eventsOutput) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !e.began {
		file, err := os.OpenFile(e.path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return 0, err
		}
		e.file, e.out, e.began = file, file, true
		if err := file.Truncate(e.offset); err != nil {
			return 0, err
		}
		if _, err := file.Seek(e.offset, io.SeekStart); err != nil {
			return 0, err
		}
	}
	return e.out.Write(p)
}

func (e *eventsOutput) sync() error {
	if e.file == nil {
		return nil
	}
	return e.file.Sync()
}

func (e *eventsOutput) close() error {
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}

// keysOutput is the file of keys: whole or not there.
type keysOutput struct {
	path string
	tmp  *os.File
}

// Write writes a piece.
func (k *keysOutput) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if k.tmp == nil {
		tmp, err := os.CreateTemp(filepath.Dir(k.path), "."+filepath.Base(k.path)+"-*") // only its owner may read it
		if err != nil {
			return 0, err
		}
		k.tmp = tmp
	}
	return k.tmp.Write(p)
}

// finish puts the file in its place.
func (k *keysOutput) finish() error {
	if k.tmp == nil {
		return nil
	}
	if err := errors.Join(k.tmp.Sync(), k.tmp.Close()); err != nil {
		return err
	}
	return os.Rename(k.tmp.Name(), k.path)
}

// discard removes what was not finished.
func (k *keysOutput) discard() {
	if k.tmp != nil {
		_ = k.tmp.Close()
		_ = os.Remove(k.tmp.Name())
	}
}
