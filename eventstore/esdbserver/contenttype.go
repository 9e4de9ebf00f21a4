package esdbserver

import "strings"

const (
	contentJSON   = "application/json"
	contentBinary = "application/octet-stream"
)

// A record has no field for the kind of its content, and nearly all is JSON. So in the folder, and only there, the type
// of an event whose content is not JSON begins with binaryMark, and a type that itself begins with a mark with plainMark.
const (
	binaryMark = "\uE000"
	plainMark  = "\uE001"
)

// markType is the type as it is stored.
func markType(name, content string) string {
	switch {
	case content != contentJSON:
		return binaryMark + name
	case strings.HasPrefix(name, binaryMark), strings.HasPrefix(name, plainMark):
		return plainMark + name
	default:
		return name
	}
}

// unmarkType is the inverse.
func unmarkType(stored string) (name, content string) {
	if rest, marked := strings.CutPrefix(stored, binaryMark); marked {
		return rest, contentBinary
	}
	return strings.TrimPrefix(stored, plainMark), contentJSON
}
