package faults

import (
	"strconv"
	"time"
)

// source is a small random generator (SplitMix64: Steele, Lea and Flood, 2014): a plan gives the same month everywhere and
// for ever.
type source struct{ state uint64 }

func (s *source) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// below is a number from 0 to n-1.
func (s *source) below(n int) int { return int(s.next() % uint64(n)) }

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// code writes n as digits of the alphabet, length of them.
func code(n uint64, length int) string {
	b := make([]byte, length)
	for i := length - 1; i >= 0; i-- {
		b[i] = alphabet[n%36]
		n /= 36
	}
	return string(b)
}

// receiptChars is how much of a receipt follows its first two letters; spread mixes the numbers up, without a repetition:
// it shares no divisor with 36^8.
const (
	receiptChars = 8
	receiptSpace = 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36
	spread       = 1_103_515_247
)

// receipt is a new receipt, ten characters as M-Pesa's.
func (b *builder) receipt() string {
	b.receipts++
	return "SK" + code(b.receipts*spread%receiptSpace, receiptChars)
}

// referenceChars is how much of a reference follows its prefix.
const referenceChars = 16

func (b *builder) reference(prefix string) string {
	b.references++
	return prefix + code(b.references*spread%receiptSpace, receiptChars) + code(b.draw.next()%receiptSpace, referenceChars-receiptChars)
}

// account is a new account reference.
func (b *builder) account() string {
	b.accounts++
	return "INV" + strconv.Itoa(100_000_000 + b.accounts)[1:]
}

// phone is some Kenyan number, and as a statement shows it.
func (b *builder) phone() (number, masked string) {
	number = "2547" + strconv.Itoa(100_000_000 + b.draw.below(100_000_000))[1:]
	return number, number[:5] + "****" + number[9:]
}

// shillings is an amount of whole shillings, in cents.
func (b *builder) shillings(from, to int) int64 {
	return int64(from+b.draw.below(to-from)) * 100
}

// rareAmount is an amount that nothing else has, for what is found by amount, phone and time: what is ambiguous is made so
// on purpose.
func (b *builder) rareAmount() int64 {
	b.rare++
	return int64(70_000+b.rare) * 100
}

// margin keeps what is no timing fault away from the ends of the month.
const margin = 2 * time.Hour

// moment is some second of the month.
func (b *builder) moment() time.Time {
	span := int(b.until.Sub(b.plan.From.Add(2*margin)) / time.Second)
	return b.plan.From.Add(margin).Add(time.Duration(b.draw.below(span)) * time.Second)
}

// soon is t and a few seconds.
func (b *builder) soon(t time.Time) time.Time {
	return t.Add(time.Duration(3+b.draw.below(40)) * time.Second)
}
