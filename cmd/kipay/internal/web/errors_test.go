package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/domain"
)

func TestEveryCodeHasItsStatus(t *testing.T) {
	const ours = "Something went wrong on our side"
	secret := errors.New("pq: password of kipay@10.0.0.7 is wrong")
	of := func(code domain.Code, message string) error {
		return &domain.Error{Code: code, Message: message, Err: secret}
	}
	for _, tc := range []struct {
		name    string
		err     error
		status  int
		message string
	}{
		{"malformed", of(domain.CodeMalformed, "body is not JSON"), 400, "body is not JSON"},
		{"malformed without words", of(domain.CodeMalformed, ""), 400, "Malformed request"},
		{"invalid", of(domain.CodeInvalid, "Validation failed"), 422, "Validation failed"},
		{"unauthorized", of(domain.CodeUnauthorized, "revoked yesterday"), 401, "Invalid API key"},
		{"forbidden", of(domain.CodeForbidden, "the key lacks refunds"), 403, "the key lacks refunds"},
		{"not found", of(domain.CodeNotFound, "no such transaction"), 404, "no such transaction"},
		{"conflict", of(domain.CodeConflict, "shortcode taken"), 409, "shortcode taken"},
		{"too large", of(domain.CodeTooLarge, "too much"), 413, "too much"},
		{"rate limited", of(domain.CodeRateLimited, "slow down"), 429, "slow down"},
		{
			"provider refused", of(domain.CodeProviderRefused, "Bad Request - Invalid PhoneNumber"), 502,
			"Bad Request - Invalid PhoneNumber",
		},
		{"unavailable", of(domain.CodeUnavailable, "The event store is away"), 503, "The event store is away"},
		{"internal", of(domain.CodeInternal, "the ledger does not balance"), 500, ours},
		{"a code from the future", of(domain.Code(999), "what"), 500, ours},
		{"wrapped", fmt.Errorf("append: %w", of(domain.CodeConflict, "taken")), 409, "taken"},
		{"any other error", secret, 500, ours},
		{"out of time", fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "Temporarily unavailable, try again"},
		{"fiber's own", fiber.NewError(418, "secret pot"), 418, "I'm a teapot"},
		{"fiber's 500", fiber.NewError(500, "secret"), 500, ours},
		{"fiber's redirect", fiber.NewError(302, "secret"), 500, ours},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at := open(t, nil, func(s *Server) { s.API().Get("/fails", func(*fiber.Ctx) error { return tc.err }) })
			a := at.get("/api/fails")
			at.wantError(a, tc.status, tc.message)
			if strings.Contains(a.text, "pq:") || strings.Contains(a.text, "secret") {
				t.Errorf("the cause is in %q", a.text)
			}
			wait := a.header.Get("Retry-After") != ""
			if want := tc.status == 503 || tc.status == 429; wait != want {
				t.Errorf("Retry-After is there: %v, want %v", wait, want)
			}
			line := at.log.last(t)
			if _, detail := line["error"]; detail != (tc.status >= 500) {
				t.Errorf("log has the detail: %v in %v", detail, line)
			}
			if line["request_id"] != a.body.RequestID {
				t.Errorf("log has request id %v, the answer %s", line["request_id"], a.body.RequestID)
			}
		})
	}
}

func TestValidationNamesEveryField(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/fails", func(*fiber.Ctx) error {
			var p domain.Problems
			p.Add("amount", "must be more than zero")
			p.Add("email", "is required")
			return p.Err()
		})
		s.API().Get("/conflicts", func(*fiber.Ctx) error { return domain.Conflictf("taken") })
	})
	a := at.get("/api/fails")
	at.wantError(a, 422, "Validation failed")
	want := map[string]string{"amount": "must be more than zero", "email": "is required"}
	if diff := cmp.Diff(want, a.body.Errors); diff != "" {
		t.Error(diff)
	}
	if a := at.get("/api/conflicts"); strings.Contains(a.text, `"errors"`) || strings.Contains(a.text, `"code"`) {
		t.Errorf("keys without a value in %q", a.text)
	}
}

func TestReasonIsAnsweredAsCode(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/fails", func(*fiber.Ctx) error {
			return &domain.Error{Code: domain.CodeProviderRefused, Message: "refused", Reason: "400.002.02"}
		})
	})
	if a := at.get("/api/fails"); a.body.Code != "400.002.02" {
		t.Errorf("code in %q", a.text)
	}
}

