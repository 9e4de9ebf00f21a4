package web

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

func TestBodyIsJSONOrRefused(t *testing.T) {
	at := open(t, nil, nil)
	for _, tc := range []struct {
		name, media, encoding, body string
		status                      int
		message                     string
	}{
		{"json", "application/json", "", `{"a":1}`, 201, ""},
		{"json with charset", "Application/JSON ; charset=utf-8", "", `{"a":1}`, 201, ""},
		{"no body", "", "", "", 201, ""},
		{"identity", "application/json", "identity", `{}`, 201, ""},
		{"none named", "", "", `{"a":1}`, 400, "Content-Type must be application/json"},
		{"form", "application/x-www-form-urlencoded", "", "a=1", 400, "Content-Type must be application/json"},
		{"text", "text/json", "", `{"a":1}`, 400, "Content-Type must be application/json"},
		{"packed", "application/json", "gzip", "\x1f\x8b", 400, "Content-Encoding is not supported"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			headers := []string{headerAPIKey, goodKey}
			if tc.media != "" {
				headers = append(headers, "Content-Type", tc.media)
			}
			if tc.encoding != "" {
				headers = append(headers, "Content-Encoding", tc.encoding)
			}
			a := at.call("POST", "/api/things", tc.body, headers...)
			if tc.status == 201 {
				if a.status != 201 || a.text != tc.body {
					t.Errorf("got %d %q", a.status, a.text)
				}
				return
			}
			at.wantError(a, tc.status, tc.message)
		})
	}
}

// stream is a body without a length: it goes out in chunks.
type stream struct{ io.Reader }

func TestBodyOverTheLimitIs413AndTheConnectionGoesOn(t *testing.T) {
	const limit, public = 64 << 10, 32 << 10
	at := open(t, func(o *Options) { o.BodyLimit, o.PublicBodyLimit = limit, public }, nil)
	for _, path := range []string{"/api/things", "/door"} {
		limit, created := limit, 201
		if path == "/door" {
			limit, created = public, 200
		}
		for _, chunked := range []bool{false, true} {
			for _, size := range []int{1, prefetched - 1, prefetched, prefetched + 1, limit - 1, limit, limit + 1, 4 * limit} {
				t.Run(fmt.Sprint(path, chunked, size), func(t *testing.T) {
					text := `"` + strings.Repeat("x", max(size-2, 0)) + `"`
					var body io.Reader = strings.NewReader(text[:size])
					if chunked {
						body = stream{body}
					}
					req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at.addr+path, body)
					if err != nil {
						t.Fatal(err)
					}
					req.Header.Set(headerAPIKey, goodKey)
					req.Header.Set("Content-Type", "application/json")
					a := at.do(req)
					if size > limit {
						at.wantError(a, 413, fmt.Sprintf("The body is over the limit of %d bytes", limit))
					} else if a.status != created || a.text != text[:size] {
						t.Errorf("got %d and %d bytes", a.status, len(a.text))
					}
					if next := at.get("/api/things/A"); next.status != 200 {
						t.Errorf("the next request: %d", next.status)
					}
				})
			}
		}
	}
}

func TestStrangersBodyIsNotReadBeforeTheKeyIsKnown(t *testing.T) {
	at := open(t, nil, nil)
	// Announced is a gigabyte, sent is what fasthttp reads ahead. An answer now proves that nobody waits for the rest.
	head := "POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n"
	answers := at.raw(head + strings.Repeat("x", prefetched))
	if len(answers) != 1 {
		t.Fatalf("%d answers", len(answers))
	}
	at.wantError(answers[0], 401, "Invalid API key")
	if !answers[0].closes {
		t.Error("the connection stays open")
	}
}

func TestWhatIsLeftOfABodyIsNoRequest(t *testing.T) {
	at := open(t, func(o *Options) { o.BodyLimit = 16 << 10 }, func(s *Server) {
		s.API().Post("/ignores", func(c *fiber.Ctx) error { return c.SendString("ignored") })
	})
	const next = "GET /api/things/B HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: " + goodKey + "\r\n\r\n"
	smuggled := strings.Repeat("GET /api/things/SMUGGLED HTTP/1.1\r\nHost: x\r\nX-API-Key: "+goodKey+"\r\n\r\n", 600)
	for _, size := range []int{100, prefetched, prefetched + 1, 12 << 10, 17 << 10, 40 << 10} {
		for _, path := range []string{"POST /api/things", "POST /api/ignores", "POST /api/nowhere", "GET /api/things/A", "PUT /door"} {
			for _, key := range []string{goodKey, "wrong"} {
				t.Run(fmt.Sprint(path, " ", key == goodKey, size), func(t *testing.T) {
					head := path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: " + key + "\r\n"
					for name, request := range map[string]string{
						"length": fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, size, smuggled[:size]),
						"chunks": fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, size, smuggled[:size]),
					} {
						answers := at.raw(request + next)
						if len(answers) < 1 || len(answers) > 2 {
							t.Fatalf("%s: %d answers", name, len(answers))
						}
						if len(answers) == 2 && !strings.Contains(answers[1].text, `"reference":"B"`) {
							t.Errorf("%s: the second answer is %q", name, answers[1].text)
						}
					}
				})
			}
		}
	}
	if strings.Contains(at.log.String(), "SMUGGLED") {
		t.Error("a path is in the log")
	}
}

