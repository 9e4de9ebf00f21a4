package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

const (
	// fillWriters append at the same time, so that many share a sync.
	fillWriters = 256
	// fillSpan is how long ago the oldest transaction was opened: all of them still wait for their payment.
	fillSpan = time.Hour
)

// filler puts transactions of the demo merchant into a log that no server has open: through the same codec, keys and
// store as the server, without its HTTP.
type filler struct {
	store *embedded.Store
	log   *eventstore.Log
}

// fill makes a data folder with so many pending transactions of the demo merchant.
func (b *bench) fill(ctx context.Context, dir string, transactions int) error {
	s, err := startServer(ctx, b.kipay, dir) // makes the keys, the demo merchant and its channels
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	f, err := openFiller(dir)
	if err != nil {
		return err
	}
	began := time.Now()
	err = f.run(ctx, transactions)
	if err = errors.Join(err, f.store.Close()); err != nil {
		return fmt.Errorf("fill %s: %w", dir, err)
	}
	fmt.Fprintf(b.news, "  %d transactions appended in %s\n", transactions, round(time.Since(began)))
	return nil
}

func openFiller(dir string) (*filler, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "master.key")) //nolint:gosec // our own temporary folder
	if err != nil {
		return nil, err
	}
	masters, err := eventstore.ParseMasterKeys(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, err
	}
	store, err := embedded.Open(filepath.Join(dir, "events"), embedded.Options{})
	if err != nil {
		return nil, err
	}
	newID := func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	codec := eventstore.NewCodec(eventstore.NewKeyring(store, masters, rand.Reader), eventstore.Catalogue())
	return &filler{store: store, log: eventstore.NewLog(store, codec, time.Now, newID)}, nil
}

func (f *filler) run(ctx context.Context, transactions int) error {
	const merchant = 1 // the demo merchant
	firstCustomer, err := f.reserve(ctx, ids.Customer, loadCustomers)
	if err != nil {
		return err
	}
	first, err := f.reserve(ctx, ids.Transaction, int64(transactions))
	if err != nil {
		return err
	}
	start := f.log.Now().Add(-fillSpan)
	people := make([]customer.Created, loadCustomers)
	for n := range people {
		sum := sha256.Sum256(fmt.Appendf(nil, "customer %d", n))
		people[n] = customer.Created{ID: firstCustomer + int64(n), Merchant: merchant, Hash: hex.EncodeToString(sum[:16]), At: start}
		people[n].Person.Email = domain.Personal(fmt.Sprintf("customer%04d@example.com", n))
		p := &people[n].Person
		p.FirstName, p.LastName, p.Phone = "John", "Doe", "+254712345678"
	}
	if err := inParallel(ctx, loadCustomers, func(ctx context.Context, n int) error {
		return f.append(ctx, customer.Stream(people[n].Hash), people[n].At, people[n])
	}); err != nil {
		return err
	}
	return inParallel(ctx, transactions, func(ctx context.Context, n int) error {
		who, at := people[n%loadCustomers], start.Add(fillSpan*time.Duration(n)/time.Duration(transactions))
		at = at.Truncate(time.Millisecond)
		var random [transaction.ReferenceChars]byte
		if _, err := rand.Read(random[:]); err != nil {
			return err
		}
		e := transaction.Initialized{
			ID: first + int64(n), Reference: transaction.NewReference(transaction.CheckoutPrefix, random[:]), Merchant: merchant,
			Mode: domain.ModeTest, Channel: 1, Provider: "mpesa", Origin: transaction.FromCheckout, Amount: money.Of(1000000, money.KES),
			Customer: who.ID, Subject: customer.Stream(who.Hash), Email: who.Person.Email, FirstName: who.Person.FirstName, LastName: who.Person.LastName,
			Phone: who.Person.Phone, Description: domain.Personal(fmt.Sprintf("Payment for Order #%d", n)), At: at, ExpiresAt: at.Add(24 * time.Hour),
		}
		return f.append(ctx, e.Reference.Stream(), at, e)
	})
}

// append opens a stream with one event.
func (f *filler) append(ctx context.Context, stream string, at time.Time, e domain.Event) error {
	_, _, err := f.log.Append(ctx, stream, eventstore.NoStream, eventstore.Metadata{Actor: "bench", Merchant: 1, OccurredAt: at}, e)
	return err
}

// reserve takes a block of ids, as a server does, and answers the first of it.
func (f *filler) reserve(ctx context.Context, kind ids.Kind, n int64) (int64, error) {
	var s ids.State
	revision := eventstore.NoStream
	if err := f.log.EachInStream(ctx, ids.Stream(kind), 0, func(e eventstore.Envelope) error {
		s, revision = s.Evolve(e.Event), e.Revision
		return nil
	}); err != nil {
		return 0, err
	}
	now := f.log.Now()
	events, err := ids.Reserve{Kind: kind, Size: n, At: now}.Decide(s)
	if err != nil {
		return 0, err
	}
	_, _, err = f.log.Append(ctx, ids.Stream(kind), revision, eventstore.Metadata{Actor: "bench", OccurredAt: now}, events...)
	return s.Evolve(events[0]).From, err
}

// inParallel does n things, many at the same time, in about their order.
func inParallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(fillWriters, n) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(ctx, i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}
