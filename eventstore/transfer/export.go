package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/benfex/kipay/eventstore"
)

// exportPage is how many events are read at once.
const exportPage = 1000

// The names that the digests are sealed under.
const (
	eventsSeal = "kipay events export"
	keysSeal   = "kipay keys export"
)

// Progress tells how far a phase has come: done of total, in events, keys or bytes, whatever the phase counts. events is
// how many events or keys were gone through in it.
type Progress func(phase string, done, total, events uint64)

// ExportOptions are what an export is made with.
type ExportOptions struct {
	// ID names the export, when it is a new one. Created is when it began.
	ID      uuid.UUID
	Created time.Time
	// Continue is where an earlier export into the same file stands, nil for a new one.
	Continue *State
	// Master seals the trailer; Random is for that.
	Master eventstore.MasterKeys
	Random io.Reader
	// Progress may be nil. It counts positions: those of the embedded engine are events, those of EventStoreDB bytes.
	Progress Progress
}

// Exported is what an export came to.
type Exported struct {
	Export uuid.UUID `json:"export"`
	// Events are in the file, New of them since it was continued.
	Events uint64 `json:"events"`
	New    uint64 `json:"new"`
	// LeftOut is how many events were met that don't travel.
	LeftOut uint64 `json:"left_out"`
	// Position is the source's position of the last event in the file.
	Position eventstore.Position `json:"position"`
	// SHA256 is the digest, in hex.
	SHA256 string `json:"sha256"`
}

// Export writes the events of the store to the writer, up to the one that is the newest when it begins. Each call of Write
// has one whole frame. Errors: ErrOtherStore when the export that is continued is not of this store, the store's, the writer's.
func Export(ctx context.Context, from eventstore.Store, to io.Writer, o ExportOptions) (Exported, error) {
	if o.Progress == nil {
		o.Progress = func(string, uint64, uint64, uint64) {}
	}
	head, err := from.Head(ctx)
	if err != nil {
		return Exported{}, fmt.Errorf("find the end of the log: %w", err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Exported{}, err
	}
	defer func() { _ = encoder.Close() }()
	w := &frameWriter{to: to, encoder: encoder, sum: sha256.New()}
	out := Exported{Export: o.ID}
	if at := o.Continue; at != nil {
		if err := sameStore(ctx, from, at); err != nil {
			return Exported{}, err
		}
		if w.sum, err = loadHash(at.Hash); err != nil {
			return Exported{}, fmt.Errorf("%w: the digest so far: %w", ErrFormat, err)
		}
		out.Export, out.Events, out.Position = at.Export, at.Events, at.Position
	} else {
		line, err := json.Marshal(header{Format: eventsFormat, Version: formatVersion, Export: o.ID, Created: o.Created.UTC(), LeftOut: leftOut()})
		if err != nil {
			return Exported{}, err
		}
		w.lines = append(append(w.lines, line...), '\n')
	}
	if err := exportEvents(ctx, from, w, head, &out, o.Progress); err != nil {
		return out, err
	}
	sum := w.sum.Sum(nil)
	out.SHA256 = hex.EncodeToString(sum)
	seal, err := o.Master.Seal(o.Random, eventsSeal, sum)
	if err != nil {
		return out, err
	}
	return out, w.end(trailer{Events: out.Events, Position: out.Position, SHA256: out.SHA256, Seal: seal})
}

// exportEvents writes the events after out.Position up to head.
func exportEvents(ctx context.Context, from eventstore.Store, w *frameWriter, head eventstore.Position, out *Exported, progress Progress) error {
	for at := out.Position; at < head; {
		records, err := from.ReadAll(ctx, at, eventstore.Forward, exportPage)
		if err != nil {
			return fmt.Errorf("read the log after position %d: %w", at, err)
		}
		if len(records) == 0 {
			break
		}
		for i := range records {
			r := &records[i]
			at = r.Position
			if at > head {
				break
			}
			if LeftOut(r.Stream) {
				out.LeftOut++
				continue
			}
			if err := w.event(r); err != nil {
				return err
			}
			out.Events, out.New, out.Position = out.Events+1, out.New+1, r.Position
		}
		progress("exporting events", uint64(min(at, head)), uint64(head), out.New)
	}
	return w.flush()
}

// sameStore is ErrOtherStore unless the last event of the export stands where it stood.
func sameStore(ctx context.Context, from eventstore.Store, at *State) error {
	if at.Events == 0 {
		return nil
	}
	records, err := from.ReadAll(ctx, at.Position, eventstore.Backward, 1)
	if errors.Is(err, eventstore.ErrInvalid) || err == nil && (len(records) == 0 || records[0].Position != at.Position || records[0].ID != at.Last) {
		return fmt.Errorf("%w: event %s is not at position %d here", ErrOtherStore, at.Last, at.Position)
	}
	if err != nil {
		return fmt.Errorf("look for the export's last event: %w", err)
	}
	return nil
}

// frameWriter writes lines in frames.
type frameWriter struct {
	to      io.Writer
	encoder *zstd.Encoder
	sum     hash.Hash
	lines   []byte
	frame   []byte
}

func (w *frameWriter) event(r *eventstore.Record) error {
	w.lines = appendEvent(w.lines, r)
	if len(w.lines) < frameBytes {
		return nil
	}
	return w.flush()
}

// flush writes what there is as a frame.
func (w *frameWriter) flush() error {
	if len(w.lines) == 0 {
		return nil
	}
	w.sum.Write(w.lines)
	return w.write()
}

func (w *frameWriter) write() error {
	w.frame = w.encoder.EncodeAll(w.lines, w.frame[:0])
	w.lines = w.lines[:0]
	if _, err := w.to.Write(w.frame); err != nil {
		return fmt.Errorf("write the events: %w", err)
	}
	return nil
}

// end writes the trailer.
func (w *frameWriter) end(t trailer) error {
	line, err := json.Marshal(trailerLine{t})
	if err != nil {
		return err
	}
	w.lines = append(append(w.lines, line...), '\n')
	return w.write()
}
