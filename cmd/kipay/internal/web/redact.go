package web

import (
	"regexp"
	"strings"
)

// The secrets that have a shape of their own. What has none must not get into an error in the first place.
var (
	keyShape   = regexp.MustCompile(`((?:kp|sk|pk|rk)_(?:test|live)|\bsk|\bwhsec)_[A-Za-z0-9_\-]{4,}`)
	loginShape = regexp.MustCompile(`(?i)(bearer|basic)\s+[A-Za-z0-9+/=_.~\-]{8,}`)
	emailShape = regexp.MustCompile(`[A-Za-z0-9._+'\-]+(?:@|%40)[A-Za-z0-9.\-]+\.[A-Za-z]{2,}`)
	jwtShape   = regexp.MustCompile(`eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*`)
	tokenShape = regexp.MustCompile(`([0-9a-f]{8})[0-9a-f]{24,}`)
)

// redact masks what must not be logged and may have slipped into the text of an error: keys, credentials, emails, phone
// numbers, card numbers, and the tokens in callback URLs (of which, as of hashes, the beginning stays). It masks too
// much rather than too little.
func redact(text string) string {
	text = keyShape.ReplaceAllString(text, "${1}_[key]")
	text = loginShape.ReplaceAllString(text, "$1 [credentials]")
	text = jwtShape.ReplaceAllString(text, "[credentials]")
	text = emailShape.ReplaceAllString(text, "[email]")
	text = tokenShape.ReplaceAllString(text, "$1[token]")
	return redactNumbers(text)
}

// group is a run of digits in a text. inWord tells that it touches a capital letter, as those of references and receipts do.
type group struct {
	start, end int
	inWord     bool
}

// redactNumbers masks phone and card numbers, also those written in groups: "4111 1111 1111 1111", "+254 712-345-678".
func redactNumbers(text string) string {
	groups := digitGroups(text)
	if len(groups) == 0 {
		return text
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(groups); i++ {
		last, mask := longestNumber(text, groups, i)
		if mask == "" {
			continue
		}
		start := groups[i].start
		if start > done && text[start-1] == '+' {
			start--
		}
		out.WriteString(text[done:start])
		out.WriteString(mask)
		done = groups[last].end
		i = last
	}
	out.WriteString(text[done:])
	return out.String()
}

// longestNumber is the longest number that begins with the group at first: its last group, and the mask for it. With a group
// of a word only a card in several groups counts: no reference looks like one.
func longestNumber(text string, groups []group, first int) (last int, mask string) {
	digits, inWord := "", false
	plus := groups[first].start > 0 && text[groups[first].start-1] == '+'
	for i := first; i < len(groups); i++ {
		if i > first && !joined(text[groups[i-1].end:groups[i].start]) {
			break
		}
		digits += text[groups[i].start:groups[i].end]
		if i > first && len(digits) > longestChain {
			break
		}
		inWord = inWord || groups[i].inWord
		if m := maskFor(digits, plus); m != "" && (!inWord || (i > first && m == cardMask)) {
			last, mask = i, m
		}
	}
	return last, mask
}

// joined tells whether what stands between two groups of digits is how people write one number.
func joined(between string) bool { return between == " " || between == "-" }

const cardMask = "[card]"

// maskFor is what to write in place of the digits, empty to leave them.
func maskFor(digits string, plus bool) string {
	n := len(digits)
	switch {
	case plus && n >= 8 && n <= 15:
		return "[phone]"
	case strings.HasPrefix(digits, "254") && n >= 11 && n <= 13:
		return "[phone]"
	case n == 10 && (strings.HasPrefix(digits, "07") || strings.HasPrefix(digits, "01")):
		return "[phone]"
	case n == 9 && (digits[0] == '7' || digits[0] == '1'):
		return "[phone]"
	case n >= shortestCard && endsWithCard(digits):
		return cardMask
	case n > longestCard: // Daraja's CheckoutRequestID ends with the phone number
		return digits[:8] + "[digits]"
	default:
		return ""
	}
}

// digitGroups finds the runs of digits.
func digitGroups(text string) []group {
	var groups []group
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		start := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		groups = append(groups, group{start, i, (start > 0 && capital(text[start-1])) || (i < len(text) && capital(text[i]))})
	}
	return groups
}

func capital(b byte) bool { return b >= 'A' && b <= 'Z' }

// The lengths of card numbers (ISO/IEC 7812-1; 13 digits are from before it).
const (
	shortestCard = 13
	longestCard  = 19
	// longestChain bounds how many digits in groups are looked at together.
	longestChain = 64
)

// endsWithCard tells whether the digits are a card number, or have one at their end: something else may stand right
// before it.
func endsWithCard(digits string) bool {
	for n := shortestCard; n <= min(len(digits), longestCard); n++ {
		if luhn(digits[len(digits)-n:]) {
			return true
		}
	}
	return false
}

// luhn tells whether the digits end with the check digit of a card number (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
