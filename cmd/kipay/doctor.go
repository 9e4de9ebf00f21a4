package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/projections/chdb"
)

// finding is what doctor says of one thing.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, problem
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

func ok(check, detail string) finding { return finding{check, "ok", detail, ""} }
func warning(check, detail, advice string) finding {
	return finding{check, "warning", detail, advice}
}

func problem(check, detail, advice string) finding {
	return finding{check, "problem", detail, advice}
}

// Limits of the checks of the machine.
const (
	leastFreeBytes = 1 << 30
	mostClockSkew  = 5 * time.Second
	probeTimeout   = 10 * time.Second
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, folder, disk, clock, engine, ports, credentials and callbacks",
		Long: `Check what Kipay stands on, and say what to do about each thing that is wrong: configuration, data folder, disk, clock,
the chDB library, ports, the providers' credentials of every channel, and whether callbacks can arrive.
Exit code 3 means that there is a problem.`,
		Example: "  kipay doctor\n  kipay doctor --json",
		Args:    cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd)
			bad := 0
			for _, f := range findings {
				if f.Status == "problem" {
					bad++
				}
			}
			if asJSON {
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(findings); err != nil {
					return err
				}
			} else {
				mark := map[string]string{"ok": "ok      ", "warning": "WARNING ", "problem": "PROBLEM "}
				for _, f := range findings {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s %-22s %s\n", mark[f.Status], f.Check, f.Detail)
					if f.Advice != "" {
						_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%33s-> %s\n", "", f.Advice)
					}
				}
			}
			if bad > 0 {
				return &exitError{exitFinding, fmt.Errorf("%d of %d checks found a problem", bad, len(findings))}
			}
			return nil
		}),
	}
	addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// examine runs every check. A check that can't be made is a finding too.
func examine(cmd *cobra.Command) []finding {
	var out []finding
	cfg, err := readConfig(cmd, environ(), func(name string) {
		out = append(out, warning("configuration", name+" is not a setting", "check its spelling against docs/configuration.md"))
	})
	if err != nil {
		return append(out, problem("configuration", err.Error(), "correct it; docs/configuration.md has what each may be"))
	}
	out = append(out, ok("configuration", "every setting is well-formed"))
	ctx := cmd.Context()
	running := serverRuns(ctx, cfg)
	out = append(out, checkFolder(cfg)...)
	out = append(out, checkLibrary(cfg), checkPort(ctx, "port", "KIPAY_HTTP_ADDR", cfg.HTTPAddr, running), checkPublicURL(cfg))
	if cfg.Sandbox {
		out = append(out, checkPort(ctx, "simulators' port", "KIPAY_SANDBOX_ADDR", cfg.SandboxAddr, running))
		out = append(out, ok("simulators", "the sandbox is on: no real money moves through test channels"))
	}
	out = append(out, checkClock(ctx, cfg))
	if running {
		out = append(out, checkReady(ctx, cfg))
	}
	out = append(out, checkReachable(ctx, cfg, running))
	out = append(out, checkCertificates(ctx, cfg)...)
	if _, err := os.Stat(eventsFolder(cfg)); errors.Is(err, fs.ErrNotExist) && !cfg.remote() {
		return append(out, ok("channels", "nothing here yet: kipay serve starts a new log"))
	}
	err = call(cmd, "probe channels", struct{}{}, func(raw json.RawMessage) error {
		var f finding
		err := json.Unmarshal(raw, &f)
		out = append(out, f)
		return err
	}, nil)
	if err != nil {
		out = append(out, problem("event log", err.Error(), "kipay fsck tells more"))
	}
	return out
}

