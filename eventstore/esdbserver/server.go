package esdbserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/benfex/kipay/eventstore/embedded"
)

const (
	// version is what clients are told. They take it apart at the dots: numbers only.
	version = "24.10.0"
	// maxReceive bounds a request message, as EventStoreDB does. What clients receive is bounded by MaxAppendBytes.
	maxReceive = 16 << 20
	// maxCalls bounds the calls of one connection that run at once. The Node client once needed more than 100.
	maxCalls = 4096
	// fewestPings is how often a client may ping. The official ones do it every 10 s, the Go client without a call too.
	fewestPings = 2 * time.Second
	pingAfter   = 10 * time.Second
	pingTimeout = 10 * time.Second
	// writeTimeout is how long an append of a batch waits for the disk before it is answered as timed out.
	writeTimeout = 10 * time.Second
	// socketBuffer is what is collected for one write to a connection.
	socketBuffer = 64 << 10
)

// Options tune a server.
type Options struct {
	// TLS is the server's certificate, and what it demands of clients'. Nil serves plaintext (clients say tls=false).
	TLS *tls.Config
	// Advertise is the HOST:PORT that gossip names; when empty, what the client itself has dialed.
	Advertise string
	// WithoutBatchAppend has clients append one by one: BatchAppend is neither advertised nor served.
	WithoutBatchAppend bool
	// Logf takes what an operator should read. Nil drops it.
	Logf func(format string, args ...any)
}

// Server serves one embedded store. It neither opens nor closes it.
type Server struct {
	store   *embedded.Store
	options Options
	rpc     *grpc.Server
	health  *health.Server
	// life ends when the server begins to stop: subscriptions end with it.
	life context.Context //nolint:containedctx // it is the server's, and every subscription's with it
	end  context.CancelFunc
}

// New is a server of the store.
func New(store *embedded.Store, options Options) (*Server, error) {
	if options.Logf == nil {
		options.Logf = func(string, ...any) {}
	}
	if options.Advertise != "" {
		if _, _, err := splitHostPort(options.Advertise); err != nil {
			return nil, fmt.Errorf("address to advertise %q: %w", options.Advertise, err)
		}
	}
	s := &Server{store: store, options: options, health: health.NewServer()}
	s.life, s.end = context.WithCancel(context.Background())
	settings := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(proto.Name)}),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: fewestPings, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.WriteBufferSize(socketBuffer), grpc.ReadBufferSize(socketBuffer),
	}
	if options.TLS != nil {
		settings = append(settings, grpc.Creds(credentials.NewTLS(options.TLS)))
	}
	s.rpc = grpc.NewServer(settings...)
	api.RegisterStreamsServer(s.rpc, newStreams(store, s.life, options))
	serverfeatures.RegisterServerFeaturesServer(s.rpc, features{batchAppend: !options.WithoutBatchAppend})
	gossip.RegisterGossipServer(s.rpc, member{store: store, advertise: options.Advertise})
	healthpb.RegisterHealthServer(s.rpc, s.health)
	return s, nil
}

// Serve answers on the listener until Stop. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if err := s.rpc.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve the event store on %s: %w", l.Addr(), err)
	}
	return nil // Stop came, perhaps before this
}

// Stop ends subscriptions with UNAVAILABLE, so that their clients go elsewhere or come back, takes no further calls,
// and waits for those that run as long as ctx lives.
func (s *Server) Stop(ctx context.Context) {
	s.health.Shutdown()
	s.end()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.rpc.GracefulStop()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.rpc.Stop()
		<-done
	}
}
