package chdb

import (
	"regexp"
	"strings"
)

// token is a piece of SQL as far as this package has to understand it.
type token struct {
	kind tokenKind
	text string // of a word: without quotes
}

type tokenKind int

const (
	tokenWord   tokenKind = iota // a bare or quoted identifier, a keyword, a number
	tokenString                  // a literal in single quotes
	tokenSign                    // any other character
)

// tokens reads sql piece by piece, leaving out white space and comments, until yield says stop. It knows what can hide
// a word (quotes, comments, here-documents), nothing else of the grammar: the engine's own parser decides what a
// statement is.
func tokens(sql string, yield func(token) bool) {
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch c := sql[i]; {
		case c <= ' ':
			i++
		case strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "#!") || strings.HasPrefix(rest, "# "):
			i += lengthUntil(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			i += 2 + lengthUntil(rest[2:], "*/")
		case c == '\'' || c == '`' || c == '"':
			text, n := quoted(rest)
			i += n
			kind := tokenWord
			if c == '\'' {
				kind = tokenString
			}
			if !yield(token{kind, text}) {
				return
			}
		case strings.HasPrefix(rest, "‘"):
			n := lengthUntil(rest, "’")
			i += n
			if !yield(token{tokenString, ""}) {
				return
			}
		case strings.HasPrefix(rest, "“"):
			n := lengthUntil(rest, "”")
			i += n
			if !yield(token{tokenWord, strings.Trim(rest[:n], "“”")}) {
				return
			}
		case c >= 0x80:
			i++ // no-break spaces and their like; in a bare name the engine takes ASCII only
		case isWord(c):
			// In a name, but not after a number, a $ is a letter: `x$a$` begins no here-document.
			n := 1
			for n < len(rest) && (isWord(rest[n]) || rest[n] == '$' && (c < '0' || c > '9')) {
				n++
			}
			i += n
			if !yield(token{tokenWord, rest[:n]}) {
				return
			}
		default:
			if n := hereDocument(rest); n > 0 {
				i += n
				if !yield(token{tokenString, ""}) {
					return
				}
				continue
			}
			i++
			if !yield(token{tokenSign, string(c)}) {
				return
			}
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// lengthUntil is the length of text up to and with the mark, or all of it.
func lengthUntil(text, mark string) int {
	if i := strings.Index(text, mark); i >= 0 {
		return i + len(mark)
	}
	return len(text)
}

// quoted reads what stands in quotes at the start of text: a quote is escaped by a backslash or by doubling it. The
// text it gives has escapes resolved as far as a name can need it: `\x66` and the like are rewritten too.
func quoted(text string) (inside string, length int) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == 'x' && i+2 < len(text) {
				b.WriteByte(nibble(text[i+1])<<4 | nibble(text[i+2]))
				i += 2
				continue
			}
			b.WriteByte(text[i])
		case c == quote && i+1 < len(text) && text[i+1] == quote:
			i++
			b.WriteByte(quote)
		case c == quote:
			return b.String(), i + 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(text)
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0
}

// hereDocument is the length of a $tag$…$tag$ literal at the start of text, or 0.
func hereDocument(text string) int {
	if text[0] != '$' {
		return 0
	}
	n := 1
	for n < len(text) && isWord(text[n]) {
		n++
	}
	if n == len(text) || text[n] != '$' {
		return 0
	}
	tag := text[:n+1]
	end := strings.Index(text[len(tag):], tag)
	if end < 0 {
		return 0
	}
	return len(tag) + end + len(tag)
}

// keyword is the first word of a statement in capitals: "INSERT", "SYSTEM".
func keyword(sql string) string {
	word := ""
	tokens(sql, func(t token) bool {
		if t.kind == tokenSign && (t.text == "(" || t.text == ";") {
			return true
		}
		word = strings.ToUpper(t.text)
		return false
	})
	return word
}

// setsSomething says whether sql may have a SETTINGS clause anywhere. The name of a table or a column has its database's or
// its table's before it (`1.` is a number).
func setsSomething(sql string) bool {
	found := false
	var last, before token
	tokens(sql, func(t token) bool {
		qualified := last.kind == tokenSign && last.text == "." && before.kind == tokenWord && before.text != "" && (before.text[0] < '0' || before.text[0] > '9')
		found = t.kind == tokenWord && strings.EqualFold(t.text, "SETTINGS") && !qualified
		before, last = last, t
		return !found
	})
	return found
}

// namesFile says whether sql names something `file`. The engine refuses the table function of that name to a read-only
// session but not the scalar one, which gives the content of any file that this process may read, and which can be called
// without a parenthesis after it: `* APPLY file`, `arrayMap(file, …)`. So the word alone is refused; what stands in a
// column of that name can be had with `*`.
func namesFile(sql string) bool {
	found := false
	tokens(sql, func(t token) bool {
		found = t.kind == tokenWord && strings.EqualFold(t.text, "file")
		return !found
	})
	return found
}

// The end of an INSERT whose data comes apart from it.
var (
	insertFormat = regexp.MustCompile(`(?is)^(.*[\s)])FORMAT\s+(\w+)[\s;]*$`)
	insertValues = regexp.MustCompile(`(?is)^(.*[\s)])VALUES[\s;]*$`)
)

// cutInsert takes the format off an INSERT that ends with it: what is left is what the engine's insert stream wants.
func cutInsert(sql string) (insert, format string, ok bool) {
	if keyword(sql) != "INSERT" {
		return "", "", false
	}
	if m := insertFormat.FindStringSubmatch(sql); m != nil {
		return m[1], m[2], true
	}
	if m := insertValues.FindStringSubmatch(sql); m != nil {
		return m[1], "Values", true
	}
	return "", "", false
}

var (
	identifierEscapes = strings.NewReplacer("\\", "\\\\", "`", "\\`")
	stringEscapes     = strings.NewReplacer("\\", "\\\\", "'", "\\'")
)

func quoteIdentifier(name string) string { return "`" + identifierEscapes.Replace(name) + "`" }
func quoteString(text string) string     { return "'" + stringEscapes.Replace(text) + "'" }
