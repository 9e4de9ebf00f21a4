package commands_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/commands/spool"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// awayStore is an event store that can be away, as a server is behind a broken network.
type awayStore struct {
	*embedded.Store
	away atomic.Bool
}

func (s *awayStore) err() error {
	if s.away.Load() {
		return eventstore.ErrUnavailable
	}
	return nil
}

func (s *awayStore) Append(ctx context.Context, stream string, at eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	if err := s.err(); err != nil {
		return eventstore.Appended{}, err
	}
	return s.Store.Append(ctx, stream, at, events...)
}

func (s *awayStore) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.ReadStream(ctx, stream, from, dir, limit)
}

// spoolingNode is a node on a store that can be away, with a spool.
func (w *world) spoolingNode() (*awayStore, *spool.Spool, *commands.WriteSide) {
	w.t.Helper()
	masters, err := eventstore.ParseMasterKeys("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		w.t.Fatal(err)
	}
	store := &awayStore{Store: w.store}
	kept, err := spool.Open(spool.Options{Dir: w.t.TempDir(), Seal: masters, Random: rand.Reader})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = kept.Close() })
	ring := eventstore.NewKeyring(store, masters, rand.Reader)
	log := eventstore.NewLog(store, eventstore.NewCodec(ring, eventstore.Catalogue()), w.clock.now, uuid.New)
	side, err := commands.New(w.t.Context(), commands.Options{
		Log: log, Ring: ring, Seen: eventstore.NewSeen(), Random: rand.Reader, Logger: zerolog.Nop(), PublicURL: "https://pay.example.com",
		Mpesa:    mpesa.New(mpesa.Options{SandboxURL: w.provider.URL, Now: w.clock.now}),
		Paystack: paystack.New(paystack.Options{BaseURL: w.provider.URL, Now: w.clock.now}), CheckoutWindow: time.Hour,
		PushWindow: 15 * time.Minute, C2BWait: 15 * time.Second, SimulateWait: time.Second, Spool: kept,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.app = fiber.New(fiber.Config{Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		return c.Status(400 + int(domain.CodeOf(err))).SendString(err.Error())
	}})
	side.RegisterDoors(w.app)
	return store, kept, side
}

func TestNoticesOfAnOutageAreAcknowledgedKeptAndRecordedInOrder(t *testing.T) {
	w := newWorld(t, "sandbox")
	first, path := w.push("ORDER1")
	paidFirst := paid(w.checkout, "QGR7I8K2LM")
	second, secondPath := w.push("ORDER2")
	paidSecond := paid(w.checkout, "QGR7I8K2LN")
	store, kept, side := w.spoolingNode()

	store.away.Store(true)
	for _, n := range [][2]string{{path, paidFirst}, {secondPath, paidSecond}, {path, paidFirst}} {
		if status, answer := w.post(n[0], n[1]); status != 200 || answer != mpesa.AckBody {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if n := kept.Len(); n != 3 {
		t.Fatalf("%d notices are kept", n)
	}
	// What would have been refused is refused, and not kept.
	if status, _ := w.post(strings.Replace(path, "/1/", "/2/", 1), paidFirst); status == 200 {
		t.Error("a wrong token is acknowledged")
	}
	if status, _ := w.post(path, `{"junk":1}`); status == 200 || kept.Len() != 3 {
		t.Errorf("junk: %d, %d kept", status, kept.Len())
	}
	if w.state(first).Status() != transaction.StatusPending {
		t.Fatal("recorded without a store")
	}

	store.away.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- side.DeliverSpool(ctx) }()
	sub, err := w.store.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	limited, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	var order []string
	for len(order) < 2 {
		batch, err := sub.Next(limited)
		if err != nil {
			t.Fatalf("completed: %v: %v", order, err)
		}
		for _, r := range batch.Records {
			if r.Type == "PaymentCompleted" {
				order = append(order, r.Stream)
			}
		}
	}
	if order[0] != first.Stream() || order[1] != second.Stream() {
		t.Errorf("recorded in the order %v", order)
	}
	for tick := time.NewTicker(time.Millisecond); kept.Len() > 0 && limited.Err() == nil; { // the repeated notice tells nothing more
		<-tick.C
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s := w.state(first); len(s.Payments) != 1 || s.Receipt() != "QGR7I8K2LM" {
		t.Errorf("%+v", s)
	}
}
