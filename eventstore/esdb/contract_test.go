package esdb

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

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
	return startNodeOn(t, dir, address, options, nil)
}

// startNodeOn is startNode on a file system of its own.
func startNodeOn(t testing.TB, dir, address string, options esdbserver.Options, fs vfs.FS) *node {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	if err := embedded.MarkServed(dir); err != nil {
		t.Fatal(err)
	}
	store, err := embedded.Open(dir, embedded.Options{Logf: t.Logf, FS: fs})
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

// harness is a store before a node of its own, both over the folder; scheme and settings say how they are connected.
func harness(t *testing.T, dir string, options esdbserver.Options, scheme, settings string) storetest.Harness {
	n := startNode(t, dir, "", options)
	s := open(t, scheme+n.address+settings, Options{})
	return storetest.Harness{Store: s, Keys: s, Reopen: func(t *testing.T) storetest.Harness {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		n.stop(t)
		return harness(t, dir, options, scheme, settings)
	}}
}

// TestContract runs the suite over plaintext with all appends over one call, over TLS with gossip and a server that takes
// them one by one, and over the server that KIPAY_TEST_ESDB names, an
// EventStoreDB or KurrentDB for example. There the tests share what is there, under names of their own.
func TestContract(t *testing.T) {
	engines := map[string]func(t *testing.T) storetest.Harness{
		"plaintext": func(t *testing.T) storetest.Harness {
			return harness(t, t.TempDir(), esdbserver.Options{}, "esdb://", "?tls=false")
		},
		"TLS": func(t *testing.T) storetest.Harness {
			server, ca := certificates(t)
			return harness(t, t.TempDir(), esdbserver.Options{TLS: server, WithoutBatchAppend: true}, "kurrentdb+discover://user:secret@", "?tlsCAFile="+ca)
		},
	}
	if connection := os.Getenv("KIPAY_TEST_ESDB"); connection != "" {
		engines["KIPAY_TEST_ESDB"] = func(t *testing.T) storetest.Harness { return isolate(t, connection, newPrefix()) }
	}
	// What takes long shows nothing more with TLS around it.
	without := map[string][]string{"TLS": {"Subscribe/RacingWriters", "Subscribe/ManySubscribers", "Model/RandomOperations"}}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { storetest.Run(t, open, without[name]...) })
	}
}
