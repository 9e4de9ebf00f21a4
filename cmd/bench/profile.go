package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// overlay is laid over cmd/kipay for a build that can be profiled: the product itself has no such door.
//
//go:embed overlay/pprof.go.txt
var overlay []byte

// buildProfiled builds the product with the overlay.
func buildProfiled(ctx context.Context, dir, out string) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "pprof.go")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return err
	}
	list, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(root, "cmd", "kipay", "zz_bench_pprof.go"): file},
	})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		return err
	}
	return buildKipay(ctx, out, "-overlay", path)
}

// takeProfile reads one profile off a server that was built with the overlay.
func takeProfile(ctx context.Context, socket, path, file string) (err error) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kipay/"+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("profile %s: %s", path, res.Status)
	}
	to, err := os.Create(file) //nolint:gosec // where the caller wants it
	if err != nil {
		return err
	}
	_, err = io.Copy(to, res.Body)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return err
}

// profile loads one path of a server built for it, and writes the profiles that are asked for.
func (b *bench) profile(ctx context.Context) error {
	binary, socket := filepath.Join(b.dir, "kipay-profiled"), filepath.Join(b.dir, "pprof.sock")
	if err := buildProfiled(ctx, b.dir, binary); err != nil {
		return err
	}
	s, err := startServer(ctx, binary, filepath.Join(b.dir, "profiled"), "KIPAY_TEST_PPROF="+socket)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	order, err := profiledOrder(ctx, s, b.profiled)
	if err != nil {
		return err
	}
	if err := b.warm(ctx, side{b.profiled, s.child, order}); err != nil {
		return err
	}
	const window = 15 * time.Second
	order.For = window + time.Second
	taken := make(chan error, 1)
	go func() {
		if b.cpuProfile == "" {
			taken <- nil
			return
		}
		taken <- takeProfile(ctx, socket, fmt.Sprintf("cpu?seconds=%d", int(window.Seconds())), b.cpuProfile)
	}()
	engine, err := s.engine()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.news, "under load: server %d, engine %d\n", s.pid(), engine)
	before, err := threadsOf(engine)
	if err != nil {
		return err
	}
	from, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	under, err := b.drive(ctx, s.child, order)
	if err == nil {
		err = <-taken
	}
	if err != nil {
		return err
	}
	after, err := threadsOf(engine)
	if err != nil {
		return err
	}
	to, err := s.metrics(ctx)
	if err == nil && b.memProfile != "" {
		err = takeProfile(ctx, socket, "allocs", b.memProfile)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(b.news, "while profiled: %s\nthe engine's threads:\n%s\n", under, busiest(before, after, under.Answered))
	for _, name := range []string{
		"kipay_syncs_total", "kipay_projection_batch_events_count", "kipay_projection_events_total", "kipay_projection_write_seconds_sum",
		"go_gc_duration_seconds_count",
	} {
		fmt.Fprintf(b.news, "%-36s %.6g a second\n", name, (to[name]-from[name])/under.Took.Seconds())
	}
	if b.profiled != "initialize" {
		return nil
	}
	return b.lag(from, to)
}

// profiledOrder is the load of the path that is profiled.
func profiledOrder(ctx context.Context, s *server, path string) (loadOrder, error) {
	switch path {
	case "initialize":
		return initializeOrder(s.addr, s.key), nil
	case "verify":
		return verifyOrder(ctx, s, "/api/transactions/initialize", initializeBody)
	case "list":
		o, err := verifyOrder(ctx, s, "/api/transactions/initialize", initializeBody)
		o.Requests, o.Connections = listOrder(s, 0).Requests, listConnections
		return o, err
	}
	return loadOrder{}, fmt.Errorf("-profile: %q is not initialize, verify or list", path)
}
