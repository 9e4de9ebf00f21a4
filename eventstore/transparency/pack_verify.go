package transparency

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// maxPackLine is longer than any line of a pack: an append's bytes in base64, and names.
const maxPackLine = 4 << 20

// PackError is a pack that proves nothing.
type PackError struct {
	// File is the one that is wrong, empty when it is the archive.
	File, Reason string
}

// Error names the file and tells why.
func (e *PackError) Error() string {
	if e.File == "" {
		return "audit pack refused: " + e.Reason
	}
	return fmt.Sprintf("audit pack refused: %s: %s", e.File, e.Reason)
}

func refusePack(file, format string, args ...any) error {
	return &PackError{File: file, Reason: fmt.Sprintf(format, args...)}
}

// PackVerdict is what a pack proves.
type PackVerdict struct {
	Manifest
	// SealedBy is the log's key that has sealed it.
	SealedBy   string
	Checkpoint Checkpoint
	// Totals are what the trial balance comes to, by currency.
	Totals []PackTotal
}

// VerifyPack checks an audit pack with nothing but the keys, and answers what it proves. One altered byte is enough to have it
// refused. It reads the archive twice, in little memory. Errors: *PackError.
func VerifyPack(r io.ReaderAt, size int64, o VerifyOptions) (*PackVerdict, error) {
	p, err := openPack(r, size)
	if err != nil {
		return nil, err
	}
	if err := p.checkSums(); err != nil {
		return nil, err
	}
	v := &PackVerdict{}
	origin, err := p.checkSeal(v, o.Keys)
	if err != nil {
		return nil, err
	}
	text, err := p.text(PackManifest)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &v.Manifest); err != nil || v.Format != packFormat || v.Version != packVersion || v.Origin != origin {
		return nil, refusePack(PackManifest, "it is not one of version %d, of the log %s", packVersion, origin)
	}
	if text, err = p.text(PackCheckpoint); err != nil {
		return nil, err
	}
	if v.Checkpoint, err = OpenCheckpoint(text, o.Keys); err != nil {
		return nil, refusePack(PackCheckpoint, "%v", err)
	}
	switch {
	case v.Checkpoint.Origin != origin:
		return nil, refusePack(PackCheckpoint, "it is of the log %q", v.Checkpoint.Origin)
	case v.Checkpoint.Size != v.Size:
		return nil, refusePack(PackCheckpoint, "it is over %d leaves, and the manifest says %d", v.Checkpoint.Size, v.Size)
	case v.Checkpoint.cosigners() < o.Witnesses:
		return nil, refusePack(PackCheckpoint, "%d of the witnesses have seen it, %d must have", v.Checkpoint.cosigners(), o.Witnesses)
	}
	return v, p.checkContents(v)
}

// checkSums holds each file against the file of sums.
func (p *packFile) checkSums() error {
	text, err := p.text(PackSums)
	if err != nil {
		return err
	}
	names := packFiles()
	names = names[:len(names)-2]
	lines := strings.SplitAfter(text, "\n")
	if len(lines) != len(names)+1 || lines[len(names)] != "" {
		return refusePack(PackSums, "it has not one line for each of %d files", len(names))
	}
	for i, name := range names {
		if !strings.HasSuffix(lines[i], "  "+name+"\n") {
			return refusePack(PackSums, "line %d is not of %s", i+1, name)
		}
		if lines[i] != sumLine(name, p.digests[name]) {
			return refusePack(name, "it is not the file that %s names: one of the two was altered", PackSums)
		}
	}
	return nil
}

// checkSeal tells which log has sealed the file of sums.
func (p *packFile) checkSeal(v *PackVerdict, keys Keys) (origin string, err error) {
	seal, err := p.text(PackSeal)
	if err != nil {
		return "", err
	}
	text, signatures, err := splitNote(seal)
	if err != nil || len(signatures) != 1 || seal != text+"\n"+signatures[0]+"\n" {
		return "", refusePack(PackSeal, "it is no note with one signature")
	}
	name, raw, err := parseSignature(signatures[0])
	if err != nil || !keys.knows(name) {
		return "", refusePack(PackSeal, "it is of the log %.300q, and no key of that log was given", name)
	}
	v.SealedBy = signatureKey(name, raw)
	for _, key := range keys.logs {
		if keyID(key.Name(), key.KeyHash()) != v.SealedBy {
			continue
		}
		if !key.Verify([]byte(text), raw[keyIDBytes:]) {
			return "", refusePack(PackSeal, "it was altered since the log sealed it")
		}
		if text != packSealText(name, p.digests[PackSums]) {
			return "", refusePack(PackSums, "it is not the file that was sealed")
		}
		return name, nil
	}
	return "", refusePack(PackSeal, "it is sealed with the key %s, which was not given", v.SealedBy)
}

// packLines reads the lines of a file of the pack.
type packLines struct {
	name  string
	lines *bufio.Scanner
	close []io.Closer
}

func (p *packFile) lines(name string) (*packLines, error) {
	f, err := p.open(name)
	if err != nil {
		return nil, refusePack(name, "it can't be read: %v", err)
	}
	l := &packLines{name: name, close: []io.Closer{f}}
	var from io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		packed, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return nil, errors.Join(refusePack(name, "it can't be unpacked: %v", err), f.Close())
		}
		from, l.close = packed, append(l.close, packed)
	}
	const first = 64 << 10
	l.lines = bufio.NewScanner(from)
	l.lines.Buffer(make([]byte, 0, first), maxPackLine)
	return l, nil
}

// next is the next line, false at the end.
func (l *packLines) next() ([]byte, bool, error) {
	if l.lines.Scan() {
		return l.lines.Bytes(), true, nil
	}
	if err := l.lines.Err(); err != nil {
		return nil, false, refusePack(l.name, "it can't be read: %v", err)
	}
	return nil, false, nil
}

