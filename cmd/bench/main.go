// Command bench measures Kipay and prints one table (make bench). Every figure is compared with something measured in
// the same run, in turns, because absolute times say more about a machine and its neighbours than about a program.
// docs/performance.md explains the rows.
//
// The program starts itself again as the load generator and as the yardstick (load.go, echo.go), and the product as
// `kipay serve` (kipay.go). initialize.go, verify.go, list.go, reports.go, rebuild.go, start.go, appends.go, wire.go, nodes.go and memory.go
// hold one group of rows each. Data goes to a temporary folder that is removed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 2 && (os.Args[1] == "load" || os.Args[1] == "echo") {
		run := map[string]func(io.Reader, io.Writer) error{"load": runLoadChild, "echo": runEchoChild}[os.Args[1]]
		signal.Ignore(os.Interrupt) // of the terminal: the parent ends us
		if err := run(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench "+os.Args[1]+": "+err.Error())
			os.Exit(1)
		}
		return
	}
	signal.Ignore(syscall.SIGPIPE) // of `bench | head`: the folder and the children are still to be seen to
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// sizes are how much is measured.
type sizes struct {
	warmUp, round time.Duration
	rounds        int
	// small, large and huge are how many transactions lists are timed over; huge is 0 when it is left out.
	small, large, huge int
	growth             time.Duration
	appends            time.Duration
	// caughtUp is how many events a subscription catches up with, and projected how many are projected into a server.
	caughtUp, projected int
}

func quickSizes() sizes {
	return sizes{
		warmUp: 2 * time.Second, round: 3 * time.Second, rounds: 3, small: 10_000, large: 100_000,
		growth: 10 * time.Second, appends: 3 * time.Second, caughtUp: 100_000, projected: 50_000,
	}
}

func fullSizes() sizes {
	return sizes{
		warmUp: 5 * time.Second, round: 6 * time.Second, rounds: 7, small: 10_000, large: 1_000_000,
		growth: time.Minute, appends: 10 * time.Second, caughtUp: 500_000, projected: 200_000,
	}
}

// bench is one run.
type bench struct {
	size sizes
	dir  string // for data
	news io.Writer
	load *generator
	echo *yardstick
	// kipay is the product's binary.
	kipay                            string
	cpuProfile, memProfile, profiled string
	report                           report
}

func (b *bench) add(r row) {
	fmt.Fprintf(b.news, "  %s\n", strings.Join(r.cells(), " | "))
	b.report.Rows = append(b.report.Rows, r)
}

// section is a group of rows that is measured together.
type section struct {
	name string
	run  func(context.Context) error
}

func run(ctx context.Context) (err error) {
	quick := flag.Bool("quick", false, "small sizes, less than three minutes: for a look, not for the record")
	big := flag.Bool("big", false, "also lists over 10^7 transactions (some 15 minutes more, 20 GB)")
	growth := flag.Duration("minutes", 0, "how long the load lasts that memory must not grow under (1m; 10s with -quick)")
	soak := flag.Bool("soak", false, "the same for an hour")
	only := flag.String("only", "", "only the sections that match this regular expression")
	asJSON := flag.Bool("json", false, "print JSON")
	dir := flag.String("dir", "", "where the temporary folder goes; the user's cache folder when empty, because /tmp may be no disk")
	binary := flag.String("kipay", "", "the binary to measure; built from this tree when empty")
	b := &bench{size: fullSizes(), news: os.Stderr}
	flag.StringVar(&b.cpuProfile, "cpuprofile", "", "write a CPU profile of the server to this file, and measure nothing else")
	flag.StringVar(&b.memProfile, "memprofile", "", "the same for allocations")
	flag.StringVar(&b.profiled, "profile", "initialize", "the path that is profiled: initialize, verify (of pending transactions) or list")
	flag.Parse()
	if *quick {
		b.size = quickSizes()
	}
	if *big {
		b.size.huge = 10_000_000
	}
	if *growth > 0 {
		b.size.growth = *growth
	}
	if *soak {
		b.size.growth = time.Hour
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if b.dir, err = dataFolder(*dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.kipay = *binary; b.kipay == "" {
		b.kipay = filepath.Join(b.dir, "kipay")
		if err := buildKipay(ctx, b.kipay); err != nil {
			return err
		}
	}
	b.report.Machine, b.report.Flags = thisMachine(), "bench "+strings.Join(os.Args[1:], " ")
	if b.load, err = startGenerator(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.load.stop()) }()
	if b.cpuProfile != "" || b.memProfile != "" {
		return b.profile(ctx)
	}
	if b.echo, err = startYardstick(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.echo.stop()) }()
	for _, s := range b.sections() {
		if !wanted.MatchString(s.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(b.news, "%s\n", s.name)
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(b.news, "  took %s\n", time.Since(began).Round(time.Second))
	}
	if *asJSON {
		return b.report.writeJSON(os.Stdout)
	}
	b.report.write(os.Stdout)
	return nil
}

// dataFolder makes the folder that everything is written to, on a disk: a sync that costs nothing would flatter us.
func dataFolder(parent string) (string, error) {
	if parent == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		parent = filepath.Join(cache, "kipay")
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, "bench-")
}

func (b *bench) sections() []section {
	return []section{
		{"initialize", b.initialize},
		{"verify", b.verify},
		{"appends", b.appends},
		{"wire", b.wire},
		{"nodes", b.nodes},
		{"lists, rebuild, starts", b.lists},
		{"memory", b.memory},
	}
}

// moduleRoot is the folder of the tree that is measured.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/benfex/kipay").Output()
	if err != nil {
		return "", fmt.Errorf("find the source tree: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
