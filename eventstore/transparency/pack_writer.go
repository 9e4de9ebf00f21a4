package transparency

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

const (
	// packPiece is how much of a file is handed on at once.
	packPiece = 64 << 10
	// packBatch is how many events or subtrees are looked up in the tree at once.
	packBatch = 2048
)

// PackSink takes the files of a pack piece by piece, one file after the other: PackArchive.Add is one.
type PackSink func(name string, piece []byte) error

// PackWriter writes the files of a pack, in the order of packFiles. What it needs of memory does not grow with what the files hold
// but for eight bytes for each event.
type PackWriter struct {
	issuer *Issuer
	signer note.Signer
	sink   PackSink
	view   *View
	sums   strings.Builder
	digest [sha256.Size]byte // of the last file

	batch    []eventstore.Record
	leaves   []int64
	manifest Manifest
}

// Pack begins a pack of events up to the position, which the tree is waited for, as long as ctx lives, and which a head is signed
// over. Errors: ErrBehind, *HistoryError, the store's.
func (i *Issuer) Pack(ctx context.Context, until eventstore.Position, about Manifest, sink PackSink) (*PackWriter, error) {
	for i.tree.Seen() < until {
		changed := i.tree.Changed()
		if i.tree.Seen() >= until {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrBehind, ctx.Err())
		}
	}
	view := i.tree.View()
	if _, err := i.maker.Make(ctx); err != nil {
		return nil, err
	}
	signer, err := i.maker.sealer(ctx)
	if err != nil {
		return nil, err
	}
	p := &PackWriter{issuer: i, signer: signer, sink: sink, view: view, manifest: about}
	p.manifest.Origin = signer.Name()
	told := strings.NewReplacer("{MONTH}", about.Month, "{MERCHANT}", fmt.Sprint(about.Merchant), "{MODE}", about.Mode, "{ORIGIN}", signer.Name())
	if err := p.whole(PackReadme, told.Replace(packReadme)); err != nil {
		return nil, err
	}
	return p, p.whole(PackScript, packScript)
}

