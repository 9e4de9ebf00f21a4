package readapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

// streamed serves answers of these writers, by path, on a socket.
func streamed(t *testing.T, writers map[string]func(context.Context, io.Writer) error) (base string) {
	t.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		var e *domain.Error
		switch {
		case !errors.As(err, &e):
			return c.SendStatus(fiber.StatusInternalServerError)
		case e.Code == domain.CodeUnavailable:
			return c.SendStatus(fiber.StatusServiceUnavailable)
		}
		return c.SendStatus(fiber.StatusUnprocessableEntity)
	}})
	for path, write := range writers {
		app.Get(path, func(c *fiber.Ctx) error { return stream(c, write) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = app.Listener(ln)
	}()
	t.Cleanup(func() {
		_ = app.Shutdown()
		<-ended
	})
	return "http://" + ln.Addr().String()
}

func TestAnAnswerThatBreaksOffIsNeverTakenForAWhole(t *testing.T) {
	long := []byte(strings.Repeat("0123456789", streamHold/10+1))
	gone := errors.New("the engine is gone")
	left := make(chan error, 1)
	base := streamed(t, map[string]func(context.Context, io.Writer) error{
		"/short": func(_ context.Context, w io.Writer) error { _, err := w.Write([]byte("all")); return err },
		"/early": func(_ context.Context, w io.Writer) error { _, _ = w.Write([]byte("half")); return gone },
		"/wrong": func(context.Context, io.Writer) error { return domain.Invalid("format", "no") },
		"/long": func(_ context.Context, w io.Writer) error {
			_, err := w.Write(long)
			return err
		},
		"/late":       func(_ context.Context, w io.Writer) error { _, _ = w.Write(long); return gone },
		"/panics":     func(context.Context, io.Writer) error { panic("a letter that no font has") },
		"/panicslate": func(_ context.Context, w io.Writer) error { _, _ = w.Write(long); panic("too late") },
		"/endless": func(_ context.Context, w io.Writer) error {
			for {
				if _, err := w.Write(long); err != nil {
					left <- err
					return err
				}
			}
		},
	})
	get := func(path string) (int, int, error) {
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		body, err := io.ReadAll(r.Body)
		return r.StatusCode, len(body), err
	}
	for _, c := range []struct {
		path         string
		status, size int
	}{{"/short", 200, 3}, {"/early", 503, 19}, {"/wrong", 422, 20}, {"/long", 200, len(long)}, {"/panics", 500, 21}} {
		if status, size, err := get(c.path); status != c.status || size != c.size || err != nil {
			t.Errorf("%s: %d, %d bytes, %v", c.path, status, size, err)
		}
	}
	for _, path := range []string{"/late", "/panicslate"} {
		if _, size, err := get(path); err == nil || size > len(long) {
			t.Errorf("%s: an answer that broke off after %d bytes looks whole", path, size)
		}
	}
	r, err := http.Get(base + "/endless")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if err := <-left; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer whose reader has left is told %v", err)
	}
}
