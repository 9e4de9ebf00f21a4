package esdb

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdbserver"
	"github.com/benfex/kipay/eventstore/storetest"
)

// node is an esdbserver in this process, on a real socket.
type node struct {
	address string
	store   *embedded.Store
	server  *esdbserver.Server
	served  chan error
}

// startNode serves the folder on the address, any free one if it is empty.
func startNode(t testing.TB, dir, address string, options esdbserver.Options) *node {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	if err := embedded.MarkServed(dir); err != nil {
		t.Fatal(err)
	}
	store, err := embedded.Open(dir, embedded.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	options.Logf = t.Logf
	server, err := esdbserver.New(store, options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{address: listener.Addr().String(), store: store, server: server, served: make(chan error, 1)}
	go func() { n.served <- server.Serve(listener) }()
	t.Cleanup(func() { n.stop(t) })
	return n
}

// stop stops the node, once.
func (n *node) stop(t testing.TB) {
	if n.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	n.server.Stop(ctx)
	n.server = nil
	if err := <-n.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := n.store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// open is a store at the end of the connection string, closed when the test ends.
func open(t testing.TB, connection string, options Options) *Store {
	t.Helper()
	if options.Logf == nil {
		options.Logf = t.Logf
	}
	s, err := Open(connection, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func harness(t *testing.T, dir string) storetest.Harness {
	n := startNode(t, dir, "", esdbserver.Options{})
	s := open(t, "esdb://"+n.address+"?tls=false", Options{})
	return storetest.Harness{Store: s, Keys: s, Reopen: func(t *testing.T) storetest.Harness {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		n.stop(t)
		return harness(t, dir)
	}}
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t, t.TempDir()) })
}
