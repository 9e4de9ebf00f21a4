package backup

import (
	"context"
	"errors"

	"github.com/benfex/kipay/eventstore/embedded"
)

// Restored is what a restore put back.
type Restored struct {
	Point *Point
	// Events and Keys are how many are in the folder now, Erased is how many keys of the point were left out because they
	// were destroyed after it.
	Events, Keys, Erased uint64
}

// Restore builds the point anew in the folder target, which must be missing or empty. Every file is compared with its
// checksum on the way, so nothing of target may be used before Restore has returned without an error. Keys that were destroyed
// since are left out: those in the list of the backup's folder, and in the further lists given.
func Restore(ctx context.Context, dir string, p *Point, target string, further [][]embedded.Erasure, options embedded.Options, progress Progress) (_ Restored, err error) {
	own, err := folderErasures(dir)
	if err != nil {
		return Restored{}, err
	}
	known, err := p.knows(own)
	if err != nil {
		return Restored{}, err
	}
	segments, err := chain(dir, p.Store, p.Log)
	if err != nil {
		return Restored{}, err
	}
	b, err := embedded.Build(target, options, embedded.Origin{Store: p.Store, Position: p.Position})
	if err != nil {
		return Restored{}, err
	}
	built := false
	defer func() {
		if !built {
			err = errors.Join(err, b.Abandon())
		}
	}()
	out := Restored{Point: p}
	for _, s := range segments {
		err := s.each(ctx, dir, p.Store, func(raw []byte) error {
			if out.Events++; out.Events%newsEvery == 0 {
				progress("restoring events", out.Events, uint64(p.Position))
			}
			return b.AddRecord(raw)
		})
		if err != nil {
			return Restored{}, err
		}
	}
	list, later := merged(known, append([][]embedded.Erasure{own}, further...))
	destroyed := make(map[string]bool)
	for _, e := range later {
		destroyed[e.Key] = true
	}
	keys, err := openLayers(dir, p.Store, p.Keys)
	if err != nil {
		return Restored{}, err
	}
	defer keys.close()
	err = eachKey(ctx, keys, func(name string, wrapped []byte) error {
		if destroyed[name] {
			out.Erased++
			return nil
		}
		if out.Keys++; out.Keys%newsEvery == 0 {
			progress("restoring keys", out.Keys, p.KeyCount)
		}
		return b.SetKey(name, wrapped)
	})
	if err != nil {
		return Restored{}, err
	}
	for _, e := range list {
		if err := b.AddErasure(e); err != nil {
			return Restored{}, err
		}
	}
	built = true
	return out, b.Close()
}

// merged is the list that a restored store has, and the part of it that the point did not know: erasures tell themselves apart
// by store and number.
func merged(known []embedded.Erasure, lists [][]embedded.Erasure) (all, later []embedded.Erasure) {
	type identity struct {
		store  [16]byte
		number uint64
	}
	seen := make(map[identity]bool)
	for _, e := range known {
		seen[identity{e.Store, e.Number}] = true
	}
	for _, list := range lists {
		for _, e := range list {
			if id := (identity{e.Store, e.Number}); !seen[id] {
				seen[id] = true
				later = append(later, e)
			}
		}
	}
	return append(append([]embedded.Erasure{}, known...), later...), later
}
