package esdb

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// maxReceive is what the official clients take.
const maxReceive = 17 << 20

// member is a connection to a node of the server, and what it can do.
type member struct {
	address string
	conn    *grpc.ClientConn
	// batches tells that it takes appends over one call, durations that their deadlines may be durations.
	batches, durations bool
}

// discover connects to the node that the connection string and the nodes themselves name.
func discover(ctx context.Context, config client.Configuration) (*member, error) {
	candidates := addresses(config)
	cluster := config.DnsDiscover || len(config.GossipSeeds) > 0
	if cluster {
		rand.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] }) //nolint:gosec // it spreads load
	}
	var failed error
	for _, address := range candidates {
		m, err := tryMember(ctx, config, address, cluster)
		if err == nil {
			return m, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", address, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// tryMember connects to the address, or to the node that it says is the one to talk to.
func tryMember(ctx context.Context, config client.Configuration, address string, cluster bool) (_ *member, err error) {
	conn, err := dialMember(config, address)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	patience := time.Duration(config.GossipTimeout) * time.Second
	if cluster {
		asking, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		told, err := gossip.NewGossipClient(conn).Read(asking, &shared.Empty{})
		if err != nil {
			return nil, err
		}
		chosen, err := choose(told.GetMembers(), config.NodePreference)
		if err != nil {
			return nil, err
		}
		if chosen != address {
			_ = conn.Close()
			address = chosen
			if conn, err = dialMember(config, address); err != nil {
				return nil, err
			}
		}
	}
	m := &member{address: address, conn: conn}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	features, err := serverfeatures.NewServerFeaturesClient(conn).GetSupportedMethods(asking, &shared.Empty{})
	if code := status.Code(err); err != nil && code != codes.Unimplemented && code != codes.NotFound {
		return nil, err
	}
	for _, method := range features.GetMethods() {
		if method.GetServiceName() == "event_store.client.streams.streams" && method.GetMethodName() == "batchappend" {
			m.batches, m.durations = true, slices.Contains(method.GetFeatures(), "deadline_duration")
		}
	}
	return m, nil
}

// choose is the address of the member to talk to: alive, able to serve, and of the preferred kind if there is one.
func choose(members []*gossip.MemberInfo, preference client.NodePreference) (string, error) {
	able := map[gossip.MemberInfo_VNodeState]client.NodePreference{
		gossip.MemberInfo_Leader:             client.NodePreferenceLeader,
		gossip.MemberInfo_Follower:           client.NodePreferenceFollower,
		gossip.MemberInfo_ReadOnlyReplica:    client.NodePreferenceReadOnlyReplica,
		gossip.MemberInfo_PreReadOnlyReplica: client.NodePreferenceReadOnlyReplica,
		gossip.MemberInfo_ReadOnlyLeaderless: client.NodePreferenceReadOnlyReplica,
	}
	members = slices.Clone(members)
	rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] }) //nolint:gosec // it spreads load
	chosen := ""
	for _, m := range members {
		kind, ok := able[m.GetState()]
		if !ok || !m.GetIsAlive() {
			continue
		}
		at := net.JoinHostPort(m.GetHttpEndPoint().GetAddress(), strconv.Itoa(int(m.GetHttpEndPoint().GetPort())))
		if kind == preference {
			return at, nil
		}
		if chosen == "" {
			chosen = at
		}
	}
	if chosen == "" {
		return "", errors.New("none of the members it knows is alive and able to serve")
	}
	return chosen, nil
}

// dialMember prepares a connection with the settings that the official client would use.
func dialMember(config client.Configuration, address string) (*grpc.ClientConn, error) {
	secure := insecure.NewCredentials()
	if !config.DisableTLS {
		settings := &tls.Config{RootCAs: config.RootCAs, InsecureSkipVerify: config.SkipCertificateVerification, MinVersion: tls.VersionTLS12} //nolint:gosec // the operator says tlsVerifyCert=false
		if config.UserCertFile != "" {
			certificate, err := tls.LoadX509KeyPair(config.UserCertFile, config.UserKeyFile)
			if err != nil {
				return nil, fmt.Errorf("certificate of the user: %w", err)
			}
			settings.Certificates = []tls.Certificate{certificate}
		}
		secure = credentials.NewTLS(settings)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(secure), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceive))}
	if config.KeepAliveInterval >= 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: config.KeepAliveInterval, Timeout: config.KeepAliveTimeout, PermitWithoutStream: true,
		}))
	}
	return grpc.NewClient(address, options...)
}

// basic are a user and password as calls carry them, over TLS only.
type basic struct{ header string }

func newBasic(config client.Configuration) (basic, bool) {
	if config.DisableTLS || config.Username == "" || config.Password == "" {
		return basic{}, false
	}
	return basic{"Basic " + base64.StdEncoding.EncodeToString([]byte(config.Username+":"+config.Password))}, true
}

// GetRequestMetadata is credentials.PerRPCCredentials.
func (b basic) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": b.header}, nil
}

// RequireTransportSecurity is credentials.PerRPCCredentials.
func (basic) RequireTransportSecurity() bool { return true }
