package transparency

import "fmt"

// Refusal is why a receipt is refused, in a word.
type Refusal string

// The refusals, in the order in which a receipt is looked at.
const (
	RefusedForm       Refusal = "form"       // it is not exactly in the form of receipts
	RefusedVersion    Refusal = "version"    // it is of another version
	RefusedKey        Refusal = "key"        // no key of its log, or not the one that sealed it, was given
	RefusedSeal       Refusal = "seal"       // it was altered since the log sealed it
	RefusedEvents     Refusal = "events"     // events are missing, or in the wrong order
	RefusedHead       Refusal = "head"       // the head is not signed, or altered
	RefusedInclusion  Refusal = "inclusion"  // an event is not under the head: it, or its proof, was altered
	RefusedWitnesses  Refusal = "witnesses"  // fewer witnesses than asked for have seen the head
	RefusedDisclosure Refusal = "disclosure" // an opened field is not what was sealed
)

// RefusedError is a receipt that proves nothing.
type RefusedError struct {
	Code   Refusal
	Reason string
}

// Error tells why.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("receipt refused (%s): %s", e.Code, e.Reason)
}

func refuse(code Refusal, format string, args ...any) error {
	return &RefusedError{Code: code, Reason: fmt.Sprintf(format, args...)}
}
