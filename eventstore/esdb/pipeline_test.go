package esdb

import (
	"errors"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/benfex/kipay/eventstore"
)

// TestWhatAnAnswerMeans goes through the errors that a server may put into the answer to one append.
func TestWhatAnAnswerMeans(t *testing.T) {
	for name, want := range map[string]struct {
		detail  proto.Message
		verdict verdict
		kind    error
	}{
		"timeout":       {&shared.Timeout{}, unknown, eventstore.ErrUnavailable},
		"unknown":       {&shared.Unknown{}, unknown, eventstore.ErrUnavailable},
		"not ready":     {&emptypb.Empty{}, unknown, eventstore.ErrUnavailable},
		"access denied": {&shared.AccessDenied{}, refused, eventstore.ErrUnavailable},
		"too large":     {&shared.MaximumAppendSizeExceeded{MaxAppendSize: 1}, refused, eventstore.ErrTooLarge},
		"bad request":   {&shared.BadRequest{Message: "why"}, refused, eventstore.ErrInvalid},
		"deleted":       {&shared.StreamDeleted{}, refused, eventstore.ErrStreamNotFound},
		"no detail":     {nil, unknown, eventstore.ErrUnavailable},
	} {
		failed := &statuspb.Status{Code: 2, Message: name}
		if want.detail != nil {
			packed, err := anypb.New(want.detail)
			if err != nil {
				t.Fatal(err)
			}
			failed.Details = []*anypb.Any{packed}
		}
		got := answerOf(&api.BatchAppendResp{Result: &api.BatchAppendResp_Error{Error: failed}})
		if v, err := judge(got.err); v != want.verdict || !errors.Is(err, want.kind) {
			t.Errorf("%s: verdict %d, %v", name, v, err)
		}
	}
	packed, err := anypb.New(&shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: 7}})
	if err != nil {
		t.Fatal(err)
	}
	got := answerOf(&api.BatchAppendResp{Result: &api.BatchAppendResp_Error{Error: &statuspb.Status{Details: []*anypb.Any{packed}}}})
	var conflict *conflictError
	if v, err := judge(got.err); v != wrongRevision || !errors.As(err, &conflict) || conflict.actual != 7 || !conflict.known {
		t.Errorf("wrong version: verdict %d, %v", v, err)
	}
	if v, _ := judge(answerOf(&api.BatchAppendResp{}).err); v != unknown {
		t.Errorf("an empty answer: verdict %d", v)
	}
	// A server that does not know where a repeat stands says so, in one of two ways; neither is a position.
	for _, success := range []*api.BatchAppendResp_Success{
		{PositionOption: &api.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}},
		{PositionOption: &api.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{CommitPosition: 1<<64 - 1}}},
	} {
		if got := answerOf(&api.BatchAppendResp{Result: &api.BatchAppendResp_Success_{Success: success}}); got.err != nil || got.written.position != 0 {
			t.Errorf("%+v", got)
		}
	}
}

func TestCorrelationsComeBackInEitherForm(t *testing.T) {
	for _, id := range []int64{1, 2, 1 << 40} {
		there := correlation(id)
		halves := there.GetStructured()
		parsed, err := client.ParseUUIDFromInt64(halves.GetMostSignificantBits(), halves.GetLeastSignificantBits())
		if err != nil || parsed.Version() != 4 || parsed.Variant().String() != "RFC4122" {
			t.Fatalf("%s: %v", parsed, err)
		}
		text := &shared.UUID{Value: &shared.UUID_String_{String_: parsed.String()}}
		if correlationOf(there) != id || correlationOf(text) != id {
			t.Fatalf("%d came back as %d and %d", id, correlationOf(there), correlationOf(text))
		}
	}
}

func TestTheMemberToTalkTo(t *testing.T) {
	at := func(state gossip.MemberInfo_VNodeState, alive bool, host string) *gossip.MemberInfo {
		return &gossip.MemberInfo{State: state, IsAlive: alive, HttpEndPoint: &gossip.EndPoint{Address: host, Port: 2113}}
	}
	leader, follower := at(gossip.MemberInfo_Leader, true, "leader"), at(gossip.MemberInfo_Follower, true, "follower")
	dead, catching := at(gossip.MemberInfo_Leader, false, "dead"), at(gossip.MemberInfo_CatchingUp, true, "catching-up")
	for _, want := range []struct {
		members    []*gossip.MemberInfo
		preference client.NodePreference
		address    string
	}{
		{[]*gossip.MemberInfo{dead, follower, leader, catching}, client.NodePreferenceLeader, "leader:2113"},
		{[]*gossip.MemberInfo{dead, follower, leader, catching}, client.NodePreferenceFollower, "follower:2113"},
		{[]*gossip.MemberInfo{dead, follower, catching}, client.NodePreferenceLeader, "follower:2113"},
		{[]*gossip.MemberInfo{dead, catching}, client.NodePreferenceLeader, ""},
		{nil, client.NodePreferenceRandom, ""},
	} {
		if got, err := choose(want.members, want.preference); got != want.address || (err == nil) != (got != "") {
			t.Errorf("%v of %v: %q, %v", want.preference, want.members, got, err)
		}
	}
}
