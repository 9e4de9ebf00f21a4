package confine

import (
	"strings"
)

// word is a piece of a canonical statement.
type word struct {
	text   string // of a name: without quotes
	kind   wordKind
	quoted bool // a name in backquotes
}

type wordKind int

const (
	name    wordKind = iota // an identifier, a keyword or a number
	literal                 // a text in single quotes
	sign                    // any other character
)

func (w word) is(keyword string) bool { return w.kind == name && strings.EqualFold(w.text, keyword) }

// isName says whether a word can be that of a database, a table or a column: a number can't, and `1.` may stand before a
// keyword.
func (w word) isName() bool {
	return w.kind == name && (w.quoted || w.text[0] < '0' || w.text[0] > '9')
}

// maxWords bounds what is read of one statement.
const maxWords = 50_000

// readWords takes a statement in canonical form apart. What the engine's formatter never writes (comments, here-documents,
// double quotes, bare letters beyond ASCII, control characters in names) is refused: it would mean that this reader and the
// engine's do not see the same.
func readWords(canonical string) ([]word, error) {
	var words []word
	for i := 0; i < len(canonical); {
		if len(words) >= maxWords {
			return nil, refuse(codeTooLarge, "the statement has too many parts")
		}
		rest := canonical[i:]
		switch c := rest[0]; {
		case c == ' ' || c == '\n':
			i++
		case c == '\'':
			n, _ := quotedLength(rest)
			if n == 0 {
				return nil, errUnreadable()
			}
			words = append(words, word{kind: literal})
			i += n
		case c == '`':
			n, plain := quotedLength(rest)
			if n == 0 {
				return nil, errUnreadable()
			}
			if !plain {
				return nil, refuse(codeAccessDenied, "names with backslashes, backquotes or control characters are not offered here")
			}
			words = append(words, word{text: rest[1 : n-1], kind: name, quoted: true})
			i += n
		case isNameByte(c):
			n := 1
			for n < len(rest) && (isNameByte(rest[n]) || rest[n] == '$') {
				n++
			}
			words = append(words, word{text: rest[:n], kind: name})
			i += n
		case c < ' ' || c >= 0x7f || c == '"' || c == '#' || c == '$' || c == '\\' || strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*"):
			return nil, errUnreadable()
		default:
			words = append(words, word{text: rest[:1], kind: sign})
			i++
		}
	}
	return words, nil
}

// quotedLength is the length of what stands in the quotes that text begins with, quotes included, or 0 when they do not
// close. It is plain when nothing in it is escaped and no character of it is a control character.
func quotedLength(text string) (length int, plain bool) {
	quote := text[0]
	plain = true
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			plain = false
			i++
		case c == quote && i+1 < len(text) && text[i+1] == quote:
			plain = false
			i++
		case c == quote:
			return i + 1, plain
		case c < ' ' || c == 0x7f:
			plain = false
		}
	}
	return 0, false
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
