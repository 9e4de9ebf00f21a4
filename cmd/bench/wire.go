package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/benfex/kipay/eventstore/esdb"
)

const (
	wireAim    = 0.5
	catchUpAim = 100_000
)

// wire compares appends through EventStoreDB's protocol (the official client, esdbserver, the embedded engine behind it)
// with those of the embedded engine alone, and measures how fast a subscription catches up over it.
func (b *bench) wire(ctx context.Context) error {
	for _, writers := range []int{1, 16, 64} {
		dir := filepath.Join(b.dir, fmt.Sprintf("wire-%d", writers))
		remote, local, err := esdb.CompareWithEmbedded(ctx, dir, writers, b.size.appends)
		if err != nil {
			return err
		}
		line := row{
			What: fmt.Sprintf("appends over EventStoreDB's protocol by %d writers", writers), Kipay: perSecond(remote),
			Against: perSecond(local) + " embedded", Ratio: remote / local,
		}
		if writers == loadConnections {
			line.Aim, line.Met = "≥ 0.50", line.Ratio >= wireAim
		}
		b.add(line)
	}
	rate, err := esdb.MeasureCatchUp(ctx, filepath.Join(b.dir, "wire"), b.size.caughtUp)
	if err != nil {
		return err
	}
	b.add(row{
		What: fmt.Sprintf("a subscription catching up with %s events of 1 kB over it", thousands(b.size.caughtUp)), Kipay: perSecond(rate),
		Aim: "≥ 100,000/s", Met: rate >= catchUpAim, Note: "client, server and engine share one process",
	})
	return nil
}
