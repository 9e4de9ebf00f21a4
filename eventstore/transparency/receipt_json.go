package transparency

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// canonical writes the one form of a receipt: no white space, keys in one order, integers in decimal, bytes in standard base64,
// texts as RFC 8785 (3.2.2.2) has them, which is also how ECMAScript's JSON.stringify does. The first error stays.
type canonical struct {
	out []byte
	err error
}

func (c *canonical) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("no receipt can hold "+format, args...)
	}
}

func (c *canonical) raw(json string) { c.out = append(c.out, json...) }

func (c *canonical) integer(n int64) {
	if n < 0 || n > maxExactInteger {
		c.fail("the number %d", n)
	}
	c.out = strconv.AppendInt(c.out, n, 10)
}

func (c *canonical) bytes(value []byte) {
	c.out = append(c.out, '"')
	c.out = base64.StdEncoding.AppendEncode(c.out, value)
	c.out = append(c.out, '"')
}

func (c *canonical) text(value string) {
	if !utf8.ValidString(value) {
		c.fail("text that is no UTF-8")
	}
	const hexDigits = "0123456789abcdef"
	c.out = append(c.out, '"')
	for i := range len(value) {
		switch b := value[i]; {
		case b == '"' || b == '\\':
			c.out = append(c.out, '\\', b)
		case b >= ' ':
			c.out = append(c.out, b)
		case shortEscape(b) != 0:
			c.out = append(c.out, '\\', shortEscape(b))
		default:
			c.out = append(c.out, `\u00`...)
			c.out = append(c.out, hexDigits[b>>4], hexDigits[b&15])
		}
	}
	c.out = append(c.out, '"')
}

// shortEscape is the letter that stands for a control character behind a backslash, 0 when it has none.
func shortEscape(b byte) byte {
	switch b {
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	default:
		return 0
	}
}

// receipt writes what the seal is over.
func (c *canonical) receipt(r Receipt) {
	if len(r.Events) > MaxReceiptEvents {
		c.fail("%d events", len(r.Events))
		return
	}
	c.raw(`{"origin":`)
	c.text(r.Origin)
	c.raw(`,"pending":`)
	c.raw(strconv.FormatBool(r.Pending()))
	c.raw(`,"checkpoint":`)
	if r.Checkpoint == "" {
		c.raw("null")
	} else {
		c.text(r.Checkpoint)
	}
	c.raw(`,"events":[`)
	for i := range r.Events {
		if i > 0 {
			c.raw(",")
		}
		c.event(&r.Events[i])
	}
	c.raw("]}")
}

func (c *canonical) event(e *ReceiptEvent) {
	c.raw(`{"stream":`)
	c.text(e.Stream)
	c.raw(`,"revision":`)
	c.integer(int64(e.Revision))
	c.raw(`,"id":`)
	c.text(e.ID.String())
	c.raw(`,"type":`)
	c.text(e.Type)
	c.raw(`,"data":`)
	c.bytes(e.Data)
	c.raw(`,"metadata":`)
	c.bytes(e.Metadata)
	if e.Proof == nil {
		c.raw(`,"leaf":null}`)
		return
	}
	if len(e.Proof.Hashes) > maxProofHashes {
		c.fail("a proof of %d hashes", len(e.Proof.Hashes))
		return
	}
	c.raw(`,"leaf":{"index":`)
	c.integer(e.Proof.Index)
	c.raw(`,"proof":[`)
	for i, hash := range e.Proof.Hashes {
		if i > 0 {
			c.raw(",")
		}
		c.bytes(hash[:])
	}
	c.raw("]}}")
}

// disclosures writes them, which have to stand in order.
func (c *canonical) disclosures(list []Disclosure) {
	if len(list) > maxDisclosures {
		c.fail("%d disclosures", len(list))
		return
	}
	c.raw("[")
	for i, d := range list {
		if i > 0 {
			c.raw(",")
			if before := list[i-1]; d.Event < before.Event || d.Event == before.Event && d.Path <= before.Path {
				c.fail("disclosures out of order, or twice")
			}
		}
		if len(d.Salt) != saltBytes {
			c.fail("a salt of %d bytes", len(d.Salt))
		}
		c.raw(`{"event":`)
		c.integer(int64(d.Event))
		c.raw(`,"path":`)
		c.text(d.Path)
		c.raw(`,"salt":`)
		c.bytes(d.Salt)
		c.raw(`,"value":`)
		c.bytes(d.Value)
		c.raw("}")
	}
	c.raw("]")
}
