package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/projections/chdb"
)

// operation is one thing that an operator's verb does. It runs in the process that owns the data folder: the server, asked
// through a Unix socket in the folder, or the verb's own when nothing runs. emit sends news on the way.
type operation struct {
	reads  bool // needs ClickHouse
	begins bool // begins a log where there is none yet
	// projects is for what needs read models that are kept true meanwhile.
	projects bool
	run      func(ctx context.Context, n *node, args json.RawMessage, emit func(any) error) (any, error)
}

// operations are all of them, by name.
func operations() map[string]operation {
	return map[string]operation{
		"merchant create":       {begins: true, run: opMerchantCreate},
		"merchant list":         {run: opMerchantList},
		"key issue":             {run: opKeyIssue},
		"key revoke":            {run: opKeyRevoke},
		"channel turn":          {run: opChannelTurn},
		"channel fees":          {run: opChannelFees},
		"channel initiator":     {run: opChannelInitiator},
		"channel pull":          {run: opChannelPull},
		"analyst issue":         {run: opAnalystIssue},
		"analyst revoke":        {run: opAnalystRevoke},
		"audit check":           {run: opAuditCheck},
		"audit pack":            {reads: true, projects: true, run: opAuditPack},
		"proofs keys":           {run: opProofsKeys},
		"proofs rotate":         {run: opProofsRotate},
		"proofs retire":         {run: opProofsRetire},
		"period close":          {run: opPeriodClose},
		"report":                {reads: true, run: opReport},
		"dispute list":          {run: opDisputeList},
		"dispute show":          {run: opDisputeShow},
		"dispute evidence":      {run: opDisputeEvidence},
		"dispute answer":        {run: opDisputeAnswer},
		"refund list":           {run: opRefundList},
		"refund settle":         {run: opRefundSettle},
		"payout list":           {run: opPayoutList},
		"payout show":           {run: opPayoutShow},
		"payout decide":         {run: opPayoutDecide},
		"payout policy":         {run: opPayoutPolicy},
		"events":                {run: opEvents},
		"events export":         {run: opEventsExport},
		"fsck":                  {run: opFsck},
		"keys rotate":           {run: opKeysRotate},
		"keys recovery":         {run: opKeysRecovery},
		"backup":                {run: opBackup},
		"rebuild":               {reads: true, run: opRebuild},
		"verify":                {reads: true, run: opVerify},
		"probe channels":        {run: opProbeChannels},
		"reconcile import":      {reads: true, projects: true, run: opReconcileImport},
		"reconcile fetch":       {reads: true, projects: true, run: opReconcileFetch},
		"reconcile status":      {reads: true, projects: true, run: opReconcileStatus},
		"reconcile differences": {reads: true, projects: true, run: opReconcileDifferences},
		"reconcile resolve":     {run: opReconcileResolve},
		"reconcile reopen":      {run: opReconcileReopen},
		"reconcile ask":         {run: opReconcileAsk},
		"customer erase":        {run: opCustomerErase},
		"hold place":            {run: opHoldPlace},
		"hold release":          {run: opHoldRelease},
		"hold list":             {run: opHoldList},
		"retention show":        {run: opRetentionShow},
		"retention set":         {run: opRetentionSet},
	}
}

// controlSocket is the operator's socket of a data folder.
func controlSocket(dataDir string) (string, error) {
	// The same folder as the read models' socket, which knows what to do about paths that are too long.
	s, err := chdb.SocketPath(dataDir)
	return filepath.Join(filepath.Dir(s), "control.sock"), err
}

// controlLine is one line of an answer: news, or at last the result or an error.
type controlLine struct {
	News   json.RawMessage `json:"news,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *controlError   `json:"error,omitempty"`
}

type controlError struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"`
}

type control struct {
	listener net.Listener
}