func TestUploadsHaveTheirOwnLimitAndTheHandlerReadsThem(t *testing.T) {
	const limit = 96 << 10
	at := open(t, func(o *Options) {
		o.BodyLimit, o.Uploads = 16<<10, map[string]int{"/api/imports": limit, "/import": limit}
	}, func(s *Server) {
		size := func(c *fiber.Ctx) error {
			file, err := c.FormFile("file")
			if err != nil {
				return domain.Invalid("file", "is required")
			}
			return c.Status(202).SendString(fmt.Sprint(file.Size, c.FormValue("source")))
		}
		s.API().Post("/imports", size)
		s.Public().Post("/import", size)
	})
	form := func(size int) (string, string) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		_ = w.WriteField("source", "bank")
		part, _ := w.CreateFormFile("file", "statement.csv")
		_, _ = part.Write(bytes.Repeat([]byte("x"), size))
		_ = w.Close()
		return body.String(), w.FormDataContentType()
	}
	for _, path := range []string{"/api/imports", "/import"} {
		for _, size := range []int{10, 32 << 10, limit - 1024} {
			body, media := form(size)
			a := at.call("POST", path, body, headerAPIKey, goodKey, "Content-Type", media)
			if a.status != 202 || a.text != fmt.Sprint(size, "bank") {
				t.Errorf("%s: %d bytes: %d %q", path, size, a.status, a.text)
			}
		}
		body, media := form(limit)
		at.wantError(at.call("POST", path, body, headerAPIKey, goodKey, "Content-Type", media), 413,
			fmt.Sprintf("The body is over the limit of %d bytes", limit))
	}
	body, media := form(10)
	at.wantError(at.call("POST", "/api/imports", body, headerAPIKey, "wrong", "Content-Type", media), 401, "Invalid API key")
	at.wantError(at.call("POST", "/api/imports", "x", headerAPIKey, goodKey, "Content-Type", "text/csv"), 400,
		"Content-Type must be multipart/form-data")
	at.wantError(at.call("POST", "/api/things", body, headerAPIKey, goodKey, "Content-Type", media), 400,
		"Content-Type must be application/json")
	chunked, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at.addr+"/api/imports", stream{strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	chunked.Header.Set(headerAPIKey, goodKey)
	chunked.Header.Set("Content-Type", media)
	at.wantError(at.do(chunked), 400, "Content-Length is required")
}

func TestWhatIsNoRequestIsAnsweredInJSON(t *testing.T) {
	head := "POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: " + goodKey + "\r\n"
	for _, tc := range []struct {
		name, request string
		status        int
		message       string
	}{
		{"not HTTP", "hello" + goodKey + "\r\n\r\n", 400, "Malformed request"},
		{
			"headers too large", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", headerLimit) + "\r\n\r\n", 431,
			"Request Header Fields Too Large",
		},
		{"a length that is none", head + "Content-Length: ten\r\n\r\n", 400, "Malformed request"},
		{"headers that never end", "GET /api/things/A HTTP/1.1\r\nX-API-Key: " + goodKey + "\r\n", 408, "Request Timeout"},
		{"a small body that never comes", head + "Content-Length: 10\r\n\r\n12345", 408, "Request Timeout"},
		{
			"a large body that never comes", head + "Content-Length: 20000\r\n\r\n" + strings.Repeat("x", 10000), 408,
			"Request Timeout",
		},
		{"chunks that never come", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", 408, "Request Timeout"},
		{"chunks that are none", head + "Transfer-Encoding: chunked\r\n\r\nhello\r\n", 400, "The body can't be read"},
		{
			"chunks that lose step, and a request behind them", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345X0\r\n\r\n" +
				"GET /api/things/SMUGGLED HTTP/1.1\r\nConnection: close\r\nX-API-Key: " + goodKey + "\r\n\r\n", 400,
			"The body can't be read",
		},
		{
			"two lengths", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
			"Content-Length and Transfer-Encoding exclude each other",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at := open(t, func(o *Options) {
				if tc.status == 408 {
					o.ReadTimeout = 100 * time.Millisecond
				}
			}, nil)
			answers := at.raw(tc.request)
			if len(answers) != 1 {
				t.Fatalf("%d answers", len(answers))
			}
			at.wantError(answers[0], tc.status, tc.message)
			if line := at.log.last(t); line["status"] != float64(tc.status) || line["client"] != "127.0.0.0/24" {
				t.Errorf("log line %v", line)
			}
			if strings.Contains(at.log.String(), goodKey) {
				t.Error("the key is in the log")
			}
		})
	}
}

func TestAFormIsTakenWhereItIsSaidAndWithinTheUsualLimit(t *testing.T) {
	const limit = 64 << 10
	at := open(t, func(o *Options) {
		o.BodyLimit, o.Forms = limit, func(path string) bool { return path == "/api/forms" }
	}, func(s *Server) {
		s.API().Post("/forms", func(c *fiber.Ctx) error {
			form, err := c.MultipartForm()
			if err != nil {
				return err
			}
			return c.Status(202).SendString(fmt.Sprint(form.File["file"][0].Size))
		})
	})
	for path, want := range map[string]map[int]int{"/api/forms": {10: 202, 32 << 10: 202, limit: 413}, "/api/things": {10: 400}} {
		for size, status := range want {
			var body bytes.Buffer
			w := multipart.NewWriter(&body)
			part, _ := w.CreateFormFile("file", "receipt.pdf")
			_, _ = part.Write(bytes.Repeat([]byte("x"), size))
			_ = w.Close()
			if a := at.call("POST", path, body.String(), headerAPIKey, goodKey, "Content-Type", w.FormDataContentType()); a.status != status || status == 202 && a.text != fmt.Sprint(size) {
				t.Errorf("%s, %d bytes: %d %q", path, size, a.status, a.text)
			}
		}
	}
}
