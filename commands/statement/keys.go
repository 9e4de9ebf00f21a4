package statement

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// keyBytes is how much of a SHA-256 a key keeps.
const keyBytes = 16

// keys gives lines their identity: source, account of the statement, receipt, what it is, amounts and time of completion.
// Lines of one file in which all of that is the same are told apart by their occurrence, counted in the order of the file;
// as like lines have one time, a file that overlaps holds all of them or none.
type keys struct {
	source  reconciliation.Source
	account string
	seen    map[[keyBytes]byte]uint32
	buf     []byte
}

func newKeys(source reconciliation.Source) *keys {
	return &keys{source: source, seen: map[[keyBytes]byte]uint32{}}
}

// give puts Key and Fingerprint into a line.
func (k *keys) give(l *Line) {
	b := k.buf[:0]
	for _, s := range [...]string{string(k.source), k.account, l.Receipt, string(l.Kind), l.ReasonType} {
		b = appendText(b, s)
	}
	b = appendMoney(appendMoney(b, l.PaidIn), l.Withdrawn)
	b = appendTime(b, l.CompletedAt)
	sum := sha256.Sum256(b)
	id := [keyBytes]byte(sum[:keyBytes])
	k.seen[id]++
	l.Key = hex.EncodeToString(id[:])
	if n := k.seen[id]; n > 1 {
		l.Key += "-" + strconv.FormatUint(uint64(n), 10)
	}

	b = appendText(appendText(b, l.Linked), l.Status)
	b = appendTime(b, l.InitiatedAt)
	if l.Balance != nil {
		b = appendMoney(b, *l.Balance)
	}
	sum = sha256.Sum256(b)
	l.Fingerprint = hex.EncodeToString(sum[:keyBytes])
	k.buf = b
}

// appendText appends s with its length, so that no two lists of texts look the same.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendMoney(b []byte, m money.Money) []byte {
	return appendText(binary.AppendVarint(b, m.Minor), string(m.Currency))
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t.Unix())
}
