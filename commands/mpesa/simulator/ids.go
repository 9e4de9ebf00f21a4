package simulator

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// eat is the zone of every time that Daraja writes without one.
var eat = time.FixedZone("EAT", 3*60*60)

// timestampLayout is YYYYMMDDHHmmss.
const timestampLayout = "20060102150405"

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

// hexString is n random hex digits.
func (s *Simulator) hexString(n int) string {
	return hex.EncodeToString(s.random.bytes((n + 1) / 2))[:n]
}

// letters are n random characters of alphabet (the slight bias of the remainder does not matter here).
func (s *Simulator) letters(n int, alphabet string) string {
	b := s.random.bytes(n)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

const (
	digits   = "0123456789"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mixed    = digits + capitals + "abcdefghijklmnopqrstuvwxyz"
)

func (s *Simulator) accessToken() string { return s.letters(28, mixed) }

// requestID has the shape of Daraja's: 4788-4f18-9d5b-0c2f7b6e1a2f1.
func (s *Simulator) requestID() string {
	h := s.hexString(25)
	return h[:4] + "-" + h[4:8] + "-" + h[8:12] + "-" + h[12:]
}

// merchantRequestID has the shape 2654-4b64-97ff-b827b542881d3130.
func (s *Simulator) merchantRequestID() string {
	h := s.hexString(28)
	return h[:4] + "-" + h[4:8] + "-" + h[8:12] + "-" + h[12:]
}

// originatorID has the shape of C2B's 6e86-45dd-91ac-fd5d4178ab523408729.
func (s *Simulator) originatorID() string {
	h := s.hexString(24)
	return h[:4] + "-" + h[4:8] + "-" + h[8:12] + "-" + h[12:] + s.letters(7, digits)
}

// checkoutRequestID is ws_CO_ + DDMMYYYYHHmmss + milliseconds + the local number, moved on a millisecond while it is
// taken. The caller holds mu.
func (s *Simulator) checkoutRequestID(at time.Time, msisdn string) string {
	for {
		local := at.In(eat)
		id := fmt.Sprintf("ws_CO_%s%03d%s", local.Format("02012006150405"), local.Nanosecond()/1e6, msisdn[3:])
		if s.transactions[id] == nil {
			return id
		}
		at = at.Add(time.Millisecond)
	}
}

// receiptDay is what a receipt of a day begins with: year (N is 2019), month and day as one character each.
func receiptDay(at time.Time) string {
	local := at.In(eat)
	year := capitals[((local.Year()-2006)%26+26)%26]
	return string(year) + string(capitals[local.Month()-1]) + string((digits + capitals)[local.Day()])
}

// receiptText is an M-Pesa receipt: its day and seven more characters.
func (s *Simulator) receiptText(at time.Time) string {
	return receiptDay(at) + s.letters(7, digits+capitals)
}

// noReceipt is what stands for a receipt where there is none: MBN0000000 (Daraja, Reversal and Transaction Status,
// samples).
func noReceipt(at time.Time) string { return receiptDay(at) + "0000000" }

// receipt is a receipt that no push and nothing in the book has. The caller holds mu.
func (s *Simulator) receipt(at time.Time) string {
	for {
		r := s.receiptText(at)
		if !s.receipts[r] && s.ledger.byReceipt[r] == nil {
			s.receipts[r] = true
			return r
		}
	}
}

// conversationID has the shape AG_20210709_1234409f86436c583e3f.
func (s *Simulator) conversationID(at time.Time) string {
	return "AG_" + at.In(eat).Format("20060102") + "_" + s.hexString(20)
}

// menuReceipt is the receipt of a C2B payment, which no transaction stands for: as many are remembered as transactions.
// The caller holds mu.
func (s *Simulator) menuReceipt(at time.Time) string {
	r := s.receipt(at)
	if s.menuReceipts = append(s.menuReceipts, r); len(s.menuReceipts) > s.opts.MaxTransactions {
		delete(s.receipts, s.menuReceipts[0])
		s.menuReceipts = s.menuReceipts[1:]
	}
	return r
}

// shillings writes an amount the way Daraja does on its way out.
func shillings(amount int64) string { return strconv.FormatInt(amount, 10) + ".00" }

// cents writes a balance, which may be below nothing.
func cents(c int64) string {
	if c < 0 {
		return "-" + cents(-c)
	}
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}
