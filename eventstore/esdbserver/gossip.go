package esdbserver

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore/embedded"
)

// member answers gossip as the one node and leader of its cluster.
type member struct {
	gossip.UnimplementedGossipServer
	store     *embedded.Store
	advertise string
}

// Read answers anybody, like GetSupportedMethods. The address it names is the one that the client has dialed (and, under
// TLS, has checked the certificate against), so that the client can reach it, unless the operator names another.
func (m member) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	address := m.advertise
	if address == "" {
		if md, ok := metadata.FromIncomingContext(ctx); ok && len(md.Get(":authority")) == 1 {
			address = md.Get(":authority")[0]
		}
	}
	host, port, err := splitHostPort(address)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "no address to advertise to a client that dialed %q", address)
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   structuredID(m.store.ID()),
		TimeStamp:    ticks(time.Now()),
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(port)},
	}}}, nil
}

// splitHostPort takes HOST:PORT apart; neither may be missing.
func splitHostPort(address string) (string, uint16, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || host == "" {
		return "", 0, fmt.Errorf("must be HOST:PORT")
	}
	return host, uint16(port), nil
}
