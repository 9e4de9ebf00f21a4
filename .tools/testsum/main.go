// Command testsum reads `go test -json` from its input, prints what go test itself would have printed without -v (a line a
// package, and everything about a test that failed), and closes with how many tests passed, failed and were skipped.
// It ends with 1 when one failed or none ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	FailedBuild string
}

type testName struct{ pkg, test string }

func main() {
	passed, failed, skipped := sum(os.Stdin, os.Stdout)
	fmt.Printf("\n%d passed, %d failed", passed, failed)
	if skipped > 0 {
		fmt.Printf(", %d skipped", skipped)
	}
	fmt.Println()
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}

func sum(in io.Reader, out io.Writer) (passed, failed, skipped int) {
	said := map[testName][]string{} // output of what has not ended
	brokenPackages := map[string]bool{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprint(out, line) // make's own words
			} else {
				name := testName{e.Package, e.Test}
				switch e.Action {
				case "output":
					if e.Test == "" && (e.Output == "PASS\n" || strings.HasPrefix(e.Output, "?   \t")) {
						break
					}
					said[name] = append(said[name], e.Output)
				case "build-output":
					fmt.Fprint(out, e.Output)
				case "pass", "skip", "fail":
					if e.Action == "fail" || e.Test == "" {
						fmt.Fprint(out, strings.Join(said[name], ""))
					}
					delete(said, name)
					switch {
					case e.Test != "" && e.Action == "pass":
						passed++
					case e.Test != "" && e.Action == "skip":
						skipped++
					case e.Test != "":
						failed++
						brokenPackages[e.Package] = true
					case e.Action == "fail" && !brokenPackages[e.Package]:
						failed++ // it did not build, or died outside a test
					}
				}
			}
		}
		if err != nil {
			break
		}
	}
	for name, text := range said { // cut short: a test that never ended
		fmt.Fprintf(out, "did not end: %s %s\n%s", name.pkg, name.test, strings.Join(text, ""))
		failed++
	}
	return passed, failed, skipped
}
