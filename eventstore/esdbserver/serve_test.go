package esdbserver

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore/embedded"
)

// served is a server on a real socket.
type served struct {
	address string
	store   *embedded.Store
	server  *Server
	done    chan error
}

// patience is how long a test waits for what has to happen.
const patience = 60 * time.Second

func waiting(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func serve(t testing.TB, dir string, options Options) *served {
	t.Helper()
	return serveAt(t, dir, "127.0.0.1:0", options)
}

func serveAt(t testing.TB, dir, address string, options Options) *served {
	t.Helper()
	store, err := embedded.Open(dir, embedded.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	options.Logf = t.Logf
	server, err := New(store, options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{address: listener.Addr().String(), store: store, server: server, done: make(chan error, 1)}
	go func() { s.done <- server.Serve(listener) }()
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *served) stop(t testing.TB) {
	if s.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.server.Stop(ctx)
	s.server = nil
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := s.store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// connect is the official Go client.
func connect(t testing.TB, connection string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
