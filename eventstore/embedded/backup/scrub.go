package backup

import (
	"context"
	"fmt"

	"github.com/benfex/kipay/eventstore/embedded"
)

// scrub takes destroyed keys out of the key files that older points hold: what was erased must not wait in a backup. Each
// file that held one is written anew without it and the points that name it are written anew; sweep removes the old
// files. It may be cut off at any moment and is carried on by the next backup. It answers how many points it changed.
func scrub(ctx context.Context, dir string, points []*Point, list []embedded.Erasure) (int, error) {
	anew := make(map[Ref]Ref)
	changed := 0
	for _, p := range points {
		if p.Scrubbed >= uint64(len(list)) {
			continue
		}
		differs := false
		for i, ref := range p.Keys {
			clean, done := anew[ref]
			if !done {
				var err error
				if clean, err = scrubFile(ctx, dir, p, ref, list); err != nil {
					return changed, fmt.Errorf("take destroyed keys out of restore point %s: %w", p.Name(), err)
				}
				anew[ref] = clean
			}
			p.Keys[i] = clean
			differs = differs || clean != ref
		}
		p.Scrubbed = uint64(len(list))
		if err := p.save(dir); err != nil {
			return changed, err
		}
		if differs {
			changed++
		}
	}
	return changed, nil
}

// scrubFile answers the file itself when it holds no destroyed key, and else the one that was written in its place.
func scrubFile(ctx context.Context, dir string, p *Point, ref Ref, list []embedded.Erasure) (Ref, error) {
	f, err := openKeys(dir, p.Store, ref)
	if err != nil {
		return ref, err
	}
	defer f.close()
	if f.header.Erasures > uint64(len(list)) {
		return ref, f.damaged(fmt.Errorf("it knew %d erasures, there are %d", f.header.Erasures, len(list)))
	}
	destroyed := make(map[string]bool)
	for _, e := range list[f.header.Erasures:] {
		destroyed[e.Key] = true
	}
	w, err := createKeys(dir, p.Store, f.header.Erasures)
	if err != nil {
		return ref, err
	}
	defer w.discard()
	found := false
	err = eachKey(ctx, f, func(name string, wrapped []byte) error {
		if destroyed[name] && len(wrapped) > 0 {
			found = true
			wrapped = nil // also over a file before it
		}
		return w.put(name, wrapped)
	})
	if err != nil || !found {
		return ref, err
	}
	return w.commit()
}
