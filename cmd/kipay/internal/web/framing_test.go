package web

import (
	"fmt"
	"testing"
)

// A proxy that reads the end of a body differently than we do hands us the rest of it as somebody else's request.
func TestDoubtfulEndOfABodyIsRefusedAndTheConnectionCloses(t *testing.T) {
	at := open(t, nil, nil)
	const hidden = "GET /api/things/SMUGGLED HTTP/1.1\r\nHost: x\r\nX-API-Key: " + goodKey + "\r\n\r\n"
	for _, tc := range []struct{ name, headers, body, message string }{
		{"two lengths, the last shorter", fmt.Sprintf("Content-Length: %d\r\nContent-Length: 2\r\n", 2+len(hidden)), "{}" + hidden, "Content-Length is given twice"},
		{"two lengths, the last none", fmt.Sprintf("Content-Length: %d\r\ncontent-length: 0\r\n", len(hidden)), hidden, "Content-Length is given twice"},
		{"length and chunks", fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(hidden)), "0\r\n\r\n" + hidden, "Content-Length and Transfer-Encoding exclude each other"},
		{"chunks and length", fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", 5+len(hidden)), "0\r\n\r\n" + hidden, "Content-Length and Transfer-Encoding exclude each other"},
		{"another coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden, "Transfer-Encoding must be chunked"},
		{"chunks inside another coding", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + hidden, "Transfer-Encoding must be chunked"},
		{"identity", "Transfer-Encoding: identity\r\nContent-Length: 0\r\n", hidden, "Transfer-Encoding must be chunked"},
		{"folded", "X-A: b\r\n c\r\n", "", "Headers must not be folded"},
	} {
		for _, line := range []string{"POST /api/things", "GET /api/things/A", "POST /door"} {
			t.Run(tc.name+" "+line, func(t *testing.T) {
				answers := at.raw(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: " + goodKey + "\r\n" + tc.headers + "\r\n" + tc.body)
				if len(answers) != 1 || answers[0].status != 400 || !answers[0].closes {
					t.Fatalf("got %+v", answers)
				}
				at.wantError(answers[0], 400, tc.message)
			})
		}
	}
}

func TestLengthThatIsRepeatedAsItWasIsNoDoubt(t *testing.T) {
	at := open(t, nil, nil)
	answers := at.raw("POST /api/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nX-API-Key: " + goodKey +
		"\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}")
	if len(answers) != 1 || answers[0].status != 201 {
		t.Fatalf("got %+v", answers)
	}
}
