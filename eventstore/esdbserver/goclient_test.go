package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func eventData(n int, size int) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: "SomethingHappened", ContentType: esdb.ContentTypeBinary, Data: append(make([]byte, size), fmt.Sprint(n)...)}
}

func mustWrite(t testing.TB, client *esdb.Client, stream string, expected esdb.ExpectedRevision, events ...esdb.EventData) *esdb.WriteResult {
	t.Helper()
	done, err := client.AppendToStream(waiting(t), stream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, events...)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func errorCode(err error) esdb.ErrorCode {
	var told *esdb.Error
	if !errors.As(err, &told) {
		return -1
	}
	return told.Code()
}

func TestGoClient(t *testing.T) {
	began := time.Now()
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	if v, err := client.GetServerVersion(); err != nil || v.Major != 24 {
		t.Fatalf("version %v, %v", v, err)
	}
	t.Logf("answered after %s", time.Since(began))
	const stream = "order-1"
	first := mustWrite(t, client, stream, esdb.NoStream{}, eventData(0, 0), eventData(1, 0))
	if first.NextExpectedVersion != 1 || first.CommitPosition != 2 || first.PreparePosition != 2 {
		t.Fatalf("%+v", first)
	}
	_, err := client.AppendToStream(waiting(t), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(7)}, eventData(2, 0))
	if errorCode(err) != esdb.ErrorCodeWrongExpectedVersion {
		t.Fatal(err)
	}
	many := make([]esdb.EventData, 3000)
	for i := range many {
		many[i] = eventData(i, 100)
	}
	if _, err := client.AppendToStream(waiting(t), stream, esdb.AppendToStreamOptions{}, many...); status.Code(errors.Unwrap(err)) != codes.InvalidArgument {
		t.Fatalf("too large: %v", err)
	}
	if _, err := client.TombstoneStream(waiting(t), stream, esdb.TombstoneStreamOptions{}); errorCode(err) != esdb.ErrorCodeUnsupportedFeature {
		t.Fatalf("tombstone: %v", err)
	}
	if _, err := client.DeleteStream(waiting(t), stream, esdb.DeleteStreamOptions{}); errorCode(err) != esdb.ErrorCodeUnsupportedFeature {
		t.Fatalf("delete: %v", err)
	}
	if err := client.CreatePersistentSubscription(waiting(t), stream, "group", esdb.PersistentStreamSubscriptionOptions{}); errorCode(err) != esdb.ErrorCodeUnsupportedFeature {
		t.Fatalf("persistent subscription: %v", err)
	}
	reading, err := client.ReadStream(waiting(t), "order-2", esdb.ReadStreamOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if _, err := reading.Recv(); errorCode(err) != esdb.ErrorCodeResourceNotFound {
		t.Fatalf("missing stream: %v", err)
	}
}

// follow takes n events of a subscription, and answers how often it caught up meanwhile.
func follow(sub *esdb.Subscription, n int) (events []*esdb.RecordedEvent, checkpoints []uint64, caughtUp int, err error) {
	for len(events) < n {
		got := sub.Recv()
		switch {
		case got.EventAppeared != nil:
			events = append(events, got.EventAppeared.Event)
		case got.CheckPointReached != nil:
			checkpoints = append(checkpoints, got.CheckPointReached.Commit)
		case got.CaughtUp != nil:
			caughtUp++
		case got.SubscriptionDropped != nil:
			return events, checkpoints, caughtUp, got.SubscriptionDropped.Error
		}
	}
	return events, checkpoints, caughtUp, nil
}

func TestSubscriptionsMissNothingWhileTheyGoLive(t *testing.T) {
	const writers, each, shared = 8, 250, "shared-1"
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			for i := range each {
				stream := fmt.Sprint("order-", w)
				if i%2 == 0 {
					stream = shared
				}
				if _, err := client.AppendToStream(waiting(t), stream, esdb.AppendToStreamOptions{}, eventData(i, 200)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 4 {
		group.Go(func() error {
			sub, err := client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{From: esdb.Start{}})
			if err != nil {
				return err
			}
			defer func() { _ = sub.Close() }()
			events, _, _, err := follow(sub, writers*each)
			for i, e := range events {
				if e.Position.Commit != uint64(i+1) {
					return fmt.Errorf("event %d of all is at %d", i, e.Position.Commit)
				}
			}
			return err
		})
		group.Go(func() error {
			sub, err := client.SubscribeToStream(waiting(t), shared, esdb.SubscribeToStreamOptions{From: esdb.Start{}})
			if err != nil {
				return err
			}
			defer func() { _ = sub.Close() }()
			events, _, _, err := follow(sub, writers*each/2)
			for i, e := range events {
				if e.EventNumber != uint64(i) {
					return fmt.Errorf("event %d of the stream has revision %d", i, e.EventNumber)
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestAStartBeyondTheHeadWaitsUntilItIsPassed(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	mustWrite(t, client, "order-1", esdb.NoStream{}, eventData(0, 0), eventData(1, 0))
	all, err := client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{From: esdb.Position{Commit: 4, Prepare: 4}})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.SubscribeToStream(waiting(t), "order-1", esdb.SubscribeToStreamOptions{From: esdb.Revision(3)})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []*esdb.Subscription{all, stream} {
		if got := sub.Recv(); got.CaughtUp == nil {
			t.Fatalf("%+v", got)
		}
	}
	mustWrite(t, client, "order-1", esdb.Revision(1), eventData(2, 0), eventData(3, 0), eventData(4, 0))
	for _, sub := range []*esdb.Subscription{all, stream} {
		if events, _, _, err := follow(sub, 1); err != nil || events[0].EventNumber != 4 {
			t.Fatalf("%+v, %v", events, err)
		}
	}
}

func TestCheckpointsResumeWithoutLossOrRepetition(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	for i := range 40 {
		mustWrite(t, client, fmt.Sprint("noise-", i), esdb.NoStream{}, eventData(0, 0), eventData(1, 0), eventData(2, 0))
		mustWrite(t, client, fmt.Sprint("order-", i), esdb.NoStream{}, eventData(i, 0))
	}
	subscribe := func(from esdb.AllPosition) *esdb.Subscription {
		t.Helper()
		sub, err := client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{
			From: from, MaxSearchWindow: 5, CheckpointInterval: 2, Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"order-"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		return sub
	}
	sub := subscribe(esdb.Start{})
	events, checkpoints, _, err := follow(sub, 40)
	if err != nil || len(checkpoints) < 160/10-1 {
		t.Fatalf("%d checkpoints, %v", len(checkpoints), err)
	}
	for i, at := range checkpoints {
		if i > 0 && at <= checkpoints[i-1] {
			t.Fatalf("checkpoint %d after %d", at, checkpoints[i-1])
		}
		want := 0
		for _, e := range events {
			if e.Position.Commit > at {
				want++
			}
		}
		resumed := subscribe(esdb.Position{Commit: at, Prepare: at})
		rest, _, _, err := follow(resumed, want)
		if err != nil || rest[0].Position.Commit <= at || rest[len(rest)-1].EventID != events[39].EventID {
			t.Fatalf("after checkpoint %d: %d events, %v", at, len(rest), err)
		}
	}
	// Live: once every ten events that are looked at, whatever they are.
	for got := sub.Recv(); got.CaughtUp == nil; got = sub.Recv() {
		if got.EventAppeared != nil || got.SubscriptionDropped != nil {
			t.Fatalf("%+v", got)
		}
	}
	for i := range 25 {
		mustWrite(t, client, fmt.Sprint("more-", i), esdb.NoStream{}, eventData(0, 0))
	}
	for _, want := range []uint64{170, 180} {
		if got := sub.Recv(); got.CheckPointReached == nil || got.CheckPointReached.Commit != want {
			t.Fatalf("%+v, want a checkpoint at %d", got, want)
		}
	}
}

// TestSlowSubscribersCostBoundedMemory has subscribers that take nothing while 32 MB are written, and then all of it.
func TestSlowSubscribersCostBoundedMemory(t *testing.T) {
	const subscribers, appends, size, most = 24, 512, 64 << 10, 400 << 20 // all of it would be 768 MiB; the clients, in this process, hold some too
	s := serve(t, t.TempDir(), Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false")
	subs := make([]*esdb.Subscription, subscribers)
	for i := range subs {
		var err error
		if subs[i], err = client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{From: esdb.Start{}}); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	writer := connect(t, "esdb://"+s.address+"?tls=false")
	for i := range appends {
		mustWrite(t, writer, fmt.Sprint("order-", i), esdb.NoStream{}, eventData(i, size))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
		t.Fatalf("%d MiB more in memory, for %d subscribers that stand still", grown>>20, subscribers)
	}
	for _, sub := range []*esdb.Subscription{subs[0], subs[subscribers-1]} {
		events, _, _, err := follow(sub, appends)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if e.Position.Commit != uint64(i+1) {
				t.Fatalf("event %d is at %d", i, e.Position.Commit)
			}
		}
	}
	if n := s.store.Stats().Subscriptions; n != subscribers {
		t.Fatalf("%d subscriptions", n)
	}
	for _, sub := range subs {
		_ = sub.Close()
	}
	ctx := waiting(t)
	for s.store.Stats().Subscriptions > 0 { // a cancelled subscription is freed, as soon as the server hears of it
		if ctx.Err() != nil {
			t.Fatalf("%d subscriptions are left", s.store.Stats().Subscriptions)
		}
		mustWrite(t, writer, "order-0", esdb.Any{}, eventData(0, 0))
	}
}

func TestStopSendsSubscribersElsewhere(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, Options{})
	client := connect(t, "esdb://"+s.address+"?tls=false&maxDiscoverAttempts=100")
	mustWrite(t, client, "order-1", esdb.NoStream{}, eventData(0, 0))
	var subs [2]*esdb.Subscription
	var err error
	if subs[0], err = client.SubscribeToAll(waiting(t), esdb.SubscribeToAllOptions{}); err != nil {
		t.Fatal(err)
	}
	if subs[1], err = client.SubscribeToStream(waiting(t), "order-1", esdb.SubscribeToStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	for _, sub := range subs {
		if _, _, _, err := follow(sub, 1); status.Code(err) != codes.Unavailable {
			t.Fatalf("%v", err)
		}
	}
	if _, err := client.AppendToStream(waiting(t), "order-1", esdb.AppendToStreamOptions{}, eventData(1, 0)); errorCode(err) != esdb.ErrorUnavailable {
		t.Fatalf("while it is away: %v", err)
	}
	serveAt(t, dir, s.address, Options{})
	mustWrite(t, client, "order-1", esdb.Revision(0), eventData(1, 0))
}

func TestGossip(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	other := serve(t, t.TempDir(), Options{Advertise: s.address})
	for name, connection := range map[string]string{
		"discover":      "esdb+discover://" + s.address + "?tls=false",
		"seeds":         "esdb://127.0.0.1:1," + s.address + "?tls=false",
		"by name":       "esdb+discover://localhost:" + port + "?tls=false", // is told the name, not the number
		"by reputation": "esdb+discover://" + other.address + "?tls=false",  // is told another address
	} {
		t.Run(name, func(t *testing.T) {
			mustWrite(t, connect(t, connection), "order-"+uuid.NewString(), esdb.NoStream{}, eventData(0, 0))
		})
	}
	if head, err := other.store.Head(t.Context()); err != nil || head != 0 {
		t.Fatalf("who was sent elsewhere stayed: %d, %v", head, err)
	}
}

func TestHealth(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	watch, err := healthpb.NewHealthClient(conn).Watch(waiting(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", got, err)
	}
	s.server.health.Shutdown()
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("%v, %v", got, err)
	}
}

// TestStopEndsCallsThatWouldNotEnd has a client that begins an append and never finishes it.
func TestStopEndsCallsThatWouldNotEnd(t *testing.T) {
	s := serve(t, t.TempDir(), Options{})
	call, err := dialWire(t, s).Append(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	s.server.Stop(ctx)
	if _, err := call.CloseAndRecv(); status.Code(err) != codes.Unavailable && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}
