package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"
)

// refused waits until the server takes no connections any more.
func (at *site) refused() {
	at.t.Helper()
	for {
		conn, err := net.Dial("tcp", at.addr)
		if err != nil {
			return
		}
		_ = conn.Close()
		runtime.Gosched()
	}
}

func TestShutdownFinishesWhatWasAccepted(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	at := open(t, nil, func(s *Server) {
		s.API().Get("/slow", func(c *fiber.Ctx) error {
			close(entered)
			<-release
			if err := c.UserContext().Err(); err != nil {
				return err
			}
			return c.SendString("done")
		})
	})
	answers := make(chan answer)
	go func() { answers <- at.get("/api/slow") }()
	<-entered
	stopped := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- at.Shutdown(ctx)
	}()
	at.refused()
	select {
	case err := <-at.served:
		t.Fatalf("Listen returned %v with a request under way", err)
	default:
	}
	close(release)
	if a := <-answers; a.status != 200 || a.text != "done" || !a.closes {
		t.Errorf("got %d %q, closes %v", a.status, a.text, a.closes)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-at.served; err != nil {
		t.Errorf("Listen: %v", err)
	}
	if err := at.Shutdown(context.Background()); err != nil {
		t.Errorf("a second Shutdown: %v", err)
	}
}

func TestHardStopEndsTheContextsOfRequests(t *testing.T) {
	entered := make(chan struct{})
	at := open(t, nil, func(s *Server) {
		s.API().Get("/slow", func(c *fiber.Ctx) error {
			close(entered)
			<-c.UserContext().Done()
			return context.Cause(c.UserContext())
		})
		s.API().Get("/polite", func(c *fiber.Ctx) error { return c.UserContext().Err() })
	})
	answers := make(chan answer)
	go func() { answers <- at.get("/api/slow") }()
	<-entered
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := at.Shutdown(now); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	a := <-answers
	at.wantError(a, http.StatusServiceUnavailable, "Temporarily unavailable, try again")
}

func TestEndOfTheContextShutsDown(t *testing.T) {
	s, err := New(Options{Auth: keyring{}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- s.Listen(ctx, ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	cancel() // with an idle connection open
	if err := <-served; err != nil {
		t.Errorf("Listen: %v", err)
	}
	again, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(context.Background(), again); err != nil {
		t.Errorf("Listen after Shutdown: %v", err)
	}
	if _, err := net.Dial("tcp", again.Addr().String()); err == nil {
		t.Error("a server that is shut down took a connection")
	}
}

func TestShutdownBeforeListen(t *testing.T) {
	s, err := New(Options{Auth: keyring{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestListenTellsThatItsListenerWasClosed(t *testing.T) {
	s, err := New(Options{Auth: keyring{}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := s.Listen(context.Background(), ln); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
	if err := s.Listen(context.Background(), failing{ln}); err == nil {
		t.Error("a listener that fails: no error")
	}
}

// failing is a listener that can't accept.
type failing struct{ net.Listener }

func (failing) Accept() (net.Conn, error) { return nil, errors.New("too many open files") }

func TestContextOfAStreamOutlivesTheHandler(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/stream", func(c *fiber.Ctx) error {
			ctx := c.UserContext()
			c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
				_, _ = w.WriteString("context: ")
				if ctx.Err() == nil {
					_, _ = w.WriteString("alive")
				}
			})
			return nil
		})
	})
	if a := at.get("/api/stream"); a.text != "context: alive" {
		t.Errorf("got %q", a.text)
	}
}
