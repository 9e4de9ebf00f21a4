package transparency

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// packed is a pack that is to be written: what stands in its files of values, of which each may be another one.
type packed struct {
	entries, trial, imports, differences string
	about                                Manifest
	counts                               [3]int64
	change                               func(r *eventstore.Record) bool // false leaves the event out
}

// packFixture has payments of merchant 1, between events of nobody, under a head, and more after it.
func packFixture(t testing.TB) (*fixture, packed) {
	t.Helper()
	f := newFixture(t)
	f.append(t, "transaction-elsewhere", `{"n":1}`, `{"n":2}`, `{"n":3}`)
	f.pay(t)
	f.append(t, "transaction-elsewhere", `{"n":4}`)
	f.append(t, "lease-projector", `{}`)
	f.others(t, 0, 40)
	f.append(t, "transaction-elsewhere", `{"n":5}`, `{"n":6}`)
	f.head(t)
	records, err := f.issuer.Gather(t.Context(), paidStream)
	if err != nil {
		t.Fatal(err)
	}
	paid := records[1].ID
	entries := EntriesHeader + "\n" +
		fmt.Sprintf("%s,0,PaymentReceived,%s,provider_clearing,KES,10000.00,0.00,3,2026-03-02T08:01:00.000Z,2026-03,\n", paid, paidReference) +
		fmt.Sprintf("%s,1,PaymentReceived,%s,sales,KES,0.00,10000.00,3,2026-03-02T08:01:00.000Z,2026-03,\n", paid, paidReference)
	return f, packed{
		entries: entries,
		trial: TrialHeader + "\nprovider_clearing,KES,500.00,0.00,10000.00,0.00,10500.00,0.00,10500.00\n" +
			"sales,KES,0.00,500.00,0.00,10000.00,0.00,10500.00,-10500.00\n",
		imports:     ImportsHeader + "\n7,mpesa_statement,3,done,ab,,,,,KES,2,1,10055.00,10000.00,55.00,55.00,0.00,1,true,false,\n",
		differences: DifferencesHeader + "\n7,1,14680065,unknown_payer,unmatched,open,2,,,,,,KES,55.00,55.00,0.00,,It fits no payment.,,,,\n",
		about: Manifest{
			Merchant: 1, Mode: "live", Month: "2026-03", TimeZone: "Africa/Nairobi", From: start.AddDate(0, 0, -1), Until: start.AddDate(0, 1, -1),
		},
		counts: [3]int64{2, 1, 1},
		change: func(*eventstore.Record) bool { return true },
	}
}

