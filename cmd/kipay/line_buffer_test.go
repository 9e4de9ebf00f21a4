package main

import (
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// written passes on what is written, a write at a time.
type written chan string

func (w written) Write(p []byte) (int, error) { w <- string(p); return len(p), nil }

func TestLinesOfTheLogAreWrittenTogetherAndSoon(t *testing.T) {
	out := make(written, 8)
	log := zerolog.New(newLineBuffer(out))
	log.Info().Msg("one")
	log.Info().Msg("two")
	if got := <-out; strings.Count(got, "\n") != 2 {
		t.Errorf("written at first: %q", got)
	}
	log.Info().Msg("three")
	if got := <-out; !strings.Contains(got, "three") {
		t.Errorf("written then: %q", got)
	}
}

func TestErrorsAreWrittenAtOnceAfterWhatCameBefore(t *testing.T) {
	var out strings.Builder
	lines := newLineBuffer(&out)
	log := zerolog.New(lines)
	log.Info().Msg("before")
	log.Error().Msg("wrong")
	if got := out.String(); !strings.Contains(got, "before") || strings.Index(got, "wrong") < strings.Index(got, "before") {
		t.Errorf("%q", got)
	}
	out.Reset()
	log.Info().Msg("last")
	lines.stop()
	log.Info().Msg("after the end")
	if got := out.String(); !strings.Contains(got, "last") || !strings.Contains(got, "after the end") {
		t.Errorf("%q", got)
	}
}

func TestLongLogIsWrittenBeforeItsTime(t *testing.T) {
	lines := newLineBuffer(io.Discard)
	for range 100 {
		if _, err := lines.WriteLevel(zerolog.InfoLevel, make([]byte, 1<<10)); err != nil {
			t.Fatal(err)
		}
		if n := lines.lines.Len(); n >= lineBytes {
			t.Fatalf("%d bytes wait", n)
		}
	}
}