// listenControl makes the socket. Only this user can use it.
func listenControl(ctx context.Context, dataDir string) (*control, error) {
	path, err := controlSocket(dataDir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("operator's socket: %w", err) // left behind by a crash: the folder's lock is ours
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("operator's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("operator's socket: %w", err)
	}
	return &control{ln}, nil
}

// run serves the operations until ctx ends.
func (c *control) run(ctx context.Context, n *node) error {
	ops := operations()
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, // only this user can connect; a busy machine is no reason to hang up
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			op, ok := ops[r.Header.Get("Operation")]
			if !ok {
				http.Error(w, "no such operation: is the server older than this command?", http.StatusNotFound)
				return
			}
			var args json.RawMessage
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&args); err != nil {
				http.Error(w, "arguments are not JSON", http.StatusBadRequest)
				return
			}
			if op.reads && n.reads == nil {
				http.Error(w, "this node has no read models: ask one with the role api or projector", http.StatusConflict)
				return
			}
			answerOperation(r.Context(), w, n, op, args)
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answerOperation(ctx context.Context, w http.ResponseWriter, n *node, op operation, args json.RawMessage) {
	var mu sync.Mutex
	enc := json.NewEncoder(w)
	send := func(l controlLine) error {
		mu.Lock()
		defer mu.Unlock()
		if err := enc.Encode(l); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	result, err := op.run(ctx, n, args, func(news any) error {
		raw, err := json.Marshal(news)
		if err != nil {
			return err
		}
		return send(controlLine{News: raw})
	})
	line := controlLine{}
	if err != nil {
		line.Error = &controlError{Code: int(domain.CodeOf(err)), Message: err.Error()}
		var known *domain.Error
		if errors.As(err, &known) {
			line.Error.Message, line.Error.Fields = known.Message, known.Fields
		}
		var coded *exitError
		if errors.As(err, &coded) && coded.code == exitFinding {
			line.Error.Code = -exitFinding
		}
	}
	if result != nil {
		raw, marshalErr := json.Marshal(result)
		if marshalErr != nil {
			line.Error = &controlError{Message: marshalErr.Error()}
		}
		line.Result = raw
	}
	_ = send(line)
}

// rowsOf carries out an operation that lists rows, and gathers them.
func rowsOf[Row any](cmd *cobra.Command, name string, args any) ([]Row, error) {
	rows := []Row{} // not null in JSON
	err := call(cmd, name, args, func(raw json.RawMessage) error {
		var r Row
		err := json.Unmarshal(raw, &r)
		rows = append(rows, r)
		return err
	}, nil)
	return rows, err
}

// call carries out an operation: in the server on this data folder, or here when none runs.
func call(cmd *cobra.Command, name string, args any, news func(json.RawMessage) error, result any) error {
	cfg, err := readConfig(cmd, environ(), func(name string) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "kipay: unknown setting %s; is it spelt right?\n", name)
	})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if news == nil {
		news = func(json.RawMessage) error { return nil }
	}
	ctx := cmd.Context()
	socket, err := controlSocket(cfg.DataDir)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err == nil {
		return callServer(ctx, conn, name, raw, news, result)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("ask the running server: %w", err)
	}
	return callHere(ctx, cfg, name, raw, news, result)
}

// projectMeanwhile keeps the read models true until what it answers is called.
func (n *node) projectMeanwhile(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := n.runFollower(ctx)
		if n.projectsAlone() {
			err = n.reads.projector.Run(ctx)
		}
		if err != nil && ctx.Err() == nil {
			n.log.Error().Err(err).Msg("the read models are not kept true")
		}
	}()
	return func() { cancel(); <-done }
}

func callServer(ctx context.Context, conn net.Conn, name string, args []byte, news func(json.RawMessage) error, result any) error {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kipay/", bytes.NewReader(args))
	if err != nil {
		return err
	}
	req.Header.Set("Operation", name)
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("ask the running server: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return fmt.Errorf("ask the running server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("the running server refused: %s", strings.TrimSpace(string(why)))
	}
	dec := json.NewDecoder(resp.Body)
	for {
		var line controlLine
		if err := dec.Decode(&line); err != nil {
			if ctx.Err() != nil {
				return nil // the operator stopped it
			}
			return fmt.Errorf("the running server stopped answering: %w", err)
		}
		if line.News != nil {
			if err := news(line.News); err != nil {
				return err
			}
			continue
		}
		return finish(line, result)
	}
}

func finish(line controlLine, result any) error {
	if line.Result != nil && result != nil {
		if err := json.Unmarshal(line.Result, result); err != nil {
			return err
		}
	}
	e := line.Error
	switch {
	case e == nil:
		return nil
	case e.Code == -exitFinding:
		return &exitError{exitFinding, errors.New(e.Message)}
	case len(e.Fields) > 0:
		return &exitError{exitUsage, &domain.Error{Code: domain.CodeInvalid, Message: e.Message, Fields: e.Fields}}
	}
	return errors.New(e.Message)
}

func callHere(ctx context.Context, cfg *config, name string, args json.RawMessage, news func(json.RawMessage) error, result any) error {
	op := operations()[name]
	// A mistyped folder must not look like an install that has lost everything, or like a backup that is sound.
	if _, err := os.Stat(eventsFolder(cfg)); errors.Is(err, fs.ErrNotExist) && !op.begins && !cfg.remote() {
		return fmt.Errorf("data folder: %s has no event log; is KIPAY_DATA_DIR right? (kipay serve and kipay merchant create begin one)", cfg.DataDir)
	}
	log := newLogger(zerolog.WarnLevel, os.Stderr)
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { _ = n.close() }()
	n.single = true
	if op.reads {
		if err := n.openReadSide(ctx, nil); err != nil {
			return err
		}
		defer n.reads.close() //nolint:contextcheck // it ends after ctx does
		ready, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := n.reads.waitReady(ready); err != nil {
			return fmt.Errorf("the read models did not start: %w", err)
		}
	}
	if op.projects {
		defer n.projectMeanwhile(ctx)()
	}
	out, err := op.run(ctx, n, args, func(v any) error {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return news(raw)
	})
	if out != nil && result != nil {
		raw, marshalErr := json.Marshal(out)
		if marshalErr != nil {
			return marshalErr
		}
		if unmarshalErr := json.Unmarshal(raw, result); unmarshalErr != nil {
			return unmarshalErr
		}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	var known *domain.Error
	if errors.As(err, &known) && len(known.Fields) > 0 {
		return &exitError{exitUsage, known} // as finish does, beside a server
	}
	return err
}
