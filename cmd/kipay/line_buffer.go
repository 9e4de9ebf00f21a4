package main

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// lineDelay is how long a line may wait for others: a system call for each costs as much as all the rest of the log.
	lineDelay = 50 * time.Millisecond
	// lineBytes is how much waits at most.
	lineBytes = 32 << 10
)

// lineBuffer gathers the lines of the log and writes them together. Warnings and errors, with all before them, are written
// at once: what explains a crash must not be lost in it.
type lineBuffer struct {
	mu    sync.Mutex
	to    io.Writer
	lines bytes.Buffer
	timer *time.Timer
	ended bool
}

func newLineBuffer(to io.Writer) *lineBuffer {
	b := &lineBuffer{to: to}
	b.timer = time.AfterFunc(time.Hour, b.flush)
	b.timer.Stop()
	return b
}

// Write takes a line that must be seen at once.
func (b *lineBuffer) Write(line []byte) (int, error) { return b.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel takes a line of that level.
func (b *lineBuffer) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines.Len() == 0 && !b.ended {
		b.timer.Reset(lineDelay)
	}
	b.lines.Write(line)
	if level > zerolog.InfoLevel || b.ended || b.lines.Len() >= lineBytes {
		b.write()
	}
	return len(line), nil
}

func (b *lineBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write()
}

// write writes what waits. A log that can't be written stops nobody's payment.
func (b *lineBuffer) write() {
	b.timer.Stop()
	if b.lines.Len() > 0 {
		_, _ = b.to.Write(b.lines.Bytes())
		b.lines.Reset()
	}
}

// stop writes what waits; what comes after it is written at once.
func (b *lineBuffer) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.write()
}
