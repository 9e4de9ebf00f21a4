package readapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/projectionstest"
	"github.com/benfex/kipay/readapi"
)

func TestMain(m *testing.M) { projectionstest.Main(m) }

// server is the read side with an install, an engine and a projector behind it. Its middleware stands for the web
// layer's: who is calling comes in headers.
type server struct {
	*projectionstest.Install
	engine    *projectionstest.Engine
	projector *projections.Projector
	seen      *eventstore.Seen
	app       *fiber.App
	readings  *readings
	maker     *transparency.Maker
}

// readings keep what was noted; fault is why nothing can be.
type readings struct {
	what  []string
	fault error
}

func (r *readings) NoteAuditRead(_ context.Context, what string) error {
	if r.fault == nil {
		r.what = append(r.what, what)
	}
	return r.fault
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{Install: projectionstest.NewInstall(t), engine: projectionstest.NewEngine(t), seen: eventstore.NewSeen(), readings: &readings{}}
	var err error
	s.projector, err = projections.New(projections.Options{
		Conn: s.engine.Conn, Log: s.Log, Logger: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.projector.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	if err := s.projector.WaitFor(projectionstest.Within(t), 0); err != nil {
		t.Fatal(err)
	}
	s.openProofs(t)
	s.app = fiber.New(fiber.Config{ErrorHandler: answerError, DisableStartupMessage: true})
	group := s.app.Group("/api", func(c *fiber.Ctx) error {
		id, err := strconv.ParseInt(c.Get("X-Merchant"), 10, 64)
		if err != nil {
			return c.Next()
		}
		who := domain.Caller{MerchantID: id, KeyID: "test", Mode: domain.ModeTest, TimeZone: "Africa/Nairobi"}
		if mode := c.Get("X-Mode"); mode != "" {
			who.Mode = domain.Mode(mode)
		}
		if scope := c.Get("X-Scope"); scope != "" {
			who.Scopes = []string{scope}
		}
		c.SetUserContext(domain.WithCaller(context.Background(), who))
		return c.Next()
	})
	readapi.Register(group, readapi.Deps{
		Log: s.Log, Reader: projections.NewReader(s.engine.Conn, s.projector), Projection: s.projector, Seen: s.seen, Readings: s.readings,
		Issuer: transparency.NewIssuer(s.maker), Opener: s.Ring, Imports: importsOf{s},
	})
	return s
}

// importsOf are the imports that stand in the log. What they look like by themselves is the write side's.
type importsOf struct{ *server }

func (i importsOf) CheckImport(ctx context.Context, merchantID int64, mode domain.Mode, id int64) error {
	var s journal.State
	err := i.Log.EachInStream(ctx, journal.Stream(id), 0, func(e eventstore.Envelope) error {
		s = s.Evolve(e.Event)
		return nil
	})
	if err == nil && (s.Merchant != merchantID || s.Mode != mode) {
		err = domain.NotFoundf("import not found")
	}
	return err
}

func (i importsOf) ImportJSON(ctx context.Context, merchantID int64, mode domain.Mode, id int64) ([]byte, error) {
	return fmt.Appendf(nil, `{"id":%d}`, id), i.CheckImport(ctx, merchantID, mode, id)
}

func (i importsOf) UnderWay() ([]int64, time.Time) { return nil, time.Now() }

func (i importsOf) StatusesJSON(context.Context, int64, domain.Mode, int64, []string) (map[string]json.RawMessage, error) {
	return nil, nil
}

// openProofs builds the Merkle tree over the install's log, as long as the test lives.
func (s *server) openProofs(t testing.TB) {
	t.Helper()
	tree, err := transparency.OpenTree(t.TempDir(), transparency.TreeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	heads := transparency.NewHeads(s.Log)
	s.maker = transparency.NewMaker(transparency.MakerOptions{Log: s.Log, Tree: tree, Heads: heads, Secrets: s.Ring, Origin: "pay.example/kipay"})
	follower := transparency.NewFollower(transparency.FollowerOptions{Store: s.Store, Tree: tree, Observe: heads.Observe})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = follower.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = tree.Close()
	})
}

// statuses stand for the web layer's table.
var statuses = map[domain.Code]int{
	domain.CodeInvalid: 422, domain.CodeUnauthorized: 401, domain.CodeForbidden: 403, domain.CodeNotFound: 404, domain.CodeUnavailable: 503,
}

func answerError(c *fiber.Ctx, err error) error {
	var e *domain.Error
	if !errors.As(err, &e) {
		return c.Status(fiber.StatusInternalServerError).SendString(err.Error())
	}
	return c.Status(statuses[e.Code]).JSON(fiber.Map{"status": "error", "message": e.Message, "errors": e.Fields})
}

// answer is what came back.
type answer struct {
	status int
	body   string
	header http.Header
	json   map[string]any
}

// get asks as the merchant; headers are pairs of names and values.
func (s *server) get(t testing.TB, merchantID int64, path string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api"+path, http.NoBody)
	r.Header.Set("X-Merchant", strconv.FormatInt(merchantID, 10))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, body: string(body), header: response.Header}
	if err := json.Unmarshal(body, &a.json); err != nil {
		t.Fatalf("%s: %q is not JSON: %v", path, body, err)
	}
	return a
}

// list is the data of a list that must succeed. When the machine is so busy that the read models are late, it is asked
// for again, as a client does.
func (s *server) list(t testing.TB, merchantID int64, path string, headers ...string) ([]map[string]any, answer) {
	t.Helper()
	a := s.get(t, merchantID, path, headers...)
	for ctx := projectionstest.Within(t); a.status == http.StatusServiceUnavailable && ctx.Err() == nil; {
		if err := s.projector.WaitFor(ctx, s.Head(t)); err != nil {
			t.Fatal(err)
		}
		a = s.get(t, merchantID, path, headers...)
	}
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	data, ok := a.json["data"].([]any)
	if !ok {
		t.Fatalf("%s: no data in %s", path, a.body)
	}
	out := make([]map[string]any, len(data))
	for i := range data {
		out[i], _ = data[i].(map[string]any)
	}
	return out, a
}
