package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// firstID is above 2^32: Paystack's ids are unsigned 64-bit, and a client that keeps 32 has to fail here.
const firstID = 4_300_000_000

// lockedReader lets request handlers share one source of randomness.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) bytes(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(l.r, b); err != nil {
		panic(fmt.Sprintf("simulator: Options.Rand ended: %v", err))
	}
	return b
}

const (
	lower = "0123456789abcdefghijklmnopqrstuvwxyz"
	mixed = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// letters are n random characters of alphabet (the slight bias of the remainder does not matter here).
func (s *Simulator) letters(n int, alphabet string) string {
	b := s.random.bytes(n)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// nextID counts up in small random steps. The caller holds mu.
func (s *Simulator) nextID() uint64 {
	s.lastID += 1 + uint64(s.random.bytes(1)[0])
	return s.lastID
}

// customerOf is the same customer for the same email in the same account, without keeping any.
func customerOf(a *account, email string) customerView {
	sum := sha256.Sum256([]byte(a.SecretKey + "\x00" + email))
	return customerView{
		ID: uint64(binary.BigEndian.Uint32(sum[:4])), Email: email,
		CustomerCode: "CUS_" + hex.EncodeToString(sum[4:12])[:15], RiskAction: "default",
	}
}

// stamp is a time as Paystack writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// stampOrNull is null for a time that has not come.
func stampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := stamp(t)
	return &text
}