func TestErrorReplacesWhatTheHandlerWrote(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/fails", func(c *fiber.Ctx) error {
			c.Attachment("report.csv")
			c.Set("Cache-Control", "public")
			c.Set("ETag", `"1"`)
			if err := c.Status(200).Type("html").SendString("<h1>half a page"); err != nil {
				return err
			}
			return domain.NotFoundf("no such report")
		})
	})
	a := at.get("/api/fails")
	at.wantError(a, 404, "no such report")
	for name, want := range map[string]string{"Content-Disposition": "", "ETag": "", "Cache-Control": "no-store"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestPanicIs500AndItsStackIsLogged(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/panics", func(*fiber.Ctx) error { panic("balance of " + goodKey + " is off") })
		s.API().Get("/panics/error", func(*fiber.Ctx) error { panic(domain.NotFoundf("inner")) })
		s.Public().Get("/panics", func(c *fiber.Ctx) error {
			none := map[string][]int{}
			return c.SendString(strconv.Itoa(none["x"][0]))
		})
	})
	for _, path := range []string{"/api/panics", "/api/panics/error", "/panics"} {
		at.wantError(at.get(path), 500, "Something went wrong on our side")
		line := at.log.last(t)
		if stack, _ := line["stack"].(string); !strings.Contains(stack, "goroutine") {
			t.Errorf("%s: no stack in %v", path, line)
		}
		if line["level"] != "error" || line["route"] != path {
			t.Errorf("%s: log line %v", path, line)
		}
	}
	if strings.Contains(at.log.String(), goodKey) {
		t.Error("the key is in the log")
	}
	if a := at.get("/api/things/A"); a.status != 200 {
		t.Errorf("after the panics: %d", a.status)
	}
}

func TestRequestOutOfTimeIs503(t *testing.T) {
	at := open(t, func(o *Options) { o.RequestTimeout = 20 * time.Millisecond }, func(s *Server) {
		s.API().Get("/slow", func(c *fiber.Ctx) error {
			<-c.UserContext().Done()
			return fmt.Errorf("ask Daraja: %w", c.UserContext().Err())
		})
	})
	at.wantError(at.get("/api/slow"), http.StatusServiceUnavailable, "Temporarily unavailable, try again")
}

func TestErrorPageIsForBrowsersOutsideTheAPI(t *testing.T) {
	at := open(t, func(o *Options) {
		o.ErrorPage = func(c *fiber.Ctx, status int, message, id string) error {
			if status == 403 {
				return errors.New("template is broken")
			}
			return c.Type("html").SendString(fmt.Sprintf("<h1>%d %s %s</h1>", status, message, id))
		}
	}, func(s *Server) {
		s.Public().Get("/forbidden", func(*fiber.Ctx) error { return domain.Forbiddenf("no") })
	})
	page := at.call("GET", "/nowhere", "", "Accept", "text/html,*/*", "X-Request-ID", "browser-1")
	if page.status != 404 || page.text != "<h1>404 No such route browser-1</h1>" {
		t.Errorf("got %d %q", page.status, page.text)
	}
	at.wantError(at.call("GET", "/nowhere", "", "Accept", "application/json"), 404, "No such route")
	at.wantError(at.call("GET", "/forbidden", "", "Accept", "text/html"), 403, "no")
	at.wantError(at.call("GET", "/api/nowhere", "", "Accept", "text/html", headerAPIKey, goodKey), 404, "No such route")
}

// App.Test of other packages builds a server of its own, with Fiber's handler for what couldn't be read.
func TestFibersErrorHandlerAnswersAlike(t *testing.T) {
	s, err := New(Options{Auth: keyring{}, NewRequestID: func() string { return "OURS" }})
	if err != nil {
		t.Fatal(err)
	}
	c := s.App().AcquireCtx(&fasthttp.RequestCtx{})
	defer s.App().ReleaseCtx(c)
	if err := s.App().ErrorHandler(c, fiber.ErrRequestHeaderFieldsTooLarge); err != nil {
		t.Fatal(err)
	}
	want := `{"status":"error","message":"Request Header Fields Too Large","request_id":"OURS"}`
	if got := string(c.Response().Body()); c.Response().StatusCode() != 431 || got != want {
		t.Errorf("got %d %s", c.Response().StatusCode(), got)
	}
}
