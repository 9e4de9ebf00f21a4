package transparency

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is what a receipt that is not refused comes to.
type Status string

// The statuses.
const (
	// Verified: all of its events are under the signed head.
	Verified Status = "verified"
	// NotYetSigned: it is in order, but for some of its events there is no signed head yet. Until there is, they stand on the
	// log's word alone, which is the seal.
	NotYetSigned Status = "not yet signed"
)

// Verdict is what a receipt proves.
type Verdict struct {
	Status Status
	Origin string
	// SealedBy is the log's key that has sealed the receipt.
	SealedBy string
	// Checkpoint is the head and who signed it, nil when no event is under one yet.
	Checkpoint *Checkpoint
	Events     []VerifiedEvent
}

// VerifiedEvent is an event with what is known of its sealed fields.
type VerifiedEvent struct {
	ReceiptEvent
	// Opened are the fields that the holder has opened, by their paths; they are what was sealed.
	Opened []OpenedField
	// Sealed are the paths of the fields that stay closed.
	Sealed []string
}

// OpenedField is a sealed field's value.
type OpenedField struct{ Path, Value string }

func (e *VerifiedEvent) open(d Disclosure) {
	e.Opened = append(e.Opened, OpenedField{Path: d.Path, Value: string(d.Value)})
	e.Sealed = slices.DeleteFunc(e.Sealed, func(path string) bool { return path == d.Path })
}

// Sentences tell a person what was proved, the most important first. What comes out of the receipt is quoted.
func (v Verdict) Sentences() []string {
	var proved, open []VerifiedEvent
	for _, e := range v.Events {
		if e.Proof != nil {
			proved = append(proved, e)
		} else {
			open = append(open, e)
		}
	}
	var out []string
	if v.Status == NotYetSigned {
		out = append(out, fmt.Sprintf("NOT YET SIGNED: %d of %d events are under no signed head, and stand on the log's word alone. Ask for the receipt again later.",
			len(open), len(v.Events)))
	}
	out = append(out, fmt.Sprintf("The log %s has sealed this receipt with its key %s; it is as it was issued.", v.Origin, v.SealedBy))
	if c := v.Checkpoint; c != nil {
		out = append(out, fmt.Sprintf("It has signed a head over %d events, with its key %s.", c.Size, strings.Join(c.Signed, " and ")))
		for _, w := range c.Cosigned {
			out = append(out, fmt.Sprintf("Witness %s had seen no larger head of it at %s, and none that contradicts it.", w.Name, w.At.Format(time.RFC3339)))
		}
		if len(c.Unknown) > 0 {
			out = append(out, fmt.Sprintf("%d more signatures are of keys that were not given; they were not looked at: %s.", len(c.Unknown), strings.Join(c.Unknown, ", ")))
		}
		out = append(out, fmt.Sprintf("%d events are under that head, byte for byte and in this order:", len(proved)))
	}
	out = append(out, sentencesOf(proved)...)
	if len(open) > 0 {
		out = append(out, fmt.Sprintf("%d events are under no signed head yet:", len(open)))
		out = append(out, sentencesOf(open)...)
	}
	return append(out, "Each stream is whole up to its last event here. Whether others follow in the log, a receipt can't tell.")
}

func sentencesOf(events []VerifiedEvent) []string {
	var out []string
	for _, e := range events {
		at := ""
		if e.Proof != nil {
			at = fmt.Sprintf(", leaf %d", e.Proof.Index)
		}
		out = append(out, fmt.Sprintf("  %s: %s at revision %d%s, event %s", quoted(e.Type), quoted(e.Stream), e.Revision, at, e.ID))
		for _, o := range e.Opened {
			out = append(out, fmt.Sprintf("    %s is %q, which is what was sealed", quoted(o.Path), o.Value))
		}
		for _, path := range e.Sealed {
			out = append(out, fmt.Sprintf("    %s is sealed", quoted(path)))
		}
	}
	return out
}

// quoted is the text as it is when it can't be mistaken for something else, else quoted: a file may say anything.
func quoted(text string) string {
	plain := func(r rune) bool { return r > ' ' && r < 0x7f && r != '"' }
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return fmt.Sprintf("%q", text)
}
