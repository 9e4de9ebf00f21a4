package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// bookkeeper finds what statements are compared with in the node's read models.
type bookkeeper struct{ n *node }

var errNoReadModels = errors.New("this node has no read models: send statements to one with the role api")

func (b *bookkeeper) reader() (*projections.Reader, readSource, error) {
	if b.n.reads == nil || b.n.reads.conn == nil {
		return nil, nil, errNoReadModels
	}
	source := b.n.source()
	return projections.NewReader(b.n.reads.conn, source), source, nil
}

// Await waits until the read models have come that far.
func (b *bookkeeper) Await(ctx context.Context, at eventstore.Position) error {
	_, source, err := b.reader()
	if err != nil {
		return err
	}
	_, err = source.Archived(ctx, at)
	return err
}

// References are the transactions to which anything happened in the time.
func (b *bookkeeper) References(ctx context.Context, q commands.BooksQuery) ([]commands.BooksReference, error) {
	r, _, err := b.reader()
	if err != nil {
		return nil, err
	}
	active, err := r.ActiveTransactions(ctx, q.Merchant, q.Mode, q.From, q.Until)
	out := make([]commands.BooksReference, len(active))
	for i, a := range active {
		out[i] = commands.BooksReference(a)
	}
	return out, err
}

// Payouts are those that were under way in the time.
func (b *bookkeeper) Payouts(ctx context.Context, q commands.BooksQuery) ([]string, error) {
	r, _, err := b.reader()
	if err != nil {
		return nil, err
	}
	return r.ActivePayouts(ctx, q.Merchant, q.Mode, q.Channel, q.Currency, q.From, q.Until)
}

// Elsewhere are the receipts that statements of other channels have shown.
func (b *bookkeeper) Elsewhere(ctx context.Context, q commands.BooksQuery, sources []reconciliation.Source) ([]reconciliation.Elsewhere, error) {
	r, _, err := b.reader()
	if err != nil {
		return nil, err
	}
	return r.ShownElsewhere(ctx, q.Merchant, q.Mode, q.Channel, sources, q.From, q.Until)
}

// Accepted are what differs by other statements and was accepted.
func (b *bookkeeper) Accepted(ctx context.Context, q commands.BooksQuery, source reconciliation.Source, but int64) ([]commands.AcceptedDifference, error) {
	r, _, err := b.reader()
	if err != nil {
		return nil, err
	}
	accepted, err := r.AcceptedDifferences(ctx, q.Merchant, q.Mode, q.Channel, source, but)
	out := make([]commands.AcceptedDifference, len(accepted))
	for i, a := range accepted {
		out[i] = commands.AcceptedDifference(a)
	}
	return out, err
}

// Streams are those with an event of one of the types that was recorded in the time.
func (b *bookkeeper) Streams(ctx context.Context, q commands.BooksQuery, types ...string) ([]string, error) {
	r, _, err := b.reader()
	if err != nil {
		return nil, err
	}
	return r.StreamsRecorded(ctx, q.Merchant, types, q.From, q.Until)
}

// Clearing is the balance of a channel's clearing account.
func (b *bookkeeper) Clearing(ctx context.Context, q commands.BooksQuery) (int64, error) {
	r, _, err := b.reader()
	if err != nil {
		return 0, err
	}
	return r.ClearingBalance(ctx, q.Merchant, q.Mode, q.Channel, q.Currency, q.Until)
}

// stagingFolder is where files are kept while they are read. It is made when the first one comes.
func stagingFolder(cfg *config) string { return filepath.Join(cfg.DataDir, "statements") }

// clearStaging removes what an earlier server left behind when it was cut off.
func clearStaging(cfg *config) error {
	return os.RemoveAll(stagingFolder(cfg))
}
