package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the tests' own program be the children that bench starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "load" {
		if err := runLoadChild(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "echo" {
		if err := runEchoChild(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestTheGeneratorDrivesTheEchoWithoutAFailure(t *testing.T) {
	g, err := startGenerator()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	}()
	y, err := startYardstick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := y.stop(); err != nil {
			t.Error(err)
		}
	}()
	order := initializeOrder(y.addr, "kp_test_key")
	order.For, order.Connections = 200*time.Millisecond, 4
	got, err := g.run(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if got.Answered == 0 || got.Failed != 0 || got.P50 > got.P99 || got.P99 > got.Max {
		t.Errorf("got %+v", got)
	}
	order.Expect = http.StatusOK // the echo answers 201
	if got, err = g.run(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if got.Answered != 0 || got.Failed == 0 || !strings.Contains(got.Failure, "201") {
		t.Errorf("another status than expected: got %+v", got)
	}
}

func TestARefusedConnectionIsAFailure(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	got := carryOut(loadOrder{Addr: addr, Connections: 1, For: 20 * time.Millisecond, Expect: http.StatusOK, Requests: [][]byte{ask(addr, "k", "/")}})
	if got.Answered != 0 || got.Failed == 0 {
		t.Errorf("got %+v", got)
	}
}

func TestParseHead(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		status, total int
		bad           bool
	}{
		{"whole", "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 201, 54, false},
		{"body to come", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nh", 200, 45, false},
		{"head to come", "HTTP/1.1 200 OK\r\nContent-Le", 0, -1, false},
		{"no length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, true},
		{"no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, 0, true},
	} {
		status, total, err := parseHead([]byte(c.text))
		if (err != nil) != c.bad || err == nil && (status != c.status || total != c.total) {
			t.Errorf("%s: got %d, %d, %v", c.name, status, total, err)
		}
	}
}

func TestMedianRatioComparesRoundsWithTheirOwnNeighbours(t *testing.T) {
	rate := func(n int) driven { return driven{loadResult: loadResult{Answered: n, Took: time.Second}} }
	ours := []driven{rate(100), rate(10), rate(90)}
	theirs := []driven{rate(200), rate(20), rate(100)} // the machine was busy in the second round
	if got := medianRatio(ours, theirs); got != 0.5 {
		t.Errorf("got %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median of four: got %v", got)
	}
}

func TestLagIsWhatHappenedBetweenTwoReadings(t *testing.T) {
	name := func(bound string) string { return lagMetric + `_bucket{le="` + bound + `"}` }
	before := map[string]float64{name("0.05"): 10, name("0.1"): 10, name("+Inf"): 10}
	after := map[string]float64{name("0.05"): 60, name("0.1"): 109, name("+Inf"): 110, "go_goroutines": 7}
	buckets := lagBetween(before, after)
	if len(buckets) != 3 || buckets[2].count != 100 {
		t.Fatalf("got %v", buckets)
	}
	if got := quantileOf(buckets, .5); got != 50*time.Millisecond {
		t.Errorf("p50: got %v", got)
	}
	if got := quantileOf(buckets, .99); got != 100*time.Millisecond {
		t.Errorf("p99: got %v", got)
	}
	if got := quantileOf(buckets, 1); got != 100*time.Millisecond {
		t.Errorf("beyond the last bound the last bound is all that is known: got %v", got)
	}
}

func TestTheTableIsAligned(t *testing.T) {
	var out bytes.Buffer
	report{Rows: []row{
		{What: "required, and reached", Kipay: "1,234/s", Against: "5/s echo", Ratio: 0.25, Aim: "≥ 0.20, aim 0.30", Met: true, Missed: true},
		{What: "missed", Kipay: "7", Aim: "0", Note: "why"},
		{What: "no aim", Kipay: "1"},
	}}.write(&out)
	var table []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "|") {
			table = append(table, strings.TrimSpace(line))
		}
	}
	if len(table) != 5 {
		t.Fatalf("got %d lines:\n%s", len(table), out.String())
	}
	for _, line := range table {
		if len([]rune(line)) != len([]rune(table[0])) {
			t.Errorf("not aligned:\n%s\n%s", table[0], line)
		}
	}
	for i, want := range []string{"| yes (aim: no) |", "| NO            |", "|               |"} {
		if !strings.HasSuffix(table[i+2], want) {
			t.Errorf("%q does not end with %q", table[i+2], want)
		}
	}
	if !strings.Contains(out.String(), "- missed: why") {
		t.Errorf("the note is missing:\n%s", out.String())
	}
}

func TestProcReadsThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return // only Linux tells
	}
	if rss, err := residentOf(os.Getpid()); err != nil || rss <= 0 {
		t.Errorf("resident memory: %d, %v", rss, err)
	}
	if _, err := cpuOf(os.Getpid()); err != nil {
		t.Error(err)
	}
	children, err := childrenOf(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range children {
		if pid == os.Getpid() {
			return
		}
	}
	t.Errorf("%d is not among the children of its parent: %v", os.Getpid(), children)
}
