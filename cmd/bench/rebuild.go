package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/projections/chdb"
)

const (
	rebuildAim    = 0.5
	rebuildPlenty = 200_000
	rawEvents     = 200_000
	rawBlock      = 50_000 // as many as a rebuild writes at once
)

// rebuilt is what `kipay rebuild --json` answers.
type rebuilt struct {
	Generation int     `json:"generation"`
	Events     float64 `json:"events"`
	TookMS     float64 `json:"took_ms"`
	// cost is what the process and its engine used of the processor for one event, start and end included.
	cost time.Duration
}

func (r rebuilt) perSecond() float64 { return r.Events / (r.TookMS / 1000) }

// rebuild builds the read models of a folder with `kipay rebuild`. When it counts, the rate is compared with raw inserts
// of the same rows into the same engine, before and after.
func (b *bench) rebuild(ctx context.Context, f filled, counts bool) error {
	r, err := b.runRebuild(ctx, f.dir)
	if err != nil || !counts {
		return err
	}
	s, err := startServer(ctx, b.kipay, f.dir) // the engine for the raw inserts; its own work is done
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	if err := settle(ctx, s); err != nil {
		return err
	}
	first, firstCost, err := b.rawInserts(ctx, s, r)
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	again, err := b.runRebuild(ctx, f.dir)
	if err != nil {
		return err
	}
	if s, err = startServer(ctx, b.kipay, f.dir); err != nil {
		return err
	}
	if err := settle(ctx, s); err != nil {
		return err
	}
	second, secondCost, err := b.rawInserts(ctx, s, again)
	if err != nil {
		return err
	}
	ours, raw := (r.perSecond()+again.perSecond())/2, (first+second)/2
	b.add(row{
		What: fmt.Sprintf("rebuild from %s events", thousands(int(r.Events))), Kipay: perSecond(ours), Against: perSecond(raw) + " raw inserts",
		Ratio: ours / raw, Aim: "≥ 0.50 or ≥ 200,000/s", Met: ours/raw >= rebuildAim || ours >= rebuildPlenty,
		Note: fmt.Sprintf("in turns: rebuild %s, raw %s, rebuild %s, raw %s; raw sends blocks that are encoded already",
			perSecond(r.perSecond()), perSecond(first), perSecond(again.perSecond()), perSecond(second)) +
			fmt.Sprintf("; processor per event: rebuild %s, raw %s", round((r.cost+again.cost)/2), round((firstCost+secondCost)/2)),
	})
	return nil
}

// runRebuild runs `kipay rebuild` alone on the folder.
func (b *bench) runRebuild(ctx context.Context, dir string, env ...string) (rebuilt, error) {
	cmd := exec.CommandContext(ctx, b.kipay, "rebuild", "--json", "--data-dir", dir) //nolint:gosec // the binary that is measured
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWithin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return rebuilt{}, fmt.Errorf("kipay rebuild: %w\n%s", err, errs.Bytes())
	}
	var r rebuilt
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.TookMS == 0 {
		return r, fmt.Errorf("kipay rebuild answered %q: %w", out.Bytes(), err)
	}
	// What the kernel counts of a process that has ended includes its children.
	r.cost = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(max(r.Events, 1))
	fmt.Fprintf(b.news, "  rebuild of %.0f events in %s: %s, processor per event %s\n", r.Events, round(time.Duration(r.TookMS*float64(time.Millisecond))), perSecond(r.perSecond()), round(r.cost))
	return r, nil
}

// rawTables are the tables that a rebuild fills with a row for each of the events that were loaded, and the column that
// goes with the event's position.
var rawTables = map[string]string{"events": "position", "transaction_versions": "position", "transactions": "version"}

// rawInserts is how many events' rows the engine takes a second, when they are sent as it likes them best: blocks in its
// own format, encoded beforehand, the tables at the same time, into tables like those that serve. It also answers what the
// engine used of the processor for one event.
func (b *bench) rawInserts(ctx context.Context, s *server, r rebuilt) (perSecondOf float64, cost time.Duration, err error) {
	e, err := openEngine(s.dir)
	if err != nil {
		return 0, 0, err
	}
	pid, err := s.engine()
	if err != nil {
		return 0, 0, err
	}
	defer e.http.CloseIdleConnections()
	blocks, events := map[string][][]byte{}, min(rawEvents, int(r.Events))
	for table, position := range rawTables {
		for from := 0; from < events; from += rawBlock {
			block, err := e.query(ctx, fmt.Sprintf("SELECT * FROM kipay.%s_g%d WHERE %s > %d AND %s <= %d FORMAT Native",
				table, r.Generation, position, from, position, from+rawBlock), nil)
			if err != nil {
				return 0, 0, err
			}
			blocks[table] = append(blocks[table], block)
		}
		if _, err := e.query(ctx, fmt.Sprintf("CREATE TABLE kipay.raw_%s AS kipay.%s_g%d", table, table, r.Generation), nil); err != nil {
			return 0, 0, err
		}
	}
	before, err := cpuOf(pid)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for n := range blocks["events"] {
		g, ctx := errgroup.WithContext(ctx)
		for table := range rawTables {
			g.Go(func() error {
				_, err := e.query(ctx, "INSERT INTO kipay.raw_"+table+" FORMAT Native", blocks[table][n])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(began)
	after, err := cpuOf(pid)
	if err != nil {
		return 0, 0, err
	}
	rows, err := e.query(ctx, "SELECT count() FROM kipay.raw_events FORMAT TSV", nil)
	if err != nil {
		return 0, 0, err
	}
	var n float64
	if _, err := fmt.Sscan(string(rows), &n); err != nil {
		return 0, 0, err
	}
	for table := range rawTables {
		if _, err := e.query(ctx, "DROP TABLE kipay.raw_"+table+" SYNC", nil); err != nil {
			return 0, 0, err
		}
	}
	fmt.Fprintf(b.news, "  raw inserts of the rows of %.0f events in %s: %s\n", n, round(took), perSecond(n/took.Seconds()))
	return n / took.Seconds(), (after - before) / time.Duration(max(n, 1)), nil
}

// engineClient speaks to the engine's process of a running server.
type engineClient struct{ http *http.Client }

func openEngine(dir string) (engineClient, error) {
	socket, err := chdb.SocketPath(filepath.Join(dir, "readmodel"))
	if err != nil {
		return engineClient{}, err
	}
	return engineClient{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}}, nil
}

// query runs one statement. Data, if there is any, follows an INSERT.
func (e engineClient) query(ctx context.Context, sql string, data []byte) ([]byte, error) {
	at, body := "http://engine/", []byte(sql)
	if data != nil {
		at, body = at+"?query="+url.QueryEscape(sql), data
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := e.http.Do(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%.80s: status %d: %.300s", sql, res.StatusCode, text)
	}
	return text, err
}
