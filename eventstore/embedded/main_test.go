package embedded

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// childEnv names what this test binary does instead of running tests, when a test starts it again as a process to be
// killed; childDirEnv is the folder that it does it in.
const (
	childEnv     = "KIPAY_TEST_CHILD"
	childDirEnv  = "KIPAY_TEST_CHILD_DIR"
	childSeedEnv = "KIPAY_TEST_CHILD_SEED"
)

func TestMain(m *testing.M) {
	run, ok := map[string]func(context.Context, string) error{"write": crashWriter, "hold": lockHolder}[os.Getenv(childEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := run(context.Background(), os.Getenv(childDirEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
