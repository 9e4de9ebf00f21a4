// Package journal is the record of statements that were compared with the books: which file came, what was found, and what
// people and the program decided about it. The stream of an import is statement-{id}; the stream statementfile-{hash} knows a
// file again.
//
// What must not live here: how lines are matched (reconciliation), how files are read (commands/statement).
package journal

import (
	"strconv"

	"github.com/benfex/kipay/domain/reconciliation"
)

// itemBits is how many bits of an item's number count the differences of its import.
const itemBits = 21

// MaxDifferences bounds the differences of one import: beyond it the statement is not that of the channel.
const MaxDifferences = 200_000

// Stream is the stream of an import.
func Stream(id int64) string { return "statement-" + strconv.FormatInt(id, 10) }

// LineKey is the name of the data key of the words of the import's nth difference, where they are of nobody who is known here.
func LineKey(id int64, n int) string { return Stream(id) + "-" + strconv.Itoa(n) }

// FileStream knows a file again; hash is a keyed hash of merchant, mode, channel, contents and how they are to be read.
func FileStream(hash string) string { return "statementfile-" + hash }

// ItemID is the number of the import's nth difference, from 1: unique among all items, and it tells its import.
func ItemID(id int64, n int) int64 { return id<<itemBits | int64(n) }

// ParseItem is the import and the place of an item's number; false for one that can't be.
func ParseItem(item int64) (id int64, n int, ok bool) {
	id, n = item>>itemBits, int(item&(1<<itemBits-1))
	return id, n, item > 0 && id > 0 && n > 0
}

// Status is how far an import is.
type Status string

// The statuses.
const (
	Processing Status = "processing"
	Done       Status = "done"
	Failed     Status = "failed"
)

// CutOff is said of an import that was begun and that nobody is at any more.
const CutOff = "It was cut off before it was compared; nothing of it counts. Send the file again."

// Action is what was decided about a difference.
type Action string

// The actions. The first four are a person's; what the program does by itself has the last two.
const (
	// Credit counts the money of the line for a transaction.
	Credit Action = "credit"
	// WriteOff lets money in suspense go.
	WriteOff Action = "write_off"
	// Return notes that money in suspense went back to whoever sent it, outside Kipay.
	Return Action = "return"
	// Accept leaves the books as they are: the difference is explained by the reason that is given.
	Accept Action = "accept"
	// Recorded: the statement was evidence, and the books have it now.
	Recorded Action = "recorded"
	// Suspended: the money stands in suspense until a person resolves it. The difference stays open.
	Suspended Action = "suspended"
)

// ByPerson tells whether a person can choose the action.
func (a Action) ByPerson() bool { return a == Credit || a == WriteOff || a == Return || a == Accept }

// Books tells whether a person's action enters anything in the books.
func (a Action) Books() bool { return a.ByPerson() && a != Accept }

// MovesSuspense tells whether a person's action takes money out of suspense without anybody being credited.
func (a Action) MovesSuspense() bool { return a == WriteOff || a == Return }

// resolves tells whether the action ends the difference.
func (a Action) resolves() bool { return a != "" && a != Suspended }

// stateOf is the state of a difference that was found as such, after an action.
func stateOf(found reconciliation.State, a Action) reconciliation.State {
	if a.resolves() {
		return reconciliation.Resolved
	}
	return found
}
