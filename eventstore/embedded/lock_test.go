package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// lockHolder opens the folder and holds it until it is killed.
func lockHolder(ctx context.Context, dir string) error {
	if _, err := Open(dir, Options{}); err != nil {
		return err
	}
	fmt.Println("holding")
	<-ctx.Done()
	return nil
}

func TestSecondProcessIsRefusedByNameAndGetsInWhenTheFirstIsKilled(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=hold", childDirEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill() }()
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the child said nothing")
	}
	_, err = Open(dir, Options{})
	if !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("a second process: %v", err)
	}
	for _, want := range []string{fmt.Sprintf("process %d ", child.Process.Pid), filepath.Base(os.Args[0]), "since 20", dir} {
		if !strings.Contains(err.Error(), want) {
			t.Fatalf("%q doesn't say %q", err, want)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	open(t, dir, Options{})
}

func TestSecondOpenInOneProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrUnavailable) ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d ", os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

func TestFolderThatCannotBeIsRefusedClearly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("open %s: %v", dir, err)
		}
	}
}

func TestMissingFoldersAreCreated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	open(t, dir, Options{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info, err)
	}
}
