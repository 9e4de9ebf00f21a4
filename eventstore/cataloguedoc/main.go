// Command cataloguedoc writes docs/events.md and docs/evidence.md from the code, so that they can't say anything else:
//
//	go run ./eventstore/cataloguedoc -dir docs          writes them
//	go run ./eventstore/cataloguedoc -dir docs -check   fails when they are stale
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// document is one generated file.
type document struct {
	name   string
	render func() string
}

var documents = [...]document{{"events.md", eventsPage}, {"evidence.md", evidencePage}}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is main with its surroundings; it answers the exit code: 1 for a stale or unwritable file, 2 for a wrong call.
func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("cataloguedoc", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "docs", "the folder of the documentation")
	check := flags.Bool("check", false, "write nothing; fail when a file is stale")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	code := 0
	for _, d := range documents {
		path := filepath.Join(*dir, d.name)
		if err := bring(path, []byte(d.render()), *check); err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			code = 1
		}
	}
	return code
}

// bring makes the file say text, or with check only looks whether it does.
func bring(path string, text []byte, check bool) error {
	if !check {
		return os.WriteFile(path, text, 0o644) //nolint:gosec // documentation, readable by all
	}
	stands, err := os.ReadFile(path) //nolint:gosec // the caller names the folder
	if err != nil {
		return fmt.Errorf("%w; write it with: go run ./eventstore/cataloguedoc", err)
	}
	if !bytes.Equal(stands, text) {
		return fmt.Errorf("%s is stale; write it with: go run ./eventstore/cataloguedoc", path)
	}
	return nil
}
