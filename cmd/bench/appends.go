package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/benfex/kipay/eventstore/embedded"
)

const appendsAim = 0.6

// appends compares the event store's acknowledged appends with raw Pebble's synced commits of the same bytes.
func (b *bench) appends(ctx context.Context) error {
	for _, writers := range []int{1, 16, 64} {
		dir := filepath.Join(b.dir, fmt.Sprintf("appends-%d", writers))
		ours, raw, err := embedded.CompareWithRaw(ctx, dir, writers, b.size.appends)
		if err != nil {
			return err
		}
		line := row{
			What: fmt.Sprintf("event store: appends by %d writers", writers), Kipay: perSecond(ours),
			Against: perSecond(raw) + " raw Pebble", Ratio: ours / raw,
		}
		if writers == loadConnections {
			line.Aim, line.Met = "≥ 0.60", line.Ratio >= appendsAim
		}
		b.add(line)
	}
	return nil
}
