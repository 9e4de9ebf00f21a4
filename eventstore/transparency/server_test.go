package transparency

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/esdb"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// remote is the same log behind EventStoreDB's protocol, over a real socket.
func remote(t *testing.T, in *install) *esdb.Store {
	t.Helper()
	server, err := esdbserver.New(in.store, esdbserver.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Stop(ctx)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	store, err := esdb.Open("esdb://"+listener.Addr().String()+"?tls=false", esdb.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, store)
	return store
}

// Engines that nodes share leave leases out of what they deliver: the tree is the same with them and without.
func TestTheTreeIsTheSameOverAServer(t *testing.T) {
	f := signedFixture(t)
	f.busy(t, 30)
	want := f.head(t)
	store := remote(t, f.install)
	tree := openTree(t, vfs.NewMem())
	closing(t, tree)
	follow(t, store, tree)
	if got := tree.View(); got.Size() != want.Size || got.Root().String() != want.Root {
		t.Fatalf("%d leaves with root %s, want %d with %s", got.Size(), got.Root(), want.Size, want.Root)
	}
	log := eventstore.NewLog(store, f.codec, f.log.Now, nil)
	issuer := NewIssuer(NewMaker(MakerOptions{Log: log, Tree: tree, Heads: NewHeads(log), Secrets: f.ring, Origin: testOrigin}))
	records, err := issuer.Gather(t.Context(), paidStream, claimStream)
	if err != nil {
		t.Fatal(err)
	}
	file, err := issuer.Issue(t.Context(), records, nil)
	if err != nil {
		t.Fatal(err)
	}
	if here := f.receipt(t, false, paidStream, claimStream); string(here) != string(file) {
		t.Error("the node behind it issues another receipt")
	}
}
