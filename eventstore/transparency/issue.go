package transparency

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

// Issuer issues receipts of what the maker makes heads of.
type Issuer struct {
	store eventstore.Store
	tree  *Tree
	heads *Heads
	maker *Maker
}

// NewIssuer issues receipts, sealed with the maker's keys.
func NewIssuer(m *Maker) *Issuer {
	return &Issuer{store: m.Log.Store(), tree: m.Tree, heads: m.Heads, maker: m}
}

// Gather reads whole streams, in the order of the log: what a receipt is issued of. Streams without events are none. Errors:
// ErrTooLarge, ErrNotFound when there is no event at all, the store's.
func (i *Issuer) Gather(ctx context.Context, streams ...string) ([]eventstore.Record, error) {
	var all []eventstore.Record
	for _, stream := range streams {
		if LeftOut(stream) {
			return nil, fmt.Errorf("%w: events of %s are not in the tree", ErrNotFound, stream)
		}
		records, err := i.store.ReadStream(ctx, stream, 0, eventstore.Forward, MaxReceiptEvents+1-len(all))
		if err != nil && !errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil, fmt.Errorf("read %s for a receipt: %w", stream, err)
		}
		if all = append(all, records...); len(all) > MaxReceiptEvents {
			return nil, fmt.Errorf("%w: more than %d events", ErrTooLarge, MaxReceiptEvents)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no event to issue a receipt of", ErrNotFound)
	}
	slices.SortFunc(all, func(a, b eventstore.Record) int { return cmp.Compare(a.Position, b.Position) })
	return all, nil
}

// Issue makes the receipt file of the events that Gather read, with the sealed fields that are disclosed. It is made under the
// newest signed head. Events that this does not cover yet are in it without a proof, and the receipt says so (Receipt.Pending).
// The seal is by the oldest key that signs, which most know. It waits, as long as ctx lives, for a tree that is behind the
// newest head (then ErrBehind). Errors: *HistoryError, or
// ErrHistory, when the log is not what was signed; ErrDamaged while the tree is built again; ErrTooLarge.
func (i *Issuer) Issue(ctx context.Context, records []eventstore.Record, disclosures []Disclosure) ([]byte, error) {
	newest, err := i.heads.Newest(ctx)
	if err != nil {
		return nil, err
	}
	signer, err := i.maker.sealer(ctx)
	if err != nil {
		return nil, err
	}
	r := Receipt{Origin: signer.Name(), Disclosures: disclosures}
	view := &View{tree: i.tree}
	if newest.Exists() {
		if view, err = i.under(ctx, newest.Size); err != nil {
			return nil, err
		}
		if err := checkHead(view, newest); err != nil {
			return nil, err
		}
	}
	for n := range records {
		e, err := proved(view, &records[n])
		if err != nil {
			return nil, err
		}
		r.Events = append(r.Events, e)
	}
	if r.Events[0].Proof != nil {
		r.Checkpoint = withCosignatures(newest.Checkpoint, newest.Cosignatures)
	}
	if r.Seal, err = seal(r, signer); err != nil {
		return nil, err
	}
	return r.Encode()
}

// seal is the line of the signature over the receipt.
func seal(r Receipt, signer note.Signer) (string, error) {
	text, err := r.sealText()
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return "", fmt.Errorf("seal a receipt: %w", err)
	}
	_, lines, err := splitNote(string(signed))
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

// under waits until the tree has that many leaves, and is it then.
func (i *Issuer) under(ctx context.Context, size int64) (*View, error) {
	for {
		changed := i.tree.Changed()
		view := i.tree.View()
		if view.Size() >= size {
			return view.At(size)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %d of %d events: %w", ErrBehind, view.Size(), size, ctx.Err())
		}
	}
}

// proved is the event with its proof, or without one when the view does not reach as far.
func proved(view *View, r *eventstore.Record) (ReceiptEvent, error) {
	e := ReceiptEvent{Stream: r.Stream, Revision: r.Revision, ID: r.ID, Type: r.Type, Data: r.Data, Metadata: r.Metadata}
	if view.Size() == 0 {
		return e, nil
	}
	last, err := view.Position(view.Size() - 1)
	if err != nil || r.Position > last {
		return e, err
	}
	index, found, err := view.Find(r.Position)
	if err != nil {
		return e, err
	}
	if !found {
		return e, fmt.Errorf("%w: event %s at position %d is not in the tree", ErrHistory, r.ID, r.Position)
	}
	proof, err := view.Inclusion(index)
	if err != nil {
		return e, err
	}
	if tlog.CheckRecord(proof, view.Size(), view.Root(), index, LeafHash(r)) != nil {
		return e, fmt.Errorf("%w: event %s at position %d is not the one that was signed as leaf %d", ErrHistory, r.ID, r.Position, index)
	}
	e.Proof = &LeafProof{Index: index, Hashes: proof}
	return e, nil
}