// File writes a file of the pack, packed with gzip where its name says so.
func (p *PackWriter) File(name string, fill func(w io.Writer) error) error {
	out := &packOut{sink: p.sink, name: name, hash: sha256.New()}
	if err := p.sink(name, nil); err != nil { // an empty file is one too
		return err
	}
	var err error
	if strings.HasSuffix(name, ".gz") {
		packed := gzip.NewWriter(out)
		err = errors.Join(fill(packed), packed.Close())
	} else {
		err = fill(out)
	}
	if err = errors.Join(err, out.flush()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	p.digest = [sha256.Size]byte(out.hash.Sum(nil))
	p.sums.WriteString(sumLine(name, p.digest))
	return nil
}

func (p *PackWriter) whole(name, text string) error {
	return p.File(name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// packOut hands a file on in pieces.
type packOut struct {
	sink PackSink
	name string
	hash hash.Hash
	held []byte
}

// Write holds what there is until it is a piece.
func (o *packOut) Write(b []byte) (int, error) {
	o.held = append(o.held, b...)
	if len(o.held) < packPiece {
		return len(b), nil
	}
	return len(b), o.flush()
}

func (o *packOut) flush() error {
	if len(o.held) == 0 {
		return nil
	}
	o.hash.Write(o.held)
	err := o.sink(o.name, o.held)
	o.held = o.held[:0]
	return err
}

// Events writes the events that each yields, in the order of the log, their proof, the head that this leads to, and the log's keys.
// Events that the tree leaves out are passed over. Errors: ErrHistory when an event is not the one that was signed.
func (p *PackWriter) Events(ctx context.Context, each func(yield func(*eventstore.Record) error) error) error {
	err := p.File(PackEvents, func(w io.Writer) error {
		if err := each(func(r *eventstore.Record) error {
			if LeftOut(r.Stream) {
				return nil
			}
			if p.batch = append(p.batch, *r); len(p.batch) < packBatch {
				return nil
			}
			return p.writeEvents(ctx, w)
		}); err != nil {
			return err
		}
		return p.writeEvents(ctx, w)
	})
	if err != nil {
		return err
	}
	head, checkpoint, err := p.head(ctx)
	if err != nil {
		return err
	}
	if p.view, err = p.issuer.under(ctx, head.Size); err != nil {
		return err
	}
	if err := checkHead(p.view, head); err != nil {
		return err
	}
	p.manifest.Events, p.manifest.Size = int64(len(p.leaves)), head.Size
	if err := p.File(PackProof, func(w io.Writer) error { return p.writeProof(ctx, w) }); err != nil {
		return err
	}
	if err := p.whole(PackCheckpoint, checkpoint); err != nil {
		return err
	}
	keys, err := p.issuer.heads.Keys(ctx)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, k := range keys {
		list.WriteString(k.VerifierKey + "\n")
	}
	return p.whole(PackKeys, list.String())
}

// writeEvents writes the events that wait, each of which has to be its leaf.
func (p *PackWriter) writeEvents(_ context.Context, w io.Writer) error {
	first := len(p.leaves)
	after := int64(-1)
	if first > 0 {
		after = p.leaves[first-1]
	}
	indexes := make([]int64, len(p.batch))
	for n := range p.batch {
		leaf, found, err := p.view.findAfter(after, p.batch[n].Position)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%w: event %s at position %d is not in the tree", ErrHistory, p.batch[n].ID, p.batch[n].Position)
		}
		p.leaves, indexes[n], after = append(p.leaves, leaf), tlog.StoredHashIndex(0, leaf), leaf
	}
	if len(indexes) == 0 {
		return nil
	}
	hashes, err := p.view.hashes().ReadHashes(indexes)
	if err != nil {
		return p.view.broken.note(err)
	}
	var line, scratch []byte
	var hash tlog.Hash
	for n := range p.batch {
		r, leaf := &p.batch[n], p.leaves[first+n]
		if hash, scratch = hashLeaf(scratch, r); hash != hashes[n] {
			return fmt.Errorf("%w: event %s at position %d is not the one that was signed as leaf %d", ErrHistory, r.ID, r.Position, leaf)
		}
		if line, err = appendPackEvent(line[:0], leaf, r); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	p.batch = p.batch[:0]
	return nil
}

// writeProof writes the subtrees between the events.
func (p *PackWriter) writeProof(ctx context.Context, w io.Writer) error {
	var waiting []subtree
	flush := func() error {
		if len(waiting) == 0 {
			return nil
		}
		indexes := make([]int64, len(waiting))
		for n, s := range waiting {
			indexes[n] = s.index()
		}
		hashes, err := p.view.hashes().ReadHashes(indexes)
		if err != nil {
			return p.view.broken.note(err)
		}
		out := make([]byte, 0, proofRecordBytes*len(waiting))
		for n, s := range waiting {
			out = append(append(out, byte(s.height)), hashes[n][:]...)
		}
		waiting = waiting[:0]
		_, err = w.Write(out)
		return errors.Join(err, ctx.Err())
	}
	from := int64(0)
	for n := range len(p.leaves) + 1 {
		to := p.view.Size()
		if n < len(p.leaves) {
			to = p.leaves[n]
		}
		if waiting = append(waiting, gapBetween(from, to)...); len(waiting) >= packBatch {
			if err := flush(); err != nil {
				return err
			}
		}
		from = to + 1
	}
	return flush()
}

// head is the first signed head that covers all of the events, and its checkpoint with the cosignatures that came for it: a pack that
// is made again later has the same one.
func (p *PackWriter) head(ctx context.Context) (treehead.Head, string, error) {
	need := int64(1)
	if n := len(p.leaves); n > 0 {
		need = p.leaves[n-1] + 1
	}
	head, err := p.issuer.heads.first(ctx, need)
	if err != nil {
		return head, "", err
	}
	return head, withCosignatures(head.Checkpoint, head.Cosignatures), nil
}

// Counted says how many lines the other files have, for the manifest.
func (p *PackWriter) Counted(entries, imports, differences int64) {
	p.manifest.Entries, p.manifest.Imports, p.manifest.Differences = entries, imports, differences
}

// Seal writes the manifest, the file of sums, and the log's signature over it.
func (p *PackWriter) Seal() (Manifest, error) {
	text, err := p.manifest.encode()
	if err != nil {
		return p.manifest, err
	}
	if err := p.whole(PackManifest, string(text)); err != nil {
		return p.manifest, err
	}
	if err := p.whole(PackSums, p.sums.String()); err != nil {
		return p.manifest, err
	}
	signed, err := note.Sign(&note.Note{Text: packSealText(p.signer.Name(), p.digest)}, p.signer)
	if err != nil {
		return p.manifest, fmt.Errorf("seal an audit pack: %w", err)
	}
	return p.manifest, p.whole(PackSeal, string(signed))
}
