package transparency

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

// VerifyOptions are what a receipt is verified with.
type VerifyOptions struct {
	// Keys are the log's key, and those of witnesses if there are any.
	Keys Keys
	// Witnesses is how many of the witnesses must have cosigned the head.
	Witnesses int
}

// VerifyReceipt checks a receipt file with nothing but the keys, and answers what it proves. One altered byte is enough to have
// it refused; only disclosures may be taken out. Errors: *RefusedError.
func VerifyReceipt(file []byte, o VerifyOptions) (Verdict, error) {
	r, err := DecodeReceipt(file)
	if err != nil {
		return Verdict{}, err
	}
	sealedBy, err := checkSeal(r, o.Keys)
	if err != nil {
		return Verdict{}, err
	}
	if err := checkEvents(r.Events); err != nil {
		return Verdict{}, err
	}
	v := Verdict{Status: Verified, Origin: r.Origin, SealedBy: sealedBy}
	if r.Pending() {
		v.Status = NotYetSigned
	}
	if v.Checkpoint, err = checkReceiptHead(r, o); err != nil {
		return Verdict{}, err
	}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Proof != nil {
			if err := checkInclusion(i, e, v.Checkpoint.Head); err != nil {
				return Verdict{}, err
			}
		}
		v.Events = append(v.Events, VerifiedEvent{ReceiptEvent: *e, Sealed: sealedPaths(e.Data, e.Metadata)})
	}
	for _, d := range r.Disclosures {
		if d.Event >= len(r.Events) {
			return Verdict{}, refuse(RefusedDisclosure, "there is no event %d", d.Event)
		}
		if err := d.check(&r.Events[d.Event]); err != nil {
			return Verdict{}, refuse(RefusedDisclosure, "%v", err)
		}
		v.Events[d.Event].open(d)
	}
	return v, nil
}

// checkSeal tells which of the log's keys has sealed the receipt.
func checkSeal(r Receipt, keys Keys) (sealedBy string, err error) {
	if !keys.knows(r.Origin) {
		return "", refuse(RefusedKey, "it is of the log %q, and no key of that log was given", r.Origin)
	}
	name, raw, err := parseSignature(r.Seal)
	if err != nil || name != r.Origin {
		return "", refuse(RefusedSeal, "its seal is no signature of the log")
	}
	text, err := r.sealText()
	if err != nil {
		return "", refuse(RefusedForm, "%v", err)
	}
	sealedBy = signatureKey(name, raw)
	for _, v := range keys.logs {
		if keyID(v.Name(), v.KeyHash()) != sealedBy {
			continue
		}
		if !v.Verify([]byte(text), raw[keyIDBytes:]) {
			return "", refuse(RefusedSeal, "it was altered since the log sealed it")
		}
		return sealedBy, nil
	}
	return "", refuse(RefusedKey, "it is sealed with the key %s, which was not given", sealedBy)
}

// checkEvents holds the events to their order: each stream from its beginning and without a gap, so that nobody took an event
// out of the middle, and those that are not under the head last.
func checkEvents(events []ReceiptEvent) error {
	if len(events) == 0 {
		return refuse(RefusedEvents, "it has no event")
	}
	next := make(map[string]eventstore.Revision)
	last := int64(-1)
	for i, e := range events {
		if e.Revision != next[e.Stream] {
			return refuse(RefusedEvents, "event %d is revision %d of %s, where revision %d has to stand", i, e.Revision, e.Stream, next[e.Stream])
		}
		next[e.Stream]++
		switch {
		case e.Proof == nil:
			last = maxTreeSize
		case e.Proof.Index <= last:
			return refuse(RefusedEvents, "event %d is not in the order of the log", i)
		default:
			last = e.Proof.Index
		}
	}
	return nil
}

// checkReceiptHead opens the head, nil when there is none.
func checkReceiptHead(r Receipt, o VerifyOptions) (*Checkpoint, error) {
	covered := r.Events[0].Proof != nil // those that are not covered come last
	if r.Checkpoint == "" {
		if covered {
			return nil, refuse(RefusedHead, "there are proofs, and no head that they lead to")
		}
		if o.Witnesses > 0 {
			return nil, refuse(RefusedWitnesses, "no head covers it yet, so no witness has seen one; %d must have", o.Witnesses)
		}
		return nil, nil //nolint:nilnil // no head is one of the two good cases
	}
	if !covered {
		return nil, refuse(RefusedHead, "there is a head, and no proof that leads to it")
	}
	c, err := OpenCheckpoint(r.Checkpoint, o.Keys)
	if err != nil {
		return nil, refuse(RefusedHead, "%v", err)
	}
	if c.Origin != r.Origin {
		return nil, refuse(RefusedHead, "the head is of the log %q", c.Origin)
	}
	if seen := c.cosigners(); seen < o.Witnesses {
		return nil, refuse(RefusedWitnesses, "%d of the witnesses have seen the head, %d must have", seen, o.Witnesses)
	}
	return &c, nil
}

func checkInclusion(i int, e *ReceiptEvent, head Head) error {
	if e.Proof.Index >= head.Size {
		return refuse(RefusedInclusion, "event %d is leaf %d, past the head's %d", i, e.Proof.Index, head.Size)
	}
	if err := tlog.CheckRecord(e.Proof.Hashes, head.Size, head.Root, e.Proof.Index, LeafHash(e.record())); err != nil {
		return refuse(RefusedInclusion, "event %d (%s of %s) is not under the head: it, or its proof, was altered", i, e.Type, e.Stream)
	}
	return nil
}
