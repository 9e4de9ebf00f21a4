package statement_test

import (
	"os"
	"testing"
)

// entriesOf is how many files a folder holds.
func entriesOf(t testing.TB, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