func serverRuns(ctx context.Context, cfg *config) bool {
	socket, err := controlSocket(cfg.DataDir)
	if err != nil {
		return false
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func checkFolder(cfg *config) []finding {
	dir := cfg.DataDir
	for { // the first start makes what is missing of the path
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var out []finding
	probe, err := os.CreateTemp(dir, ".kipay-doctor-*")
	if err != nil {
		out = append(out, problem("data folder", err.Error(), "make it writable for this user, or set KIPAY_DATA_DIR"))
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
		out = append(out, ok("data folder", cfg.DataDir+" is writable"))
	}
	if info, err := os.Stat(filepath.Join(cfg.DataDir, masterKeyFile)); err == nil && cfg.keyFromFile() {
		if info.Mode().Perm()&0o077 != 0 {
			out = append(out, problem("master key", "others can read "+masterKeyFile, "chmod 600 "+filepath.Join(cfg.DataDir, masterKeyFile)))
		} else {
			out = append(out, warning("master key", "kept in the data folder", "fine for trying out; in production give KIPAY_MASTER_KEY from a secret store, and keep a copy in a safe"))
		}
	}
	var fsInfo syscall.Statfs_t
	if err := syscall.Statfs(dir, &fsInfo); err != nil {
		return append(out, problem("disk", err.Error(), "check the mount"))
	}
	free := fsInfo.Bavail * uint64(fsInfo.Bsize)
	detail := fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))
	if free < leastFreeBytes {
		return append(out, problem("disk", detail, "make room: below 1 GiB a busy day may fill it, and then no payment can be recorded"))
	}
	return append(out, ok("disk", detail))
}

func checkLibrary(cfg *config) finding {
	if cfg.ClickHouse != clickHouseEmbedded {
		return ok("clickhouse", "a server is configured")
	}
	path, err := chdb.LibraryPath(cfg.ChDBLib)
	if err != nil {
		return problem("chdb", err.Error(), "run make deps in the source folder")
	}
	return ok("chdb", path)
}

func checkPort(ctx context.Context, check, setting, addr string, running bool) finding {
	if running {
		return ok(check, "kipay serve runs on this folder")
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return problem(check, portTaken(setting, addr, err).Error(), "")
	}
	_ = ln.Close()
	return ok(check, addr+" is free")
}

func checkPublicURL(cfg *config) finding {
	if cfg.PublicURL == "" {
		return warning("public address", "KIPAY_PUBLIC_URL is not set", "fine with simulators; real providers need an https address that they can reach")
	}
	if err := mpesa.CheckCallbackURL(string(channel.Production), cfg.PublicURL+"/hooks/push/x"); err != nil {
		return warning("public address", "Daraja would refuse it in production: "+err.Error(), "use an https host whose name has none of the words that Daraja refuses")
	}
	return ok("public address", cfg.PublicURL)
}

// checkClock compares our clock with the provider's, as its answers date them: Daraja refuses pushes with a wrong timestamp.
func checkClock(ctx context.Context, cfg *config) finding {
	url := cfg.MpesaLive
	if url == "" {
		url = mpesa.DefaultProductionURL
	}
	if cfg.Sandbox {
		url = "http://" + cfg.SandboxAddr
	}
	answer, err := get(ctx, url)
	if err != nil {
		return warning("clock", "no provider could be asked for the time", "make sure that this machine keeps its clock by NTP")
	}
	theirs, err := http.ParseTime(answer.date)
	if err != nil {
		return warning("clock", "the provider told no time", "make sure that this machine keeps its clock by NTP")
	}
	if skew := time.Since(theirs).Abs(); skew > mostClockSkew {
		return problem("clock", fmt.Sprintf("differs from the provider's by %s", skew.Round(time.Second)), "set the clock by NTP: Daraja refuses pushes with a wrong timestamp")
	}
	return ok("clock", "agrees with the provider's")
}

func checkReady(ctx context.Context, cfg *config) finding {
	answer, err := get(ctx, "http://"+strings.Replace(cfg.HTTPAddr, "0.0.0.0", "127.0.0.1", 1)+"/readyz")
	switch {
	case err != nil:
		return problem("server", "does not answer: "+err.Error(), "look at its log; is KIPAY_HTTP_ADDR the same here as there?")
	case answer.status != http.StatusOK:
		return problem("server", "is not ready", "look at its log")
	}
	return ok("server", "is ready")
}

// checkReachable asks for our own health through the public address: what the providers' callbacks take.
func checkReachable(ctx context.Context, cfg *config, running bool) finding {
	switch {
	case cfg.PublicURL == "" && cfg.Sandbox:
		return ok("callbacks", "the simulators reach this machine directly")
	case cfg.PublicURL == "":
		return warning("callbacks", "real providers can't reach "+cfg.HTTPAddr, "set KIPAY_PUBLIC_URL to the https address of the proxy before it")
	case !running:
		return warning("callbacks", "not tried: kipay serve does not run on this folder", "start it, then run kipay doctor again")
	}
	answer, err := get(ctx, cfg.PublicURL+"/healthz")
	if err != nil || answer.status != http.StatusOK {
		return problem("callbacks", cfg.PublicURL+" does not lead here", "check DNS, certificate and proxy: callbacks of the providers can't arrive")
	}
	return ok("callbacks", cfg.PublicURL+" leads here")
}

// got is what doctor needs of an answer.
type got struct {
	status int
	date   string
}

func get(ctx context.Context, url string) (got, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return got{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got{}, err
	}
	return got{resp.StatusCode, resp.Header.Get("Date")}, resp.Body.Close()
}

// opProbeChannels tries the credentials of every channel at its provider, and tells what of it ends.
func opProbeChannels(ctx context.Context, n *node, _ json.RawMessage, emit func(any) error) (any, error) {
	return nil, n.eachChannel(ctx, func(ch channel.State) error {
		name := fmt.Sprintf("channel %d", ch.ID)
		findings := []finding{ok(name, fmt.Sprintf("%s (%s): the provider takes its credentials", ch.Name, ch.Provider))}
		probe, cancel := context.WithTimeout(ctx, probeTimeout)
		if err := n.write.ProbeChannel(probe, ch); err != nil {
			findings[0] = problem(name, fmt.Sprintf("%s (%s): %s", ch.Name, ch.Provider, err), "check the keys on the provider's portal, and that this machine reaches it")
		}
		cancel()
		for _, e := range expiriesOf(ch) {
			findings = append(findings, e.finding(n.events.Now()))
		}
		if f, elsewhere := n.checkRegistered(ch); elsewhere {
			findings = append(findings, f)
		}
		for _, f := range findings {
			if err := emit(f); err != nil {
				return err
			}
		}
		return nil
	})
}
