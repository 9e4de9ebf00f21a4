package esdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// The event that the comparison writes: about what a payment's is.
const (
	benchDataBytes     = 512
	benchMetadataBytes = 128
)

// bench is a server in this process, and a store connected to it over a socket.
type bench struct {
	engine *embedded.Store
	server *esdbserver.Server
	served chan error
	store  *Store
}

func startBench(ctx context.Context, dir string) (_ *bench, err error) {
	b := &bench{served: make(chan error, 1)}
	if b.engine, err = embedded.Open(dir, embedded.Options{}); err != nil {
		return nil, err
	}
	if b.server, err = esdbserver.New(b.engine, esdbserver.Options{}); err != nil {
		return nil, errors.Join(err, b.engine.Close())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, b.engine.Close())
	}
	go func() { b.served <- b.server.Serve(listener) }()
	if b.store, err = Open("esdb://"+listener.Addr().String()+"?tls=false", Options{}); err != nil {
		return nil, errors.Join(err, b.stop(ctx))
	}
	return b, nil
}

func (b *bench) stop(ctx context.Context) error {
	var err error
	if b.store != nil {
		err = b.store.Close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	b.server.Stop(ctx)
	return errors.Join(err, <-b.served, b.engine.Close())
}

// CompareWithEmbedded measures, in new folders under dir, how many appends of one event a second are acknowledged to the
// given number of writers over the official client and esdbserver, and how many by the embedded engine alone. Client,
// server and engine share this process. The two sides take turns, half of d each, so that both meet the same neighbours.
func CompareWithEmbedded(ctx context.Context, dir string, writers int, d time.Duration) (remote, local float64, err error) {
	const rounds = 5
	b, err := startBench(ctx, filepath.Join(dir, "remote"))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, b.stop(ctx)) }()
	alone, err := embedded.Open(filepath.Join(dir, "local"), embedded.Options{})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, alone.Close()) }()

	sides := [2]eventstore.Store{b.store, alone}
	var done [2]uint64
	var spent [2]time.Duration
	for range rounds {
		for i, side := range sides {
			n, took, err := appendFor(ctx, side, writers, d/(2*rounds))
			if err != nil {
				return 0, 0, err
			}
			done[i] += n
			spent[i] += took
		}
	}
	return float64(done[0]) / spent[0].Seconds(), float64(done[1]) / spent[1].Seconds(), nil
}

// appendFor appends single events to streams of their own, from so many writers for so long.
func appendFor(ctx context.Context, s eventstore.Store, writers int, d time.Duration) (uint64, time.Duration, error) {
	var calls atomic.Uint64
	var failed atomic.Pointer[error]
	var working sync.WaitGroup
	start := time.Now()
	for range writers {
		working.Go(func() {
			for time.Since(start) < d && ctx.Err() == nil && failed.Load() == nil {
				id := uuid.New()
				if _, err := s.Append(ctx, "transaction-"+id.String(), eventstore.NoStream, benchEvent(id, benchDataBytes)); err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
			}
		})
	}
	working.Wait()
	took := time.Since(start)
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	return calls.Load(), took, ctx.Err()
}

func benchEvent(id uuid.UUID, bytes int) eventstore.NewEvent {
	return eventstore.NewEvent{ID: id, Type: "TransactionInitialized", Data: make([]byte, bytes), Metadata: make([]byte, benchMetadataBytes)}
}

// MeasureCatchUp fills a new log under dir with so many events of 1 kB (data and metadata), and answers how many a second
// a subscription that begins at the start delivers, over the official client and esdbserver in this process.
func MeasureCatchUp(ctx context.Context, dir string, events int) (perSecond float64, err error) {
	const each, size = 100, 1000 - benchMetadataBytes
	b, err := startBench(ctx, filepath.Join(dir, "catch-up"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.stop(ctx)) }()
	for written := 0; written < events; written += each {
		batch := make([]eventstore.NewEvent, min(each, events-written))
		for i := range batch {
			batch[i] = benchEvent(uuid.New(), size)
		}
		if _, err := b.engine.Append(ctx, "transaction-"+batch[0].ID.String(), eventstore.NoStream, batch...); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	sub, err := b.store.Subscribe(ctx, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sub.Close()) }()
	got := 0
	for caughtUp := false; !caughtUp; {
		batch, err := sub.Next(ctx)
		if err != nil {
			return 0, err
		}
		got, caughtUp = got+len(batch.Records), batch.CaughtUp
	}
	took := time.Since(start)
	if got != events {
		return 0, fmt.Errorf("%d events were delivered, %d are there", got, events)
	}
	return float64(events) / took.Seconds(), nil
}
