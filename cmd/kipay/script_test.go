package main_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as users type it: testdata/*.txtar. Beside testscript's own words there are
//
//	exits CODE kipay …           runs it and wants that exit code
//	ready                        waits until the server at $KIPAY_HTTP_ADDR is ready
//	http STATUS KEY PATH [BODY]  asks the API; what it answers goes to stdout
//	pick NAME EXPRESSION         sets a variable to the first group of the expression in stdout
func TestScripts(t *testing.T) {
	t.Parallel()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", home) // the engine's library is in its cache folder
			for name, value := range map[string]string{
				"KIPAY_CHDB_LIB": os.Getenv("KIPAY_CHDB_LIB"), "KIPAY_HTTP_ADDR": freeAddr(), "KIPAY_SANDBOX_ADDR": freeAddr(),
				"KIPAY_DATA_DIR": filepath.Join(env.WorkDir, "data"), "KIPAY_SANDBOX_SPEED": "50", "KIPAY_ENGINE_MEMORY_MB": "512",
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": scriptExits, "ready": scriptReady, "http": scriptHTTP, "pick": scriptPick,
		},
	})
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v: %v", args, err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func scriptReady(ts *testscript.TestScript, _ bool, _ []string) {
	over := time.NewTimer(60 * time.Second)
	defer over.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := web.Get("http://" + ts.Getenv("KIPAY_HTTP_ADDR") + "/readyz")
		if err == nil {
			raw := make([]byte, 500)
			n, _ := resp.Body.Read(raw)
			_ = resp.Body.Close()
			if strings.Contains(string(raw[:n]), `"status":"ready"`) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-over.C:
			ts.Fatalf("the server is not ready: %v", err)
		}
	}
}

func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS KEY PATH [BODY]")
	}
	m := &merchant{instance: &instance{base: "http://" + ts.Getenv("KIPAY_HTTP_ADDR"), ended: make(chan struct{})}, key: args[1]}
	var r reply
	if len(args) > 3 {
		r = m.call(http.MethodPost, args[2], args[3])
	} else {
		r = m.get(args[2])
	}
	if strconv.Itoa(r.status) != args[0] {
		ts.Fatalf("got %v, want %s", r, args[0])
	}
	_, err := ts.Stdout().Write([]byte(r.raw + "\n"))
	ts.Check(err)
}

func scriptPick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pick NAME EXPRESSION")
	}
	found := regexpOf(ts, args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("%s is not in %s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}

func regexpOf(ts *testscript.TestScript, expression string) *regexp.Regexp {
	re, err := regexp.Compile(expression)
	ts.Check(err)
	return re
}
