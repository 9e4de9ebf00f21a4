package esdbserver

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// streamsService is the name that clients look for, letter by letter.
const streamsService = "event_store.client.streams.streams"

// features tells clients what they may call.
type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
	batchAppend bool
}

// GetSupportedMethods answers anybody: clients ask before they send credentials.
func (f features) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	methods := []*serverfeatures.SupportedMethod{
		{ServiceName: streamsService, MethodName: "append"},
		{ServiceName: streamsService, MethodName: "read", Features: []string{"position", "events"}},
	}
	if f.batchAppend {
		methods = append(methods, &serverfeatures.SupportedMethod{
			ServiceName: streamsService, MethodName: "batchappend", Features: []string{"deadline_duration"},
		})
	}
	return &serverfeatures.SupportedMethods{Methods: methods, EventStoreServerVersion: version}, nil
}
