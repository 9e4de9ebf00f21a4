package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar draws the progress of a long verb on a terminal, and one line every few seconds elsewhere.
type bar struct {
	out    io.Writer
	bar    *progressbar.ProgressBar
	phase  string
	tty    bool
	shown  time.Time
	closed bool
}

func newBar(out io.Writer) *bar {
	b := &bar{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		b.tty = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// set shows that a phase has come so far. rate is entries a second.
func (b *bar) set(phase string, done, total uint64, rate float64) {
	if !b.tty {
		if now := time.Now(); phase != b.phase || now.Sub(b.shown) > 5*time.Second {
			b.phase, b.shown = phase, now
			_, _ = fmt.Fprintf(b.out, "%s: %d of %d (%.0f/s)\n", phase, done, total, rate)
		}
		return
	}
	if b.bar == nil || phase != b.phase {
		b.finish()
		b.phase, b.closed = phase, false
		b.bar = progressbar.NewOptions64(int64(total), progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(phase),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
	}
	b.bar.ChangeMax64(int64(total))
	_ = b.bar.Set64(int64(done))
}

func (b *bar) finish() {
	if b.bar != nil && !b.closed {
		_ = b.bar.Finish()
		_, _ = fmt.Fprintln(b.out)
		b.closed = true
	}
}
