package transparency

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

const (
	// receiptFormat and receiptVersion begin every receipt.
	receiptFormat  = "kipay-receipt"
	receiptVersion = 1
	// MaxReceiptBytes bounds a receipt, MaxReceiptEvents its events.
	MaxReceiptBytes  = 32 << 20
	MaxReceiptEvents = 4096
	// maxDisclosures bounds the fields that are opened, maxProofHashes a proof: a tree of maxTreeSize is no higher.
	maxDisclosures = 8 * MaxReceiptEvents
	maxProofHashes = 53
	// maxExactInteger bounds integers: up to here they are exact in every language.
	maxExactInteger = 1<<53 - 1
	// saltBytes is the length of the salt in a commitment (package eventstore, seal.go).
	saltBytes = 16
)

// Receipt is what a receipt file holds. docs/receipt-format.md describes the file.
type Receipt struct {
	// Origin is the name of the log.
	Origin string
	// Checkpoint is the signed head that the proofs lead to, empty when none of the events is under one yet.
	Checkpoint string
	// Events are in the order of the log.
	Events []ReceiptEvent
	// Seal is the log's word for all of the above, as the line of a signature. It holds before there is a head, too: a receipt
	// is then a signed promise.
	Seal string
	// Disclosures are sealed fields that are opened. The holder may take any of them out, so the seal is not over them: each is
	// checked against its commitment.
	Disclosures []Disclosure
}

// ReceiptEvent is an event with the proof that it is under the head.
type ReceiptEvent struct {
	Stream   string
	Revision eventstore.Revision
	ID       uuid.UUID
	Type     string
	// Data and Metadata are the bytes in the log; what is sealed stays sealed.
	Data, Metadata []byte
	// Proof is nil when the head does not cover the event yet.
	Proof *LeafProof
}

// LeafProof is where an event is in the tree, and the proof (RFC 6962, 2.1.1).
type LeafProof struct {
	Index  int64
	Hashes tlog.RecordProof
}

// Disclosure opens one sealed field: its commitment is SHA-256(salt ‖ value).
type Disclosure struct {
	// Event is the number of the event in the receipt, Path a JSON pointer (RFC 6901) to the field: /data/phone.
	Event int
	Path  string
	Salt  []byte
	Value []byte
}

// Pending tells that an event is not under a signed head yet.
func (r Receipt) Pending() bool {
	for _, e := range r.Events {
		if e.Proof == nil {
			return true
		}
	}
	return false
}

// record is the event as the store has it, as far as its leaf goes.
func (e ReceiptEvent) record() *eventstore.Record {
	return &eventstore.Record{Stream: e.Stream, Revision: e.Revision, ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata}
}

// sealText is what the seal signs: a note that no checkpoint can be taken for, since no log has a name with spaces.
func (r Receipt) sealText() (string, error) {
	var body canonical
	body.receipt(r)
	if body.err != nil {
		return "", body.err
	}
	return fmt.Sprintf("kipay receipt v%d\n%s\n%x\n", receiptVersion, r.Origin, sha256.Sum256(body.out)), nil
}

// Encode is the file. There is one form of each receipt, byte for byte.
func (r Receipt) Encode() ([]byte, error) {
	var file canonical
	file.raw(`{"format":`)
	file.text(receiptFormat)
	file.raw(`,"version":`)
	file.integer(receiptVersion)
	file.raw(`,"receipt":`)
	file.receipt(r)
	file.raw(`,"seal":`)
	file.text(r.Seal)
	file.raw(`,"disclosures":`)
	file.disclosures(r.Disclosures)
	file.raw("}\n")
	if file.err != nil {
		return nil, file.err
	}
	if len(file.out) > MaxReceiptBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(file.out))
	}
	return file.out, nil
}

// wireReceipt is the file as JSON reads it. What JSON lets pass, DecodeReceipt finds by writing it again.
type wireReceipt struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Receipt struct {
		Origin     string  `json:"origin"`
		Pending    bool    `json:"pending"`
		Checkpoint *string `json:"checkpoint"`
		Events     []struct {
			Stream   string              `json:"stream"`
			Revision eventstore.Revision `json:"revision"`
			ID       uuid.UUID           `json:"id"`
			Type     string              `json:"type"`
			Data     []byte              `json:"data"`
			Metadata []byte              `json:"metadata"`
			Leaf     *struct {
				Index int64            `json:"index"`
				Proof tlog.RecordProof `json:"proof"`
			} `json:"leaf"`
		} `json:"events"`
	} `json:"receipt"`
	Seal        string `json:"seal"`
	Disclosures []struct {
		Event int    `json:"event"`
		Path  string `json:"path"`
		Salt  []byte `json:"salt"`
		Value []byte `json:"value"`
	} `json:"disclosures"`
}

// DecodeReceipt reads a file that is exactly as Encode writes it: one altered byte makes it another one, or none. It checks
// neither seal nor proofs (VerifyReceipt does). Errors: *RefusedError.
func DecodeReceipt(file []byte) (Receipt, error) {
	if len(file) > MaxReceiptBytes {
		return Receipt{}, refuse(RefusedForm, "it has %d bytes, at most %d", len(file), MaxReceiptBytes)
	}
	var wire wireReceipt
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wire); err != nil {
		return Receipt{}, refuse(RefusedForm, "it is no receipt: %v", err)
	}
	if wire.Format != receiptFormat {
		return Receipt{}, refuse(RefusedForm, "it is no receipt of Kipay")
	}
	if wire.Version != receiptVersion {
		return Receipt{}, refuse(RefusedVersion, "it is of version %d, this Kipay reads version %d", wire.Version, receiptVersion)
	}
	r := wire.receipt()
	again, err := r.Encode()
	if err != nil {
		return Receipt{}, refuse(RefusedForm, "%v", err)
	}
	if !bytes.Equal(again, file) {
		return Receipt{}, refuse(RefusedForm, "it is not in the form in which receipts are written")
	}
	return r, nil
}

// receipt is the receipt that was read.
func (w *wireReceipt) receipt() Receipt {
	r := Receipt{Origin: w.Receipt.Origin, Seal: w.Seal}
	if w.Receipt.Checkpoint != nil {
		r.Checkpoint = *w.Receipt.Checkpoint
	}
	for _, e := range w.Receipt.Events {
		event := ReceiptEvent{Stream: e.Stream, Revision: e.Revision, ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata}
		if e.Leaf != nil {
			event.Proof = &LeafProof{Index: e.Leaf.Index, Hashes: e.Leaf.Proof}
		}
		r.Events = append(r.Events, event)
	}
	for _, d := range w.Disclosures {
		r.Disclosures = append(r.Disclosures, Disclosure{Event: d.Event, Path: d.Path, Salt: d.Salt, Value: d.Value})
	}
	return r
}
