package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// readyWithin is how long a server may take to start before the run is given up.
const readyWithin = 2 * time.Minute

// buildKipay builds the product as it is in the tree.
func buildKipay(ctx context.Context, out string, args ...string) error {
	args = append(append([]string{"build", "-o", out}, args...), "github.com/benfex/kipay/cmd/kipay")
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // our own arguments
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build kipay: %w\n%s", err, text)
	}
	return nil
}

// server is a running `kipay serve`, with everything on: authentication, rate limits, the request log in a file, the
// projector, the engine's process, the simulators.
type server struct {
	*child
	dir    string // its data folder
	addr   string
	key    string
	log    *os.File
	client *http.Client
	// startup is the time from the start of the process until /readyz answers 200, which is when payments are taken;
	// complete, until it says that lists are answered too.
	startup, complete time.Duration
}

// freeAddr is an address on this machine where nothing listens.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once, or not at all
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// startServer starts kipay on the folder, which it makes if there is none.
func startServer(ctx context.Context, binary, dir string, env ...string) (_ *server, err error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &server{dir: dir, addr: addr, client: &http.Client{Timeout: time.Minute}}
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil { //nolint:gosec // our own temporary folder
		return nil, err
	}
	began := time.Now()
	s.child, err = startChild(childOptions{Path: binary, Args: []string{"serve"}, Log: s.log, Env: append([]string{
		"KIPAY_HTTP_ADDR=" + addr, "KIPAY_DATA_DIR=" + dir, "KIPAY_SANDBOX=true", "KIPAY_SANDBOX_ADDR=127.0.0.1:0",
		"KIPAY_RATE_LIMIT=1000000000-H", "KIPAY_SANDBOX_SPEED=100",
	}, env...)})
	if err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	if err := s.waitReady(ctx, began); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	key, err := os.ReadFile(filepath.Join(dir, "demo-api-key")) //nolint:gosec // our own temporary folder
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.key = strings.TrimSpace(string(key))
	return s, nil
}

// waitReady waits until payments are taken and lists are answered.
func (s *server) waitReady(ctx context.Context, began time.Time) error {
	for time.Since(began) < readyWithin {
		select {
		case <-s.ended:
			text, _ := os.ReadFile(s.log.Name())
			return fmt.Errorf("kipay ended while it started: %w\n%s", s.err, text)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		status, body, err := s.get(ctx, "/readyz")
		if err != nil || status != http.StatusOK {
			continue
		}
		if s.startup == 0 {
			s.startup = time.Since(began)
		}
		var ready struct {
			Status string `json:"status"`
		}
		if json.Unmarshal(body, &ready) == nil && ready.Status == "ready" {
			if s.complete == 0 {
				s.complete = time.Since(began)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "demo-api-key")); err == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("kipay was not ready within %s", readyWithin)
}

// stop ends the server and closes its log.
func (s *server) stop() error {
	s.client.CloseIdleConnections()
	return errors.Join(s.child.stop(), s.log.Close())
}

// get asks the server with the demo merchant's key.
func (s *server) get(ctx context.Context, path string) (int, []byte, error) {
	return s.do(ctx, http.MethodGet, path, "")
}

func (s *server) do(ctx context.Context, method, path, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-API-Key", s.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// engine is the process of the embedded ClickHouse.
func (s *server) engine() (int, error) {
	children, err := childrenOf(s.pid())
	if err == nil && len(children) != 1 {
		err = fmt.Errorf("kipay has %d children, not the engine alone", len(children))
	}
	if err != nil {
		return 0, err
	}
	return children[0], nil
}

// post is a request of the API with the key, as it goes over the wire.
func post(addr, key, path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
		path, addr, key, len(body), body)
}

// ask is a GET of the API with the key, as it goes over the wire.
func ask(addr, key, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\n\r\n", path, addr, key)
}
