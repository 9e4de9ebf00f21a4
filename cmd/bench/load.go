package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// loadOrder is what the load generator is told to do: send the requests, in turn, over so many connections that are kept
// open, each of which sends the next request when it has read the answer to the last one.
type loadOrder struct {
	Addr string
	// More are other addresses that connections go to in turn.
	More        []string
	Connections int
	For         time.Duration
	// PerSecond spreads the requests evenly over time; as fast as possible when zero.
	PerSecond int
	// Expect is the status of a good answer. Everything else has failed.
	Expect   int
	Requests [][]byte
}

// loadResult is what came of it.
type loadResult struct {
	Answered, Failed int
	// Failure is what one of the failures was.
	Failure  string
	Took     time.Duration
	P50, P99 time.Duration
	Max      time.Duration
}

func (r loadResult) perSecond() float64 { return float64(r.Answered) / r.Took.Seconds() }

// answerLimit bounds the answers that the generator reads.
const answerLimit = 256 << 10

// runLoadChild is the load generator's process: an order on standard input, a result on standard output, until the
// input ends.
func runLoadChild(in io.Reader, out io.Writer) error {
	orders, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o loadOrder
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := results.Encode(carryOut(o)); err != nil {
			return err
		}
	}
}

// loadWorker is one connection. It sends bytes made beforehand and looks at nothing of an answer but its status and
// length, so that the generator takes as little as it can of the processor that it shares with what it measures.
type loadWorker struct {
	order  *loadOrder
	addr   string
	next   *atomic.Int64
	conn   net.Conn
	buffer []byte

	took    []time.Duration
	failed  int
	failure string
	body    string // of the last answer that was not the one expected, its beginning
}

func carryOut(o loadOrder) loadResult {
	var next atomic.Int64
	workers := make([]*loadWorker, o.Connections)
	start := time.Now()
	var running sync.WaitGroup
	for i := range workers {
		w := &loadWorker{order: &o, addr: append([]string{o.Addr}, o.More...)[i%(1+len(o.More))], next: &next, buffer: make([]byte, answerLimit), took: make([]time.Duration, 0, 1<<12)}
		workers[i] = w
		running.Go(func() { w.run(start) })
	}
	running.Wait()
	out := loadResult{Took: time.Since(start)}
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.took...)
		out.Failed += w.failed
		if w.failure != "" {
			out.Failure = w.failure
		}
	}
	out.Answered = len(all)
	slices.Sort(all)
	out.P50, out.P99, out.Max = quantile(all, .5), quantile(all, .99), quantile(all, 1)
	return out
}

// quantile is the value below which the share q of the sorted times lies.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (w *loadWorker) run(start time.Time) {
	defer w.hangUp()
	for {
		n := w.next.Add(1) - 1
		due := start
		if w.order.PerSecond > 0 {
			due = start.Add(time.Duration(n) * time.Second / time.Duration(w.order.PerSecond))
		}
		if due.Sub(start) > w.order.For || time.Since(start) > w.order.For {
			return
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		began := time.Now()
		status, err := w.exchange(w.order.Requests[n%int64(len(w.order.Requests))])
		switch {
		case err != nil:
			w.fail(err.Error())
			w.hangUp()
		case status != w.order.Expect:
			w.fail("status " + strconv.Itoa(status) + ": " + w.body)
		default:
			w.took = append(w.took, time.Since(began))
		}
	}
}

func (w *loadWorker) hangUp() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *loadWorker) fail(why string) {
	w.failed++
	w.failure = why
	time.Sleep(time.Millisecond) // a server that refuses everything must not be hammered
}

func (w *loadWorker) exchange(request []byte) (status int, err error) {
	if w.conn == nil {
		conn, err := net.Dial("tcp", w.addr) //nolint:noctx // ends with the order
		if err != nil {
			return 0, err
		}
		w.conn = conn
	}
	if _, err := w.conn.Write(request); err != nil {
		return 0, err
	}
	const shown = 200
	read, total := 0, -1
	for total < 0 || read < total {
		n, err := w.conn.Read(w.buffer[read:])
		if err != nil {
			return 0, fmt.Errorf("read the answer: %w", err)
		}
		read += n
		if total < 0 {
			if status, total, err = parseHead(w.buffer[:read]); err != nil {
				return 0, err
			}
		}
	}
	if status != w.order.Expect {
		_, body, _ := bytes.Cut(w.buffer[:read], headEnd)
		w.body = string(body[:min(len(body), shown)])
	}
	return status, nil
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

// parseHead reads an answer's status and its whole length from its beginning, -1 while the head has not arrived.
func parseHead(b []byte) (status, total int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return 0, -1, nil
	}
	head := b[:end]
	const statusAt = len("HTTP/1.1 ")
	at := bytes.Index(head, contentLength)
	if at < 0 || len(head) < statusAt+3 {
		return 0, 0, fmt.Errorf("answer without a length: %q", head)
	}
	value, _, _ := bytes.Cut(head[at+len(contentLength):], []byte("\r"))
	length, err := strconv.Atoi(string(value))
	if err != nil {
		return 0, 0, fmt.Errorf("length of an answer: %w", err)
	}
	if status, err = strconv.Atoi(string(head[statusAt : statusAt+3])); err != nil {
		return 0, 0, fmt.Errorf("status of an answer: %w", err)
	}
	if total = end + len(headEnd) + length; total > answerLimit {
		return 0, 0, fmt.Errorf("answer of %d bytes", total)
	}
	return status, total, nil
}

// generator is the load generator as the rest of the program uses it.
type generator struct {
	*child
	orders  *json.Encoder
	results *json.Decoder
}

// startGenerator starts the load generator's process.
func startGenerator() (*generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// One processor is enough for it, and spares the machine the search for work on the others.
	c, err := startChild(childOptions{Path: self, Args: []string{"load"}, Env: []string{"GOMAXPROCS=1", "GOGC=400"}, Pipes: true})
	if err != nil {
		return nil, fmt.Errorf("start the load generator: %w", err)
	}
	return &generator{child: c, orders: json.NewEncoder(c.in), results: json.NewDecoder(c.out)}, nil
}

// run carries out one order.
func (g *generator) run(ctx context.Context, o loadOrder) (loadResult, error) {
	if err := g.orders.Encode(o); err != nil {
		return loadResult{}, fmt.Errorf("order load: %w", err)
	}
	type answer struct {
		result loadResult
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		a.err = g.results.Decode(&a.result)
		done <- a
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return loadResult{}, fmt.Errorf("read what the load generator did: %w", a.err)
		}
		return a.result, nil
	case <-ctx.Done():
		return loadResult{}, ctx.Err()
	}
}
