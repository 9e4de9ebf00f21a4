package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/benfex/kipay/eventstore/embedded"
)

// erasureLine is a line of the list. Sum covers it and every line before it, so that the list can be checked on its own,
// and a longer one be known to continue a shorter one.
type erasureLine struct {
	embedded.Erasure
	Sum string `json:"sum"`
}

// nextSum continues the sum by one erasure.
func nextSum(sum string, e embedded.Erasure) string {
	total := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%s\x00%s", sum, e.Store, e.Number, e.Key, e.At.UTC().Format(time.RFC3339)))
	return hex.EncodeToString(total[:])
}

// sumOf is the sum of a whole list.
func sumOf(list []embedded.Erasure) string {
	sum := ""
	for _, e := range list {
		sum = nextSum(sum, e)
	}
	return sum
}

// ReadErasures reads a list from a file, erasures.ndjson of any backup folder. A missing file is an error.
func ReadErasures(path string) ([]embedded.Erasure, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("list of erasures: %w", err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("%w: %s is cut short", ErrDamaged, path)
	}
	var list []embedded.Erasure
	sum := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var line erasureLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, path, len(list)+1, err)
		}
		written, err := json.Marshal(line)
		if sum = nextSum(sum, line.Erasure); err != nil || sum != line.Sum || !bytes.Equal(written, lines.Bytes()) {
			return nil, fmt.Errorf("%w: %s, line %d is not what was written", ErrDamaged, path, len(list)+1)
		}
		list = append(list, line.Erasure)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	return list, nil
}

// folderErasures is the list of the folder, empty where no key was ever destroyed.
func folderErasures(dir string) ([]embedded.Erasure, error) {
	list, err := ReadErasures(filepath.Join(dir, erasuresFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

// saveErasures writes the store's list into the folder, where it must continue the one that is there.
func saveErasures(dir string, list []embedded.Erasure) error {
	there, err := folderErasures(dir)
	if err != nil {
		return err
	}
	if len(there) > len(list) || sumOf(there) != sumOf(list[:len(there)]) {
		return fmt.Errorf("%w: the list of erasures in %s is not the beginning of the store's", ErrOtherStore, dir)
	}
	if len(there) == len(list) {
		return nil
	}
	var text bytes.Buffer
	sum := ""
	for _, e := range list {
		sum = nextSum(sum, e)
		line, err := json.Marshal(erasureLine{e, sum})
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	return writeWhole(filepath.Join(dir, erasuresFile), text.Bytes())
}

// knows checks that the list holds what the point knew, and answers that part.
func (p *Point) knows(list []embedded.Erasure) ([]embedded.Erasure, error) {
	if uint64(len(list)) < p.Erasures || sumOf(list[:p.Erasures]) != p.ErasuresSum {
		return nil, fmt.Errorf("%w: %s lacks what restore point %s knew", ErrDamaged, erasuresFile, p.Name())
	}
	return list[:p.Erasures], nil
}