// write makes the archive.
func (p packed) write(t testing.TB, f *fixture) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	archive := NewPackArchive(&out)
	head, err := f.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.caughtUp(t)
	w, err := f.issuer.Pack(t.Context(), head, p.about, archive.Add)
	if err != nil {
		return nil, err
	}
	err = w.Events(t.Context(), func(yield func(*eventstore.Record) error) error {
		records, err := f.store.ReadAll(t.Context(), 0, eventstore.Forward, 1000)
		if err != nil {
			return err
		}
		for i := range records {
			if r := &records[i]; bytes.Contains(r.Metadata, []byte(`"merchant":1`)) && p.change(r) {
				if err := yield(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, file := range [][2]string{{PackEntries, p.entries}, {PackTrial, p.trial}, {PackImports, p.imports}, {PackDifferences, p.differences}} {
		if err := w.whole(file[0], file[1]); err != nil {
			return nil, err
		}
	}
	w.Counted(p.counts[0], p.counts[1], p.counts[2])
	if _, err := w.Seal(); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), nil
}

func (p packed) mustWrite(t testing.TB, f *fixture) []byte {
	t.Helper()
	raw, err := p.write(t, f)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func verifyPack(t testing.TB, f *fixture, raw []byte) (*PackVerdict, error) {
	t.Helper()
	return VerifyPack(bytes.NewReader(raw), int64(len(raw)), VerifyOptions{Keys: mustKeys(t, f.keys(t)...)})
}

func TestAPackIsVerifiedAndIsTheSameOfTheSameLog(t *testing.T) {
	f, p := packFixture(t)
	first := p.mustWrite(t, f)
	v, err := verifyPack(t, f, first)
	if err != nil {
		t.Fatal(err)
	}
	if v.Events != 46 || v.Entries != 2 || v.Origin != testOrigin || len(v.Totals) != 1 || v.Totals[0].Closing != "KES 10500.00" {
		t.Errorf("verdict: %+v", v)
	}
	if said := strings.Join(v.Sentences(), "\n"); !strings.Contains(said, "46 events of merchant 1 (live) for 2026-03") || !strings.Contains(said, "NOT CLOSED") {
		t.Error(said)
	}
	f.append(t, "transaction-elsewhere", `{"n":7}`)
	f.head(t)
	if !bytes.Equal(first, p.mustWrite(t, f)) {
		t.Error("the pack is another one when the log has gone on elsewhere")
	}
	stranger := newInstall(t)
	stranger.append(t, "transaction-a", "{}")
	stranger.head(t)
	if _, err := VerifyPack(bytes.NewReader(first), int64(len(first)), VerifyOptions{Keys: mustKeys(t, stranger.keys(t)...)}); err == nil {
		t.Error("verified with another log's key")
	}
	if _, err := VerifyPack(bytes.NewReader(first), int64(len(first)), VerifyOptions{Keys: mustKeys(t, f.keys(t)...), Witnesses: 1}); err == nil {
		t.Error("a witness was asked for, and none has cosigned")
	}
}

func TestAPackWithAnyByteAlteredIsRefusedAndTheFileNamed(t *testing.T) {
	f, p := packFixture(t)
	raw := p.mustWrite(t, f)
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	// owner is the file whose contents a byte is of.
	owner := func(at int64) string {
		for _, file := range archive.File {
			if from, err := file.DataOffset(); err == nil && at >= from && at < from+int64(file.UncompressedSize64) {
				return file.Name
			}
		}
		return ""
	}
	const stride = 11
	for at := int64(0); at < int64(len(raw)); at++ {
		name := owner(at)
		if name != "" && at%stride != 0 {
			continue // every byte between the files, some of the files
		}
		altered := bytes.Clone(raw)
		altered[at] ^= 1 << (at % 8)
		var refused *PackError
		_, err := verifyPack(t, f, altered)
		if !errors.As(err, &refused) {
			t.Errorf("byte %d, of %q: %v", at, name, err)
		} else if name != "" && refused.File != name {
			t.Errorf("byte %d is of %s, and it is said: %v", at, name, err)
		}
	}
	for what, altered := range map[string][]byte{
		"cut off": raw[:len(raw)-1], "longer": append(bytes.Clone(raw), 0), "begun later": append([]byte{0}, raw...), "empty": nil,
	} {
		if _, err := verifyPack(t, f, altered); err == nil {
			t.Errorf("verified though %s", what)
		}
	}
}

// Somebody who has the log's key seals what does not add up.
func TestAPackWhoseContentsDoNotFitIsRefusedThoughItIsSealed(t *testing.T) {
	f, good := packFixture(t)
	swap := func(from, to string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, from) {
				t.Fatalf("nothing to swap: %s", from)
			}
			return strings.Replace(s, from, to, 1)
		}
	}
	for what, c := range map[string]struct {
		file   string
		change func(p *packed)
	}{
		"an amount of an entry":     {PackEntries, func(p *packed) { p.entries = swap("10000.00,0.00,3", "10001.00,0.00,3")(p.entries) }},
		"an amount in another form": {PackEntries, func(p *packed) { p.entries = swap("10000.00,0.00,3", "10000,0.00,3")(p.entries) }},
		"a negative amount":         {PackEntries, func(p *packed) { p.entries = swap("10000.00,0.00,3", "-10000.00,0.00,3")(p.entries) }},
		"entries of no event": {PackEntries, func(p *packed) {
			p.entries = strings.ReplaceAll(p.entries, p.entries[len(EntriesHeader)+1:len(EntriesHeader)+37], uuid.Nil.String())
		}},
		"entries of another event":     {PackEntries, func(p *packed) { p.entries = strings.ReplaceAll(p.entries, "PaymentReceived", "PaymentFailed") }},
		"an entry less":                {PackEntries, func(p *packed) { p.entries = p.entries[:strings.LastIndex(p.entries[:len(p.entries)-1], "\n")+1] }},
		"entries that are not counted": {PackEntries, func(p *packed) { p.counts[0] = 3 }},
		"an account of the trial":      {PackTrial, func(p *packed) { p.trial = swap("sales", "own_fees")(p.trial) }},
		"an opening balance":           {PackTrial, func(p *packed) { p.trial = swap("500.00,0.00", "501.00,0.00")(p.trial) }},
		"openings that don't balance": {PackTrial, func(p *packed) {
			p.trial = swap("500.00,0.00,10000.00,0.00,10500.00,0.00,10500.00", "501.00,0.00,10000.00,0.00,10501.00,0.00,10501.00")(p.trial)
		}},
		"a sum of the month":         {PackTrial, func(p *packed) { p.trial = swap("10000.00,0.00,10500.00", "9999.00,0.00,10499.00")(p.trial) }},
		"an account that is missing": {PackTrial, func(p *packed) { p.trial = p.trial[:strings.Index(p.trial, "sales")] }},
		"a difference":               {PackDifferences, func(p *packed) { p.differences = swap("KES,55.00", "KES,54.00")(p.differences) }},
		"a difference of no import": {PackDifferences, func(p *packed) {
			p.differences += strings.Replace(p.differences[len(DifferencesHeader)+1:], "7,1", "8,1", 1)
			p.counts[2]++
		}},
		"a statement that adds up not":  {PackImports, func(p *packed) { p.imports = swap("55.00,55.00,0.00", "55.00,54.00,0.00")(p.imports) }},
		"imports that are not counted":  {PackImports, func(p *packed) { p.counts[1] = 2 }},
		"the merchant":                  {PackEvents, func(p *packed) { p.about.Merchant = 2 }},
		"who closed it":                 {PackManifest, func(p *packed) { p.about.Closed = &ClosedBy{EventID: uuid.Max, Month: "2026-03", At: start} }},
		"columns of entries":            {PackEntries, func(p *packed) { p.entries = strings.Replace(p.entries, "event_id", "event", 1) }},
		"columns of the trial":          {PackTrial, func(p *packed) { p.trial = strings.Replace(p.trial, "account", "name", 1) }},
		"differences that stand before": {PackDifferences, func(p *packed) { p.differences = "\n" + p.differences }},
	} {
		t.Run(what, func(t *testing.T) {
			p := good
			c.change(&p)
			var refused *PackError
			if _, err := verifyPack(t, f, p.mustWrite(t, f)); !errors.As(err, &refused) || refused.File != c.file {
				t.Errorf("want %s refused: %v", c.file, err)
			}
		})
	}
}

func TestNoPackIsMadeOfWhatWasNotSigned(t *testing.T) {
	f, p := packFixture(t)
	p.change = func(r *eventstore.Record) bool {
		r.Data = bytes.ReplaceAll(r.Data, []byte("1000000"), []byte("100000"))
		return true
	}
	if _, err := p.write(t, f); !errors.Is(err, ErrHistory) {
		t.Errorf("an altered event: %v", err)
	}
	p.change = func(r *eventstore.Record) bool { r.Position += 1000; return true }
	if _, err := p.write(t, f); !errors.Is(err, ErrHistory) {
		t.Errorf("an event that is not in the tree: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.issuer.Pack(ctx, 1<<40, p.about, func(string, []byte) error { return nil }); !errors.Is(err, ErrBehind) {
		t.Errorf("a tree that is behind: %v", err)
	}
	p.change = func(*eventstore.Record) bool { return false }
	p.entries, p.counts[0] = EntriesHeader+"\n", 0
	p.trial = TrialHeader + "\n"
	if v, err := verifyPack(t, f, p.mustWrite(t, f)); err != nil || v.Events != 0 {
		t.Errorf("a month without events: %v", err)
	}
}

// plainPack is a pack as somebody reads it who has docs/audit-pack.md and the standard library.
type plainPack map[string][]byte

func readPlain(t testing.TB, raw []byte) plainPack {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files := plainPack{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if name, packed := strings.CutSuffix(f.Name, ".gz"); packed {
			unpack, err := gzip.NewReader(bytes.NewReader(files[f.Name]))
			if err != nil {
				t.Fatal(err)
			}
			if files[name], err = io.ReadAll(unpack); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// signed tells whether a note's first signature is by the key.
func signed(note []byte, verifierKey string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(verifierKey, "+", 3)[2])
	text, line, _ := strings.Cut(string(note), "\n\n— "+testOrigin+" ")
	line, _, _ = strings.Cut(line, "\n")
	signature, sigErr := base64.StdEncoding.DecodeString(line)
	return err == nil && sigErr == nil && len(signature) == 68 && ed25519.Verify(raw[1:], []byte(text+"\n"), signature[4:])
}

// The same by other means: Ed25519 and SHA-256 of the standard library, and the tree as RFC 6962 defines it, from the top down.
func TestAPackIsCheckedWithPlainCryptoToo(t *testing.T) {
	f, p := packFixture(t)
	files, key := readPlain(t, p.mustWrite(t, f)), f.keys(t)[0]
	for _, line := range strings.Split(strings.TrimSpace(string(files["SHA256SUMS"])), "\n") {
		digest, name, _ := strings.Cut(line, "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(files[name])); got != digest {
			t.Errorf("%s has digest %s, want %s", name, got, digest)
		}
	}
	if want := fmt.Sprintf("kipay audit pack v1\n%s\n%x\n", testOrigin, sha256.Sum256(files["SHA256SUMS"])); !strings.HasPrefix(string(files["seal.txt"]), want+"\n") ||
		!signed(files["seal.txt"], key) || !signed(files["checkpoint.txt"], key) || string(files["keys.txt"]) != key+"\n" {
		t.Errorf("seal, checkpoint or keys: %s %s %s", files["seal.txt"], files["checkpoint.txt"], files["keys.txt"])
	}
	var size int64
	head := strings.Split(string(files["checkpoint.txt"]), "\n")
	if _, err := fmt.Sscan(head[1], &size); err != nil {
		t.Fatal(err)
	}
	// What is known of the tree: leaves, and subtrees between them, by where they begin and how many leaves they have.
	type node struct{ first, leaves int64 }
	known := map[node][32]byte{}
	at, proof := int64(0), files["proof.bin"]
	fill := func(to int64) {
		for ; at < to && len(proof) > 0; proof = proof[33:] {
			known[node{at, 1 << proof[0]}] = [32]byte(proof[1:33])
			at += 1 << proof[0]
		}
	}
	for _, line := range bytes.Split(bytes.TrimSpace(files["events.ndjson"]), []byte("\n")) {
		var e struct {
			Leaf, Revision   int64
			Stream, ID, Type string
			Data, Metadata   []byte
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		fill(e.Leaf)
		id, _ := uuid.Parse(e.ID)
		leaf := []byte{0, 1} // the prefix of leaves, and the version
		part := func(b []byte) { leaf = append(binary.BigEndian.AppendUint32(append(leaf, 0), uint32(len(b))), b...) }
		part([]byte(e.Stream))
		leaf = append(binary.BigEndian.AppendUint64(leaf, uint64(e.Revision)), id[:]...)
		part([]byte(e.Type))
		part(e.Data)
		part(e.Metadata)
		known[node{at, 1}] = sha256.Sum256(leaf)
		at++
	}
	fill(size)
	var hash func(first, leaves int64) [32]byte
	hash = func(first, leaves int64) [32]byte {
		if h, ok := known[node{first, leaves}]; ok {
			return h
		}
		if leaves == 1 {
			t.Fatalf("nothing is known of leaf %d", first)
		}
		half := int64(1)
		for half*2 < leaves {
			half *= 2
		}
		left, right := hash(first, half), hash(first+half, leaves-half)
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
	if root := hash(0, size); base64.StdEncoding.EncodeToString(root[:]) != head[2] || len(proof) != 0 {
		t.Errorf("root %x, signed %s; %d bytes of proof are left", root, head[2], len(proof))
	}
}

// A pack keeps little in memory, however many events it has, and its proof is small.
func TestAPackOfManyEventsIsWrittenAsItGoes(t *testing.T) {
	f, p := packFixture(t)
	const many = 6000 // more than two batches
	for n := range many / 500 {
		var events []eventstore.NewEvent
		for i := range 500 {
			merchant := 1 + i%3/2
			events = append(events, eventstore.NewEvent{
				ID: uuid.New(), Type: "PaymentCompleted", Data: fmt.Appendf(nil, `{"n":%d}`, n*500+i), Metadata: fmt.Appendf(nil, `{"merchant":%d}`, merchant),
			})
		}
		if _, err := f.store.Append(t.Context(), "transaction-many", eventstore.AnyRevision, events...); err != nil {
			t.Fatal(err)
		}
	}
	head, err := f.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.caughtUp(t)
	largest := 0
	var out bytes.Buffer
	archive := NewPackArchive(&out)
	w, err := f.issuer.Pack(t.Context(), head, p.about, func(name string, piece []byte) error {
		largest = max(largest, len(piece))
		return archive.Add(name, piece)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Events(t.Context(), func(yield func(*eventstore.Record) error) error {
		for at := eventstore.Position(0); ; {
			records, err := f.store.ReadAll(t.Context(), at, eventstore.Forward, 1000)
			if err != nil || len(records) == 0 {
				return err
			}
			for i := range records {
				at = records[i].Position
				if bytes.Contains(records[i].Metadata, []byte(`"merchant":1`)) {
					if err := yield(&records[i]); err != nil {
						return err
					}
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range [][2]string{{PackEntries, p.entries}, {PackTrial, p.trial}, {PackImports, p.imports}, {PackDifferences, p.differences}} {
		if err := w.whole(file[0], file[1]); err != nil {
			t.Fatal(err)
		}
	}
	w.Counted(2, 1, 1)
	m, err := w.Seal()
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	if v, err := verifyPack(t, f, out.Bytes()); err != nil || v.Events != m.Events || m.Events < many/2 {
		t.Errorf("%d events: %v", m.Events, err)
	}
	if largest > packPiece+maxPackLine {
		t.Errorf("a piece has %d bytes", largest)
	}
}

func TestAmountsOfAPackHaveOneForm(t *testing.T) {
	for minor, want := range map[int64]string{0: "0.00", 5: "0.05", -5: "-0.05", 99450: "994.50", -100: "-1.00"} {
		if got := PackAmount(minor, "KES"); got != want {
			t.Errorf("%d is written %s, want %s", minor, got, want)
		}
		if back, ok := parsePackAmount(want, "KES"); !ok || back != minor {
			t.Errorf("%s is read as %d, %v", want, back, ok)
		}
	}
	for _, wrong := range []string{"", "1", "1.0", "01.00", "+1.00", "1.00 ", "1,00", "-0.00", ".50", "1.000", "99999999999999999999.00"} {
		if _, ok := parsePackAmount(wrong, "KES"); ok {
			t.Errorf("%q was read", wrong)
		}
	}
}
