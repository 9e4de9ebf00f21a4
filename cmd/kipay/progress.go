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

// show draws how far a phase has come.
func (b *bar) show(p progressNews) {
	if !b.tty {
		if now := time.Now(); p.Phase != b.phase || now.Sub(b.shown) > 5*time.Second {
			b.phase, b.shown = p.Phase, now
			_, _ = fmt.Fprintf(b.out, "%s: %d of %d (%.0f/s)\n", p.Phase, p.Done, p.Total, p.Rate)
		}
		return
	}
	if b.bar == nil || p.Phase != b.phase {
		b.finish()
		b.phase, b.closed = p.Phase, false
		b.bar = progressbar.NewOptions64(int64(p.Total), progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(p.Phase),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
	}
	b.bar.ChangeMax64(int64(p.Total))
	_ = b.bar.Set64(int64(p.Done))
}

func (b *bar) finish() {
	if b.bar != nil && !b.closed {
		_ = b.bar.Finish()
		_, _ = fmt.Fprintln(b.out)
		b.closed = true
	}
}
