package transparency

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// cutFS is a disk that fails for good at one of its changes, which it may carry out in part, as a full disk does; at that
// moment it takes a picture of what a crash would leave.
type cutFS struct {
	vfs.FS
	mem     *vfs.MemFS
	left    int
	percent int
	rng     *rand.Rand
	picture *vfs.MemFS
}

var errCut = errors.New("the disk is gone")

// change counts a change; it fails from the one on that uses the last.
func (f *cutFS) change() error {
	if f.left--; f.left > 0 {
		return nil
	}
	if f.picture == nil {
		f.picture = f.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: f.percent, RNG: f.rng})
	}
	return errCut
}

func (f *cutFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.change(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name, category))
}

func (f *cutFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.wrap(f.FS.OpenReadWrite(name, category, o...))
}

func (f *cutFS) OpenDir(name string) (vfs.File, error) { return f.wrap(f.FS.OpenDir(name)) }

func (f *cutFS) Rename(from, to string) error {
	if err := f.change(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *cutFS) wrap(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &cutFile{file, f}, nil
}

type cutFile struct {
	vfs.File
	fs *cutFS
}

func (f *cutFile) Write(p []byte) (int, error) {
	if err := f.fs.change(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *cutFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.change(); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *cutFile) Sync() error     { return f.sync(f.File.Sync) }
func (f *cutFile) SyncData() error { return f.sync(f.File.SyncData) }
func (f *cutFile) sync(fn func() error) error {
	if err := f.fs.change(); err != nil {
		return err
	}
	return fn()
}

// A crash at any write leaves a tree that is what it says it is: one that was committed before, or nothing but that, and
// building on from there comes to the tree that there would have been.
func TestACrashAtAnyWriteLeavesAWholeTree(t *testing.T) {
	leaves := leavesUpTo(2000)
	hashes := hashesOf(leaves)
	rapid.Check(t, func(t *rapid.T) {
		mem := vfs.NewCrashableMem()
		tree := mustOpen(t, mem)
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
		disk := &cutFS{
			FS: mem, mem: mem, left: rapid.IntRange(1, 60).Draw(t, "changes"), percent: rapid.IntRange(0, 100).Draw(t, "of what was not synced"),
			rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
		}
		committed, last := 0, 0
		var err error
		if tree, err = OpenTree("/tree", TreeOptions{FS: disk}); err == nil {
			committed, last, err = growUntilCut(t, tree, leaves)
		}
		if disk.picture == nil {
			if err != nil {
				t.Fatal(err)
			}
			disk.picture = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: disk.percent, RNG: disk.rng})
		}
		tree = mustOpen(t, disk.picture)
		size := int(tree.View().Size())
		if size < committed || size > last || tree.View().Root() != naiveRoot(hashes[:size]) {
			t.Fatalf("%d leaves are left, of %d that were committed, %d that were added", size, committed, last)
		}
		if size > 0 && tree.Seen() != leaves[size-1].Position || size == 0 && tree.Seen() != 0 {
			t.Fatalf("it goes on after position %d, with %d leaves", tree.Seen(), size)
		}
		if err := tree.Append(leaves[size:], leaves[len(leaves)-1].Position); err != nil {
			t.Fatal(err)
		}
		if tree.View().Root() != naiveRoot(hashes) {
			t.Fatal("it comes to another tree")
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// growUntilCut builds until the disk is gone. It answers how many leaves were committed for certain, and how many there were.
func growUntilCut(t *rapid.T, tree *Tree, leaves []Leaf) (committed, size int, err error) {
	for size < len(leaves) {
		to := min(len(leaves), size+rapid.IntRange(1, 400).Draw(t, "batch"))
		if err := tree.Append(leaves[size:to], leaves[to-1].Position); err != nil {
			return committed, size, err
		}
		size = to
		if rapid.Bool().Draw(t, "commit") {
			if err := tree.Commit(); err != nil {
				return committed, size, err
			}
			committed = size
		}
	}
	return committed, size, nil
}

// A write that fails adds nothing, and can be made again when the disk has room.
func TestAFailedWriteIsMadeAgain(t *testing.T) {
	leaves := leavesUpTo(600)
	for left := 1; left <= 4; left++ {
		mem := vfs.NewMem()
		disk := &cutFS{FS: mem, mem: vfs.NewCrashableMem(), left: 1 << 30}
		tree := openTree(t, disk)
		if err := tree.Append(leaves[:100], 0); err != nil {
			t.Fatal(err)
		}
		disk.left = left
		if err := tree.Append(leaves[100:], 0); left <= 3 && !errors.Is(err, errCut) { // two levels and the positions
			t.Fatalf("after %d changes: %v", left, err)
		}
		if left <= 3 && tree.View().Size() != 100 {
			t.Fatalf("it has %d leaves", tree.View().Size())
		}
		disk.left = 1 << 30
		if left <= 3 {
			if err := tree.Append(leaves[100:], 0); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := tree.View().Root(), naiveRoot(hashesOf(leaves)); got != want {
			t.Errorf("the root is %s, want %s", got, want)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	childEnv    = "KIPAY_TREE_CHILD"
	childLeaves = 300_000
)

// TestMain is the process that is killed, when it is told to be.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(buildUntilKilled(dir))
	}
	os.Exit(m.Run())
}

// buildUntilKilled adds leaves and says which of them are committed.
func buildUntilKilled(dir string) int {
	tree, err := OpenTree(dir, TreeOptions{})
	if err != nil {
		return 3
	}
	for n := int(tree.View().Size()); n < childLeaves; {
		batch := make([]Leaf, 1+n%300)
		for i := range batch {
			batch[i] = leafAt(n + i)
		}
		n += len(batch)
		if err := tree.Append(batch, batch[len(batch)-1].Position); err != nil {
			return 4
		}
		if n%7 != 0 {
			continue
		}
		if err := tree.Commit(); err != nil {
			return 5
		}
		if _, err := os.Stdout.WriteString(strconv.Itoa(n) + "\n"); err != nil {
			return 6
		}
	}
	return 0
}

func TestAKilledBuilderLeavesAWholeTree(t *testing.T) {
	dir := t.TempDir()
	committed := 0
	for round := range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		child := exec.CommandContext(ctx, os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		kill := func() { once.Do(func() { _ = child.Process.Kill() }) }
		// The first round lets something be built, however long the child takes to start; the others may kill it before.
		soon := time.Duration(rand.IntN(60_000)) * time.Microsecond
		timer := time.AfterFunc(time.Minute, kill)
		if round > 0 {
			timer.Reset(soon)
		}
		lines := 0
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			if committed, err = strconv.Atoi(scanner.Text()); err != nil {
				t.Fatal(err)
			}
			if lines++; lines > 40 {
				kill()
			}
			if round == 0 && lines == 1 {
				timer.Reset(soon)
			}
		}
		timer.Stop()
		_ = child.Wait()
		cancel()
		if code := child.ProcessState.ExitCode(); code > 0 {
			t.Fatalf("the child ended with %d", code)
		}
		tree, err := OpenTree(dir, TreeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		size := int(tree.View().Size())
		if size < committed || tree.View().Root() != naiveRoot(hashesOf(leavesUpTo(size))) {
			t.Fatalf("round %d: %d leaves are left, %d were committed", round, size, committed)
		}
		committed = size
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if committed == 0 {
		t.Fatal("nothing was built")
	}
	t.Logf("%d leaves after 8 kills", committed)
}
