package statement

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is how a text file writes its characters. A byte order mark in the file outranks it.
type Encoding string

// The encodings.
const (
	UTF8        Encoding = "utf-8" // the default
	Windows1252 Encoding = "windows-1252"
)

// windows1252High are the characters 0x80 to 0x9F (WHATWG Encoding Standard, windows-1252); the others are Latin-1's.
const windows1252High = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178"

// decoded is r as UTF-8 without a byte order mark.
func decoded(r io.Reader, e Encoding) io.Reader {
	in := bufio.NewReaderSize(r, sniffBytes)
	head, _ := in.Peek(3)
	switch {
	case len(head) == 3 && head[0] == 0xEF && head[1] == 0xBB && head[2] == 0xBF:
		_, _ = in.Discard(3)
		return in
	case len(head) >= 2 && (head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF):
		_, _ = in.Discard(2)
		u := utf16Text{in: in, little: head[0] == 0xFF}
		return &recoder{in: in, next: u.next}
	case e == Windows1252:
		w := windows1252Text{in: in, high: []rune(windows1252High)}
		return &recoder{in: in, next: w.next}
	}
	return in
}

// recoder reads characters as UTF-8.
type recoder struct {
	in   *bufio.Reader
	next func() (rune, error)
	rest []byte // of a character that did not fit
	buf  [utf8.UTFMax]byte
}

// Read gives what fits of the characters that are there, at least one byte.
func (c *recoder) Read(p []byte) (int, error) {
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	for n < len(p) && (n == 0 || c.in.Buffered() > 0) {
		r, err := c.next()
		if err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				err = nil // it comes again
			}
			return n, err
		}
		size := utf8.EncodeRune(c.buf[:], r)
		fits := copy(p[n:], c.buf[:size])
		n, c.rest = n+fits, c.buf[fits:size]
	}
	return n, nil
}

type windows1252Text struct {
	in   *bufio.Reader
	high []rune
}

func (w *windows1252Text) next() (rune, error) {
	b, err := w.in.ReadByte()
	if err == nil && b >= 0x80 && b <= 0x9F {
		return w.high[b-0x80], nil
	}
	return rune(b), err
}

type utf16Text struct {
	in     *bufio.Reader
	little bool
}

// next reads a character; half a pair of surrogates is U+FFFD.
func (u *utf16Text) next() (rune, error) {
	r, err := u.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	low, err := u.unit()
	if errors.Is(err, io.EOF) {
		return utf8.RuneError, nil
	}
	return utf16.DecodeRune(r, low), err
}

func (u *utf16Text) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.in, b[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrDamaged
		}
		return 0, err
	}
	if u.little {
		b[0], b[1] = b[1], b[0]
	}
	return rune(b[0])<<8 | rune(b[1]), nil
}

// invisible are characters that exports put beside or between others and that mean nothing.
func invisible(r rune) bool {
	switch r {
	case '\ufeff', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2060':
		return true
	}
	return false
}

// clean is a cell without space round it and without invisible characters; unbreakable spaces become plain ones.
func clean(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] < utf8.RuneSelf
	}
	if !plain {
		s = strings.Map(func(r rune) rune {
			switch {
			case invisible(r):
				return -1
			case unicode.IsSpace(r):
				return ' '
			case unicode.IsControl(r):
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s)
}

// folded is how names of columns are compared: clean, in lower case, inner spaces single, without dots and colons.
func folded(s string) string {
	s = strings.ToLower(clean(s))
	s = strings.NewReplacer(".", "", ":", "", "_", " ").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// short is a text of bounded length, cut between characters.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return strings.TrimSpace(s[:max(0, len(s)-1)])
}
