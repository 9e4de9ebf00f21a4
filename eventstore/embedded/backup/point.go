package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// Point is a restore point: the store as it was at one position.
type Point struct {
	Format int       `json:"format"`
	Store  uuid.UUID `json:"store"`
	// Number counts the points of the folder, from 1.
	Number   uint64              `json:"number"`
	Taken    time.Time           `json:"taken"`
	Position eventstore.Position `json:"position"`
	// Log is the newest segment, nil when there are no events.
	Log *Segment `json:"log,omitempty"`
	// Keys are the key files, in the order in which they apply; KeyCount is how many keys that makes.
	Keys     []Ref  `json:"keys"`
	KeyCount uint64 `json:"key_count"`
	// Erasures is how many lines of the list were known, ErasuresSum the sum that the last of them carries.
	Erasures    uint64 `json:"erasures"`
	ErasuresSum string `json:"erasures_sum"`
	// Scrubbed is up to which line of the list destroyed keys were taken out of the key files.
	Scrubbed uint64 `json:"scrubbed"`
}

// Name is what the point is called, also on the command line.
func (p *Point) Name() string {
	return fmt.Sprintf("%06d-%s", p.Number, p.Taken.UTC().Format("20060102T150405Z"))
}

const pointSuffix = ".json"

// save writes the point, whole or not at all: a line of JSON and a line with its SHA-256.
func (p *Point) save(dir string) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(line)
	return writeWhole(filepath.Join(dir, pointsDir, p.Name()+pointSuffix), fmt.Appendf(nil, "%s\n%x\n", line, sum))
}

func loadPoint(dir, name string) (*Point, error) {
	path := filepath.Join(dir, pointsDir, name+pointSuffix)
	damaged := func(what any) error { return fmt.Errorf("%w: restore point %s: %v", ErrDamaged, name, what) }
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if info.Size() > maxManifestBytes {
		return nil, damaged("too long")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	line, sum, ok := bytes.Cut(text, []byte("\n"))
	if want := sha256.Sum256(line); !ok || string(sum) != hex.EncodeToString(want[:])+"\n" {
		return nil, damaged("it is not what was written")
	}
	p := &Point{}
	if err := json.Unmarshal(line, p); err != nil {
		return nil, damaged(err)
	}
	if p.Format > format {
		return nil, fmt.Errorf("restore point %s has format %d, this Kipay knows up to %d: use the version that wrote it, or a newer one", name, p.Format, format)
	}
	if p.Name() != name {
		return nil, damaged("it calls itself " + p.Name())
	}
	return p, nil
}

// List reads the restore points, the oldest first. Those that can't be read are in bad, by name.
func List(dir string) (points []*Point, bad map[string]error, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, pointsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %s holds no backup", ErrNoPoint, dir)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("backup: %w", err)
	}
	bad = make(map[string]error)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), pointSuffix)
		if !ok || strings.HasPrefix(name, asidePrefix) {
			continue
		}
		p, err := loadPoint(dir, name)
		if err != nil {
			bad[name] = err
			continue
		}
		points = append(points, p)
	}
	slices.SortFunc(points, func(a, b *Point) int { return int(int64(a.Number) - int64(b.Number)) })
	return points, bad, nil
}

// Choose picks a restore point: by name, as the newest one taken at or before a time (RFC 3339), or the newest of all for "".
func Choose(dir, at string) (*Point, error) {
	points, bad, err := List(dir)
	if err != nil {
		return nil, err
	}
	newest := func(name string) bool { // a damaged one must not be passed over in silence
		return len(points) == 0 || name > points[len(points)-1].Name()
	}
	if at == "" {
		for name, err := range bad {
			if newest(name) {
				return nil, fmt.Errorf("%w (choose another one)", err)
			}
		}
		if len(points) == 0 {
			return nil, fmt.Errorf("%w: %s holds none", ErrNoPoint, dir)
		}
		return points[len(points)-1], nil
	}
	if err := bad[at]; err != nil {
		return nil, err
	}
	moment, timeErr := time.Parse(time.RFC3339, at)
	for _, p := range slices.Backward(points) {
		if p.Name() == at || timeErr == nil && !p.Taken.After(moment) {
			return p, nil
		}
	}
	if timeErr == nil {
		return nil, fmt.Errorf("%w: none was taken before %s", ErrNoPoint, at)
	}
	return nil, fmt.Errorf("%w: %s (a name that kipay backup list shows, or a time such as 2026-01-31T12:00:00Z)", ErrNoPoint, at)
}
