package transparency

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

// packVersion is the version of the form of audit packs. docs/audit-pack.md describes it.
const packVersion = 1

// The files of a pack, in their order.
const (
	PackReadme      = "README.txt"
	PackScript      = "verify.py"
	PackEvents      = "events.ndjson.gz"
	PackProof       = "proof.bin"
	PackCheckpoint  = "checkpoint.txt"
	PackKeys        = "keys.txt"
	PackEntries     = "ledger-entries.csv.gz"
	PackTrial       = "trial-balance.csv"
	PackImports     = "reconciliation-imports.csv"
	PackDifferences = "reconciliation-differences.csv"
	PackManifest    = "manifest.json"
	PackSums        = "SHA256SUMS"
	PackSeal        = "seal.txt"
)

// packFiles are all of them. The last two are over those before.
func packFiles() []string {
	return []string{
		PackReadme, PackScript, PackEvents, PackProof, PackCheckpoint, PackKeys, PackEntries, PackTrial, PackImports, PackDifferences,
		PackManifest, PackSums, PackSeal,
	}
}

//go:embed pack/README.txt
var packReadme string

//go:embed pack/verify.py
var packScript string

// proofRecordBytes is a record of the proof: the height of a subtree, and its hash.
const proofRecordBytes = 1 + tlog.HashSize

// Manifest says what a pack holds.
type Manifest struct {
	Format   string `json:"format"`
	Version  int    `json:"version"`
	Origin   string `json:"origin"`
	Merchant int64  `json:"merchant_id"`
	Mode     string `json:"mode"`
	Month    string `json:"month"`
	TimeZone string `json:"time_zone"`
	// From is the month's first moment, Until the first after it.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Closed is the event that closed the month, nil for a month that is open: then its books may still change.
	Closed *ClosedBy `json:"closed"`
	// Events, Entries, Imports and Differences count the lines of the files. Size is how many leaves are under the head.
	Events      int64 `json:"events"`
	Entries     int64 `json:"ledger_entries"`
	Imports     int64 `json:"imports"`
	Differences int64 `json:"differences"`
	Size        int64 `json:"tree_size"`
}

// ClosedBy is the event that closed a month.
type ClosedBy struct {
	EventID uuid.UUID `json:"event_id"`
	Month   string    `json:"month"`
	At      time.Time `json:"at"`
}

const packFormat = "kipay-audit-pack"

// packSealStart begins what the seal of a pack signs. No log has a name with spaces, so it can't be taken for a checkpoint.
const packSealStart = "kipay audit pack v1"

// packSealText is what the seal signs, where digest is that of the file of sums.
func packSealText(origin string, digest [32]byte) string {
	return fmt.Sprintf("%s\n%s\n%x\n", packSealStart, origin, digest)
}

// sumLine is a line of the file of sums, as sha256sum writes it.
func sumLine(name string, digest [32]byte) string { return fmt.Sprintf("%x  %s\n", digest, name) }

// appendPackEvent appends a line of the file of events.
func appendPackEvent(dst []byte, leaf int64, r *eventstore.Record) ([]byte, error) {
	line := canonical{out: dst}
	line.raw(`{"leaf":`)
	line.integer(leaf)
	line.raw(`,"stream":`)
	line.text(r.Stream)
	line.raw(`,"revision":`)
	line.integer(int64(r.Revision))
	line.raw(`,"id":`)
	line.text(r.ID.String())
	line.raw(`,"type":`)
	line.text(r.Type)
	line.raw(`,"data":`)
	line.bytes(r.Data)
	line.raw(`,"metadata":`)
	line.bytes(r.Metadata)
	line.raw("}\n")
	return line.out, line.err
}

// packEvent is such a line as it is read.
type packEvent struct {
	Leaf     int64     `json:"leaf"`
	Stream   string    `json:"stream"`
	Revision int64     `json:"revision"`
	ID       uuid.UUID `json:"id"`
	Type     string    `json:"type"`
	Data     []byte    `json:"data"`
	Metadata []byte    `json:"metadata"`
}

func (e *packEvent) record() *eventstore.Record {
	return &eventstore.Record{
		Stream: e.Stream, Revision: eventstore.Revision(e.Revision), ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata,
	}
}

// encode is the manifest's file.
func (m *Manifest) encode() ([]byte, error) {
	m.Format, m.Version = packFormat, packVersion
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}
