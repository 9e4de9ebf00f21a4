package backup

import (
	"context"
	"errors"
	"fmt"
)

// Verified is what a verification has found.
type Verified struct {
	// Good are the points that can be restored, the oldest first; Bad are the others, with what is wrong with each.
	Good []*Point
	Bad  map[string]error
	// Files and Bytes are what was read.
	Files int
	Bytes int64
}

// Verify reads every file that a point names and compares it with its checksum, without restoring anything: all points, or
// only the one given when at is not empty (see Choose).
func Verify(ctx context.Context, dir, at string, progress Progress) (Verified, error) {
	points, bad, err := List(dir)
	if err != nil {
		return Verified{}, err
	}
	if at != "" {
		p, err := Choose(dir, at)
		if err != nil {
			return Verified{}, err
		}
		points, bad = []*Point{p}, map[string]error{}
	}
	if len(points)+len(bad) == 0 {
		return Verified{}, fmt.Errorf("%w: %s holds none", ErrNoPoint, dir)
	}
	v := &verification{dir: dir, progress: progress, seen: make(map[Ref]error), out: Verified{Bad: bad}}
	for _, p := range points {
		v.total = max(v.total, uint64(p.Position))
	}
	for _, p := range points {
		switch err := v.point(ctx, p); {
		case err == nil:
			v.out.Good = append(v.out.Good, p)
		case errors.Is(err, ErrDamaged):
			v.out.Bad[p.Name()] = err
		default:
			return v.out, err
		}
	}
	return v.out, nil
}

type verification struct {
	dir         string
	progress    Progress
	done, total uint64
	// seen is what came out for each file.
	seen map[Ref]error
	out  Verified
}

// once verifies a file unless it was looked at before.
func (v *verification) once(ref Ref, read func() error) error {
	err, done := v.seen[ref]
	if done {
		return err
	}
	if err = read(); err == nil || errors.Is(err, ErrDamaged) {
		v.seen[ref] = err
		v.out.Files++
		v.out.Bytes += ref.Bytes
	}
	return err
}

func (v *verification) point(ctx context.Context, p *Point) error {
	list, err := folderErasures(v.dir)
	if err != nil {
		return err
	}
	if _, err := p.knows(list); err != nil {
		return err
	}
	if (p.Log == nil) != (p.Position == 0) || p.Log != nil && p.Log.Last != p.Position {
		return fmt.Errorf("%w: restore point %s names another end of the log than its own", ErrDamaged, p.Name())
	}
	segments, err := chain(v.dir, p.Store, p.Log)
	if err != nil {
		return err
	}
	for _, s := range segments {
		err := v.once(s.Ref, func() error {
			return s.each(ctx, v.dir, p.Store, func([]byte) error {
				if v.done++; v.done%newsEvery == 0 {
					v.progress("verifying events", v.done, v.total)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	for _, ref := range p.Keys {
		err := v.once(ref, func() error {
			f, err := openKeys(v.dir, p.Store, ref)
			if err != nil {
				return err
			}
			defer f.close()
			return eachKey(ctx, f, func(string, []byte) error { return nil })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