func (l *packLines) end() {
	for _, c := range l.close {
		_ = c.Close()
	}
}

// checkContents goes through the events, with what leads from them to the root and to the books.
func (p *packFile) checkContents(v *PackVerdict) error {
	events, err := p.lines(PackEvents)
	if err != nil {
		return err
	}
	defer events.end()
	proof, err := p.open(PackProof)
	if err != nil {
		return refusePack(PackProof, "it can't be read: %v", err)
	}
	defer func() { _ = proof.Close() }()
	books, err := p.openBooks()
	if err != nil {
		return err
	}
	defer books.entries.end()
	path := proofReader{from: bufio.NewReader(proof)}
	var count int64
	closed := v.Closed == nil
	for {
		line, more, err := events.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		var e packEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return refusePack(PackEvents, "line %d is no event", count+1)
		}
		if again, err := appendPackEvent(nil, e.Leaf, e.record()); err != nil || !bytes.Equal(again, append(bytes.Clone(line), '\n')) {
			return refusePack(PackEvents, "line %d is not in the form of events", count+1)
		}
		count++
		if err := path.upTo(e.Leaf); err != nil {
			return err
		}
		if err := path.add(0, LeafHash(e.record())); err != nil {
			return refusePack(PackEvents, "line %d: %v", count, err)
		}
		if err := v.belongs(&e); err != nil {
			return err
		}
		if v.Closed != nil && e.ID == v.Closed.EventID {
			closed = closes(&e, v)
		}
		if err := books.of(&e); err != nil {
			return err
		}
	}
	switch err := path.upTo(v.Size); {
	case err != nil:
		return err
	case !path.ended() || path.root() != v.Checkpoint.Root:
		return refusePack(PackProof, "it does not lead from the events to the signed root: they, or it, were altered")
	case count != v.Events:
		return refusePack(PackEvents, "it has %d events, and the manifest says %d", count, v.Events)
	case !closed:
		return refusePack(PackManifest, "the event that closed the month is not among the events")
	}
	if v.Totals, err = books.settle(p, v); err != nil {
		return err
	}
	return p.checkReconciliation(v)
}

// belongs tells that an event is the merchant's.
func (v *PackVerdict) belongs(e *packEvent) error {
	var meta struct {
		Merchant int64 `json:"merchant"`
	}
	if err := json.Unmarshal(e.Metadata, &meta); err != nil || meta.Merchant != v.Merchant {
		return refusePack(PackEvents, "event %s is not merchant %d's", e.ID, v.Merchant)
	}
	return nil
}

// closes tells that an event closed the month.
func closes(e *packEvent, v *PackVerdict) bool {
	var data struct {
		Merchant int64     `json:"merchant_id"`
		Mode     string    `json:"mode"`
		Month    string    `json:"month"`
		At       time.Time `json:"at"`
	}
	return json.Unmarshal(e.Data, &data) == nil && e.Type == "PeriodClosed" && data.Merchant == v.Merchant && data.Mode == v.Mode &&
		data.Month == v.Closed.Month && data.Month >= v.Month && data.At.Equal(v.Closed.At)
}

// proofReader reads the subtrees between events, and adds them up.
type proofReader struct {
	from *bufio.Reader
	cover
}

// upTo adds subtrees until the leaf is next.
func (p *proofReader) upTo(leaf int64) error {
	if leaf < p.size || leaf > maxTreeSize {
		return refusePack(PackEvents, "leaf %d does not follow after %d", leaf, p.size-1)
	}
	for p.size < leaf {
		var record [proofRecordBytes]byte
		if _, err := io.ReadFull(p.from, record[:]); err != nil {
			return refusePack(PackProof, "it ends before leaf %d", p.size)
		}
		if err := p.add(int(record[0]), tlog.Hash(record[1:])); err != nil {
			return refusePack(PackProof, "%v", err)
		}
	}
	if p.size > leaf {
		return refusePack(PackProof, "a subtree reaches past leaf %d", leaf)
	}
	return nil
}

func (p *proofReader) ended() bool {
	_, err := p.from.ReadByte()
	return errors.Is(err, io.EOF)
}

// Sentences tell a person what was proved.
func (v *PackVerdict) Sentences() []string {
	out := []string{
		fmt.Sprintf("The log %s has sealed this audit pack with its key %s; it is as it was issued.", v.Origin, v.SealedBy),
		fmt.Sprintf("It has signed a head over %d events, with its key %s.", v.Checkpoint.Size, strings.Join(v.Checkpoint.Signed, " and ")),
	}
	for _, w := range v.Checkpoint.Cosigned {
		out = append(out, fmt.Sprintf("Witness %s had seen no larger head of it at %s, and none that contradicts it.", w.Name, w.At.Format(time.RFC3339)))
	}
	out = append(out,
		fmt.Sprintf("%d events of merchant %d (%s) for %s are under that head, byte for byte and in this order.", v.Events, v.Merchant, v.Mode, v.Month),
		fmt.Sprintf("%d ledger entries lead back to those events, and each event's debits are its credits.", v.Entries))
	for _, t := range v.Totals {
		out = append(out, fmt.Sprintf("The trial balance in %s is the balance before the month and those entries: %s on either side.", t.Currency, t.Closing))
	}
	out = append(out, fmt.Sprintf("%d statements were compared, with %d differences.", v.Imports, v.Differences))
	if v.Closed == nil {
		return append(out, "The month is NOT CLOSED: its books may still change.")
	}
	return append(out, fmt.Sprintf("The month was closed at %s by event %s.", v.Closed.At.Format(time.RFC3339), v.Closed.EventID))
}
